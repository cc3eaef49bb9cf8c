//! Panels as SVG: inside the HTML report, and as a file of its own.

use maud::{Markup, PreEscaped, html};

use super::curves::{HEIGHT, WIDTH};
use super::panel::{self, Panel};
use super::{bars, curves};
use crate::results::{Cell, Document};
use crate::workloads::{Phase, WORKLOADS};

/// What every drawing needs.
pub(super) const STYLE: &str = include_str!("style.css");
/// Other colours, for a dark background.
pub(super) const DARK: &str = include_str!("dark.css");

/// Two panels side by side.
const GAP: f64 = 24.0;
const HEAD: f64 = 40.0;
const FOOT: f64 = 24.0;

/// Which background a file is for. In the HTML report the reader's settings decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Theme {
    /// A light one.
    Light,
    /// A dark one.
    Dark,
}

/// A panel, for a page that has [`STYLE`].
pub(super) fn inline(panel: &Panel) -> Markup {
    let (drawing, height) = if panel.sizes.len() > 1 {
        (curves::draw(panel), HEIGHT)
    } else {
        (bars::draw(panel), bars::height(panel))
    };
    html! {
        svg viewBox=(format!("0 0 {WIDTH} {height}")) role="img" aria-label=(panel.title) {
            (drawing)
        }
    }
}

/// The curves of the first workload that has more than one size: its times and its
/// memory. Nothing where there is no such workload.
pub(crate) fn sweep(document: &Document, theme: Theme) -> Option<String> {
    let (workload, cells) = WORKLOADS.into_iter().find_map(|workload| {
        let cells = document.cells.iter();
        let cells: Vec<&Cell> = cells.filter(|cell| cell.workload == workload).collect();
        let first = cells.iter().find(|cell| cell.summary.is_some())?;
        let more = |cell: &&&Cell| cell.summary.is_some() && cell.size != first.size;
        cells
            .iter()
            .any(|cell| more(&cell))
            .then_some((workload, cells))
    })?;
    let facts = workload.facts();
    let panels = [
        panel::time(&cells, facts, Phase::Warm),
        panel::memory(&cells, facts),
    ];
    let (width, height) = (2.0 * WIDTH + GAP, HEAD + HEIGHT + FOOT);
    let dark = if theme == Theme::Dark { DARK } else { "" };
    let headline = format!("{}: {}", facts.name, facts.describe);
    let markup = html! {
        svg xmlns="http://www.w3.org/2000/svg" viewBox=(format!("0 0 {width} {height}"))
            width=(width) height=(height) role="img" aria-label=(headline) {
            style { (PreEscaped(STYLE)) (PreEscaped(dark)) }
            text.headline x="0" y="18" { (headline) }
            @for (panel, left) in panels.iter().zip([0.0, WIDTH + GAP]) {
                g transform=(format!("translate({left} {HEAD})")) { (curves::draw(panel)) }
            }
            text x="0" y=(height - 6.0) {
                (super::machine_words(document)) ". Lower is better; bands: 95 % intervals; logarithmic axes."
            }
        }
    };
    Some(markup.into_string() + "\n")
}
