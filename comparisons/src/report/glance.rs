//! One table of all: a row for each runtime, a column for each workload, and in it how
//! many times as long as the baseline it takes.

use maud::{Markup, html};

use super::palette::look;
use super::tables::versus;
use crate::format;
use crate::results::{Cell, Document};
use crate::summary::Verdict;
use crate::workloads::{Phase, WORKLOADS, Workload};

/// A ratio that has the full colour.
const MUCH: f64 = 30.0;

/// Draws the table.
pub(super) fn table(document: &Document, baseline: &str) -> Markup {
    let columns: Vec<_> = WORKLOADS
        .into_iter()
        .filter_map(|workload| column(document, workload))
        .collect();
    let mut runtimes: Vec<&str> = Vec::new();
    for cell in &document.cells {
        if !runtimes.contains(&&*cell.runtime) {
            runtimes.push(&cell.runtime);
        }
    }
    html! {
        div.scroll { table.glance {
            thead { tr {
                td.none {}
                @for (workload, size) in &columns {
                    th scope="col" {
                        a href=(format!("#{}", workload.name())) { (workload.name()) }
                        small { (format::size(*size)) }
                    }
                }
            } }
            tbody { @for runtime in runtimes {
                tr.first[runtime == baseline] {
                    th.(look(runtime).class) scope="row" { (runtime) }
                    @for &(workload, size) in &columns {
                        (value(document, workload, size, runtime, baseline))
                    }
                }
            } }
        } }
    }
}

/// The size of a workload that most runtimes were measured at; the largest such.
fn column(document: &Document, workload: Workload) -> Option<(Workload, u64)> {
    let of = |size: u64| {
        let measured = document.cells.iter().filter(move |cell| {
            cell.workload == workload && cell.size == size && cell.summary.is_some()
        });
        measured.count()
    };
    let sizes = document
        .cells
        .iter()
        .filter(|cell| cell.workload == workload);
    // Threads of the system take part in small sizes only: two rows more or less do
    // not make a size the better one.
    let largest = sizes.max_by_key(|cell| (of(cell.size).min(4), cell.size))?;
    Some((workload, largest.size))
}

fn value(
    document: &Document,
    workload: Workload,
    size: u64,
    runtime: &str,
    baseline: &str,
) -> Markup {
    let is_this =
        |cell: &&Cell| cell.workload == workload && cell.size == size && cell.runtime == runtime;
    let Some(cell) = document.cells.iter().find(is_this) else {
        return html! { td.none title="takes no part" { "·" } };
    };
    if let Some(failure) = &cell.failure {
        return html! { td.vague { (failure.reason) } };
    }
    let Some(summary) = &cell.summary else {
        return html! { td.vague { "not measured" } };
    };
    let times = summary.bursts.of(Phase::Warm);
    let words = versus(times, runtime == baseline).join(", ");
    let each = format!("{} ns", format::three_digits(times.ns_each));
    if runtime == baseline {
        return html! { td { (each) } };
    }
    match times.verdict() {
        Some(Verdict::Differs(ratio, _)) => {
            let part = (ratio.ln().abs() / MUCH.ln()).min(1.0);
            let style = format!("--much: {:.0}%", 12.0 + 48.0 * part);
            let class = if ratio < 1.0 { "faster" } else { "slower" };
            html! { td.(class) style=(style) title=(format!("{words}; {each}")) {
                (factor(ratio)) "×"
            } }
        }
        Some(Verdict::NoDifference(_)) => {
            html! { td title=(format!("{words}; {each}")) { "=" } }
        }
        Some(_) => html! { td.vague title=(format!("{words}; {each}")) {
            "~" (factor(times.ratio.unwrap_or(1.0))) "×"
        } },
        None => html! { td { (each) } },
    }
}

fn factor(ratio: f64) -> String {
    if ratio >= 9.95 {
        format!("{ratio:.0}")
    } else if ratio >= 1.0 {
        format!("{ratio:.1}")
    } else {
        format!("{ratio:.2}")
    }
}
