//! `monitor check`: what of this machine stands in the way of spawning, and the cure.

mod cores;
mod kernel;
mod load;
mod memory;

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;

use clap::Args;

use super::finding::{Finding, Status};
use super::system::System;
use crate::session::{End, Stop};

/// Looks for what slows spawning on this machine, and names the cure.
#[derive(Debug, Args)]
#[command(
    after_help = "Each line is OK, WARN or FAIL. Exit codes: 0 no FAIL, 2 usage, 3 a FAIL: \
                        not to be\nmeasured on."
)]
pub(crate) struct Check {
    /// Print the findings as JSON
    #[arg(long)]
    json: bool,

    /// Read /proc and /sys below this directory
    #[arg(long, value_name = "DIRECTORY", hide = true)]
    root: Option<PathBuf>,
}

/// Looks at everything, and fails where nothing can be measured.
pub(crate) fn run(options: &Check) -> Result<End, Stop> {
    let findings = findings(&System::below(options.root.as_deref()));
    let text = if options.json {
        let mut text = serde_json::to_string_pretty(&findings).map_err(std::io::Error::other)?;
        text.push('\n');
        text
    } else {
        let mut text = String::new();
        for finding in &findings {
            finding.lines(&mut text);
        }
        let _ = writeln!(text, "\n{}", summary(&findings));
        text
    };
    anstream::stdout().write_all(text.as_bytes())?;
    let is_unfit = findings.iter().any(|one| one.status == Status::Fail);
    Ok(if is_unfit { End::Unfit } else { End::Complete })
}

/// Looks at everything. Takes a third of a second, in which it watches who uses the
/// processor.
pub(crate) fn findings(system: &System) -> Vec<Finding> {
    let guards = kernel::guards();
    let mut findings = vec![build()];
    findings.extend(cores::findings(system));
    findings.extend(kernel::findings(system, &guards));
    findings.extend(memory::findings(system, &guards));
    findings.extend(load::findings(system));
    findings
}

fn summary(findings: &[Finding]) -> String {
    let count = |status| findings.iter().filter(|one| one.status == status).count();
    let counts = [Status::Fail, Status::Warn, Status::Ok]
        .map(|status| format!("{} {}", count(status), status.word()))
        .join(", ");
    let verdict = match findings.iter().map(|finding| finding.status).max() {
        Some(Status::Fail) => "not fit: times taken here say little of spawning",
        Some(Status::Warn) => "fit to measure on, at the price of what is said above",
        _ => "fit to measure on",
    };
    format!("{counts}: {verdict}")
}

fn build() -> Finding {
    let debug = "debug build: a spawn costs many times what it should";
    let cure = "cargo run --release -p comparisons -- monitor check";
    if !cfg!(debug_assertions) {
        Finding::ok(
            "build",
            format!("release, rustc {}", crate::versions::RUSTC),
        )
    } else if std::env::var_os("VIRID_COMPARE_ALLOW_DEBUG").is_some() {
        Finding::warn(
            "build",
            format!("{debug} (allowed by VIRID_COMPARE_ALLOW_DEBUG)"),
            cure,
        )
    } else {
        Finding::fail("build", debug, cure)
    }
}
