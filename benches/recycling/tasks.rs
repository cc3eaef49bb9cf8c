//! The whole of it: tasks of a runtime, whose cells are recycled.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crossbeam_utils::CachePadded;
use virid::{Builder, Runtime};

use crate::allocations;
use crate::patterns::{BACKLOG, BURST, Findings, check, nanos_per};
use crate::ring::wait_until;

thread_local! {
    /// What the tasks of a lone worker add up.
    static SUM: Cell<u64> = const { Cell::new(0) };
}

/// Tasks that have run, in the low bits, and what they add up: one operation
/// for both.
static DONE: CachePadded<AtomicU64> = CachePadded::new(AtomicU64::new(0));
const COUNT_BITS: u32 = 24;

fn runtime(workers: usize) -> Runtime {
    let runtime = Builder::new().worker_threads(workers).build();
    runtime.expect("no runtime to measure")
}

/// One worker spawns [`BURST`] detached tasks and runs them, again and again.
pub(crate) fn bursts(tasks: u64) -> Findings {
    let runtime = runtime(1);
    let series = runtime.spawn(async move {
        let some = tasks.div_ceil(10 * BURST);
        run_bursts(some).await;
        let elapsed = run_bursts(tasks.div_ceil(BURST)).await;
        allocations::begin();
        run_bursts(some).await;
        let allocated = allocations::end_per_thousand(some * BURST);
        let timed = tasks.div_ceil(BURST) * BURST;
        vec![
            ("ns", nanos_per(elapsed, timed)),
            ("allocations", allocated),
        ]
    });
    series.join().expect("the series has said why")
}

async fn run_bursts(bursts: u64) -> Duration {
    let start = Instant::now();
    for burst in 0..bursts {
        for i in 0..BURST {
            let value = burst * BURST + i;
            drop(virid::spawn(async move { SUM.set(SUM.get() + value) }));
        }
        // To the back of the queue, behind them all.
        virid::yield_now().await;
    }
    let elapsed = start.elapsed();
    check(SUM.take(), bursts * BURST);
    elapsed
}

/// One of two workers spawns and never lets go of its thread, so the other runs
/// all the tasks.
pub(crate) fn passed(tasks: u64) -> Findings {
    let runtime = runtime(2);
    let series = runtime.spawn(async move {
        let some = tasks.div_ceil(10);
        run_passed(some);
        let elapsed = run_passed(tasks);
        allocations::begin();
        run_passed(some);
        let allocated = allocations::end_per_thousand(some);
        vec![
            ("ns", nanos_per(elapsed, tasks)),
            ("allocations", allocated),
        ]
    });
    series.join().expect("the series has said why")
}

fn run_passed(tasks: u64) -> Duration {
    assert!(tasks < 1 << COUNT_BITS, "the count does not fit");
    let done = || DONE.load(Ordering::Acquire) & ((1 << COUNT_BITS) - 1);
    DONE.store(0, Ordering::Relaxed);
    let start = Instant::now();
    let mut seen = 0;
    for i in 0..tasks {
        if i - seen == BACKLOG as u64 {
            wait_until(|| {
                seen = done();
                i - seen < BACKLOG as u64
            });
        }
        drop(virid::spawn(async move {
            DONE.fetch_add((i << COUNT_BITS).wrapping_add(1), Ordering::Release);
        }));
    }
    wait_until(|| done() == tasks);
    let elapsed = start.elapsed();
    let expected = (tasks * tasks.saturating_sub(1) / 2) << COUNT_BITS | tasks;
    let found = DONE.load(Ordering::Relaxed);
    assert_eq!(found, expected, "a task was lost or ran twice");
    elapsed
}
