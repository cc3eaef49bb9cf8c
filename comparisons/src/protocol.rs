//! What launcher and child say to each other: one JSON line each way.

use serde::{Deserialize, Serialize};

use crate::workloads::{Bursts, Workload};

/// Version of the two messages.
pub(crate) const PROTOCOL: u32 = 4;

/// The order to measure, on the child's standard input.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Request {
    /// Must equal [`PROTOCOL`].
    pub(crate) protocol: u32,
    /// What to run.
    pub(crate) workload: Workload,
    /// On which runtime.
    pub(crate) runtime: String,
    /// Number of tasks, or of whatever the workload counts.
    pub(crate) size: u64,
    /// Number of worker threads.
    pub(crate) workers: usize,
    /// Process that asks. A child with another parent has been orphaned before
    /// it could arm its death signal, and exits.
    pub(crate) launcher: u32,
    /// Misbehaviour on purpose, for the tests of the launcher.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) fault: Option<Fault>,
}

/// A way to misbehave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Fault {
    /// Never answer.
    Hang,
    /// Die by a signal.
    Crash,
    /// Answer with another checksum.
    Wrong,
    /// Take more memory than there is.
    Memory,
}

/// The answer, on the child's standard output.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Response {
    /// Must equal [`PROTOCOL`].
    pub(crate) protocol: u32,
    /// Version of the runtime.
    pub(crate) version: String,
    /// What both bursts took and came to.
    #[serde(flatten)]
    pub(crate) bursts: Bursts<Burst>,
    /// Peak resident memory of the child as it reads its own. The launcher's
    /// `wait4` would not do: Linux counts the launcher's memory in it.
    pub(crate) peak_kib: u64,
}

/// One timed burst.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Burst {
    /// Wall time.
    pub(crate) ns: u64,
    /// User and system time of the process meanwhile.
    pub(crate) cpu_ns: u64,
    /// How often a thread of the process lost its processor to another meanwhile.
    pub(crate) involuntary: u64,
    /// What the tasks computed, in hexadecimal because a JSON number may lose
    /// the low bits of 64.
    pub(crate) checksum: String,
    /// How much the memory of the process had grown while all tasks waited, if
    /// that is what the workload is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) held_kib: Option<u64>,
}

/// A checksum as [`Burst::checksum`] has it.
pub(crate) fn checksum_text(checksum: u64) -> String {
    format!("{checksum:016x}")
}

/// A request to misbehave: `workload:runtime:size:fault`.
#[derive(Debug, Clone)]
pub(crate) struct FaultPlan {
    workload: Workload,
    runtime: String,
    size: u64,
    fault: Fault,
}

impl FaultPlan {
    /// Reads `workload:runtime:size:fault`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let parts: Vec<&str> = text.split(':').collect();
        let [workload, runtime, size, fault] = parts[..] else {
            return None;
        };
        Some(Self {
            workload: Workload::find(workload)?,
            runtime: runtime.to_owned(),
            size: size.parse().ok()?,
            fault: match fault {
                "hang" => Fault::Hang,
                "crash" => Fault::Crash,
                "wrong" => Fault::Wrong,
                "memory" => Fault::Memory,
                _ => return None,
            },
        })
    }

    /// The fault planned for this measurement.
    pub(crate) fn fault(&self, workload: Workload, runtime: &str, size: u64) -> Option<Fault> {
        let is_this = self.workload == workload && self.runtime == runtime && self.size == size;
        is_this.then_some(self.fault)
    }
}
