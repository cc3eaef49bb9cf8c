//! What is done with cells, the same with each way to get them: every user writes
//! a word into its cell and reads it before the cell is freed.

use std::hint::black_box;
use std::ptr::NonNull;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use crate::allocations;
use crate::machine::page_faults;
use crate::ring::Ring;
use crate::ways::{Side, Way};

/// Cells of a burst that stays in the cache.
pub(crate) const BURST: u64 = 50;

/// Cells that are on their way between two threads at most.
pub(crate) const BACKLOG: usize = 10_000;

/// How often a large burst is repeated.
const LATER_BURSTS: usize = 3;

/// What a measurement found: names and numbers.
pub(crate) type Findings = Vec<(&'static str, f64)>;

fn write(cell: NonNull<u8>, value: u64) {
    // SAFETY: a cell has eight words, and all but the first are its user's.
    let word = unsafe { cell.cast::<u64>().add(1) };
    // SAFETY: the same.
    unsafe { word.write(value) };
}

fn read(cell: NonNull<u8>) -> u64 {
    // SAFETY: as in `write`.
    let word = unsafe { cell.cast::<u64>().add(1) };
    // SAFETY: its user has written it.
    unsafe { word.read() }
}

/// Checks what the values from 0 up to `count` have added up to.
pub(crate) fn check(sum: u64, count: u64) {
    let expected = count * count.saturating_sub(1) / 2;
    assert_eq!(sum, expected, "a cell was lost or handed out twice");
}

pub(crate) fn nanos_per(elapsed: Duration, count: u64) -> f64 {
    elapsed.as_nanos() as f64 / count as f64
}

fn make<W: Way>() -> &'static W {
    Box::leak(Box::new(W::new()))
}

/// One thread: [`BURST`] cells, freed in reverse, again and again.
pub(crate) fn bursts<W: Way>(cells: u64) -> Findings {
    let mut side = make::<W>().side(BURST as usize);
    let some = cells.div_ceil(10 * BURST);
    run_bursts(&mut side, some);
    let start = Instant::now();
    run_bursts(&mut side, cells.div_ceil(BURST));
    let elapsed = start.elapsed();
    allocations::begin();
    run_bursts(&mut side, some);
    let allocated = allocations::end_per_thousand(some * BURST);
    let timed = cells.div_ceil(BURST) * BURST;
    vec![
        ("ns", nanos_per(elapsed, timed)),
        ("allocations", allocated),
    ]
}

fn run_bursts(side: &mut impl Side, bursts: u64) {
    let mut held = [NonNull::dangling(); BURST as usize];
    let mut sum = 0;
    for burst in 0..bursts {
        for (i, slot) in held.iter_mut().enumerate() {
            let cell = side.get();
            write(cell, burst * BURST + i as u64);
            *slot = cell;
        }
        for &cell in black_box(&held).iter().rev() {
            sum += read(cell);
            // SAFETY: it came from this side, and was read for the last time.
            unsafe { side.free(cell) };
        }
    }
    check(sum, bursts * BURST);
}

/// One thread: all cells at once, then all freed in the order they came in. The
/// first time the memory is new to the process.
pub(crate) fn held<W: Way>(cells: u64) -> Findings {
    let mut side = make::<W>().side(cells as usize);
    let mut slots = vec![NonNull::dangling(); cells as usize];
    let first = run_held(&mut side, &mut slots);
    let mut later: Vec<_> = (0..LATER_BURSTS)
        .map(|_| run_held(&mut side, &mut slots))
        .collect();
    later.sort_unstable_by_key(|lap| lap.get + lap.free);
    let later = &later[LATER_BURSTS / 2];
    allocations::begin();
    run_held(&mut side, &mut slots);
    let allocated = allocations::end_per_thousand(cells);
    vec![
        ("first", nanos_per(first.get + first.free, cells)),
        ("later", nanos_per(later.get + later.free, cells)),
        ("first-get", nanos_per(first.get, cells)),
        ("later-get", nanos_per(later.get, cells)),
        ("faults", first.faults as f64 * 1000.0 / cells as f64),
        ("allocations", allocated),
    ]
}

struct Lap {
    /// To get and write all, and the page faults of that.
    get: Duration,
    faults: u64,
    /// To read and free all.
    free: Duration,
}

fn run_held(side: &mut impl Side, slots: &mut [NonNull<u8>]) -> Lap {
    let faults_before = page_faults();
    let start = Instant::now();
    for (i, slot) in slots.iter_mut().enumerate() {
        let cell = side.get();
        write(cell, i as u64);
        *slot = cell;
    }
    let get = start.elapsed();
    let faults = page_faults() - faults_before;
    let start = Instant::now();
    let mut sum = 0;
    for &cell in black_box(&*slots) {
        sum += read(cell);
        // SAFETY: it came from this side, and was read for the last time.
        unsafe { side.free(cell) };
    }
    let free = start.elapsed();
    check(sum, slots.len() as u64);
    Lap { get, faults, free }
}

/// Two threads: one gets and writes, the other reads and frees.
pub(crate) fn passed<W: Way>(cells: u64) -> Findings {
    let way = make::<W>();
    let ring = Ring::new(BACKLOG);
    let both_run = Barrier::new(2);
    // To warm up, to time, to count.
    let parts = [cells.div_ceil(10), cells, cells.div_ceil(10)];
    let all: u64 = parts.iter().sum();
    thread::scope(|scope| {
        let consumer = scope.spawn(|| {
            let mut side = way.side(BACKLOG);
            let mut ring = ring.consumer();
            both_run.wait();
            let mut sum = 0;
            for _ in 0..all {
                let cell = ring.pop();
                sum += read(cell);
                // SAFETY: it came from the other side of this way, and was read
                // for the last time.
                unsafe { side.free(cell) };
            }
            ring.tell_done();
            check(sum, all);
        });
        let mut side = way.side(BACKLOG);
        let mut ring = ring.producer();
        both_run.wait();
        let mut next = 0;
        let mut part = |cells| {
            let start = Instant::now();
            for _ in 0..cells {
                let cell = side.get();
                write(cell, next);
                ring.push(cell);
                next += 1;
            }
            ring.drain();
            start.elapsed()
        };
        part(parts[0]);
        let elapsed = part(parts[1]);
        allocations::begin();
        part(parts[2]);
        let allocated = allocations::end_per_thousand(parts[2]);
        consumer.join().expect("the consumer has said why");
        vec![
            ("ns", nanos_per(elapsed, cells)),
            ("allocations", allocated),
        ]
    })
}
