//! As `join-set`, with no more than 64 tasks at once: who spawns waits first, so that
//! nothing piles up, and takes results in between.

use std::time::Duration;

use super::{Bursts, Facts, Measured, Phase};
use crate::clock::Stopwatch;
use crate::hosts::SetHost;
use crate::tally::{expected_checksum, mix};

/// How many tasks run at once.
const LIMIT: usize = 64;

pub(super) static FACTS: Facts = Facts {
    name: "bounded",
    describe: "one task spawns n tasks, 64 of them at once, and joins them all",
    unit: "task",
    units: "tasks",
    sizes: &[10_000, 100_000, 1_000_000],
    quick: &[10_000, 100_000],
    is_default: true,
    scales: true,
    workers: None,
    asks_for_memory: false,
    phases: &[Phase::Warm, Phase::Cold],
    budget: Duration::from_secs(40),
    checksum: expected_checksum,
};

/// Measures the burst where tasks are futures and come in sets.
pub(super) fn measure_sets<H: SetHost>(host: &H, n: u64) -> Bursts<Measured> {
    Bursts::run(|| host.run(burst::<H>(n)))
}

async fn burst<H: SetHost>(n: u64) -> Measured {
    let stopwatch = Stopwatch::start();
    let mut set = H::bounded_set(LIMIT);
    let mut sum = 0u64;
    for i in 0..n {
        H::spawn_bounded(&mut set, async move { mix(i) }).await;
        while let Some(result) = H::try_join_bounded(&mut set) {
            sum = sum.wrapping_add(result);
        }
    }
    while let Some(result) = H::join_bounded(&mut set).await {
        sum = sum.wrapping_add(result);
    }
    drop(set);
    Measured::new(stopwatch.elapsed(), sum)
}
