//! One row of the comparison: a runtime, and how to measure it.

use crate::workloads::{Bursts, Measured, Workload};

/// What to measure.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Job {
    /// The workload.
    pub(crate) workload: Workload,
    /// Number of tasks.
    pub(crate) tasks: u64,
    /// Number of worker threads.
    pub(crate) workers: usize,
}

/// A runtime that takes part.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Contender {
    /// The name used on the command line and in results.
    pub(crate) name: &'static str,
    /// Where its code runs.
    pub(crate) engine: Engine,
    /// Memory per task: the most that was seen at any size, with a margin. A
    /// measurement is not started on a machine that has less.
    pub(crate) bytes_per_task: u64,
}

/// Where the code of a runtime runs.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Engine {
    /// In a child process of this binary.
    Rust {
        /// Package whose version is reported.
        package: &'static str,
        /// Measures one job in the current process.
        measure: fn(Job) -> std::io::Result<Bursts<Measured>>,
    },
    /// In the Go program.
    Go,
}
