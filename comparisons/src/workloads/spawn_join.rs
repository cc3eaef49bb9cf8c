//! Results of `n` tasks through their handles: one task spawns all of them, keeps the
//! handles, then joins one after the other. All handles are alive at once.
//!
//! A goroutine has no handle; in Go each leaves its result in a place of its own, and a
//! `WaitGroup` says when all have. rayon's tasks have none either, and could not wait.

use std::time::Duration;

use super::{Bursts, Facts, Measured, Phase};
use crate::clock::Stopwatch;
use crate::hosts::{JoinHost, ThreadHost};
use crate::tally::{expected_checksum, mix};

pub(super) const FACTS: Facts = Facts {
    name: "spawn-join",
    describe: "one task spawns n tasks, keeps their handles and joins them all",
    unit: "task",
    units: "tasks",
    sizes: &[10_000, 1_000_000],
    quick: &[10_000],
    is_default: true,
    scales: true,
    workers: None,
    asks_for_memory: false,
    phases: &[Phase::Warm],
    budget: Duration::from_secs(10),
    checksum: expected_checksum,
};

/// Measures the burst where tasks are futures.
pub(super) fn measure_tasks<H: JoinHost>(host: &H, n: u64) -> Bursts<Measured> {
    Bursts::run(|| host.run(burst::<H>(n)))
}

async fn burst<H: JoinHost>(n: u64) -> Measured {
    let stopwatch = Stopwatch::start();
    let tasks = (0..n).map(|i| H::spawn_join(async move { mix(i) }));
    let tasks: Vec<H::Join> = tasks.collect();
    let mut sum = 0u64;
    for task in tasks {
        sum = sum.wrapping_add(H::join(task).await);
    }
    Measured::new(stopwatch.elapsed(), sum)
}

/// Measures the burst where tasks are threads.
pub(super) fn measure_threads<H: ThreadHost>(host: &H, n: u64) -> Bursts<Measured> {
    Bursts::run(|| {
        host.run(move || {
            let stopwatch = Stopwatch::start();
            let threads = (0..n).map(|i| H::spawn_join(move || mix(i)));
            let threads: Vec<H::Join> = threads.collect();
            let results = threads.into_iter().map(H::join);
            let sum = results.fold(0, u64::wrapping_add);
            Measured::new(stopwatch.elapsed(), sum)
        })
    })
}
