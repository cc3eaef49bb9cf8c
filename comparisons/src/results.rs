//! The document a run produces: every raw sample, and where it came from.

use std::collections::BTreeMap;
use std::path::Path;
use std::{fs, io};

use serde::{Deserialize, Serialize};

use crate::machine::{Disturbance, Machine};
use crate::stats;
use crate::workloads::{Bursts, Phase, Workload};

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

/// Medians over the rounds of a cell.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Summary {
    /// Of each burst.
    #[serde(flatten)]
    pub(crate) bursts: Bursts<BurstSummary>,
    /// Peak resident memory.
    pub(crate) peak_kib: f64,
}

/// Medians over the rounds, of one burst of each.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct BurstSummary {
    /// Wall time per task, or for each one of what the workload counts.
    pub(crate) ns_each: f64,
    /// The same of the fastest round.
    pub(crate) fastest_ns_each: f64,
    /// The same of the slowest round.
    pub(crate) slowest_ns_each: f64,
    /// How many times as long as the baseline: median over the rounds in which
    /// both were measured, of the ratio in that round.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ratio: Option<f64>,
    /// Whether each of the two was the faster one in some round.
    pub(crate) rounds_disagree: bool,
    /// User and system time of the whole burst.
    pub(crate) cpu_ns: f64,
    /// Memory for each task while all waited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) held_bytes_each: Option<f64>,
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

    /// The document as text.
    pub(crate) fn to_json(&self) -> io::Result<String> {
        let mut text = serde_json::to_string_pretty(self)?;
        text.push('\n');
        Ok(text)
    }
}

impl BurstSummary {
    /// What decides which runtime of a size is the fastest: the ratio, because
    /// it is free of what disturbed whole rounds, or the time without a baseline.
    pub(crate) fn rank(&self) -> f64 {
        self.ratio.unwrap_or(self.ns_each)
    }
}

impl Cell {
    /// What it has in common with the cells it is compared with.
    pub(crate) fn group(&self) -> (Workload, u64) {
        (self.workload, self.size)
    }
}

/// Fills in the summary of every cell that did not fail.
pub(crate) fn summarize(cells: &mut [Cell], baseline: &str) {
    let baselines: Vec<(_, Vec<Sample>)> = cells
        .iter()
        .filter(|cell| cell.runtime == baseline && cell.failure.is_none())
        .map(|cell| (cell.group(), cell.samples.clone()))
        .collect();
    for cell in cells {
        let others = baselines
            .iter()
            .find(|(group, _)| *group == cell.group())
            .map_or(&[][..], |(_, samples)| samples);
        cell.summary = if cell.failure.is_none() {
            summary(cell, others)
        } else {
            None
        };
    }
}

fn summary(cell: &Cell, baseline: &[Sample]) -> Option<Summary> {
    Some(Summary {
        bursts: Bursts {
            cold: burst_summary(cell, baseline, Phase::Cold)?,
            warm: burst_summary(cell, baseline, Phase::Warm)?,
        },
        peak_kib: stats::median(cell.samples.iter().map(|sample| sample.peak_kib as f64))?,
    })
}

fn burst_summary(cell: &Cell, baseline: &[Sample], phase: Phase) -> Option<BurstSummary> {
    let ns = |sample: &Sample| sample.bursts.of(phase).ns as f64;
    let each: Vec<f64> = cell
        .samples
        .iter()
        .map(|sample| ns(sample) / cell.size as f64)
        .collect();
    let ratios = cell.samples.iter().filter_map(|sample| {
        let other = baseline.iter().find(|other| other.round == sample.round)?;
        Some(ns(sample) / ns(other))
    });
    let ratios: Vec<f64> = ratios.collect();
    let (fastest, slowest) = stats::range(&each)?;
    let times = || cell.samples.iter().map(|sample| sample.bursts.of(phase));
    let held = times().filter_map(|times| Some(times.held_kib? as f64 * 1024.0));
    Some(BurstSummary {
        ns_each: stats::median(each.iter().copied())?,
        fastest_ns_each: fastest,
        slowest_ns_each: slowest,
        rounds_disagree: stats::range(&ratios).is_some_and(|(low, high)| low < 1.0 && high > 1.0),
        ratio: stats::median(ratios),
        cpu_ns: stats::median(times().map(|times| times.cpu_ns as f64))?,
        held_bytes_each: stats::median(held.map(|bytes| bytes / cell.size as f64)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(runtime: &str, times: &[(u32, u64)]) -> Cell {
        let sample = |&(round, ns)| Sample {
            round,
            bursts: Bursts {
                cold: Times {
                    ns: 7 * ns,
                    cpu_ns: ns,
                    involuntary: 0,
                    held_kib: None,
                },
                warm: Times {
                    ns,
                    cpu_ns: ns,
                    involuntary: 0,
                    held_kib: Some(20),
                },
            },
            peak_kib: 1,
            disturbance: None,
        };
        Cell {
            workload: Workload::Flat,
            size: 10,
            workers: 2,
            runtime: runtime.to_owned(),
            samples: times.iter().map(sample).collect(),
            failure: None,
            summary: None,
        }
    }

    #[test]
    fn ratios_are_paired_by_round() {
        // Round 1 was slow for both; a ratio of medians would say 2.5.
        let mut cells = [
            cell("base", &[(0, 100), (1, 1000), (2, 120)]),
            cell("other", &[(0, 200), (1, 2000), (3, 300)]),
        ];
        summarize(&mut cells, "base");
        let other = cells[1].summary.as_ref().unwrap();
        assert_eq!(other.bursts.warm.ratio, Some(2.0));
        assert_eq!(other.bursts.warm.ns_each, 30.0);
        assert_eq!(other.bursts.cold.ns_each, 210.0);
        assert!(!other.bursts.warm.rounds_disagree);
        assert_eq!(other.bursts.warm.held_bytes_each, Some(2048.0));
        assert_eq!(other.bursts.cold.held_bytes_each, None);
    }

    #[test]
    fn only_cells_of_the_same_workload_and_size_are_compared() {
        let mut cells = [
            cell("base", &[(0, 100)]),
            cell("other", &[(0, 200)]),
            cell("other", &[(0, 200)]),
        ];
        cells[1].workload = Workload::Tree;
        cells[2].size = 20;
        summarize(&mut cells, "base");
        for cell in &cells[1..] {
            assert_eq!(cell.summary.as_ref().unwrap().bursts.warm.ratio, None);
        }
    }

    #[test]
    fn one_round_against_the_others_is_a_disagreement() {
        let mut cells = [
            cell("base", &[(0, 100), (1, 100), (2, 100)]),
            cell("other", &[(0, 200), (1, 99), (2, 200)]),
        ];
        summarize(&mut cells, "base");
        let [base, other] = cells.map(|cell| cell.summary.unwrap().bursts.warm);
        assert!(other.rounds_disagree);
        assert!(!base.rounds_disagree);
    }

    #[test]
    fn a_failed_cell_has_no_summary_and_is_no_baseline() {
        let mut cells = [cell("base", &[(0, 100)]), cell("other", &[(0, 200)])];
        cells[0].failure = Some(Failure {
            kind: FailureKind::WrongAnswer,
            reason: "wrong answer".to_owned(),
            detail: None,
        });
        summarize(&mut cells, "base");
        assert!(cells[0].summary.is_none());
        assert_eq!(cells[1].summary.as_ref().unwrap().bursts.warm.ratio, None);
    }
}
