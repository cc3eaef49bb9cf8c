//! The paths whose price the gate watches, each beside the smallest thing that
//! deserves the name of a task queue: a `VecDeque` of boxed closures. Both run on
//! the same thread, in slices so short that most of them are not interrupted, in
//! the order closures, tasks, tasks, closures.

use std::cell::Cell;
use std::collections::VecDeque;
use std::hint::black_box;
use std::io;
use std::time::Instant;

use serde::{Deserialize, Serialize};
use virid::Runtime;

use crate::stats::median;

/// How many tasks wait at most: what a worker's queue and the allocator's free
/// list hold without growing.
const BACKLOG: u64 = 64;

/// Backlogs in one slice: about 20 us, a thousand times the clock's step.
const ROUNDS: u64 = 16;

/// What the bodies of one backlog add up.
const SUM_OF_BACKLOG: u64 = BACKLOG * (BACKLOG + 1) / 2;

/// A way to start something and have it run on the same worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Path {
    /// An async task whose handle is dropped.
    Task,
    /// An async task that is joined.
    Joined,
    /// A green thread whose handle is dropped.
    Thread,
}

/// All of them.
pub(crate) const PATHS: [Path; 3] = [Path::Task, Path::Joined, Path::Thread];

/// Turns of a loop in the spawn path, for the tests of the gate: in sixteenths of a turn
/// for each spawn, as a whole one is more than a hundredth of it.
pub(crate) type Spin = u32;

/// What slices of both took, per task or closure.
#[derive(Debug)]
pub(crate) struct Slices {
    /// Nanoseconds, ascending.
    pub(crate) tasks: Vec<f64>,
    /// Nanoseconds, ascending.
    pub(crate) closures: Vec<f64>,
}

impl Path {
    /// The name in tables and files.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Task => "task",
            Self::Joined => "joined",
            Self::Thread => "thread",
        }
    }

    /// Takes `quads` times two slices of each, on a runtime of its own.
    pub(crate) fn slices(self, quads: usize, spin: Spin) -> io::Result<Slices> {
        let runtime = Runtime::builder().worker_threads(1).build()?;
        let ended = match self {
            Self::Task => runtime.spawn(tasks(quads, spin)).join().ok(),
            Self::Joined => runtime.spawn(joined(quads, spin)).join().ok(),
            Self::Thread => runtime.go(move || threads(quads, spin)).join().ok(),
        };
        ended.ok_or_else(|| io::Error::other("a slice panicked"))
    }

    /// Starts `count` and has them run, a backlog at a time.
    pub(crate) fn run(self, backlogs: u64, spin: Spin) -> io::Result<()> {
        let runtime = Runtime::builder().worker_threads(1).build()?;
        let ended = match self {
            Self::Task => runtime
                .spawn(async move {
                    for _ in 0..backlogs {
                        backlog_of_tasks(spin).await;
                    }
                })
                .join()
                .ok(),
            Self::Joined => runtime
                .spawn(async move {
                    let mut handles = Vec::new();
                    for _ in 0..backlogs {
                        backlog_of_joined(&mut handles, spin).await;
                    }
                })
                .join()
                .ok(),
            Self::Thread => runtime
                .go(move || {
                    for _ in 0..backlogs {
                        backlog_of_threads(spin);
                    }
                })
                .join()
                .ok(),
        };
        ended.ok_or_else(|| io::Error::other("a task panicked"))
    }
}

async fn tasks(quads: usize, spin: Spin) -> Slices {
    let mut quads = Quads::new(quads);
    while quads.are_left() {
        quads.closures();
        for _ in 0..2 {
            let start = Instant::now();
            for _ in 0..ROUNDS {
                backlog_of_tasks(spin).await;
            }
            quads.tasks_took(start);
        }
        quads.closures();
    }
    quads.finish()
}

async fn joined(quads: usize, spin: Spin) -> Slices {
    let mut quads = Quads::new(quads);
    let mut handles = Vec::with_capacity(BACKLOG as usize);
    while quads.are_left() {
        quads.closures();
        for _ in 0..2 {
            let start = Instant::now();
            for _ in 0..ROUNDS {
                backlog_of_joined(&mut handles, spin).await;
            }
            quads.tasks_took(start);
        }
        quads.closures();
    }
    quads.finish()
}

fn threads(quads: usize, spin: Spin) -> Slices {
    let mut quads = Quads::new(quads);
    while quads.are_left() {
        quads.closures();
        for _ in 0..2 {
            let start = Instant::now();
            for _ in 0..ROUNDS {
                backlog_of_threads(spin);
            }
            quads.tasks_took(start);
        }
        quads.closures();
    }
    quads.finish()
}

async fn backlog_of_tasks(spin: Spin) {
    for i in 1..=BACKLOG {
        turn(i, spin);
        drop(virid::spawn(async move { add(i) }));
    }
    // To the back of the queue, behind them all.
    virid::yield_now().await;
}

async fn backlog_of_joined(handles: &mut Vec<virid::task::JoinHandle<()>>, spin: Spin) {
    handles.extend((1..=BACKLOG).map(|i| {
        turn(i, spin);
        virid::spawn(async move { add(i) })
    }));
    for handle in handles.drain(..) {
        handle.await.expect("no task panics or is cancelled");
    }
}

fn backlog_of_threads(spin: Spin) {
    let goal = SUM.get() + SUM_OF_BACKLOG;
    for i in 1..=BACKLOG {
        turn(i, spin);
        drop(virid::thread::spawn(move || add(i)));
    }
    // The turn may come back before the last one has run.
    while SUM.get() != goal {
        virid::thread::yield_now();
    }
}

/// The turns of spawn `i`: of every fourth, as even a loop that is not entered costs a
/// part of a spawn. A chain of two dependent operations each, which the processor cannot
/// do beside each other, nor the compiler ahead.
#[inline]
fn turn(i: u64, spin: Spin) {
    if spin > 0 && i.is_multiple_of(4) {
        let mut x = black_box(i);
        for _ in 0..(spin + ((i as u32 / 4) & 3)) / 4 {
            x = x.rotate_left(5) ^ 0x9e37_79b9;
        }
        black_box(x);
    }
}

thread_local! {
    /// What the bodies add up. One thread runs them all, and an atomic addition
    /// would cost more than the queue.
    static SUM: Cell<u64> = const { Cell::new(0) };
}

fn add(i: u64) {
    SUM.set(SUM.get().wrapping_add(i));
}

/// Checks what a slice has added up.
fn check() {
    assert_eq!(
        SUM.take(),
        ROUNDS * SUM_OF_BACKLOG,
        "a task was lost or ran twice"
    );
}

/// Slices as they are taken.
struct Quads {
    left: usize,
    queue: VecDeque<Box<dyn FnOnce() + Send>>,
    slices: Slices,
}

impl Quads {
    fn new(quads: usize) -> Self {
        Self {
            left: quads,
            queue: VecDeque::with_capacity(BACKLOG as usize),
            slices: Slices {
                tasks: Vec::with_capacity(2 * quads),
                closures: Vec::with_capacity(2 * quads),
            },
        }
    }

    fn are_left(&mut self) -> bool {
        let are = self.left > 0;
        self.left = self.left.saturating_sub(1);
        are
    }

    fn closures(&mut self) {
        let start = Instant::now();
        for _ in 0..ROUNDS {
            for i in 1..=BACKLOG {
                self.queue.push_back(Box::new(move || add(i)));
            }
            while let Some(closure) = black_box(&mut self.queue).pop_front() {
                closure();
            }
        }
        self.slices.closures.push(each(start));
        check();
    }

    fn tasks_took(&mut self, start: Instant) {
        self.slices.tasks.push(each(start));
        check();
    }

    fn finish(mut self) -> Slices {
        self.slices.tasks.sort_unstable_by(f64::total_cmp);
        self.slices.closures.sort_unstable_by(f64::total_cmp);
        self.slices
    }
}

fn each(start: Instant) -> f64 {
    start.elapsed().as_nanos() as f64 / (ROUNDS * BACKLOG) as f64
}

impl Slices {
    /// What a task costs, as a multiple of a closure. Of both the lower quartile:
    /// whatever disturbs a slice makes it longer.
    pub(crate) fn ratio(&self) -> f64 {
        let quartile = |ascending: &[f64]| ascending[ascending.len() / 4];
        quartile(&self.tasks) / quartile(&self.closures)
    }
}

/// How many turns make a path dearer by `percent`.
pub(crate) fn calibrate(path: Path, percent: f64) -> io::Result<Spin> {
    const QUADS: usize = 60;
    /// Looks at one number of turns, each on runtimes of its own beside each other.
    const LOOKS: usize = 7;
    let dearer = |spin| -> io::Result<f64> {
        let mut looks = Vec::with_capacity(LOOKS);
        for _ in 0..LOOKS {
            let without = path.slices(QUADS, 0)?.ratio();
            looks.push(path.slices(QUADS, spin)?.ratio() / without);
        }
        Ok(median(looks).unwrap_or(1.0))
    };
    let wanted = 1.0 + percent / 100.0;
    let (mut too_few, mut enough) = (0, 16);
    while dearer(enough)? < wanted && enough < 1 << 16 {
        (too_few, enough) = (enough, enough * 2);
    }
    while enough - too_few > 1 {
        let middle = too_few.midpoint(enough);
        if dearer(middle)? < wanted {
            too_few = middle;
        } else {
            enough = middle;
        }
    }
    Ok(enough)
}
