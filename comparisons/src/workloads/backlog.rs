//! A backlog: on one worker, one task spawns `n` others and does not give way, so that
//! all of them wait, none of which has ever run; then they run. What a spawned task takes
//! of the memory until its turn, and what it costs when they do not fit into the caches.
//!
//! Only futures take part. A green thread of virid gives way when it has spawned too
//! many, Go takes the turn from a goroutine after 10 ms, and the others take a stack for
//! each, which is `parked`.

use std::time::Duration;

use super::{Bursts, Facts, Measured, Phase};
use crate::clock::Stopwatch;
use crate::hosts::TaskHost;
use crate::machine;
use crate::tally::{Countdown, Shards, expected_checksum};

pub(super) const FACTS: Facts = Facts {
    name: "backlog",
    describe: "n tasks are spawned before any of them can run, then all run",
    unit: "task",
    units: "tasks",
    sizes: &[1_000_000],
    quick: &[100_000],
    is_default: false,
    scales: true,
    workers: Some(1),
    asks_for_memory: true,
    phases: &[Phase::Warm, Phase::Cold],
    budget: Duration::from_secs(20),
    checksum: expected_checksum,
};

static RESULTS: Shards = Shards::new();
static RUNNING: Countdown = Countdown::new();

/// Measures the backlog where tasks are futures.
pub(super) fn measure_tasks<H: TaskHost>(host: &H, n: u64) -> Bursts<Measured> {
    Bursts::run(|| {
        host.run(async move {
            let stopwatch = Stopwatch::start();
            RUNNING.arm(n);
            for i in 0..n {
                H::spawn(async move {
                    RESULTS.add(i);
                    RUNNING.count_down();
                });
            }
            // Looking at the memory is not part of the time.
            let spawning = stopwatch.elapsed();
            let held_kib = machine::resident_kib();
            assert!(RUNNING.is_at(n), "a task ran before all were spawned");
            let stopwatch = Stopwatch::start();
            RUNNING.wait().await;
            Measured {
                elapsed: spawning + stopwatch.elapsed(),
                checksum: RESULTS.take(),
                held_kib,
            }
        })
    })
}
