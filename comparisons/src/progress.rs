//! What the user sees while waiting: one changing line on a terminal, one line
//! per round elsewhere. On standard error, so that the results can be piped.

use std::io::{IsTerminal, Write, stderr};

use crate::format;
use crate::results::Cell;
use crate::rounds::Progress;
use crate::workloads::Workload;

/// Shows progress, and clears its line when dropped.
#[derive(Debug)]
pub(crate) struct Display {
    terminal: bool,
}

impl Display {
    /// Looks at where standard error goes.
    pub(crate) fn new() -> Self {
        Self {
            terminal: stderr().is_terminal(),
        }
    }

    /// Shows one step.
    pub(crate) fn show(&self, progress: &Progress<'_>) {
        match progress {
            Progress::Measuring {
                cell,
                round,
                rounds,
                elapsed,
            } if self.terminal => {
                let _ = write!(
                    stderr(),
                    "\r\x1b[K{:>3} s  {}, round {}/{rounds}: {}",
                    elapsed.as_secs(),
                    what(cell.workload, cell.size),
                    round + 1,
                    cell.runtime
                );
            }
            Progress::RoundOver {
                workload,
                size,
                round,
                cells,
            } if !self.terminal => {
                let _ = writeln!(
                    stderr(),
                    "{}, round {}, ns/{}: {}",
                    what(*workload, *size),
                    round + 1,
                    workload.facts().unit,
                    summary(cells, *round)
                );
            }
            Progress::Measuring { .. } | Progress::RoundOver { .. } => {}
        }
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        if self.terminal {
            let _ = write!(stderr(), "\r\x1b[K");
        }
    }
}

fn what(workload: Workload, size: u64) -> String {
    let facts = workload.facts();
    format!("{}, {} {}", facts.name, format::size(size), facts.units)
}

fn summary(cells: &[Cell], round: u32) -> String {
    let words: Vec<String> = cells
        .iter()
        .map(|cell| {
            let time = match (&cell.failure, cell.samples.last()) {
                (Some(failure), _) => failure.reason.clone(),
                (None, Some(sample)) if sample.round == round => {
                    format::three_digits(sample.bursts.warm.ns as f64 / cell.size as f64)
                }
                (None, _) => "-".to_owned(),
            };
            format!("{} {time}", cell.runtime)
        })
        .collect();
    words.join(", ")
}
