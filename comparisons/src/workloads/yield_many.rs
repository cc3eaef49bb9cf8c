//! 200 tasks yield at the same time, `n` times in all: `yield_many` of Tokio's own
//! benchmarks. Where `yield` measures a switch between two on one worker, here queues
//! are full and all workers have some.
//!
//! rayon's tasks cannot wait; the system's threads have no worker to yield to.

use std::time::Duration;

use super::{Bursts, Facts, Measured, Phase};
use crate::clock::Stopwatch;
use crate::hosts::{TaskHost, ThreadHost, wait_for};
use crate::tally::{Countdown, expected_checksum, mix};
use std::sync::atomic::{AtomicU64, Ordering};

pub(super) const FACTS: Facts = Facts {
    name: "yield-many",
    describe: "200 tasks yield to each other, n times in all",
    unit: "yield",
    units: "yields",
    sizes: &[1_000_000],
    quick: &[100_000],
    is_default: false,
    scales: true,
    workers: None,
    asks_for_memory: false,
    phases: &[Phase::Warm],
    budget: Duration::from_secs(15),
    checksum: expected_checksum,
};

const TASKS: u64 = 200;

static SUM: AtomicU64 = AtomicU64::new(0);
static RUNNING: Countdown = Countdown::new();

/// The turns of one task.
fn turns(task: u64, n: u64) -> impl Iterator<Item = u64> + Send {
    (task..n).step_by(TASKS as usize)
}

fn leave(sum: u64) {
    SUM.fetch_add(sum, Ordering::Relaxed);
    RUNNING.count_down();
}

/// Measures the yields where tasks are futures.
pub(super) fn measure_tasks<H: TaskHost>(host: &H, n: u64) -> Bursts<Measured> {
    Bursts::run(|| {
        host.run(async move {
            let stopwatch = Stopwatch::start();
            RUNNING.arm(TASKS);
            for task in 0..TASKS {
                H::spawn(async move {
                    let mut sum = 0_u64;
                    for turn in turns(task, n) {
                        sum = sum.wrapping_add(mix(turn));
                        H::yield_now().await;
                    }
                    leave(sum);
                });
            }
            RUNNING.wait().await;
            finish(stopwatch)
        })
    })
}

/// Measures the yields where tasks are threads.
pub(super) fn measure_threads<H: ThreadHost>(host: &H, n: u64) -> Bursts<Measured> {
    Bursts::run(|| {
        host.run(move || {
            let stopwatch = Stopwatch::start();
            RUNNING.arm(TASKS);
            for task in 0..TASKS {
                H::spawn(move || {
                    let mut sum = 0_u64;
                    for turn in turns(task, n) {
                        sum = sum.wrapping_add(mix(turn));
                        H::yield_now();
                    }
                    leave(sum);
                });
            }
            wait_for::<H>(RUNNING.wait());
            finish(stopwatch)
        })
    })
}

fn finish(stopwatch: Stopwatch) -> Measured {
    Measured::new(stopwatch.elapsed(), SUM.swap(0, Ordering::Relaxed))
}
