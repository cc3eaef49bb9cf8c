//! `monitor check`: what of this machine stands in the way of spawning, and the cure.

use clap::Args;

use crate::machine::Machine;
use crate::session::{End, Stop};

/// Looks for what slows spawning on this machine, and names the cure.
#[derive(Debug, Args)]
pub(crate) struct Check {}

/// Prints a line for each thing looked at.
pub(crate) fn run(_: &Check) -> Result<End, Stop> {
    let machine = Machine::inspect().map_err(Stop::Unfit)?;
    anstream::println!("OK  cores  {}", machine.cores);
    Ok(End::Complete)
}
