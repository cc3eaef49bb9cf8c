//! Measures the same workloads on virid and on its peers.
//!
//! Every measurement is a process of its own: this binary started again, or the
//! Go program in `go/`. The launcher plans, starts, checks and reports, and runs
//! no task itself.

#![forbid(unsafe_code)]

mod child;
mod cli;
mod clock;
mod contender;
mod format;
mod go;
mod hosts;
mod launch;
mod machine;
mod monitor;
mod outputs;
mod plan;
mod progress;
mod protocol;
mod readme;
mod report;
mod results;
mod rounds;
mod runtimes;
mod session;
mod stats;
mod summary;
mod table;
mod tally;
mod versions;
mod workloads;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    if std::env::args_os().nth(1).as_deref() == Some(child::CHILD_ARGUMENT.as_ref()) {
        return match child::serve() {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("{error}");
                ExitCode::FAILURE
            }
        };
    }
    let cli = cli::Cli::parse();
    let end = match &cli.command {
        Some(cli::Command::Monitor(monitor)) => monitor::run(monitor),
        None => session::run(&cli),
    };
    match end {
        Ok(end) => end.into(),
        Err(stop) => {
            anstream::eprintln!("{}", stop.message());
            stop.into()
        }
    }
}
