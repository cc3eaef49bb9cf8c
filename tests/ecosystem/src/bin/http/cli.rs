//! The command line, that of the children included.

use std::fmt;
use std::net::SocketAddr;
use std::num::NonZeroUsize;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Measures an axum server on virid and on Tokio, each a process of its own, under the same
/// load from another process that checks every answer.
#[derive(Debug, Parser)]
#[command(name = "http", max_term_width = 80)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,

    /// How often each server has its turn
    #[arg(long, default_value_t = 9, value_parser = positive)]
    pub(crate) rounds: usize,

    /// Servers to measure; the first is what the others are compared with
    #[arg(long, value_delimiter = ',', value_enum,
          default_values_t = [Kind::Tokio, Kind::Virid, Kind::ViridThreads, Kind::ViridTokioNet])]
    pub(crate) servers: Vec<Kind>,

    /// Connections that are always busy
    #[arg(long, default_value_t = 64, value_parser = positive)]
    pub(crate) connections: usize,

    /// Connections that are open at a time in the second table; 0 for no such table
    #[arg(long, default_value_t = 10_000)]
    pub(crate) open: usize,

    /// Requests that a server answers in a turn
    #[arg(long, default_value_t = 60_000, value_parser = positive)]
    pub(crate) requests: usize,

    /// No numbers: only whether the answers are right
    #[arg(long)]
    pub(crate) check: bool,
}

fn positive(text: &str) -> Result<usize, String> {
    let number = text.parse::<NonZeroUsize>();
    number.map(usize::from).map_err(|error| error.to_string())
}

/// What a child of this program does.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Command {
    /// Serves until its input ends
    #[command(hide = true)]
    Server { kind: Kind },
    /// Asks a server
    #[command(hide = true)]
    Load(Plan),
}

/// What to ask of a server.
#[derive(Args, Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) address: SocketAddr,
    /// How many are open.
    pub(crate) connections: usize,
    /// How many have a request on the way.
    pub(crate) busy: usize,
    pub(crate) requests: usize,
}

/// A server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// Tasks of Tokio, sockets of Tokio
    Tokio,
    /// Tasks of virid, sockets of async-io
    Virid,
    /// Green threads of virid, sockets of async-io
    ViridThreads,
    /// Tasks of virid, sockets of a Tokio runtime beside it
    ViridTokioNet,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Tokio => "tokio",
            Self::Virid => "virid",
            Self::ViridThreads => "virid-threads",
            Self::ViridTokioNet => "virid-tokio-net",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
