//! What the samples of a cell amount to.

use serde::Serialize;

use crate::results::{Cell, Document, Sample};
use crate::stats::{self, Estimate, Interval};
use crate::workloads::{Bursts, Phase};

/// Half of a ratio's interval, as a part of the ratio, beyond which the report calls
/// it inconclusive.
pub(crate) const WIDEST: f64 = 0.15;

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
    /// Where the bootstrap puts it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ns_each_interval: Option<Interval>,
    /// The same of the fastest round.
    pub(crate) fastest_ns_each: f64,
    /// The same of the slowest round.
    pub(crate) slowest_ns_each: f64,
    /// How many times as long as the baseline: median over the rounds in which
    /// both were measured, of the ratio in that round.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ratio: Option<f64>,
    /// Where the bootstrap puts it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ratio_interval: Option<Interval>,
    /// Number of rounds in which both were measured.
    pub(crate) pairs: usize,
    /// User and system time of the whole burst.
    pub(crate) cpu_ns: f64,
    /// How often a thread lost its processor to another.
    pub(crate) involuntary: f64,
    /// Memory for each task while all waited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) held_bytes_each: Option<f64>,
}

/// What a ratio says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Verdict {
    /// There are too few rounds for an interval: so many.
    TooFewRounds(usize),
    /// The interval is wider than [`WIDEST`].
    Inconclusive(Interval),
    /// The interval holds 1.
    NoDifference(Interval),
    /// The whole interval is on one side of 1.
    Differs(f64, Interval),
}

impl BurstSummary {
    /// Half of the interval of the time, as a part of the time.
    pub(crate) fn half_width(&self) -> Option<f64> {
        Some(self.ns_each_interval?.half_width() / self.ns_each)
    }

    /// What the ratio to the baseline says, where there is one.
    pub(crate) fn verdict(&self) -> Option<Verdict> {
        let ratio = self.ratio?;
        let Some(interval) = self.ratio_interval else {
            return Some(Verdict::TooFewRounds(self.pairs));
        };
        Some(if interval.half_width() > WIDEST * ratio {
            Verdict::Inconclusive(interval)
        } else if interval.holds(1.0) {
            Verdict::NoDifference(interval)
        } else {
            Verdict::Differs(ratio, interval)
        })
    }
}

/// Fills in the summary of every cell that did not fail. The seed of the document
/// is that of every resampling, so that the same samples always say the same.
pub(crate) fn summarize(document: &mut Document, baseline: &str) {
    let cells = &mut document.cells;
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
            summary(cell, others, document.seed)
        } else {
            None
        };
    }
}

fn summary(cell: &Cell, baseline: &[Sample], seed: u64) -> Option<Summary> {
    Some(Summary {
        bursts: Bursts {
            cold: burst_summary(cell, baseline, seed, Phase::Cold)?,
            warm: burst_summary(cell, baseline, seed, Phase::Warm)?,
        },
        peak_kib: stats::median(cell.samples.iter().map(|sample| sample.peak_kib as f64))?,
    })
}

fn burst_summary(
    cell: &Cell,
    baseline: &[Sample],
    seed: u64,
    phase: Phase,
) -> Option<BurstSummary> {
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
    let each = Estimate::of(&each, seed)?;
    let ratio = Estimate::of(&ratios, seed);
    Some(BurstSummary {
        ns_each: each.median,
        ns_each_interval: each.interval,
        fastest_ns_each: fastest,
        slowest_ns_each: slowest,
        ratio: ratio.map(|ratio| ratio.median),
        ratio_interval: ratio.and_then(|ratio| ratio.interval),
        pairs: ratios.len(),
        cpu_ns: stats::median(times().map(|times| times.cpu_ns as f64))?,
        involuntary: stats::median(times().map(|times| times.involuntary as f64))?,
        held_bytes_each: stats::median(held.map(|bytes| bytes / cell.size as f64)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::Machine;
    use crate::results::{Failure, FailureKind, Times};
    use crate::workloads::Workload;

    fn summarized<const N: usize>(cells: [Cell; N]) -> Vec<Cell> {
        let mut document = Document {
            schema_version: 0,
            date: String::new(),
            command: String::new(),
            seed: 7,
            interrupted: false,
            machine: Machine {
                cpu: String::new(),
                cores: 1,
                virtual_machine: false,
                memory_kib: 0,
                kernel: String::new(),
                disturbance: None,
            },
            versions: Default::default(),
            git: None,
            cells: cells.into(),
        };
        summarize(&mut document, "base");
        document.cells
    }

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
        let cells = summarized([
            cell("base", &[(0, 100), (1, 1000), (2, 120)]),
            cell("other", &[(0, 200), (1, 2000), (3, 300)]),
        ]);
        let other = cells[1].summary.as_ref().unwrap();
        assert_eq!(other.bursts.warm.ratio, Some(2.0));
        assert_eq!(other.bursts.warm.ns_each, 30.0);
        assert_eq!(other.bursts.cold.ns_each, 210.0);
        assert_eq!(other.bursts.warm.pairs, 2);
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
        for cell in &summarized(cells)[1..] {
            assert_eq!(cell.summary.as_ref().unwrap().bursts.warm.ratio, None);
        }
    }

    #[test]
    fn a_ratio_says_no_more_than_its_interval() {
        let verdict = |ratios: &[u64]| {
            let each = |ratio: &dyn Fn(u64) -> u64| -> Vec<(u32, u64)> {
                (0..).zip(ratios.iter().map(|&of| ratio(of))).collect()
            };
            let cells = summarized([
                cell("base", &each(&|_| 100)),
                cell("other", &each(&|ratio| ratio)),
            ]);
            let [_, other] = &cells[..] else { panic!() };
            other
                .summary
                .as_ref()
                .unwrap()
                .bursts
                .warm
                .verdict()
                .unwrap()
        };
        let slower = verdict(&[200, 201, 199, 200, 202, 198, 200, 201, 203]);
        assert!(
            matches!(slower, Verdict::Differs(ratio, _) if ratio == 2.0),
            "{slower:?}"
        );
        let same = verdict(&[99, 101, 100, 98, 102, 100, 101, 99, 103]);
        assert!(matches!(same, Verdict::NoDifference(_)), "{same:?}");
        let wide = verdict(&[100, 900, 150, 800, 200, 700, 300, 600, 400]);
        assert!(matches!(wide, Verdict::Inconclusive(_)), "{wide:?}");
        assert_eq!(verdict(&[200; 8]), Verdict::TooFewRounds(8));
    }

    #[test]
    fn a_failed_cell_has_no_summary_and_is_no_baseline() {
        let mut cells = [cell("base", &[(0, 100)]), cell("other", &[(0, 200)])];
        cells[0].failure = Some(Failure {
            kind: FailureKind::WrongAnswer,
            reason: "wrong answer".to_owned(),
            detail: None,
        });
        let cells = summarized(cells);
        assert!(cells[0].summary.is_none());
        assert_eq!(cells[1].summary.as_ref().unwrap().bursts.warm.ratio, None);
    }
}
