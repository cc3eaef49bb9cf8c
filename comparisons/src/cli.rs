//! The command line.

use std::num::NonZeroU16;
use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Parser, Subcommand, value_parser};

use crate::monitor::Monitor;
use crate::plan;
use crate::runtimes::CONTENDERS;
use crate::workloads::{WORKLOADS, Workload};

const EXAMPLES: &str = "\
Examples:
  cargo run --release -p comparisons
  cargo run --release -p comparisons -- --quick --runtimes virid,tokio
  cargo run --release -p comparisons -- --workloads flat --sizes 1m --rounds 17";

const EXIT_CODES: &str = "\
Exit codes: 0 all measured, 1 a measurement failed or --check found a
difference, 2 usage, 3 this machine cannot be measured on, 130 interrupted.";

fn after_help() -> String {
    let workloads = WORKLOADS.map(|workload| {
        let facts = workload.facts();
        let mark = if facts.is_default { '*' } else { ' ' };
        format!("  {:<13}{mark} {}\n", facts.name, facts.describe)
    });
    let workloads = workloads.concat();
    let time = format!(
        "Time: at most about {} minutes, or {} with --full, after the build.",
        plan::minutes(false),
        plan::minutes(true)
    );
    format!("{EXAMPLES}\n\nWorkloads:\n{workloads}\n{time}\n\n{EXIT_CODES}")
}

const LARGEST: u64 = 100_000_000;

/// Measures virid's tasks and green threads and their peers, next to each other.
///
/// Every measurement is a process of its own. In each round every runtime runs
/// once, in a shuffled order. With no option: the workloads with a star below and
/// all runtimes.
#[derive(Debug, Parser)]
#[command(name = "comparisons", version, after_help = after_help(), max_term_width = 80,
          args_conflicts_with_subcommands = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,

    /// Small sizes: a few seconds for each workload. Not together with --sizes
    #[arg(long, conflicts_with = "sizes")]
    pub(crate) quick: bool,

    /// Every workload listed below; without --quick and --rounds also 17 rounds, and
    /// more time for them
    #[arg(long)]
    pub(crate) full: bool,

    /// Workloads to measure, of those listed below; by default those with a star
    #[arg(long, conflicts_with = "full", value_delimiter = ',', value_name = "NAME,..", hide_possible_values = true,
          value_parser = PossibleValuesParser::new(WORKLOADS.map(Workload::name)))]
    pub(crate) workloads: Vec<String>,

    /// Numbers of tasks, such as 10000, 10k or 1m; at most 100m. Some
    /// workloads keep the sizes they have
    #[arg(long, value_delimiter = ',', value_parser = size, value_name = "N,..")]
    pub(crate) sizes: Vec<u64>,

    /// Runtimes to measure; all by default
    #[arg(long, value_delimiter = ',', value_name = "NAME,..",
          value_parser = PossibleValuesParser::new(CONTENDERS.iter().map(|row| row.name)))]
    pub(crate) runtimes: Vec<String>,

    /// Worker threads of every runtime, where the workload is not about one; the
    /// cores of this machine by default
    #[arg(long, value_name = "N", value_parser = value_parser!(u16).range(1..=4096))]
    pub(crate) workers: Option<u16>,

    /// Rounds of every size; by default 9, or as many as fit into the time of the
    /// workload. An interval takes 9
    #[arg(long, value_name = "N", value_parser = value_parser!(u16).range(1..))]
    pub(crate) rounds: Option<u16>,

    /// Seed of the order of runtimes in each round, and of the intervals
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,

    /// Print the results as JSON instead of as tables
    #[arg(long)]
    pub(crate) json: bool,

    /// The go command to build the Go program with
    #[arg(long, value_name = "PATH")]
    pub(crate) go: Option<PathBuf>,

    /// Where to write the results; by default comparisons/results/all.json, or
    /// tree.json with --workloads tree, or all-part.json with --quick, --sizes or
    /// --runtimes, or readme.json with --readme and all of it
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,

    /// Where to write the report with curves and bars, one HTML file without
    /// other files; by default beside the results, and with --from nowhere
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,

    /// Put the tables between the sweep markers of a Markdown file, and the picture
    /// they begin with beside the results
    #[arg(long, value_name = "FILE")]
    pub(crate) readme: Option<PathBuf>,

    /// Write nothing; fail where --readme would change what --from and it have made
    #[arg(long, requires_all = ["from", "readme"], conflicts_with_all = ["html", "json"])]
    pub(crate) check: bool,

    /// Measure nothing and show earlier results
    #[arg(long, value_name = "JSON", conflicts_with_all = [
        "quick", "full", "workloads", "sizes", "runtimes", "workers", "rounds", "seed", "go", "out", "deadline",
    ])]
    pub(crate) from: Option<PathBuf>,

    /// Seconds after which a child is killed
    #[arg(long, value_name = "SECONDS", hide = true)]
    pub(crate) deadline: Option<NonZeroU16>,
}

/// What it does instead of comparing runtimes.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Monitor(Monitor),
}

fn size(text: &str) -> Result<u64, String> {
    let lower = text.to_ascii_lowercase();
    let (digits, unit) = match lower.as_bytes().last() {
        Some(b'k') => (&lower[..lower.len() - 1], 1000),
        Some(b'm') => (&lower[..lower.len() - 1], 1_000_000),
        _ => (&lower[..], 1),
    };
    digits
        .parse()
        .ok()
        .and_then(|number: u64| number.checked_mul(unit))
        .filter(|size| (1..=LARGEST).contains(size))
        .ok_or_else(|| "valid are 1 to 100m, such as 10000, 10k or 1m".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn sizes() {
        assert_eq!(size("10k"), Ok(10_000));
        assert_eq!(size("1M"), Ok(1_000_000));
        assert_eq!(size("7"), Ok(7));
        for bad in ["", "k", "0", "101m", "-1", "1g", "18446744073709551615k"] {
            assert!(size(bad).is_err(), "{bad}");
        }
    }
}
