//! The tree: task `i` spawns the tasks `2 i + 1` and `2 i + 2` that are below `n`,
//! and one countdown waits for all of them. Where one task spawns all the others,
//! one worker does; here all of them do.
//!
//! With one child instead of two it is the chain, `chained_spawn` of Tokio's own
//! benchmarks: there is never more than one task to run, so its price is the whole
//! way of one task from its spawner to its end.

use std::time::Duration;

use super::{Bursts, Facts, Measured, Phase};
use crate::clock::Stopwatch;
use crate::hosts::{ScopeHost, TaskHost, ThreadHost, tree_children, wait_for};
use crate::tally::{Countdown, Shards, expected_checksum, work};

pub(super) const TREE: Facts = Facts {
    name: "tree",
    describe: "every task spawns two more, down to n tasks in all",
    unit: "task",
    units: "tasks",
    sizes: &[10_000, 100_000, 1_000_000],
    quick: &[10_000, 100_000],
    is_default: true,
    scales: true,
    workers: None,
    asks_for_memory: false,
    phases: &[Phase::Warm, Phase::Cold],
    budget: Duration::from_secs(45),
    checksum: expected_checksum,
};

pub(super) static CHAINED: Facts = Facts {
    name: "chained",
    describe: "each of n tasks spawns the next and ends",
    sizes: &[1_000_000],
    quick: &[10_000],
    is_default: false,
    phases: &[Phase::Warm],
    budget: Duration::from_secs(25),
    ..TREE
};

static RESULTS: Shards = Shards::new();
static RUNNING: Countdown = Countdown::new();

/// Measures the tree where tasks are futures, with `US` microseconds of work in each.
pub(super) fn measure_tasks<H: TaskHost, const ARITY: u64, const US: u64>(
    host: &H,
    n: u64,
) -> Bursts<Measured> {
    fn task<H: TaskHost, const ARITY: u64, const US: u64>(i: u64, n: u64) {
        for child in tree_children::<ARITY>(i, n) {
            H::spawn(async move { task::<H, ARITY, US>(child, n) });
        }
        finish_task::<US>(i);
    }
    Bursts::run(|| {
        host.run(async move {
            let stopwatch = Stopwatch::start();
            RUNNING.arm(n);
            H::spawn(async move { task::<H, ARITY, US>(0, n) });
            RUNNING.wait().await;
            finish(stopwatch)
        })
    })
}

/// Measures the tree where tasks are threads.
pub(super) fn measure_threads<H: ThreadHost, const ARITY: u64, const US: u64>(
    host: &H,
    n: u64,
) -> Bursts<Measured> {
    fn task<H: ThreadHost, const ARITY: u64, const US: u64>(i: u64, n: u64) {
        for child in tree_children::<ARITY>(i, n) {
            H::spawn(move || task::<H, ARITY, US>(child, n));
        }
        finish_task::<US>(i);
    }
    Bursts::run(|| {
        host.run(move || {
            let stopwatch = Stopwatch::start();
            RUNNING.arm(n);
            H::spawn(move || task::<H, ARITY, US>(0, n));
            wait_for::<H>(RUNNING.wait());
            finish(stopwatch)
        })
    })
}

fn finish_task<const US: u64>(i: u64) {
    work::<US>(i);
    RESULTS.add(i);
    RUNNING.count_down();
}

/// Measures the tree where tasks are closures in a scope, whose own countdown
/// takes the place of ours.
pub(super) fn measure_scope<H: ScopeHost, const ARITY: u64, const US: u64>(
    host: &H,
    n: u64,
) -> Bursts<Measured> {
    Bursts::run(|| {
        host.run(|| {
            let stopwatch = Stopwatch::start();
            H::scope_tree::<ARITY, _>(n, |i| {
                work::<US>(i);
                RESULTS.add(i);
            });
            finish(stopwatch)
        })
    })
}

fn finish(stopwatch: Stopwatch) -> Measured {
    Measured::new(stopwatch.elapsed(), RESULTS.take())
}
