//! Spawning from outside: threads that are no workers of the runtime spawn `n` tasks
//! between them, and another such thread waits for all of them. Where one task spawns
//! the others, they go to its worker's own queue; these go through what all threads
//! share, and several producers show how much they are in each other's way.
//!
//! Go does not take part, because each of its threads belongs to its runtime, nor do the
//! threads of the system, of which none is inside.

use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use futures_lite::future::block_on;

use super::{Bursts, Facts, Measured, Phase};
use crate::clock::Stopwatch;
use crate::hosts::{JoinHost, ScopeHost, ThreadHost};
use crate::tally::{Countdown, Shards, expected_checksum};

pub(super) const ONE: Facts = Facts {
    name: "outside-1",
    describe: "a thread that is no worker spawns n tasks",
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

pub(super) const FOUR: Facts = Facts {
    name: "outside-4",
    describe: "four threads that are no workers spawn n tasks between them",
    is_default: false,
    ..ONE
};

pub(super) const EIGHT: Facts = Facts {
    name: "outside-8",
    describe: "eight threads that are no workers spawn n tasks between them",
    ..FOUR
};

static RESULTS: Shards = Shards::new();
static RUNNING: Countdown = Countdown::new();

/// Measures the burst where tasks are futures.
pub(super) fn measure_tasks<H: JoinHost>(host: &H, producers: u64, n: u64) -> Bursts<Measured> {
    measure(producers, n, |i| {
        host.spawn_from_outside(async move { task(i) });
    })
}

/// Measures the burst where tasks are threads.
pub(super) fn measure_threads<H: ThreadHost>(host: &H, producers: u64, n: u64) -> Bursts<Measured> {
    measure(producers, n, |i| host.spawn_from_outside(move || task(i)))
}

/// Measures the burst where tasks are closures. There is no scope around them: it would
/// move its spawner inside.
pub(super) fn measure_scope<H: ScopeHost>(host: &H, producers: u64, n: u64) -> Bursts<Measured> {
    measure(producers, n, |i| host.spawn_from_outside(move || task(i)))
}

fn task(i: u64) {
    RESULTS.add(i);
    RUNNING.count_down();
}

/// The producers are there before the time begins; no runtime pays for their start.
fn measure(producers: u64, n: u64, spawn: impl Fn(u64) + Sync) -> Bursts<Measured> {
    Bursts::run(|| {
        RUNNING.arm(n);
        let start = Barrier::new(producers as usize + 1);
        let (start, spawn) = (&start, &spawn);
        thread::scope(|scope| {
            for first in 0..producers {
                scope.spawn(move || {
                    start.wait();
                    (first..n).step_by(producers as usize).for_each(spawn);
                });
            }
            let stopwatch = Stopwatch::start();
            start.wait();
            block_on(RUNNING.wait());
            Measured::new(stopwatch.elapsed(), RESULTS.take())
        })
    })
}
