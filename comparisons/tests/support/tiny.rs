//! The smallest run.

use std::process::Command;

use crate::run::of_workloads;

/// A tiny run of `runtimes` in the flat burst, with its results in a file called
/// `name`.
pub(crate) fn tiny(name: &str, runtimes: &str, more: &[&str]) -> Command {
    let mut command = of_workloads(name, "flat", runtimes);
    command.args(["--sizes", "1000"]).args(more);
    command
}
