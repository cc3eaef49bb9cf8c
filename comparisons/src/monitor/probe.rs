//! The measuring side: a hidden command, each run of which is a process of its own
//! and prints one line of JSON.

use std::collections::BTreeMap;
use std::io::Write;

use clap::{Args, Subcommand};
use serde::Serialize;

use super::spawn_path::{self, PATHS, Path, Spin};
use super::timing;
use crate::child;
use crate::session::{End, Stop};

/// Measures for another command.
#[derive(Debug, Args)]
pub(crate) struct Probe {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// What each path costs, as a multiple of a closure in a queue
    Ratios {
        #[arg(long)]
        quads: usize,
        #[arg(long, value_delimiter = ',')]
        spin: Vec<Spin>,
    },
    /// Runs one path and measures nothing: for callgrind
    Count {
        #[arg(long)]
        path: String,
        #[arg(long)]
        backlogs: u64,
        #[arg(long)]
        spin: Spin,
    },
    /// How long the parts of a spawn take
    Parts {
        #[arg(short)]
        n: usize,
        #[arg(long)]
        rate: u32,
    },
    /// How long the first spawns of a process take
    Cold {
        #[arg(long)]
        prewarm: bool,
    },
    /// The turns of the spin that make each path dearer by so much
    Calibrate {
        #[arg(long)]
        percent: f64,
    },
}

/// Measures, and prints what came of it.
pub(crate) fn run(probe: &Probe) -> Result<End, Stop> {
    child::die_with_the_launcher();
    match &probe.what {
        What::Ratios { quads, spin } => {
            let mut ratios = BTreeMap::new();
            for (path, &spin) in PATHS.into_iter().zip(spin) {
                ratios.insert(path, path.slices(*quads, spin)?.ratio());
            }
            answer(&ratios)?;
        }
        What::Count {
            path,
            backlogs,
            spin,
        } => {
            let path = PATHS.into_iter().find(|one| one.name() == path);
            let path = path.ok_or_else(|| Stop::Usage("no such path".to_owned()))?;
            path.run(*backlogs, *spin)?;
        }
        What::Parts { n, rate } => answer(&timing::parts(*n, *rate)?)?,
        What::Cold { prewarm } => answer(&timing::cold(*prewarm)?)?,
        What::Calibrate { percent } => {
            let spins = PATHS.map(|path| Ok((path, spawn_path::calibrate(path, *percent)?)));
            let spins: std::io::Result<BTreeMap<Path, Spin>> = spins.into_iter().collect();
            answer(&spins?)?;
        }
    }
    Ok(End::Complete)
}

fn answer(answer: &impl Serialize) -> std::io::Result<()> {
    let mut line = serde_json::to_string(answer)?;
    line.push('\n');
    std::io::stdout().lock().write_all(line.as_bytes())
}
