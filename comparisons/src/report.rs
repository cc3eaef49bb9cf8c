//! A document as people read it.

use std::fmt::Write;

use crate::format;
use crate::results::{Cell, Document};
use crate::table::{Align, Emphasis, Row, Table};
use crate::workloads::Phase;

const WIDTH: usize = 80;
const KEY: usize = 10;

/// The tables, in the order of how often a program meets their burst.
const TABLES: [(&str, Phase); 2] = [
    (
        "The second burst of a process, which finds threads and memory in place:",
        Phase::Warm,
    ),
    (
        "The first burst of a process, which pays for both:",
        Phase::Cold,
    ),
];

/// Part of the CPU time that others may take before the table mentions it.
const NOISE: f64 = 0.02;

/// The table and the lines below it, for a terminal.
pub(crate) fn terminal(document: &Document, baseline: &str) -> String {
    let mut text = String::from("\n");
    wrap(&mut text, "", &headline(document));
    for (title, phase) in TABLES {
        text.push('\n');
        wrap(&mut text, "", title);
        text.push_str(&table(document, baseline, phase).terminal());
    }
    text.push('\n');
    for line in remarks(document) {
        wrap(&mut text, "note", &line);
    }
    for (key, value) in origin(document, baseline) {
        if key == "command" {
            // Not wrapped, so that it can be copied.
            let _ = writeln!(text, "{key:<KEY$}{value}");
        } else {
            wrap(&mut text, key, &value);
        }
    }
    text
}

/// Appends `value` in lines that fit below the table, indented behind `key`.
fn wrap(text: &mut String, key: &str, value: &str) {
    let indent = if key.is_empty() { 0 } else { KEY };
    let mut line = format!("{key:<indent$}");
    let mut empty = true;
    for word in value.split_whitespace() {
        if !empty && line.chars().count() + 1 + word.chars().count() > WIDTH {
            let _ = writeln!(text, "{line}");
            line = " ".repeat(indent);
            empty = true;
        }
        if !empty {
            line.push(' ');
        }
        line.push_str(word);
        empty = false;
    }
    let _ = writeln!(text, "{line}");
}

/// The table and the lines below it, as Markdown.
pub(crate) fn markdown(document: &Document, baseline: &str) -> String {
    let mut text = format!("{}\n\n", headline(document));
    for (title, phase) in TABLES {
        let table = table(document, baseline, phase).markdown();
        let _ = writeln!(text, "{title}\n\n{table}");
    }
    for line in remarks(document) {
        let _ = writeln!(text, "- {line}");
    }
    for (key, value) in origin(document, baseline) {
        let value = if key == "command" {
            format!("`{value}`")
        } else {
            value
        };
        let _ = writeln!(text, "- {key}: {value}");
    }
    text
}

fn headline(document: &Document) -> String {
    format!(
        "Flat burst: {}. {} on every runtime.",
        document.workload.describe(),
        match document.workers {
            1 => "1 worker thread".to_owned(),
            many => format!("{many} worker threads"),
        }
    )
}

fn table(document: &Document, baseline: &str, phase: Phase) -> Table {
    let mut groups: Vec<Vec<Row>> = Vec::new();
    let mut size = None;
    for cell in &document.cells {
        let first = size != Some(cell.tasks);
        if first {
            groups.push(Vec::new());
            size = Some(cell.tasks);
        }
        let best = best(document, cell.tasks, phase);
        let row = row(cell, first, best, baseline, phase);
        groups.last_mut().expect("pushed above").push(row);
    }
    Table {
        columns: vec![
            ("size", Align::Right),
            ("runtime", Align::Left),
            ("ns/task", Align::Right),
            ("range", Align::Right),
            ("vs virid", Align::Left),
            ("memory", Align::Right),
            ("CPU", Align::Right),
            ("runs", Align::Right),
        ],
        groups,
    }
}

fn row(cell: &Cell, first: bool, best: f64, baseline: &str, phase: Phase) -> Row {
    let size = if first {
        format::tasks(cell.tasks)
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
            let times = summary.bursts.of(phase);
            cells.extend([
                format::three_digits(times.ns_per_task),
                if cell.samples.len() > 1 {
                    format!(
                        "{}-{}",
                        format::three_digits(times.fastest_ns_per_task),
                        format::three_digits(times.slowest_ns_per_task)
                    )
                } else {
                    String::new()
                },
                match times.ratio {
                    _ if cell.runtime == baseline => "-".to_owned(),
                    None => String::new(),
                    Some(ratio) if times.rounds_disagree => {
                        format!("~{}", format::ratio(ratio))
                    }
                    Some(ratio) => format::ratio(ratio),
                },
                format::kib(summary.peak_kib),
                format::nanos(times.cpu_ns),
                cell.samples.len().to_string(),
            ]);
            if times.rank() <= best {
                Emphasis::Best
            } else {
                Emphasis::None
            }
        }
    };
    Row { cells, emphasis }
}

fn best(document: &Document, tasks: u64, phase: Phase) -> f64 {
    let of_size = document.cells.iter().filter(|cell| cell.tasks == tasks);
    of_size
        .filter_map(|cell| Some(cell.summary.as_ref()?.bursts.of(phase).rank()))
        .fold(f64::INFINITY, f64::min)
}

/// Whatever a reader has to know about these very numbers.
fn remarks(document: &Document) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for cell in &document.cells {
        let Some(failure) = &cell.failure else {
            continue;
        };
        let Some(detail) = &failure.detail else {
            continue;
        };
        let line = format!("{}: {}: {detail}", cell.runtime, failure.reason);
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    lines.extend(fewer_runs(document));
    if document.interrupted {
        lines.push("interrupted: the table holds what was finished".to_owned());
    }
    let machine = &document.machine;
    if let Some(disturbance) = machine.disturbance {
        if disturbance.others > NOISE {
            lines.push(format!(
                "noisy: other processes took {} of the CPU time",
                format::percent(disturbance.others)
            ));
        }
        if disturbance.stolen > NOISE {
            lines.push(format!(
                "noisy: the hypervisor gave {} of the CPU time to other machines",
                format::percent(disturbance.stolen)
            ));
        }
    }
    if document.workers > machine.cores {
        lines.push(format!(
            "{} worker threads share {} cores",
            document.workers, machine.cores
        ));
    }
    lines
}

/// Sizes that were run less often than the others, and why.
fn fewer_runs(document: &Document) -> Option<String> {
    let runs = |cell: &Cell| cell.samples.len();
    let most = document.cells.iter().map(runs).max()?;
    let mut fewer: Vec<String> = document
        .cells
        .iter()
        .filter(|cell| cell.failure.is_none() && (1..most).contains(&runs(cell)))
        .map(|cell| format::tasks(cell.tasks))
        .collect();
    fewer.dedup();
    (!fewer.is_empty() && !document.interrupted).then(|| {
        format!(
            "{}: fewer runs, all that fit into two minutes",
            fewer.join(", ")
        )
    })
}

/// Where the numbers come from.
fn origin(document: &Document, baseline: &str) -> Vec<(&'static str, String)> {
    let machine = &document.machine;
    let virtual_machine = if machine.virtual_machine {
        " (virtual machine)"
    } else {
        ""
    };
    let versions: Vec<String> = document
        .versions
        .iter()
        .map(|(name, version)| format!("{name} {version}"))
        .collect();
    let commit = document.git.as_ref().map(|git| {
        let changed = if git.dirty { ", with changes" } else { "" };
        let short: String = git.sha.chars().take(12).collect();
        format!(", commit {short}{changed}")
    });
    vec![
        (
            "columns",
            format!(
                "medians over the runs, each a process that runs the burst twice; range: fastest to slowest; vs {baseline}: median of the ratios \
                 within a round, which can differ from the ratio of the medians, ~ if rounds \
                 disagree on which is faster; memory: peak of the process; CPU: user and system"
            ),
        ),
        (
            "machine",
            format!(
                "{}{virtual_machine}, {} cores, {}, {}",
                machine.cpu,
                machine.cores,
                format::kib(machine.memory_kib as f64),
                machine.kernel
            ),
        ),
        ("versions", versions.join(", ")),
        (
            "run",
            format!(
                "{}, seed {}{}",
                document.date,
                document.seed,
                commit.unwrap_or_default()
            ),
        ),
        ("command", document.command.clone()),
    ]
}
