//! One run of the program, from its command line to its exit code.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::SystemTime;

use crate::cli::Cli;
use crate::contender::Engine;
use crate::go::{NoGo, Search};
use crate::launch::Launcher;
use crate::machine::{CpuTicks, Machine};
use crate::outputs::{self, Tables};
use crate::plan::Plan;
use crate::progress::Display;
use crate::readme::Readme;
use crate::results::{Document, Failure, FailureKind, Git, SCHEMA_VERSION};
use crate::rounds::Rounds;
use crate::runtimes::BASELINE;
use crate::summary::summarize;
use crate::{report, versions};

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// Everything was measured, or was not there to be measured.
    Complete,
    /// A runtime crashed, hung or computed something wrong.
    Failed,
    /// Nothing fits into this machine's memory.
    Unfit,
    /// The user ended it.
    Interrupted,
}

/// Why a run did not come to results.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The user can do something about it.
    Usage(String),
    /// Another machine is needed.
    Unfit(String),
    /// Something else went wrong.
    Io(io::Error),
}

impl From<End> for ExitCode {
    fn from(end: End) -> Self {
        Self::from(match end {
            End::Complete => 0,
            End::Failed => 1,
            End::Unfit => 3,
            End::Interrupted => 130,
        })
    }
}

impl From<Stop> for ExitCode {
    fn from(stop: Stop) -> Self {
        Self::from(match stop {
            Stop::Io(_) => 1,
            Stop::Usage(_) => 2,
            Stop::Unfit(_) => 3,
        })
    }
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl Stop {
    /// What to tell the user.
    pub(crate) fn message(&self) -> String {
        match self {
            Self::Usage(message) => format!("error: {message}"),
            Self::Unfit(message) => format!("this machine cannot be measured on: {message}"),
            Self::Io(error) => format!("error: {error}"),
        }
    }
}

/// Does what the command line says.
pub(crate) fn run(cli: &Cli) -> Result<End, Stop> {
    let readme = cli.readme.as_deref().map(Readme::open).transpose();
    let readme = readme.map_err(Stop::Usage)?;
    let html = cli.html.as_deref().map(writable).transpose()?;
    let (document, results, html) = match &cli.from {
        Some(path) => {
            let mut document = Document::read(path).map_err(Stop::Usage)?;
            summarize(&mut document, BASELINE);
            (document, path.clone(), html)
        }
        None => {
            // Before measuring, so that a wrong path does not cost four minutes.
            let path = results_path(cli)?;
            let document = measure(cli)?;
            match document.write(&path) {
                Ok(()) => eprintln!("results: {}", path.display()),
                Err(error) => eprintln!("cannot write {}: {error}", path.display()),
            }
            let html = html.unwrap_or_else(|| path.with_extension("html"));
            (document, path, Some(html))
        }
    };
    if let (true, Some(readme)) = (cli.check, &readme) {
        return Ok(check(&document, &results, readme));
    }
    let text = if cli.json {
        document.to_json()?
    } else {
        report::terminal(&document, BASELINE)
    };
    anstream::stdout().write_all(text.as_bytes())?;
    if let Some(html) = html {
        outputs::write_html(&document, &html)?;
        eprintln!("report: {}", html.display());
    }
    if let Some(readme) = readme {
        if document.interrupted {
            eprintln!("the Markdown file is unchanged, because the run was interrupted");
        } else {
            Tables::new(&document, &results, &readme).write(&readme)?;
        }
    }
    Ok(end(&document))
}

/// Whether the Markdown file and its picture are those of the results.
fn check(document: &Document, results: &Path, readme: &Readme<'_>) -> End {
    let differ = Tables::new(document, results, readme).differences(readme);
    let (readme, results) = (readme.path().display(), results.display());
    if differ.is_empty() {
        println!("{readme} shows what is in {results}");
        return End::Complete;
    }
    eprintln!(
        "error: not what {results} makes of it: {}. Cure: the same command without --check",
        differ.join(", ")
    );
    End::Failed
}

fn measure(cli: &Cli) -> Result<Document, Stop> {
    if cfg!(debug_assertions) && std::env::var_os("VIRID_COMPARE_ALLOW_DEBUG").is_none() {
        return Err(Stop::Usage(
            "a debug build measures the debug build; run `cargo run --release -p comparisons`"
                .to_owned(),
        ));
    }
    let mut machine = Machine::inspect().map_err(Stop::Unfit)?;
    let plan = Plan::new(cli, &machine).map_err(Stop::Usage)?;
    let go = go_program(cli, &plan)?;
    let date = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    let ticks = CpuTicks::now();
    let launcher = Launcher::new()?;
    let display = Display::new();
    let outcomes = Rounds::new(&plan, launcher, &go, |progress| display.show(&progress)).run();
    drop(display);
    machine.disturbance = ticks.and_then(CpuTicks::disturbance_since);
    let mut versions = BTreeMap::from([("rustc".to_owned(), versions::RUSTC.to_owned())]);
    versions.extend(outcomes.versions);
    let mut document = Document {
        schema_version: SCHEMA_VERSION,
        date,
        command: command(cli, plan.seed),
        seed: plan.seed,
        interrupted: outcomes.interrupted,
        machine,
        versions,
        git: git(),
        cells: outcomes.cells,
    };
    summarize(&mut document, BASELINE);
    Ok(document)
}

fn go_program(cli: &Cli, plan: &Plan) -> Result<Result<PathBuf, Failure>, Stop> {
    let failure = |kind, reason: &str, detail| Failure {
        kind,
        reason: reason.to_owned(),
        detail,
    };
    let needed = plan
        .contenders()
        .any(|row| matches!(row.engine, Engine::Go));
    if !needed && cli.go.is_none() {
        return Ok(Err(failure(
            FailureKind::NotInstalled,
            "not asked for",
            None,
        )));
    }
    let no_go = std::env::var_os("VIRID_COMPARE_NO_GO").is_some();
    let no_install = std::env::var_os("VIRID_COMPARE_NO_GO_INSTALL").is_some();
    let search = Search {
        explicit: cli.go.as_deref(),
        target: &target_directory()?,
        may_install: !no_go && !no_install,
        may_find: !no_go,
    };
    match search.program(|line| eprintln!("{line}")) {
        Ok(program) => Ok(Ok(program)),
        Err(NoGo::BadPath(reason)) => Err(Stop::Usage(format!("--go {reason}"))),
        Err(NoGo::NotInstalled(cure)) => Ok(Err(failure(
            FailureKind::NotInstalled,
            "not installed",
            Some(cure),
        ))),
        Err(NoGo::DoesNotBuild(reason)) => Ok(Err(failure(
            FailureKind::Crashed,
            "does not build",
            Some(reason),
        ))),
    }
}

/// Cargo's target directory, as this binary lies in `target/<profile>/`.
fn target_directory() -> io::Result<PathBuf> {
    let binary = std::env::current_exe()?;
    Ok(binary
        .ancestors()
        .nth(2)
        .map_or_else(std::env::temp_dir, Path::to_owned))
}

/// Where the results go: a file that can be written.
fn results_path(cli: &Cli) -> Result<PathBuf, Stop> {
    let path = match &cli.out {
        Some(path) => path.clone(),
        None => {
            let path = default_results(cli);
            if let Some(directory) = path.parent() {
                fs::create_dir_all(directory)?;
            }
            path
        }
    };
    writable(&path)
}

/// The path, if a file can be written there.
fn writable(path: &Path) -> Result<PathBuf, Stop> {
    let is_new = !path.exists();
    let opened = fs::OpenOptions::new().append(true).create(true).open(path);
    match opened {
        Ok(_) => {
            // Nothing may come of the run yet.
            if is_new {
                let _ = fs::remove_file(path);
            }
            Ok(path.to_owned())
        }
        Err(error) => Err(Stop::Usage(format!(
            "cannot write {}: {error}",
            path.display()
        ))),
    }
}

/// The whole run has a file of its own, and so has the whole of a workload; a small
/// run replaces neither. The README's is kept with it.
fn default_results(cli: &Cli) -> PathBuf {
    let is_whole = !cli.quick && cli.sizes.is_empty() && cli.runtimes.is_empty();
    let part = if is_whole { "" } else { "-part" };
    let workloads = match &cli.workloads[..] {
        [] if is_whole && cli.readme.is_some() => "readme".to_owned(),
        [] if cli.full => "full".to_owned(),
        [] => "all".to_owned(),
        names => names.join("+"),
    };
    let name = format!("results/{workloads}{part}.json");
    let source = Path::new(env!("CARGO_MANIFEST_DIR"));
    if source.is_dir() {
        source.join(name)
    } else {
        PathBuf::from(name)
    }
}

/// The command that repeats the run, with the seed it has drawn.
fn command(cli: &Cli, seed: u64) -> String {
    let mut words = vec!["cargo run --release -p comparisons --".to_owned()];
    words.extend(std::env::args().skip(1).map(|word| quoted(&word)));
    if cli.seed.is_none() {
        words.push(format!("--seed {seed}"));
    }
    words.join(" ")
}

/// A word as a shell needs it.
pub(crate) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=,./:+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// What the sources are, where they are in a repository.
pub(crate) fn git() -> Option<Git> {
    let git = |arguments: &[&str]| {
        let output = Command::new("git")
            .arg("-C")
            .arg(env!("CARGO_MANIFEST_DIR"))
            .args(arguments)
            .output()
            .ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        output.status.success().then(|| text.trim().to_owned())
    };
    Some(Git {
        sha: git(&["rev-parse", "--verify", "--quiet", "HEAD"])?,
        dirty: !git(&["status", "--porcelain"])?.is_empty(),
    })
}

fn end(document: &Document) -> End {
    let kinds = || {
        let failures = document
            .cells
            .iter()
            .filter_map(|cell| cell.failure.as_ref());
        failures.map(|failure| failure.kind)
    };
    if kinds().any(FailureKind::is_error) {
        End::Failed
    } else if document.interrupted {
        End::Interrupted
    } else if kinds().any(|kind| kind == FailureKind::NeedsMemory)
        && document.cells.iter().all(|cell| cell.failure.is_some())
    {
        End::Unfit
    } else {
        End::Complete
    }
}
