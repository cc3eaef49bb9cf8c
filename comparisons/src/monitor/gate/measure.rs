//! What the gate measures: ratios in many short processes, and instructions.

use std::collections::BTreeMap;
use std::fs;
use std::io::{IsTerminal, Write, stderr};
use std::process::{Command, Stdio};

use crate::monitor::children;
use crate::monitor::spawn_path::{PATHS, Path, Spin};

/// Slices in one process: with all paths a fifth of a second.
const QUADS: usize = 300;

/// The turns of a spin in each path.
pub(super) type Spins = BTreeMap<Path, Spin>;

/// No spin.
pub(super) fn no_spins() -> Spins {
    PATHS.map(|path| (path, 0)).into()
}

/// The spin that makes each path dearer by so much.
pub(super) fn calibrated(percent: f64) -> Result<Spins, String> {
    show(|| "calibrating the spin".to_owned());
    let percent = percent.to_string();
    let arguments = ["calibrate", "--percent", &percent];
    let spins = children::probe(&arguments).map_err(|error| error.to_string());
    let spins = children::ask(spins?);
    show(String::new);
    spins
}

/// Adds the ratios of `count` processes to those that are there. Where a process is
/// laid out in memory moves them by a few percent, so that one of it tells little.
pub(super) fn add_ratios(
    ratios: &mut BTreeMap<Path, Vec<f64>>,
    count: usize,
    spins: &Spins,
) -> Result<(), String> {
    let spins: Vec<String> = spins.values().map(Spin::to_string).collect();
    let (quads, spins) = (QUADS.to_string(), spins.join(","));
    let arguments = ["ratios", "--quads", &quads, "--spin", &spins];
    for number in 1..=count {
        show(|| format!("ratios: process {number} of {count}"));
        let command = children::probe(&arguments).map_err(|error| error.to_string())?;
        let of_one: BTreeMap<Path, f64> = children::ask(command)?;
        for (path, ratio) in of_one {
            ratios.entry(path).or_default().push(ratio);
        }
    }
    show(String::new);
    Ok(())
}

/// Whether there is a valgrind that runs.
pub(super) fn has_valgrind() -> bool {
    let mut command = Command::new("valgrind");
    command.arg("--version").stdout(Stdio::null());
    let status = command.stderr(Stdio::null()).stdin(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

/// Instructions of one spawn and its run, by path.
pub(super) fn instructions(spins: &Spins) -> Result<BTreeMap<Path, f64>, String> {
    /// Backlogs of 64 tasks: what a run with more has on top is theirs alone.
    const FEW: u64 = 100;
    const MANY: u64 = 500;
    let mut instructions = BTreeMap::new();
    for (&path, &spin) in spins {
        show(|| format!("instructions: {}", path.name()));
        let few = counted(path, FEW, spin)?;
        let many = counted(path, MANY, spin)?;
        let each = many.saturating_sub(few) as f64 / ((MANY - FEW) * 64) as f64;
        instructions.insert(path, each);
    }
    show(String::new);
    Ok(instructions)
}

/// Instructions of a whole process.
fn counted(path: Path, backlogs: u64, spin: Spin) -> Result<u64, String> {
    let file = std::env::temp_dir().join(format!("virid-gate-{}.callgrind", std::process::id()));
    let (backlogs, spin) = (backlogs.to_string(), spin.to_string());
    let mut command = Command::new("valgrind");
    let binary = std::env::current_exe().map_err(|error| error.to_string())?;
    command
        .args(["--tool=callgrind", "-q"])
        .arg(format!("--callgrind-out-file={}", file.display()))
        .arg(binary)
        .args(["monitor", "probe", "count", "--path", path.name()])
        .args(["--backlogs", &backlogs, "--spin", &spin])
        .stderr(Stdio::null());
    let ran = children::run(command);
    let profile = fs::read_to_string(&file);
    let _ = fs::remove_file(&file);
    ran?;
    let profile = profile.map_err(|error| format!("callgrind wrote no profile: {error}"))?;
    let total = profile.lines().find_map(|line| {
        let total = line
            .strip_prefix("summary: ")
            .or(line.strip_prefix("totals: "));
        total?.trim().parse().ok()
    });
    total.ok_or_else(|| "callgrind's profile has no sum".to_owned())
}

/// Shows what is being done, on a terminal; nothing takes it away.
fn show(what: impl FnOnce() -> String) {
    if stderr().is_terminal() {
        let _ = write!(stderr(), "\r\x1b[K{}", what());
    }
}
