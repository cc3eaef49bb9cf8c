//! From nothing to the first task: a runtime starts, and one task runs and hands its
//! result back. The table has the first start of a process; the second one, which is on
//! file, finds the code in memory.
//!
//! Go does not take part: its runtime has started before the program begins. Nor do
//! runtimes that start once in a process.

use std::io;
use std::time::Duration;

use super::{Bursts, Facts, Measured, Phase};
use crate::clock::Stopwatch;
use crate::hosts::{ScopeHost, TaskHost, ThreadHost};
use crate::tally::{expected_checksum, mix};

pub(super) const FACTS: Facts = Facts {
    name: "cold-start",
    describe: "a runtime starts, and its first task runs",
    unit: "start",
    units: "start",
    sizes: &[1],
    quick: &[1],
    is_default: false,
    scales: false,
    workers: None,
    asks_for_memory: false,
    phases: &[Phase::Cold],
    budget: Duration::from_secs(5),
    checksum: expected_checksum,
};

/// Starts with `start` and runs the first task with `run`. The end of the runtime is not
/// part of the time.
fn measure<H>(
    start: impl Fn() -> io::Result<H>,
    run: impl Fn(&H) -> u64,
) -> io::Result<Bursts<Measured>> {
    let once = || {
        let stopwatch = Stopwatch::start();
        let host = start()?;
        let result = run(&host);
        let elapsed = stopwatch.elapsed();
        Ok::<_, io::Error>(Measured::new(elapsed, result))
    };
    let Bursts { cold, warm } = Bursts::run(once);
    Ok(Bursts {
        cold: cold?,
        warm: warm?,
    })
}

/// Measures the start where tasks are futures.
pub(crate) fn measure_tasks<H: TaskHost>(
    start: impl Fn() -> io::Result<H>,
) -> io::Result<Bursts<Measured>> {
    measure(start, |host| host.run(async { mix(0) }))
}

/// Measures the start where tasks are threads.
pub(crate) fn measure_threads<H: ThreadHost>(
    start: impl Fn() -> io::Result<H>,
) -> io::Result<Bursts<Measured>> {
    measure(start, |host| host.run(|| mix(0)))
}

/// Measures the start where tasks are closures.
pub(crate) fn measure_scope<H: ScopeHost>(
    start: impl Fn() -> io::Result<H>,
) -> io::Result<Bursts<Measured>> {
    measure(start, |host| host.run(|| mix(0)))
}
