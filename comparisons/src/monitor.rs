//! Whether spawning is healthy: on this machine, in this build, and against an
//! earlier one. Each command is a file here and a line in [`What`].
//!
//! Its words are OK, WARN and FAIL; colour says nothing that they do not.

mod cgroup;
mod check;
mod children;
mod clock;
mod finding;
mod gate;
mod probe;
mod samples;
mod spawn_path;
mod system;
mod timing;
mod validate;
mod watch;

use clap::{Args, Subcommand};

use crate::session::{End, Stop};

const EXAMPLES: &str = "\
Examples:
  cargo run --release -p comparisons -- monitor check
  cargo run --release -p comparisons -- monitor validate
  cargo run --release -p comparisons -- monitor watch
  cargo run --release -p comparisons -- monitor gate --write baseline.json
  cargo run --release -p comparisons -- monitor gate --baseline baseline.json";

const EXIT_CODES: &str = "\
Exit codes: 0 healthy, 1 not, 2 usage, 3 this machine cannot be measured on or
the measurement came to no result.";

/// Says whether spawning is healthy, on this machine and in this build.
#[derive(Debug, Args)]
#[command(after_help = format!("{EXAMPLES}\n\n{EXIT_CODES}"))]
pub(crate) struct Monitor {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Check(check::Check),
    Validate(validate::Validate),
    Bench(validate::Bench),
    Gate(gate::Gate),
    Watch(watch::Watch),
    #[command(hide = true)]
    Probe(probe::Probe),
}

/// Does what the command line says.
pub(crate) fn run(monitor: &Monitor) -> Result<End, Stop> {
    match &monitor.what {
        What::Check(options) => check::run(options),
        What::Validate(options) => validate::validate(options),
        What::Bench(options) => validate::bench(options),
        What::Gate(options) => gate::run(options),
        What::Watch(options) => watch::run(options),
        What::Probe(options) => probe::run(options),
    }
}
