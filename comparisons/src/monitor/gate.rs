//! `monitor gate`: whether a spawn has become dearer than a file says it was.
//!
//! Times cannot be compared between runs, so none are in the file. Two things can:
//! instructions, which callgrind counts, and the ratio to a plain queue of closures
//! that is measured in turn with it in the same processes.

mod baseline;
mod measure;
mod verdict;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::PathBuf;

use clap::{ArgGroup, Args};

use self::baseline::Baseline;
use self::verdict::{Change, Percent, Verdict};
use super::check;
use super::finding::{Finding, Status, WIDTH, wrap};
use super::spawn_path::{PATHS, Path};
use super::system::System;
use crate::format;
use crate::machine::CpuTicks;
use crate::session::{End, Stop};
use crate::table::{Align, Emphasis, Row, Table};

/// Processes whose ratios are in a baseline.
const PROCESSES: usize = 27;

/// Processes of one look at the ratios, after which it may be clear how they are.
const LOOK: usize = 9;

/// Looks before it is left open.
const LOOKS: usize = 5;

/// Looks without which nothing is called a regression.
const FEWEST_LOOKS: usize = 2;

/// Much more than this and the ratios are no ratios.
const MOST_STOLEN: f64 = 0.10;

/// Compares what a spawn costs with a baseline of the same machine.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("file").required(true).args(["baseline", "write"]),
          after_help = AFTER_HELP)]
pub(crate) struct Gate {
    /// The baseline to compare with
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,

    /// Measure and write a baseline, instead of comparing with one
    #[arg(long, value_name = "FILE")]
    write: Option<PathBuf>,

    /// How much larger a ratio may be, in percent
    #[arg(long, value_name = "PERCENT", default_value_t = 8.0)]
    limit: f64,

    /// How many more instructions there may be, in percent
    #[arg(long, value_name = "PERCENT", default_value_t = 2.0)]
    instructions: f64,

    /// Count no instructions, even if valgrind is installed
    #[arg(long)]
    no_instructions: bool,

    /// Make the spawn path dearer by so much, to test the gate
    #[arg(long, value_name = "PERCENT", hide = true)]
    inject_spin: Option<f64>,
}

const AFTER_HELP: &str = "\
Examples:
  cargo run --release -p comparisons -- monitor gate --write baseline.json
  cargo run --release -p comparisons -- monitor gate --baseline baseline.json

Exit codes: 0 no regression, 1 regression, 2 usage, 3 another machine than the
baseline's, an unfit one, or too much noise to tell.";

/// Measures, and writes or compares.
pub(crate) fn run(options: &Gate) -> Result<End, Stop> {
    let then = options.baseline.as_deref().map(Baseline::read).transpose();
    let then = then.map_err(Stop::Usage)?;
    let now = Baseline::here().map_err(Stop::Unfit)?;
    if let Some(then) = &then {
        let differs = then.differs(&now);
        if !differs.is_empty() {
            return Err(Stop::Unfit(format!(
                "it is not the baseline's ({}); write one here with --write",
                differs.join("; ")
            )));
        }
    }
    be_fit()?;
    match (then, &options.write) {
        (Some(then), _) => compare(options, &then, now),
        (None, Some(path)) => write(options, now, path),
        (None, None) => unreachable!("one of the two is required"),
    }
}

/// Says what disturbs the measurement, and stops where there is no use in it.
fn be_fit() -> Result<(), Stop> {
    let mut findings = check::findings(&System::below(None));
    findings.retain(|finding| finding.status != Status::Ok);
    let mut text = String::new();
    findings
        .iter()
        .for_each(|finding: &Finding| finding.lines(&mut text));
    anstream::eprint!("{text}");
    if findings.iter().any(|one| one.status == Status::Fail) {
        return Err(Stop::Unfit("see FAIL above".to_owned()));
    }
    Ok(())
}

fn write(options: &Gate, mut now: Baseline, path: &std::path::Path) -> Result<End, Stop> {
    // Before measuring, so that a wrong path is not found at the end. What is there stays
    // until then.
    let opened = OpenOptions::new().append(true).create(true).open(path);
    opened.map_err(|error| Stop::Usage(format!("cannot write {}: {error}", path.display())))?;
    let spins = spins(options)?;
    now.instructions = instructions(options, &spins);
    measure::add_ratios(&mut now.ratios, PROCESSES, &spins).map_err(failed)?;
    now.write(path)?;
    let mut rows = Vec::new();
    for path in PATHS {
        let counted = now.instructions.as_ref().and_then(|all| all.get(&path));
        let ratios = now.ratios[&path].iter().copied();
        rows.push(Row {
            cells: vec![
                path.name().to_owned(),
                counted.map_or("-".to_owned(), |count| format!("{count:.1}")),
                format!("{:.2}", crate::stats::median(ratios).unwrap_or(f64::NAN)),
            ],
            emphasis: Emphasis::None,
        });
    }
    let columns = ["spawn and run of a", "instructions", "x a closure"];
    print(&table(columns.map(str::to_owned).to_vec(), vec![rows]).terminal())?;
    anstream::println!("\nwritten: {}", path.display());
    Ok(End::Complete)
}

fn compare(options: &Gate, then: &Baseline, mut now: Baseline) -> Result<End, Stop> {
    anstream::println!("baseline: {}", then.describe());
    anstream::println!("now:      {}", now.describe());
    let spins = spins(options)?;
    let ticks = CpuTicks::now();
    now.instructions = match &then.instructions {
        Some(_) => instructions(options, &spins),
        None => None,
    };
    let limit = options.limit / 100.0;
    for look in 1..=LOOKS {
        measure::add_ratios(&mut now.ratios, LOOK, &spins).map_err(failed)?;
        let verdicts = PATHS.map(|path| of_ratios(then, &now, path).map(|it| it.judge(limit)));
        let is_open = |verdict: &Option<Verdict>| match verdict {
            Some(Verdict::Fail) => look < FEWEST_LOOKS,
            Some(Verdict::Unsure) => true,
            _ => false,
        };
        if !verdicts.iter().any(is_open) {
            break;
        }
    }
    let disturbance = ticks.and_then(CpuTicks::disturbance_since);
    let is_stolen = disturbance.is_some_and(|it| it.stolen > MOST_STOLEN);
    let (rows, worst) = compared(options, then, &now, is_stolen);
    let columns = ["", "baseline", "now", "change", "99% interval", "status"];
    print(&format!(
        "\n{}",
        table(columns.map(str::to_owned).to_vec(), rows).terminal()
    ))?;
    let mut notes = String::new();
    let _ = writeln!(
        notes,
        "\nx closure: spawn and run, as a multiple of a boxed closure in a VecDeque; medians of {} \
         processes. Limits: {:+}% for them, {:+}% for instructions.",
        now.ratios.values().map(Vec::len).max().unwrap_or(0),
        options.limit,
        options.instructions
    );
    if let Some(it) = disturbance {
        let _ = writeln!(
            notes,
            "others used {} of the processors meanwhile, and {} were stolen.",
            format::percent(it.others),
            format::percent(it.stolen)
        );
    }
    if then.compiler() != now.compiler() {
        let _ = writeln!(
            notes,
            "the compiler is another than the baseline's: if that is all that changed, write a \
             new baseline."
        );
    }
    for line in notes.lines() {
        print(&format!("{}\n", wrap(line, WIDTH).join("\n")))?;
    }
    Ok(finish(worst))
}

fn finish(worst: Verdict) -> End {
    let (end, says) = match worst {
        Verdict::Fail => (End::Failed, "FAIL: a spawn has become dearer"),
        Verdict::Unsure => (
            End::Unfit,
            "UNSURE: too much noise to tell; run it again when the machine is quiet",
        ),
        Verdict::Ok | Verdict::Skip => (End::Complete, "OK: no spawn has become dearer"),
    };
    anstream::println!("\n{says}");
    end
}

/// The rows of the comparison, and the worst of them.
fn compared(
    options: &Gate,
    then: &Baseline,
    now: &Baseline,
    is_stolen: bool,
) -> (Vec<Vec<Row>>, Verdict) {
    let mut worst = Verdict::Skip;
    let mut row = |name: String, change: Option<(Change, f64, f64)>, limit: f64, exact: bool| {
        let Some((change, before, after)) = change else {
            return Row {
                cells: vec![name, "SKIP: not counted".to_owned()],
                emphasis: Emphasis::None,
            };
        };
        let verdict = match change.judge(limit / 100.0) {
            Verdict::Fail if is_stolen && !exact => Verdict::Unsure,
            verdict => verdict,
        };
        worst = worst.max(verdict);
        let digits = if exact { 1 } else { 3 };
        let interval = match exact {
            true => "exact".to_owned(),
            false => format!("{} to {}", Percent(change.low), Percent(change.high)),
        };
        let word = match verdict {
            Verdict::Ok if change.is_gain(limit / 100.0) => "OK, cheaper",
            verdict => verdict.word(),
        };
        Row {
            cells: vec![
                name,
                format!("{before:.digits$}"),
                format!("{after:.digits$}"),
                Percent(change.factor).to_string(),
                interval,
                word.to_owned(),
            ],
            emphasis: match verdict {
                Verdict::Fail => Emphasis::Failed,
                _ => Emphasis::None,
            },
        }
    };
    let counted = PATHS.map(|path| {
        let count = |of: &Baseline| of.instructions.as_ref()?.get(&path).copied();
        let counts = count(then).zip(count(now));
        let change = counts.map(|(before, after)| (Change::exact(before, after), before, after));
        row(
            format!("{}, instructions", path.name()),
            change,
            options.instructions,
            true,
        )
    });
    let ratios = PATHS.map(|path| {
        let median = |of: &Baseline| crate::stats::median(of.ratios.get(&path)?.iter().copied());
        let change = of_ratios(then, now, path).zip(median(then).zip(median(now)));
        let change = change.map(|(change, (before, after))| (change, before, after));
        row(
            format!("{}, x closure", path.name()),
            change,
            options.limit,
            false,
        )
    });
    (vec![counted.into(), ratios.into()], worst)
}

fn of_ratios(then: &Baseline, now: &Baseline, path: Path) -> Option<Change> {
    Change::between(then.ratios.get(&path)?, now.ratios.get(&path)?)
}

fn spins(options: &Gate) -> Result<measure::Spins, Stop> {
    let calibrated = options.inject_spin.map(measure::calibrated);
    Ok(calibrated
        .transpose()
        .map_err(failed)?
        .unwrap_or_else(measure::no_spins))
}

/// Counts, or says why not.
fn instructions(options: &Gate, spins: &measure::Spins) -> Option<BTreeMap<Path, f64>> {
    let why = if options.no_instructions {
        "by --no-instructions".to_owned()
    } else if measure::has_valgrind() {
        match measure::instructions(spins) {
            Ok(counted) => return Some(counted),
            Err(why) => format!("valgrind: {why}"),
        }
    } else {
        "valgrind is not installed (apt install valgrind)".to_owned()
    };
    anstream::println!("SKIP      instructions: {why}");
    None
}

fn failed(reason: String) -> Stop {
    Stop::Io(std::io::Error::other(format!(
        "a process that measures: {reason}"
    )))
}

fn table(columns: Vec<String>, groups: Vec<Vec<Row>>) -> Table {
    let last = columns.len() - 1;
    let align = |column| match column {
        0 => Align::Left,
        column if column == last && last > 2 => Align::Left,
        _ => Align::Right,
    };
    let columns = columns.into_iter().enumerate();
    Table {
        columns: columns
            .map(|(number, name)| (name, align(number)))
            .collect(),
        groups,
    }
}

fn print(text: &str) -> std::io::Result<()> {
    anstream::stdout().write_all(text.as_bytes())
}
