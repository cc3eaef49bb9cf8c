//! What one drawing shows: a quantity of several runtimes, at one size or over sizes.

use crate::format;
use crate::results::Cell;
use crate::stats::Interval;
use crate::summary::Summary;
use crate::workloads::{Facts, Phase};

/// A drawing's worth of values.
#[derive(Debug)]
pub(super) struct Panel {
    /// Quantity and unit.
    pub(super) title: String,
    /// What the sizes count.
    pub(super) units: &'static str,
    /// The sizes, ascending.
    pub(super) sizes: Vec<u64>,
    /// One for each runtime that has a value.
    pub(super) series: Vec<Series>,
}

/// One runtime.
#[derive(Debug)]
pub(super) struct Series {
    /// Its name.
    pub(super) runtime: String,
    /// By ascending size.
    pub(super) points: Vec<Point>,
}

/// One value.
#[derive(Debug, Clone, Copy)]
pub(super) struct Point {
    /// The size it was measured at.
    pub(super) size: u64,
    /// The median.
    pub(super) value: f64,
    /// Its interval, where there is one.
    pub(super) interval: Option<Interval>,
}

/// The drawings of a workload: times, then memory.
pub(super) fn panels(cells: &[&Cell], facts: &'static Facts) -> Vec<Panel> {
    let mut panels: Vec<Panel> = facts
        .phases
        .iter()
        .map(|&phase| time(cells, facts, phase))
        .collect();
    panels.push(memory(cells, facts));
    panels.retain(|panel| !panel.series.is_empty());
    panels
}

/// Wall time of one of the bursts.
pub(super) fn time(cells: &[&Cell], facts: &'static Facts, phase: Phase) -> Panel {
    let burst = match (facts.phases, phase) {
        ([_], _) => "",
        (_, Phase::Warm) => ", second burst",
        (_, Phase::Cold) => ", first burst",
    };
    panel(
        cells,
        facts,
        format!("ns per {}{burst}", facts.unit),
        |of| {
            let times = of.bursts.of(phase);
            Some((times.ns_each, times.ns_each_interval))
        },
    )
}

/// Memory: of each task, if that is what the workload is about, else of the process.
pub(super) fn memory(cells: &[&Cell], facts: &'static Facts) -> Panel {
    if facts.asks_for_memory {
        let title = format!("bytes per waiting {}", facts.unit);
        return panel(cells, facts, title, |of| {
            Some((of.bursts.warm.held_bytes_each?, None))
        });
    }
    let title = "peak memory of the process, MiB".to_owned();
    panel(cells, facts, title, |of| Some((of.peak_kib / 1024.0, None)))
}

fn panel(
    cells: &[&Cell],
    facts: &'static Facts,
    title: String,
    value: impl Fn(&Summary) -> Option<(f64, Option<Interval>)>,
) -> Panel {
    let mut sizes: Vec<u64> = cells.iter().map(|cell| cell.size).collect();
    sizes.sort_unstable();
    sizes.dedup();
    let mut series: Vec<Series> = Vec::new();
    for cell in cells {
        let Some((value, interval)) = cell.summary.as_ref().and_then(&value) else {
            continue;
        };
        let point = Point {
            size: cell.size,
            value,
            interval,
        };
        match series.iter_mut().find(|of| of.runtime == cell.runtime) {
            Some(series) => series.points.push(point),
            None => series.push(Series {
                runtime: cell.runtime.clone(),
                points: vec![point],
            }),
        }
    }
    Panel {
        title,
        units: facts.units,
        sizes,
        series,
    }
}

impl Point {
    /// Its interval, or itself.
    pub(super) fn ends(&self) -> (f64, f64) {
        match self.interval {
            Some(of) => (of.low, of.high),
            None => (self.value, self.value),
        }
    }

    /// In words, for who points at it.
    pub(super) fn words(&self, runtime: &str) -> String {
        let value = format::three_digits(self.value);
        let size = format::size(self.size);
        match self.interval {
            Some(of) => format!(
                "{runtime}, {size}: {value} (95 %: {})",
                format::range(of.low, of.high)
            ),
            None => format!("{runtime}, {size}: {value}"),
        }
    }
}
