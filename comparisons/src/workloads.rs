//! The workloads, one file each.

mod flat;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::hosts::{ScopeHost, TaskHost};
use crate::tally;

/// A workload by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Workload {
    /// One task spawns `n` detached tasks and waits for all of them.
    Flat,
}

/// What is known of each of the two bursts that one process runs.
///
/// They are kept apart because they measure different things: the first pays for
/// fresh memory pages and for the start of threads, the second finds both.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Bursts<T> {
    /// Of the first.
    pub(crate) cold: T,
    /// Of the second.
    pub(crate) warm: T,
}

/// One of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// The first.
    Cold,
    /// The second.
    Warm,
}

impl<T> Bursts<T> {
    /// The one of `phase`.
    pub(crate) fn of(&self, phase: Phase) -> &T {
        match phase {
            Phase::Cold => &self.cold,
            Phase::Warm => &self.warm,
        }
    }

    /// Both, each made into something else.
    pub(crate) fn map<U>(&self, f: impl Fn(&T) -> U) -> Bursts<U> {
        Bursts {
            cold: f(&self.cold),
            warm: f(&self.warm),
        }
    }

    /// Whether both pass.
    pub(crate) fn all(&self, pass: impl Fn(&T) -> bool) -> bool {
        pass(&self.cold) && pass(&self.warm)
    }
}

/// One timed burst.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Measured {
    /// Wall time.
    pub(crate) wall: Duration,
    /// User and system time of the process during the timed part.
    pub(crate) cpu_ns: u64,
    /// What the tasks computed.
    pub(crate) checksum: u64,
}

impl Workload {
    /// The name used in results and on file.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Flat => "flat",
        }
    }

    /// One line that says what the numbers mean.
    pub(crate) fn describe(self) -> &'static str {
        match self {
            Self::Flat => "one task spawns n tasks and waits for all of them",
        }
    }

    /// The checksum `n` tasks must arrive at.
    pub(crate) fn checksum(self, n: u64) -> u64 {
        match self {
            Self::Flat => tally::expected_checksum(n),
        }
    }

    /// Measures this workload on a runtime with futures.
    pub(crate) fn measure_tasks<H: TaskHost>(self, host: &H, n: u64) -> Bursts<Measured> {
        match self {
            Self::Flat => flat::measure_tasks(host, n),
        }
    }

    /// Measures this workload on a runtime with scopes.
    pub(crate) fn measure_scope<H: ScopeHost>(self, host: &H, n: u64) -> Bursts<Measured> {
        match self {
            Self::Flat => flat::measure_scope(host, n),
        }
    }
}
