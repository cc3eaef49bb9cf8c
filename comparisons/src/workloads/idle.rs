//! What a runtime costs that has nothing to do: after a burst of 10,000 tasks and a moment
//! to come to rest, the processor time that the process takes in `n` milliseconds. The
//! column of times is that time, and not what passed meanwhile.

use std::thread;
use std::time::Duration;

use super::{Bursts, Facts, Measured, Phase};
use crate::clock::{Elapsed, Stopwatch};
use crate::tally::expected_checksum;

pub(super) const FACTS: Facts = Facts {
    name: "idle",
    describe: "processor time of n ms with nothing to do, after a burst",
    unit: "ms",
    units: "ms",
    sizes: &[500],
    quick: &[100],
    is_default: false,
    scales: false,
    workers: None,
    asks_for_memory: false,
    phases: &[Phase::Warm],
    budget: Duration::from_secs(20),
    checksum: |_| expected_checksum(TASKS),
};

/// In the burst before.
pub(super) const TASKS: u64 = 10_000;

const REST: Duration = Duration::from_millis(100);

/// Measures the time after each `burst`.
pub(super) fn measure(burst: impl Fn() -> Measured, n: u64) -> Bursts<Measured> {
    Bursts::run(|| {
        let measured = burst();
        thread::sleep(REST);
        let stopwatch = Stopwatch::start();
        thread::sleep(Duration::from_millis(n));
        let elapsed = stopwatch.elapsed();
        let elapsed = Elapsed {
            wall: Duration::from_nanos(elapsed.cpu_ns),
            ..elapsed
        };
        Measured {
            elapsed,
            ..measured
        }
    })
}
