//! The tree: task `i` spawns the tasks `2 i + 1` and `2 i + 2` that are below `n`,
//! and one countdown waits for all of them. Where one task spawns all the others,
//! one worker does; here all of them do.

use std::time::Duration;

use super::{Bursts, Facts, Measured, Phase};
use crate::clock::Stopwatch;
use crate::hosts::{ScopeHost, TaskHost, ThreadHost, tree_children, wait_for};
use crate::tally::{Countdown, Shards, expected_checksum};

pub(super) static FACTS: Facts = Facts {
    name: "tree",
    describe: "every task spawns two more, down to n tasks in all",
    unit: "task",
    units: "tasks",
    sizes: &[10_000, 100_000, 1_000_000],
    quick: &[10_000, 100_000],
    scales: true,
    workers: None,
    asks_for_memory: false,
    phases: &[Phase::Warm, Phase::Cold],
    budget: Duration::from_secs(45),
    checksum: expected_checksum,
};

static RESULTS: Shards = Shards::new();
static RUNNING: Countdown = Countdown::new();

/// Measures the tree where tasks are futures.
pub(super) fn measure_tasks<H: TaskHost>(host: &H, n: u64) -> Bursts<Measured> {
    fn task<H: TaskHost>(i: u64, n: u64) {
        for child in tree_children(i, n) {
            H::spawn(async move { task::<H>(child, n) });
        }
        finish_task(i);
    }
    Bursts::run(|| {
        host.run(async move {
            let stopwatch = Stopwatch::start();
            RUNNING.arm(n);
            H::spawn(async move { task::<H>(0, n) });
            RUNNING.wait().await;
            finish(stopwatch)
        })
    })
}

/// Measures the tree where tasks are threads.
pub(super) fn measure_threads<H: ThreadHost>(host: &H, n: u64) -> Bursts<Measured> {
    fn task<H: ThreadHost>(i: u64, n: u64) {
        for child in tree_children(i, n) {
            H::spawn(move || task::<H>(child, n));
        }
        finish_task(i);
    }
    Bursts::run(|| {
        host.run(move || {
            let stopwatch = Stopwatch::start();
            RUNNING.arm(n);
            H::spawn(move || task::<H>(0, n));
            wait_for::<H>(RUNNING.wait());
            finish(stopwatch)
        })
    })
}

fn finish_task(i: u64) {
    RESULTS.add(i);
    RUNNING.count_down();
}

/// Measures the tree where tasks are closures in a scope, whose own countdown
/// takes the place of ours.
pub(super) fn measure_scope<H: ScopeHost>(host: &H, n: u64) -> Bursts<Measured> {
    Bursts::run(|| {
        host.run(|| {
            let stopwatch = Stopwatch::start();
            H::scope_tree(n, |i| RESULTS.add(i));
            finish(stopwatch)
        })
    })
}

fn finish(stopwatch: Stopwatch) -> Measured {
    Measured::new(stopwatch.elapsed(), RESULTS.take())
}
