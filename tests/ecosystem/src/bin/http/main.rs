//! An axum server on virid and on Tokio, under the same load from another process.
//!
//! ```sh
//! cargo run --release -p ecosystem --bin http
//! ```
//!
//! Every server is a process of its own with two workers, and so is the load: one plain
//! thread with sockets that do not block, on the same machine, which checks every answer.
//! In each round all servers have their turn. The first table has some connections that
//! are always busy, the second many of which few are.
//!
//! Exit codes: 0 all answers were right, 1 not, 2 usage.

mod cli;
mod load;
mod report;
mod rounds;
mod server;

use std::process::ExitCode;

use clap::Parser;

use cli::{Cli, Command};

fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match cli.command {
        Some(Command::Server { kind }) => server::run(kind),
        Some(Command::Load(plan)) => load::run(&plan),
        None => rounds::run(&cli),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("http: {error}");
            ExitCode::FAILURE
        }
    }
}
