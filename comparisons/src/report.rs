//! A document as people read it.

mod bars;
mod curves;
mod drawing;
mod glance;
mod html;
mod palette;
mod panel;
mod scale;
mod tables;

use std::fmt::Write;

use anstyle::Style;

use crate::format;
use crate::results::{Cell, Document, FailureKind};
use crate::runtimes::CONTENDERS;
use crate::stats;
use crate::summary::WIDEST;
use crate::workloads::Workload;
pub(crate) use drawing::{Theme, sweep};
pub(crate) use html::page;
use tables::{Detail, sections};

const WIDTH: usize = 80;
const KEY: usize = 10;

/// Part of the CPU time that others may take before the report mentions it.
const NOISE: f64 = 0.02;

/// Part of the CPU time of one measurement that the hypervisor may take before the
/// report counts it.
const STEAL: f64 = 0.01;

/// The tables and the lines below them, for a terminal.
pub(crate) fn terminal(document: &Document, baseline: &str) -> String {
    let mut text = String::new();
    let bold = Style::new().bold();
    for section in sections(document, baseline, Detail::Some) {
        let mut heading = String::new();
        wrap(&mut heading, "", &section.heading());
        let _ = write!(text, "\n{bold}{}{bold:#}", heading);
        for (title, table) in section.tables {
            text.push('\n');
            wrap(&mut text, "", title);
            text.push_str(&table.terminal_within(WIDTH));
        }
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

/// Appends `value` in lines that fit below the tables, indented behind `key`.
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

/// The tables and the lines below them, as Markdown, below a picture that has a file
/// for light backgrounds and one for dark ones.
pub(crate) fn markdown(document: &Document, baseline: &str, picture: Option<[&str; 2]>) -> String {
    let mut text = String::new();
    if let Some([light, dark]) = picture {
        let _ = writeln!(
            text,
            "<picture>\n  <source media=\"(prefers-color-scheme: dark)\" srcset=\"{dark}\">\n  \
             <img src=\"{light}\" alt=\"Time and memory of {baseline} and its peers over the \
             number of tasks\">\n</picture>\n"
        );
    }
    for section in sections(document, baseline, Detail::Some) {
        let _ = writeln!(text, "**{}**\n", section.heading());
        for (title, table) in section.tables {
            let _ = writeln!(text, "{title}\n\n{}", table.markdown());
        }
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
        let mut line = format!("{}: {}: {detail}", cell.runtime, failure.reason);
        // What is not there is not there in any workload.
        if failure.kind != FailureKind::NotInstalled {
            line = format!("{}, {line}", group_name(cell));
        }
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    lines.extend(fewer_runs(document));
    lines.extend(limits(document));
    if document.interrupted {
        lines.push("interrupted: the tables hold what was finished".to_owned());
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
    lines.extend(steal(document));
    let workers = document.cells.iter().map(|cell| cell.workers).max();
    if let Some(workers) = workers.filter(|&workers| workers > machine.cores) {
        lines.push(format!(
            "{workers} worker threads share {} cores",
            machine.cores
        ));
    }
    lines
}

/// In which measurements the hypervisor took the processors away. They count all the
/// same: who leaves out some has to choose which.
fn steal(document: &Document) -> Option<String> {
    let samples = || {
        let cells = document.cells.iter();
        cells.flat_map(|cell| cell.samples.iter().map(move |sample| (cell, sample)))
    };
    let stolen = samples().filter_map(|(cell, sample)| {
        let part = sample.disturbance?.stolen;
        (part > STEAL).then_some((part, cell, sample.round))
    });
    let stolen: Vec<_> = stolen.collect();
    let (most, cell, round) = stolen
        .iter()
        .max_by(|one, other| one.0.total_cmp(&other.0))?;
    Some(format!(
        "steal: in {} of {} measurements the hypervisor gave over {} of the CPU time to other \
         machines, at most {} ({}, {}, round {}); all count",
        stolen.len(),
        samples().count(),
        format::percent(STEAL),
        format::percent(*most),
        group_name(cell),
        cell.runtime,
        round + 1
    ))
}

fn runs(document: &Document) -> usize {
    let runs = document.cells.iter().map(|cell| cell.samples.len());
    runs.max().unwrap_or(0)
}

/// Sizes that were run less often than the others, and why.
fn fewer_runs(document: &Document) -> Option<String> {
    let most = runs(document);
    let mut fewer: Vec<String> = document
        .cells
        .iter()
        .filter(|cell| cell.failure.is_none() && (1..most).contains(&cell.samples.len()))
        .map(|cell| format!("{} of {}", cell.samples.len(), group_name(cell)))
        .collect();
    fewer.dedup();
    (!fewer.is_empty() && !document.interrupted).then(|| {
        format!(
            "fewer rounds, all that fit into the time of the workload: {}",
            fewer.join(", ")
        )
    })
}

/// Runtimes that have no row at some size, and why.
fn limits(document: &Document) -> Vec<String> {
    let mut lines = Vec::new();
    for contender in &CONTENDERS {
        let is_beyond = |cell: &&Cell| {
            let entry = contender.entry(cell.workload);
            entry.is_some_and(|entry| !entry.holds(cell.size))
        };
        let beyond = document.cells.iter().find(is_beyond);
        let limit = beyond.and_then(|cell| contender.entry(cell.workload)?.limit);
        if document.versions.contains_key(contender.name) {
            lines.extend(limit.map(|limit| {
                format!(
                    "{}: up to {}; {}",
                    contender.name,
                    format::size(limit.most),
                    limit.reason
                )
            }));
        }
    }
    lines
}

fn group_name(cell: &Cell) -> String {
    format!("{} {}", cell.workload.name(), format::size(cell.size))
}

/// What the column of that name means, where a table has it.
fn memory_per_task(document: &Document) -> &'static str {
    if document
        .cells
        .iter()
        .any(|cell| cell.workload == Workload::Parked)
    {
        "; memory/task: growth of the process until all waited, page tables included, divided \
         by their number"
    } else {
        ""
    }
}

/// The machine and the day in a line.
fn machine_words(document: &Document) -> String {
    let machine = &document.machine;
    let kind = if machine.virtual_machine {
        " (virtual machine)"
    } else {
        ""
    };
    let day = document.date.split('T').next().unwrap_or_default();
    format!(
        "{}{kind}, {} cores, {}, {}, {day}",
        machine.cpu,
        machine.cores,
        format::kib(machine.memory_kib as f64),
        machine.kernel
    )
}

/// Where the numbers come from.
fn origin(document: &Document, baseline: &str) -> Vec<(&'static str, String)> {
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
                "medians over {} rounds, in each of which a process runs the burst twice; ±: \
                 half of the 95 % interval of the time; vs {baseline}: median of the ratios \
                 within a round, which can differ from the ratio of the medians, and its 95 % \
                 interval (bootstrap); no difference: the interval holds 1; inconclusive: \
                 half of it is more than {} of the ratio, or there are fewer than {} rounds; \
                 highlighted: the fastest, and what cannot be told from it; memory: peak of the \
                 process{}; CPU: user and system",
                runs(document),
                format::percent(WIDEST),
                stats::FEWEST,
                memory_per_task(document)
            ),
        ),
        ("machine", machine_words(document)),
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
