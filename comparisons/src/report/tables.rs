//! The tables of a document: one for each workload and burst.

use crate::format;
use crate::results::{Cell, Document};
use crate::stats::Interval;
use crate::summary::{BurstSummary, Summary, Verdict};
use crate::table::{Align, Emphasis, Row, Table};
use crate::workloads::{Facts, Phase, WORKLOADS, Workload};

/// How much a table shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Detail {
    /// What fits into 80 columns.
    Some,
    /// Also the range of the rounds, and how often a processor was lost.
    All,
}

/// One workload of a document.
#[derive(Debug)]
pub(super) struct Section {
    /// The workload.
    pub(super) workload: Workload,
    /// What was measured, and with how many workers.
    pub(super) words: String,
    /// Each with the line above it.
    pub(super) tables: Vec<(&'static str, Table)>,
}

impl Section {
    /// The name of the workload and what was measured.
    pub(super) fn heading(&self) -> String {
        format!("{}: {}", self.workload.name(), self.words)
    }
}

/// The workloads that the document has cells of.
pub(super) fn sections(document: &Document, baseline: &str, detail: Detail) -> Vec<Section> {
    let sections = WORKLOADS.into_iter().filter_map(|workload| {
        let is_of = |cell: &&Cell| cell.workload == workload;
        let cells: Vec<&Cell> = document.cells.iter().filter(is_of).collect();
        let workers = cells.first()?.workers;
        let facts = workload.facts();
        let tables = facts.phases.iter().map(|&phase| {
            let title = match phase {
                Phase::Warm => {
                    "The second burst of a process, which finds threads and memory in place:"
                }
                Phase::Cold => "The first burst of a process, which pays for both:",
            };
            let kind = Kind {
                facts,
                phase,
                baseline,
                detail,
            };
            (title, table(&cells, kind))
        });
        Some(Section {
            workload,
            words: words(workload, workers),
            tables: tables.collect(),
        })
    });
    sections.collect()
}

fn words(workload: Workload, workers: usize) -> String {
    let facts = workload.facts();
    let threads = match workers {
        1 => "1 worker thread".to_owned(),
        many => format!("{many} worker threads"),
    };
    format!("{}. {threads}.", facts.describe)
}

/// What a table is about.
#[derive(Debug, Clone, Copy)]
struct Kind<'a> {
    facts: &'a Facts,
    phase: Phase,
    baseline: &'a str,
    detail: Detail,
}

fn table(cells: &[&Cell], kind: Kind<'_>) -> Table {
    let Kind { facts, phase, .. } = kind;
    let groups = cells.chunk_by(|one, next| one.size == next.size);
    let groups = groups.map(|group| {
        let ends = group
            .iter()
            .filter_map(|cell| Some(reach(cell, phase)?.high));
        let fastest = ends.fold(f64::INFINITY, f64::min);
        let rows = group.iter().enumerate();
        rows.map(|(index, cell)| row(cell, kind, index == 0, fastest))
            .collect()
    });
    let mut columns = vec![
        ("size".to_owned(), Align::Right),
        ("runtime".to_owned(), Align::Left),
        (format!("ns/{}", facts.unit), Align::Right),
        ("±".to_owned(), Align::Right),
        (format!("vs {}", kind.baseline), Align::Left),
        ("95 %".to_owned(), Align::Left),
    ];
    let costs: &[&str] = match facts.asks_for_memory {
        true => &["memory/task"],
        false => &["memory", "CPU"],
    };
    columns.extend(costs.iter().map(|&title| (title.to_owned(), Align::Right)));
    if kind.detail == Detail::All {
        let more = ["range of the rounds", "switches"];
        columns.extend(more.map(|title| (title.to_owned(), Align::Right)));
    }
    Table {
        columns,
        groups: groups.collect(),
    }
}

/// Where the time of a cell may be within its group: relative to the baseline, which
/// is free of what disturbed whole rounds, or without one as it was measured.
fn reach(cell: &Cell, phase: Phase) -> Option<Interval> {
    let times = cell.summary.as_ref()?.bursts.of(phase);
    match times.ratio {
        Some(_) => times.ratio_interval,
        None => times.ns_each_interval,
    }
}

fn row(cell: &Cell, kind: Kind<'_>, is_first: bool, fastest: f64) -> Row {
    let size = if is_first {
        format::size(cell.size)
    } else {
        String::new()
    };
    let mut cells = vec![size, cell.runtime.clone()];
    let emphasis = match (&cell.failure, &cell.summary) {
        (Some(failure), _) => {
            cells.push(failure.reason.clone());
            Emphasis::Failed
        }
        (None, None) => {
            cells.push("not measured".to_owned());
            Emphasis::Failed
        }
        (None, Some(summary)) => {
            let times = summary.bursts.of(kind.phase);
            cells.push(format::three_digits(times.ns_each));
            cells.push(times.half_width().map(spread).unwrap_or_default());
            cells.extend(versus(times, cell.runtime == kind.baseline));
            cells.extend(costs(summary, kind.facts, kind.phase));
            if kind.detail == Detail::All {
                cells.push(format::range(times.fastest_ns_each, times.slowest_ns_each));
                cells.push(format!("{:.0}", times.involuntary));
            }
            match reach(cell, kind.phase) {
                Some(interval) if interval.low <= fastest => Emphasis::Best,
                _ => Emphasis::None,
            }
        }
    };
    Row { cells, emphasis }
}

fn spread(half_width: f64) -> String {
    format!("{:.0}%", half_width * 100.0)
}

/// The ratio to the baseline, and where it is in 95 of 100 cases.
pub(super) fn versus(times: &BurstSummary, is_baseline: bool) -> [String; 2] {
    let range = |of: Interval| format::range(of.low, of.high);
    match times.verdict() {
        _ if is_baseline => ["-".to_owned(), String::new()],
        None => [String::new(), String::new()],
        Some(Verdict::TooFewRounds(1)) => ["inconclusive".to_owned(), "1 round".to_owned()],
        Some(Verdict::TooFewRounds(n)) => ["inconclusive".to_owned(), format!("{n} rounds")],
        Some(Verdict::Inconclusive(of)) => ["inconclusive".to_owned(), range(of)],
        Some(Verdict::NoDifference(of)) => ["no difference".to_owned(), range(of)],
        Some(Verdict::Differs(ratio, of)) if ratio < 1.0 => [
            format::ratio(ratio),
            format::range(1.0 / of.high, 1.0 / of.low),
        ],
        Some(Verdict::Differs(ratio, of)) => [format::ratio(ratio), range(of)],
    }
}

fn costs(summary: &Summary, facts: &Facts, phase: Phase) -> Vec<String> {
    let times = summary.bursts.of(phase);
    if facts.asks_for_memory {
        let held = times.held_bytes_each.map(format::bytes);
        vec![held.unwrap_or_default()]
    } else {
        vec![format::kib(summary.peak_kib), format::nanos(times.cpu_ns)]
    }
}
