//! The file that says how it was.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path as File;
use std::time::SystemTime;

use rustix::thread::{MembarrierCommand, membarrier};
use serde::{Deserialize, Serialize};

use crate::machine::Machine;
use crate::monitor::spawn_path::Path;
use crate::results::Git;
use crate::session;
use crate::versions;

/// Version of the file.
const SCHEMA_VERSION: u32 = 1;

/// What was measured, and where.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Baseline {
    /// Must equal [`SCHEMA_VERSION`].
    schema_version: u32,
    /// When.
    pub(super) date: String,
    /// The command that writes it.
    command: String,
    /// The sources.
    git: Option<Git>,
    /// The compiler.
    rustc: String,
    /// On which machine.
    machine: Machine,
    /// Whether a spawn goes without a fence.
    membarrier: bool,
    /// What a spawn costs, as a multiple of a closure in a queue: a number of each
    /// process that measured it.
    pub(super) ratios: BTreeMap<Path, Vec<f64>>,
    /// Instructions of a spawn, where valgrind was there to count them.
    pub(super) instructions: Option<BTreeMap<Path, f64>>,
}

impl Baseline {
    /// Of this machine and this build, with nothing measured.
    pub(super) fn here() -> Result<Self, String> {
        let mut command = vec!["cargo run --release -p comparisons --".to_owned()];
        command.extend(std::env::args().skip(1).map(|word| session::quoted(&word)));
        let is_off = std::env::var_os("VIRID_MEMBARRIER").is_some_and(|is| is == "off");
        Ok(Self {
            schema_version: SCHEMA_VERSION,
            date: humantime::format_rfc3339_seconds(SystemTime::now()).to_string(),
            command: command.join(" "),
            git: session::git(),
            rustc: versions::RUSTC.to_owned(),
            machine: Machine::inspect()?,
            membarrier: !is_off && membarrier(MembarrierCommand::RegisterPrivateExpedited).is_ok(),
            ratios: BTreeMap::new(),
            instructions: None,
        })
    }

    /// Reads a file, or says what is wrong with it.
    pub(super) fn read(path: &File) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Version {
            schema_version: u32,
        }

        let name = path.display();
        let text = fs::read(path).map_err(|error| format!("cannot read {name}: {error}"))?;
        let no_baseline = |error| format!("{name} is no baseline of the gate: {error}");
        let version: Version = serde_json::from_slice(&text).map_err(no_baseline)?;
        if version.schema_version != SCHEMA_VERSION {
            return Err(format!(
                "{name} has schema version {}, and this gate reads {SCHEMA_VERSION}: write a new \
                 one with --write",
                version.schema_version
            ));
        }
        serde_json::from_slice(&text).map_err(no_baseline)
    }

    /// Writes it.
    pub(super) fn write(&self, path: &File) -> std::io::Result<()> {
        let mut text = serde_json::to_string_pretty(self)?;
        text.push('\n');
        fs::write(path, text)
    }

    /// In what `now` differs so that no number of the two can be compared.
    pub(super) fn differs(&self, now: &Self) -> Vec<String> {
        let pairs = [
            (
                "processor",
                self.machine.cpu.clone(),
                now.machine.cpu.clone(),
            ),
            (
                "cores",
                self.machine.cores.to_string(),
                now.machine.cores.to_string(),
            ),
            (
                "membarrier",
                yes_or_no(self.membarrier),
                yes_or_no(now.membarrier),
            ),
        ];
        let differ = pairs.into_iter().filter(|(_, then, now)| then != now);
        differ
            .map(|(what, then, now)| format!("{what}: {then} then, {now} now"))
            .collect()
    }

    /// One line that says which it is.
    pub(super) fn describe(&self) -> String {
        let git = self.git.as_ref().map_or_else(String::new, |git| {
            let dirty = if git.dirty { " with changes" } else { "" };
            format!(", commit {:.9}{dirty}", git.sha)
        });
        format!("{}{git}, rustc {}", self.date, self.compiler())
    }

    /// The compiler's number.
    pub(super) fn compiler(&self) -> &str {
        self.rustc.split(' ').next().unwrap_or(&self.rustc)
    }
}

fn yes_or_no(is: bool) -> String {
    if is { "yes" } else { "no" }.to_owned()
}
