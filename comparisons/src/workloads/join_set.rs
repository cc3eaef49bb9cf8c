//! Results of `n` tasks through a set: one task spawns them into it, then takes their
//! results as they come. Only runtimes that have a set take part.

use std::time::Duration;

use super::{Bursts, Facts, Measured, Phase};
use crate::clock::Stopwatch;
use crate::hosts::SetHost;
use crate::tally::{expected_checksum, mix};

pub(super) static FACTS: Facts = Facts {
    name: "join-set",
    describe: "one task spawns n tasks into a JoinSet and joins them all",
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
    let mut set = H::set();
    for i in 0..n {
        H::spawn_into(&mut set, async move { mix(i) });
    }
    let mut sum = 0u64;
    while let Some(result) = H::join_next(&mut set).await {
        sum = sum.wrapping_add(result);
    }
    drop(set);
    Measured::new(stopwatch.elapsed(), sum)
}
