//! Scopes of 1,000 children, one after the other, until `n` have run: what it costs to
//! hand out a part of a computation and to wait for it. Where tasks are futures there is
//! no scope to borrow from, and a countdown takes its place, as in Go.

use std::time::Duration;

use super::{Bursts, Facts, Measured, Phase};
use crate::clock::Stopwatch;
use crate::hosts::{ScopeHost, TaskHost, ThreadHost};
use crate::tally::{Countdown, Shards, expected_checksum};

pub(super) const FACTS: Facts = Facts {
    name: "scope",
    describe: "n tasks in scopes of 1,000, one scope after the other",
    unit: "task",
    units: "tasks",
    sizes: &[1_000_000],
    quick: &[100_000],
    is_default: true,
    scales: true,
    workers: None,
    asks_for_memory: false,
    phases: &[Phase::Warm],
    budget: Duration::from_secs(6),
    checksum: expected_checksum,
};

const CHILDREN: u64 = 1000;

static RESULTS: Shards = Shards::new();
static RUNNING: Countdown = Countdown::new();

/// The first child of each scope, and how many it has.
fn scopes(n: u64) -> impl Iterator<Item = (u64, u64)> + Send {
    let firsts = (0..n).step_by(CHILDREN as usize);
    firsts.map(move |first| (first, CHILDREN.min(n - first)))
}

/// Measures the scopes where tasks are futures.
pub(super) fn measure_tasks<H: TaskHost>(host: &H, n: u64) -> Bursts<Measured> {
    Bursts::run(|| {
        host.run(async move {
            let stopwatch = Stopwatch::start();
            for (first, children) in scopes(n) {
                RUNNING.arm(children);
                for i in first..first + children {
                    H::spawn(async move {
                        RESULTS.add(i);
                        RUNNING.count_down();
                    });
                }
                RUNNING.wait().await;
            }
            finish(stopwatch)
        })
    })
}

/// Measures the scopes where tasks are threads.
pub(super) fn measure_threads<H: ThreadHost>(host: &H, n: u64) -> Bursts<Measured> {
    Bursts::run(|| host.run(move || run_scopes(n, |first, n| H::scope(n, |i| child(first, i)))))
}

/// Measures the scopes where tasks are closures in one.
pub(super) fn measure_scope<H: ScopeHost>(host: &H, n: u64) -> Bursts<Measured> {
    Bursts::run(|| host.run(|| run_scopes(n, |first, n| H::scope(n, |i| child(first, i)))))
}

fn child(first: u64, i: u64) {
    RESULTS.add(first + i);
}

fn run_scopes(n: u64, scope: impl Fn(u64, u64)) -> Measured {
    let stopwatch = Stopwatch::start();
    scopes(n).for_each(|(first, children)| scope(first, children));
    finish(stopwatch)
}

fn finish(stopwatch: Stopwatch) -> Measured {
    Measured::new(stopwatch.elapsed(), RESULTS.take())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_scope_has_what_is_left() {
        assert_eq!(
            scopes(2500).collect::<Vec<_>>(),
            [(0, 1000), (1000, 1000), (2000, 500)]
        );
        assert_eq!(scopes(1000).count(), 1);
    }
}
