//! Everything that is measured, by name.

use crate::handover::{self, Addresses, Links};
use crate::machine::refuse_huge_pages;
use crate::patterns::{Findings, bursts, held, passed};
use crate::tasks;
use crate::ways::{Advised, Alone, Boxed, Deferred, Locked, Magazines, Ready, Tagged, Way};

/// One measurement: a process of its own in every round.
pub(crate) struct Row {
    pub(crate) pattern: &'static str,
    pub(crate) way: &'static str,
    /// How many cells a full run takes.
    pub(crate) cells: u64,
    pub(crate) measure: fn(u64) -> Findings,
}

const MANY: u64 = 2_000_000;
/// The burst that is held at once.
const HELD: u64 = 1_000_000;

/// Cells of every row in a run that only shows that all works: more than the
/// backlog, and more than a slab holds.
pub(crate) const FEW: u64 = 40_000;

/// The ways, and what the table calls them.
pub(crate) const WAYS: [(&str, &str); 7] = [
    ("ready", "nothing: the cells are there"),
    ("boxed", "malloc and free"),
    ("locked", "list under a mutex"),
    ("alone", "list of one thread"),
    ("tagged", "shared list, tagged"),
    ("deferred", "shared list, epochs"),
    ("magazines", "magazines of 62"),
];

pub(crate) fn all() -> Vec<Row> {
    let mut rows = Vec::new();
    shared::<Ready>(&mut rows, "ready");
    shared::<Boxed>(&mut rows, "boxed");
    shared::<Locked>(&mut rows, "locked");
    one_thread::<Alone>(&mut rows, "alone");
    shared::<Tagged>(&mut rows, "tagged");
    shared::<Deferred>(&mut rows, "deferred");
    shared::<Magazines>(&mut rows, "magazines");
    let mut row = |pattern, way, cells, measure| {
        rows.push(Row {
            pattern,
            way,
            cells,
            measure,
        });
    };
    row("held", "huge-pages", HELD, held::<Advised>);
    row("held", "small-pages", HELD, |cells| {
        refuse_huge_pages();
        held::<Advised>(cells)
    });
    row("in-order", "addresses", MANY, |cells| {
        handover::run::<Addresses>(cells, false)
    });
    row("in-order", "links", MANY, |cells| {
        handover::run::<Links>(cells, false)
    });
    row("mixed", "addresses", MANY, |cells| {
        handover::run::<Addresses>(cells, true)
    });
    row("mixed", "links", MANY, |cells| {
        handover::run::<Links>(cells, true)
    });
    row("tasks", "bursts", MANY, tasks::bursts);
    row("tasks", "passed", MANY, tasks::passed);
    rows
}

fn one_thread<W: Way>(rows: &mut Vec<Row>, way: &'static str) {
    rows.push(Row {
        pattern: "bursts",
        way,
        cells: 4 * MANY,
        measure: bursts::<W>,
    });
    rows.push(Row {
        pattern: "held",
        way,
        cells: HELD,
        measure: held::<W>,
    });
}

fn shared<W: Way>(rows: &mut Vec<Row>, way: &'static str) {
    one_thread::<W>(rows, way);
    rows.push(Row {
        pattern: "passed",
        way,
        cells: MANY,
        measure: passed::<W>,
    });
}
