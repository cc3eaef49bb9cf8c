//! The document a run produces: every raw sample, and where it came from.

use std::collections::BTreeMap;
use std::path::Path;
use std::{fs, io};

use serde::{Deserialize, Serialize};

use crate::machine::{Disturbance, Machine};
use crate::summary::Summary;
use crate::workloads::{Bursts, Workload};

/// Version of the document's layout.
pub(crate) const SCHEMA_VERSION: u32 = 4;

/// One run of this program.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Document {
    /// Must equal [`SCHEMA_VERSION`].
    pub(crate) schema_version: u32,
    /// When measuring began, in UTC.
    pub(crate) date: String,
    /// The command that repeats the run.
    pub(crate) command: String,
    /// Seed of the order of runtimes in each round.
    pub(crate) seed: u64,
    /// Whether the run was ended by the user.
    pub(crate) interrupted: bool,
    /// Where it ran.
    pub(crate) machine: Machine,
    /// Compiler, and each runtime that answered.
    pub(crate) versions: BTreeMap<String, String>,
    /// The revision that was built, if it is in a git checkout.
    pub(crate) git: Option<Git>,
    /// One per workload, size and runtime.
    pub(crate) cells: Vec<Cell>,
}

/// A revision.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Git {
    /// Commit.
    pub(crate) sha: String,
    /// Whether the checkout differed from it.
    pub(crate) dirty: bool,
}

/// One runtime in one workload at one size.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Cell {
    /// The workload.
    pub(crate) workload: Workload,
    /// Number of tasks, or of what the workload counts.
    pub(crate) size: u64,
    /// Worker threads of every runtime.
    pub(crate) workers: usize,
    /// The runtime.
    pub(crate) runtime: String,
    /// One per round.
    pub(crate) samples: Vec<Sample>,
    /// Why there is no time. A cell that failed in one round has none, whatever
    /// the other rounds said.
    pub(crate) failure: Option<Failure>,
    /// What the samples amount to. For other readers: this program computes it
    /// anew from the samples.
    #[serde(skip_deserializing)]
    pub(crate) summary: Option<Summary>,
}

/// One measurement.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Sample {
    /// Round, from 0. Samples of one round were taken next to each other.
    pub(crate) round: u32,
    /// What both bursts took.
    #[serde(flatten)]
    pub(crate) bursts: Bursts<Times>,
    /// Peak resident memory of the child.
    pub(crate) peak_kib: u64,
    /// Who else used the cores while the child ran, where the system tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) disturbance: Option<Disturbance>,
}

/// What one burst took.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Times {
    /// Wall time.
    pub(crate) ns: u64,
    /// User and system time of the child meanwhile.
    pub(crate) cpu_ns: u64,
    /// How often a thread of the child lost its processor to another meanwhile.
    pub(crate) involuntary: u64,
    /// How much the memory of the child had grown while all tasks waited, if that
    /// is what the workload is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) held_kib: Option<u64>,
}

/// Why a cell has no time.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Failure {
    /// What kind of failure.
    pub(crate) kind: FailureKind,
    /// The words in the cell.
    pub(crate) reason: String,
    /// A line below the table: the cure, or the last words of the child.
    pub(crate) detail: Option<String>,
}

/// A kind of failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum FailureKind {
    /// The runtime is not on this machine.
    NotInstalled,
    /// The machine has too little memory for this size.
    NeedsMemory,
    /// Memory ran out while the child ran.
    OutOfMemory,
    /// The child took longer than its deadline.
    Timeout,
    /// The child died or could not be started.
    Crashed,
    /// The child's answer was not one line of JSON.
    BadAnswer,
    /// The tasks did not compute what they should have.
    WrongAnswer,
}

impl FailureKind {
    /// Whether the runtime or the comparison is at fault, and not the machine.
    pub(crate) fn is_error(self) -> bool {
        !matches!(self, Self::NotInstalled | Self::NeedsMemory)
    }
}

impl Document {
    /// Reads a document from a file.
    pub(crate) fn read(path: &Path) -> Result<Self, String> {
        let explain = |reason: String| format!("cannot read {}: {reason}", path.display());
        let text = fs::read_to_string(path).map_err(|error| explain(error.to_string()))?;
        let document: Self =
            serde_json::from_str(&text).map_err(|error| explain(error.to_string()))?;
        if document.schema_version != SCHEMA_VERSION {
            return Err(explain(format!(
                "schema version {} is not {SCHEMA_VERSION}",
                document.schema_version
            )));
        }
        Ok(document)
    }

    /// Writes the document to a file.
    pub(crate) fn write(&self, path: &Path) -> io::Result<()> {
        fs::write(path, self.to_json()?)
    }

    /// The document as text, a line for each cell: a file that is kept in a repository
    /// is to have differences that can be read.
    pub(crate) fn to_json(&self) -> io::Result<String> {
        let head = Self {
            cells: Vec::new(),
            ..self.clone()
        };
        let head = serde_json::to_string_pretty(&head)?;
        // `cells` is the last field.
        let mut text = head.trim_end_matches("]\n}").to_owned();
        for (index, cell) in self.cells.iter().enumerate() {
            text.push_str(if index == 0 { "\n    " } else { ",\n    " });
            text.push_str(&serde_json::to_string(cell)?);
        }
        text.push_str("\n  ]\n}\n");
        Ok(text)
    }
}

impl Cell {
    /// What it has in common with the cells it is compared with.
    pub(crate) fn group(&self) -> (Workload, u64) {
        (self.workload, self.size)
    }
}
