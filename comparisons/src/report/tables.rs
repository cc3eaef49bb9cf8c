//! The tables of a document: one for each workload and burst.

use crate::format;
use crate::results::{Cell, Document, Summary};
use crate::table::{Align, Emphasis, Row, Table};
use crate::workloads::{Facts, Phase, WORKLOADS, Workload};

/// One workload of a document.
#[derive(Debug)]
pub(super) struct Section {
    /// What was measured, and with how many workers.
    pub(super) heading: String,
    /// Each with the line above it.
    pub(super) tables: Vec<(&'static str, Table)>,
}

/// The workloads that the document has cells of.
pub(super) fn sections(document: &Document, baseline: &str) -> Vec<Section> {
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
            (title, table(&cells, facts, baseline, phase))
        });
        Some(Section {
            heading: heading(workload, workers),
            tables: tables.collect(),
        })
    });
    sections.collect()
}

fn heading(workload: Workload, workers: usize) -> String {
    let facts = workload.facts();
    let threads = match workers {
        1 => "1 worker thread".to_owned(),
        many => format!("{many} worker threads"),
    };
    format!("{}: {}. {threads}.", facts.name, facts.describe)
}

fn table(cells: &[&Cell], facts: &Facts, baseline: &str, phase: Phase) -> Table {
    let groups = cells.chunk_by(|one, next| one.size == next.size);
    let groups = groups.map(|group| {
        let ranks = group
            .iter()
            .filter_map(|cell| Some(cell.summary.as_ref()?.bursts.of(phase).rank()));
        let best = ranks.fold(f64::INFINITY, f64::min);
        let rows = group.iter().enumerate();
        rows.map(|(index, cell)| row(cell, facts, index == 0, best, baseline, phase))
            .collect()
    });
    let mut columns = vec![
        ("size".to_owned(), Align::Right),
        ("runtime".to_owned(), Align::Left),
        (format!("ns/{}", facts.unit), Align::Right),
        ("range".to_owned(), Align::Right),
        (format!("vs {baseline}"), Align::Left),
    ];
    let costs: &[&str] = match facts.asks_for_memory {
        true => &["memory/task"],
        false => &["memory", "CPU"],
    };
    columns.extend(costs.iter().map(|&title| (title.to_owned(), Align::Right)));
    Table {
        columns,
        groups: groups.collect(),
    }
}

fn row(cell: &Cell, facts: &Facts, is_first: bool, best: f64, baseline: &str, phase: Phase) -> Row {
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
            cells.extend(times(cell, summary, baseline, phase));
            cells.extend(costs(summary, facts, phase));
            if summary.bursts.of(phase).rank() <= best {
                Emphasis::Best
            } else {
                Emphasis::None
            }
        }
    };
    Row { cells, emphasis }
}

fn times(cell: &Cell, summary: &Summary, baseline: &str, phase: Phase) -> [String; 3] {
    let times = summary.bursts.of(phase);
    [
        format::three_digits(times.ns_each),
        if cell.samples.len() > 1 {
            format!(
                "{}-{}",
                format::three_digits(times.fastest_ns_each),
                format::three_digits(times.slowest_ns_each)
            )
        } else {
            String::new()
        },
        match times.ratio {
            _ if cell.runtime == baseline => "-".to_owned(),
            None => String::new(),
            Some(ratio) if times.rounds_disagree => format!("~{}", format::ratio(ratio)),
            Some(ratio) => format::ratio(ratio),
        },
    ]
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
