//! How sixty-two free cells are handed to another thread: as an array of their
//! addresses, which is the crate's batch, or linked through the cells themselves.
//!
//! The two threads take turns, so that nothing but the state of their caches is
//! shared: one writes cells and fills magazines with them, the other empties the
//! magazines and writes the cells, as one who makes tasks in them.

use std::hint::black_box;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::memory::batch::{BATCH, Clean, Held};
use crate::memory::carver::Carver;
use crate::memory::class::Class;
use crate::memory::epoch::pin;
use crate::memory::spares;
use crate::patterns::{Findings, check, nanos_per};
use crate::ring::wait_until;

/// Magazines of a lap: what one core's cache holds and the other's does not.
const MAGAZINES: usize = 64;
const CELLS: usize = MAGAZINES * BATCH;
const WARMUP_LAPS: u64 = 10;

/// The first words of a cell: for a link, and for its user.
pub(crate) struct Words {
    link: AtomicPtr<Words>,
    value: AtomicU64,
}

type Cell = &'static Words;

pub(crate) trait Magazine: Send + 'static {
    fn new() -> Self;
    fn fill(&mut self, cells: &[Cell]);
    /// Hands every cell to `each`.
    fn empty(&mut self, each: impl FnMut(Cell));
}

pub(crate) struct Addresses(Held<Clean>);

impl Magazine for Addresses {
    fn new() -> Self {
        Self(spares::take(&pin()))
    }

    fn fill(&mut self, cells: &[Cell]) {
        self.0
            .fill(cells.iter().map(|&cell| NonNull::from(cell).cast()));
    }

    fn empty(&mut self, mut each: impl FnMut(Cell)) {
        // First into a list of the thread's own, as the crate does.
        let mut list = [NonNull::dangling(); BATCH];
        let mut len = 0;
        self.0.drain(|cell| {
            list[len] = cell;
            len += 1;
        });
        for cell in black_box(&list)[..len].iter().rev() {
            // SAFETY: `fill` made the address from a reference that lives for ever.
            each(unsafe { cell.cast::<Words>().as_ref() });
        }
    }
}

pub(crate) struct Links(AtomicPtr<Words>);

impl Magazine for Links {
    fn new() -> Self {
        Self(AtomicPtr::default())
    }

    fn fill(&mut self, cells: &[Cell]) {
        let mut first = ptr::null_mut();
        for &cell in cells {
            cell.link.store(first, Ordering::Relaxed);
            first = ptr::from_ref(cell).cast_mut();
        }
        *self.0.get_mut() = first;
    }

    fn empty(&mut self, mut each: impl FnMut(Cell)) {
        let mut first = *self.0.get_mut();
        while let Some(cell) = NonNull::new(first) {
            // SAFETY: `fill` made the address from a reference that lives for ever.
            let cell = unsafe { cell.as_ref() };
            first = cell.link.load(Ordering::Relaxed);
            each(cell);
        }
    }
}

/// What goes back and forth.
struct Turn<M> {
    magazines: Vec<M>,
    emptying: Duration,
}

/// `mixed` is the order of a program that has run for a while.
pub(crate) fn run<M: Magazine>(cells: u64, mixed: bool) -> Findings {
    let laps = cells.div_ceil(CELLS as u64);
    let (to_taker, filled) = sync_channel::<Turn<M>>(1);
    let (to_filler, emptied) = sync_channel::<Turn<M>>(1);
    thread::scope(|scope| {
        scope.spawn(|| take_turns(filled, to_filler));
        let (mut filling, mut emptying) = (Duration::ZERO, Duration::ZERO);
        let cells = carve(mixed);
        let mut turn = Turn {
            magazines: (0..MAGAZINES).map(|_| M::new()).collect(),
            emptying: Duration::ZERO,
        };
        for lap in 0..WARMUP_LAPS + laps {
            // Read what the taker has written: nothing before the first lap.
            let values = cells
                .iter()
                .map(|cell| cell.value.swap(0, Ordering::Relaxed));
            check(values.sum(), if lap == 0 { 0 } else { CELLS as u64 });
            let start = Instant::now();
            for (magazine, cells) in turn.magazines.iter_mut().zip(cells.chunks(BATCH)) {
                magazine.fill(cells);
            }
            let filled = start.elapsed();
            to_taker.send(turn).expect("the taker waits");
            turn = receive(&emptied).expect("the taker answers");
            if lap >= WARMUP_LAPS {
                filling += filled;
                emptying += turn.emptying;
            }
        }
        drop(to_taker);
        let timed = laps * CELLS as u64;
        vec![
            ("fill", nanos_per(filling, timed)),
            ("take", nanos_per(emptying, timed)),
        ]
    })
}

fn take_turns<M: Magazine>(filled: Receiver<Turn<M>>, to_filler: SyncSender<Turn<M>>) {
    while let Some(mut turn) = receive(&filled) {
        let mut value = 0;
        let start = Instant::now();
        for magazine in &mut turn.magazines {
            magazine.empty(|cell| {
                cell.value.store(value, Ordering::Relaxed);
                value += 1;
            });
        }
        turn.emptying = start.elapsed();
        to_filler.send(turn).expect("the filler waits");
    }
}

/// Spins: a thread that sleeps in between finds its cache cold.
fn receive<T>(from: &Receiver<T>) -> Option<T> {
    let mut received = None;
    wait_until(|| match from.try_recv() {
        Ok(value) => {
            received = Some(value);
            true
        }
        Err(error) => error == std::sync::mpsc::TryRecvError::Disconnected,
    });
    received
}

fn carve(mixed: bool) -> Vec<Cell> {
    let carver: &Carver = Box::leak(Box::new(Carver::new(Class::of(64))));
    let mut cells = Vec::with_capacity(CELLS);
    while cells.len() < CELLS {
        let wanted = (CELLS - cells.len()) as u32;
        for cell in carver.carve(ptr::null(), wanted, &pin()).into_cells() {
            // SAFETY: a new cell is zeros, which both words may be, and its slab
            // stays mapped for ever.
            cells.push(unsafe { cell.cast::<Words>().as_ref() });
        }
    }
    if mixed {
        // Fisher and Yates, with a generator that is good enough to defeat a
        // prefetcher, and the same in every run.
        let mut state = 1u64;
        for last in (1..cells.len()).rev() {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            cells.swap(last, (state >> 33) as usize % (last + 1));
        }
    }
    cells
}
