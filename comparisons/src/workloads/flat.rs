//! The flat burst: one task spawns `n` tasks and waits for all of them.
//!
//! Each process runs the burst twice and times both: what the first pays on top is
//! the price of memory and threads, and of how many of them a runtime asks for.

use std::time::Duration;

use super::{Facts, Measured, Phase};
use crate::clock::Stopwatch;
use crate::hosts::{ScopeHost, TaskHost, ThreadHost, wait_for};
use crate::tally::{Countdown, Shards, expected_checksum, work};

pub(super) const FACTS: Facts = Facts {
    name: "flat",
    describe: "one task spawns n tasks and waits for all of them",
    unit: "task",
    units: "tasks",
    sizes: &[10_000, 100_000, 1_000_000, 10_000_000],
    quick: &[10_000, 100_000],
    is_default: true,
    scales: true,
    workers: None,
    asks_for_memory: false,
    phases: &[Phase::Warm, Phase::Cold],
    budget: Duration::from_secs(100),
    checksum: expected_checksum,
};

// Statics, as the Go program has package variables: a task captures its number
// and nothing else, and no runtime pays for a reference count of ours.
static RESULTS: Shards = Shards::new();
static RUNNING: Countdown = Countdown::new();

/// The burst where tasks are futures, with `US` microseconds of work in each.
pub(super) fn run_tasks<H: TaskHost, const US: u64>(host: &H, n: u64) -> Measured {
    host.run(async move {
        let stopwatch = Stopwatch::start();
        RUNNING.arm(n);
        for i in 0..n {
            H::spawn(async move { task::<US>(i) });
        }
        RUNNING.wait().await;
        finish(stopwatch)
    })
}

/// The burst where tasks are threads.
pub(super) fn run_threads<H: ThreadHost, const US: u64>(host: &H, n: u64) -> Measured {
    host.run(move || {
        let stopwatch = Stopwatch::start();
        RUNNING.arm(n);
        for i in 0..n {
            H::spawn(move || task::<US>(i));
        }
        wait_for::<H>(RUNNING.wait());
        finish(stopwatch)
    })
}

fn task<const US: u64>(i: u64) {
    work::<US>(i);
    RESULTS.add(i);
    RUNNING.count_down();
}

/// The burst where tasks are closures in a scope. The countdown of the scope takes the
/// place of ours: using both would charge for two.
pub(super) fn run_scope<H: ScopeHost, const US: u64>(host: &H, n: u64) -> Measured {
    host.run(|| {
        let stopwatch = Stopwatch::start();
        H::scope(n, |i| {
            work::<US>(i);
            RESULTS.add(i);
        });
        finish(stopwatch)
    })
}

fn finish(stopwatch: Stopwatch) -> Measured {
    Measured::new(stopwatch.elapsed(), RESULTS.take())
}
