//! One row of the comparison: a runtime, what it takes part in, and how to measure it.

use crate::workloads::{Bursts, Measured, Workload};

/// What to measure.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Job {
    /// The workload.
    pub(crate) workload: Workload,
    /// Its size: a number of tasks, of switches, or whatever it counts.
    pub(crate) size: u64,
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
    /// What it takes part in. What is not listed makes no sense for it and has
    /// no row.
    pub(crate) entries: &'static [Entry],
}

/// One workload of one runtime.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry {
    /// The workload.
    pub(crate) workload: Workload,
    /// Memory for each one of its size: the most that was seen at any size, with
    /// a margin. A measurement is not started on a machine that has less.
    pub(crate) bytes_each: u64,
    /// The largest size that makes sense for it, and why no larger one does.
    pub(crate) limit: Option<Limit>,
}

/// Where a runtime stops taking part.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limit {
    /// The largest size.
    pub(crate) most: u64,
    /// A line below the tables.
    pub(crate) reason: &'static str,
}

impl Entry {
    /// Takes part at every size that there is memory for.
    pub(crate) const fn new(workload: Workload, bytes_each: u64) -> Self {
        Self {
            workload,
            bytes_each,
            limit: None,
        }
    }

    /// Takes part up to a size.
    pub(crate) const fn up_to(self, limit: Limit) -> Self {
        Self {
            limit: Some(limit),
            ..self
        }
    }

    /// Whether a size is one it takes part at.
    pub(crate) fn holds(&self, size: u64) -> bool {
        self.limit.is_none_or(|limit| size <= limit.most)
    }
}

impl Contender {
    /// How it takes part in a workload, if it does.
    pub(crate) fn entry(&self, workload: Workload) -> Option<&'static Entry> {
        let mut entries = self.entries.iter();
        entries.find(|entry| entry.workload == workload)
    }
}

/// Where the code of a runtime runs.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Engine {
    /// In a child process of this binary.
    Rust {
        /// Package whose version is reported; `None` for the standard library,
        /// which has that of the compiler.
        package: Option<&'static str>,
        /// Measures one job in the current process.
        measure: fn(Job) -> std::io::Result<Bursts<Measured>>,
    },
    /// In the Go program.
    Go,
}
