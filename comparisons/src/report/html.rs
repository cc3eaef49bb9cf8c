//! A document as one HTML file that needs no other.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::tables::{Detail, sections};
use super::{drawing, glance, panel};
use crate::format;
use crate::results::{Cell, Document};
use crate::table::{Align, Emphasis, Table};

const PAGE: &str = include_str!("page.css");

/// The whole page.
pub(crate) fn page(document: &Document, baseline: &str) -> String {
    let title = format!("{baseline} beside its peers");
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                style {
                    (PreEscaped(drawing::STYLE)) (PreEscaped(PAGE))
                    "@media (prefers-color-scheme: dark) {" (PreEscaped(drawing::DARK)) "}"
                }
            }
            body { main {
                h1 { (title) }
                p.quiet { (super::machine_words(document)) }
                (at_a_glance(document, baseline))
                @for section in sections(document, baseline, Detail::All) {
                    @let of = |cell: &&Cell| cell.workload == section.workload;
                    @let cells: Vec<&Cell> = document.cells.iter().filter(of).collect();
                    section id=(section.workload.name()) {
                        h2 { (section.workload.name()) }
                        p.quiet.words { (section.words) }
                        div.panels {
                            @for panel in panel::panels(&cells, section.workload.facts()) {
                                div { (drawing::inline(&panel)) }
                            }
                        }
                        (without_time(&cells))
                        details {
                            summary { "All numbers" }
                            @for (title, part) in &section.tables {
                                h3 { (title) }
                                div.scroll { (table(part)) }
                            }
                        }
                    }
                }
                (about(document, baseline))
            } }
        }
    };
    markup.into_string()
}

fn at_a_glance(document: &Document, baseline: &str) -> Markup {
    html! {
        section {
            h2 { "At a glance" }
            p.quiet {
                "Time of the second burst as a multiple of " (baseline) "’s: above 1 is slower, "
                "below 1 faster, lower is better; = no difference, ~ inconclusive, · takes no part at that size. "
                "In the drawings, bands and thin lines are 95 % intervals. Curves have logarithmic "
                "axes; bars begin at zero, and one that is cut is longer than there is room for."
            }
            (glance::table(document, baseline))
        }
    }
}

/// What has no place in the drawings, and why.
fn without_time(cells: &[&Cell]) -> Markup {
    let missing = cells.iter().filter(|cell| cell.summary.is_none());
    let missing: Vec<String> = missing
        .map(|cell| {
            let reason = cell.failure.as_ref().map(|failure| &*failure.reason);
            let reason = reason.unwrap_or("not measured");
            format!("{} at {}: {reason}", cell.runtime, format::size(cell.size))
        })
        .collect();
    html! { @if !missing.is_empty() { p.quiet { "Without a time: " (missing.join("; ")) } } }
}

fn about(document: &Document, baseline: &str) -> Markup {
    html! {
        section {
            h2 { "How to read it, and how to repeat it" }
            dl { @for (key, value) in super::origin(document, baseline) {
                @if key != "command" {
                    dt { (key) }
                    dd { @for part in value.split("; ") { div { (part) } } }
                }
                @if key == "columns" {
                    dt { "" }
                    dd { "switches: how often a thread lost its processor to another, median" }
                }
            } }
            p { "This command measures all of it again:" }
            pre { (document.command) }
            @let remarks = super::remarks(document);
            @if !remarks.is_empty() {
                h3 { "Notes on these very numbers" }
                ul { @for line in remarks { li { (line) } } }
            }
        }
    }
}

fn table(table: &Table) -> Markup {
    let class = |column: usize| match table.columns[column].1 {
        Align::Left => "left",
        Align::Right => "right",
    };
    html! { table {
        thead { tr { @for (column, (title, _)) in table.columns.iter().enumerate() {
            th.(class(column)) scope="col" { (title) }
        } } }
        @for group in &table.groups { tbody { @for row in group {
            @let short = row.cells.len() < table.columns.len();
            tr.best[row.emphasis == Emphasis::Best].failed[row.emphasis == Emphasis::Failed] {
                @for (column, cell) in row.cells.iter().enumerate() {
                    @if short && column + 1 == row.cells.len() {
                        td colspan=(table.columns.len() - column) { (cell) }
                    } @else {
                        td.(class(column)) { (cell) }
                    }
                }
            }
        } } }
    } }
}
