//! `monitor validate` and `monitor bench`: how long a spawn takes, and whether that is
//! as it should be.

use std::fmt::Write as _;
use std::io::Write as _;

use clap::{Args, value_parser};
use serde::Serialize;

use super::children;
use super::clock::Clock;
use super::finding::{WIDTH, wrap};
use super::samples::Summary;
use super::timing::{Cold, Part};
use crate::format::three_digits;
use crate::machine::Machine;
use crate::session::{End, Stop};
use crate::table::{Align, Emphasis, Row, Table};

/// Times the parts of a spawn and says whether each is as it should be.
///
/// A row is SLOW where its median or its p99 is over the limit that is printed below
/// the table, and FAIL where one is over ten times that.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 all OK, 1 a row is SLOW or FAIL, or a measurement hung, \
                        2 usage, 3\nnot to be measured here."
)]
pub(crate) struct Validate {
    /// Samples of each row
    #[arg(short, long, value_name = "N", default_value_t = 100,
          value_parser = value_parser!(u32).range(10..=100_000))]
    n: u32,

    #[command(flatten)]
    how: How,
}

/// Times the parts of a spawn, with more samples and without a verdict.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 measured, 1 a measurement hung, 2 usage, 3 not to be \
                        measured here."
)]
pub(crate) struct Bench {
    /// Samples of each row
    #[arg(short, long, value_name = "N", default_value_t = 500,
          value_parser = value_parser!(u32).range(10..=100_000))]
    n: u32,

    #[command(flatten)]
    how: How,
}

#[derive(Debug, Args)]
struct How {
    /// Spawns in a second in the rows with a fixed rate
    #[arg(long, value_name = "N", default_value_t = 1_000,
          value_parser = value_parser!(u32).range(1..=100_000))]
    rate: u32,

    /// Print the rows as JSON
    #[arg(long)]
    json: bool,
}

/// Measures and judges.
pub(crate) fn validate(options: &Validate) -> Result<End, Stop> {
    let is_ok = report(options.n, &options.how)?;
    Ok(if is_ok { End::Complete } else { End::Failed })
}

/// Measures.
pub(crate) fn bench(options: &Bench) -> Result<End, Stop> {
    report(options.n, &options.how)?;
    Ok(End::Complete)
}

/// What a row may take, in nanoseconds.
#[derive(Debug, Clone, Copy, Serialize)]
struct Limits {
    median: f64,
    p99: f64,
}

#[derive(Debug, Serialize)]
struct Line {
    name: String,
    #[serde(flatten)]
    summary: Summary,
    limits: Limits,
    status: &'static str,
}

#[derive(Debug, Serialize)]
struct Report {
    machine: Machine,
    clock: Clock,
    samples: u32,
    rate: u32,
    rows: Vec<Line>,
}

impl Line {
    fn new(name: impl Into<String>, summary: Summary, (median, p99): (f64, f64)) -> Self {
        let over = (summary.median / median).max(summary.p99 / p99);
        Self {
            name: name.into(),
            summary,
            limits: Limits { median, p99 },
            status: match over {
                ..=1.0 => "OK",
                ..=10.0 => "SLOW",
                _ => "FAIL",
            },
        }
    }

    fn row(&self) -> Row {
        let it = &self.summary;
        let mut cells = vec![self.name.clone()];
        cells.extend([it.min, it.median, it.mean, it.p95, it.p99, it.max].map(time));
        cells.push(self.status.to_owned());
        Row {
            cells,
            emphasis: match self.status {
                "FAIL" => Emphasis::Failed,
                _ => Emphasis::None,
            },
        }
    }
}

/// Measures and prints; whether all is well.
fn report(samples: u32, how: &How) -> Result<bool, Stop> {
    if cfg!(debug_assertions) && std::env::var_os("VIRID_COMPARE_ALLOW_DEBUG").is_none() {
        return Err(Stop::Usage(
            "a debug build measures the debug build; run `cargo run --release -p comparisons -- \
             monitor validate`"
                .to_owned(),
        ));
    }
    let report = Report {
        machine: Machine::inspect().map_err(Stop::Unfit)?,
        clock: Clock::measure(),
        samples,
        rate: how.rate,
        rows: measure(samples, how.rate).map_err(|reason| {
            Stop::Io(std::io::Error::other(format!(
                "FAIL: a process that measures: {reason}"
            )))
        })?,
    };
    let text = if how.json {
        let mut text = serde_json::to_string_pretty(&report).map_err(std::io::Error::other)?;
        text.push('\n');
        text
    } else {
        report.text()
    };
    anstream::stdout().write_all(text.as_bytes())?;
    Ok(report.rows.iter().all(|row| row.status == "OK"))
}

fn measure(samples: u32, rate: u32) -> Result<Vec<Line>, String> {
    let arguments = [samples, rate].map(|number| number.to_string());
    let probe = |arguments: &[&str]| children::probe(arguments).map_err(|error| error.to_string());
    let parts: Vec<(Part, Summary)> = children::ask(probe(&[
        "parts",
        "-n",
        &arguments[0],
        "--rate",
        &arguments[1],
    ])?)?;
    let mut rows: Vec<Line> = parts
        .into_iter()
        .map(|(part, summary)| {
            let (name, limits) = of_part(part, rate);
            Line::new(name, summary, limits)
        })
        .collect();
    // In turn, so that what disturbs one disturbs the other.
    let mut cold: [Vec<Cold>; 2] = Default::default();
    for _ in 0..samples {
        cold[0].push(children::ask(probe(&["cold"])?)?);
        cold[1].push(children::ask(probe(&["cold", "--prewarm"])?)?);
    }
    let mut add = |name, limits, of: fn(&Cold) -> f64| {
        for (cold, name) in cold.iter().zip([name, "  prewarmed"]) {
            let samples: Vec<f64> = cold.iter().map(of).collect();
            let summary = Summary::of(&samples).ok_or("no samples")?;
            rows.push(Line::new(name, summary, limits));
        }
        Ok::<_, String>(())
    };
    add("cold start", (5.0 * MS, 100.0 * MS), |cold| cold.start)?;
    add("first spawn", (20.0 * US, 10.0 * MS), |cold| cold.first)?;
    add("next 1000 each", (US, 100.0 * US), |cold| cold.thousand)?;
    Ok(rows)
}

const US: f64 = 1e3;
const MS: f64 = 1e6;

/// The name of a row, and its limits: some ten times what a small virtual machine
/// takes, and ten milliseconds for a tail, which is what a time slice of others costs.
fn of_part(part: Part, rate: u32) -> (String, (f64, f64)) {
    let tail = 10.0 * MS;
    let (name, median) = match part {
        Part::TaskReturns => ("task returns", 0.25 * US),
        Part::TaskRuns => ("task first run", 0.5 * US),
        Part::TaskJoined => ("task joined", 0.5 * US),
        Part::ThreadReturns => ("thread returns", 0.5 * US),
        Part::ThreadRuns => ("thread first run", US),
        Part::ThreadJoined => ("thread joined", US),
        Part::Wake => ("wake when idle", 200.0 * US),
        Part::FromDue => return (format!("at {rate}/s"), (400.0 * US, tail)),
        Part::FromSpawn => ("  from the spawn", 400.0 * US),
    };
    (name.to_owned(), (median, tail))
}

impl Report {
    fn text(&self) -> String {
        let mut text = format!(
            "{}, {} cores; {} samples of each row\n\n",
            self.machine.cpu, self.machine.cores, self.samples
        );
        text.push_str(&self.table().terminal());
        let (medians, tails) = self.limits();
        let notes = [
            format!(
                "clock: steps of {} ns, {:.0} ns for a reading, which is in every single sample \
                 and is not subtracted.",
                self.clock.step_ns, self.clock.cost_ns
            ),
            format!(
                "task and thread: min, median and mean are of batches of 64, as one is shorter \
                 than the clock's step; p95, p99 and max are of single ones. p99 rests on {} of \
                 {} samples.",
                self.samples / 100 + 1,
                self.samples
            ),
            format!(
                "first run, joined: from before the spawn. wake when idle: from outside, to the \
                 first run. at {}/s: from when it was due, so that one slow spawn makes late \
                 those behind it; below it from when it was spawned.",
                self.rate
            ),
            "cold start: from before the runtime is built to the first run, a process for each \
             sample; first spawn: from inside the first task. prewarmed: \
             Builder::prewarm(4000, 16)."
                .to_owned(),
            format!(
                "SLOW is over one of these limits, FAIL over ten times one. Medians: {medians}. \
                 p99: {tails}."
            ),
        ];
        for note in notes {
            let _ = write!(text, "\n{}", wrap(&note, WIDTH).join("\n"));
        }
        let count = |status| self.rows.iter().filter(|row| row.status == status).count();
        let counts = ["OK", "SLOW", "FAIL"].map(|word| format!("{} {word}", count(word)));
        let _ = writeln!(text, "\n\n{}", counts.join(", "));
        text
    }

    /// The limits, of medians and of tails, with the names of the rows.
    fn limits(&self) -> (String, String) {
        let of_each = |limit: fn(&Limits) -> f64| {
            // What is below a row with a name of its own has the limits of that row.
            let rows = self.rows.iter().filter(|row| !row.name.starts_with("  "));
            let mut by_limit: Vec<(f64, Vec<&str>)> = Vec::new();
            for row in rows {
                let limit = limit(&row.limits);
                match by_limit
                    .iter_mut()
                    .find(|(of_others, _)| *of_others == limit)
                {
                    Some((_, names)) => names.push(&row.name),
                    None => by_limit.push((limit, vec![&row.name])),
                }
            }
            let most = by_limit.iter().map(|(_, names)| names.len()).max();
            let limits = by_limit.iter().map(|(limit, names)| {
                if names.len() > 5 && Some(names.len()) == most {
                    format!("{} unless said", time(*limit))
                } else {
                    format!("{} {}", names.join(" and "), time(*limit))
                }
            });
            limits.collect::<Vec<_>>().join(", ")
        };
        (
            of_each(|limits| limits.median),
            of_each(|limits| limits.p99),
        )
    }

    fn table(&self) -> Table {
        let titles = ["", "min", "median", "mean", "p95", "p99", "max"];
        let mut columns: Vec<_> = titles.map(|title| (title.to_owned(), Align::Right)).into();
        columns[0].1 = Align::Left;
        columns.push(("status".to_owned(), Align::Left));
        // Tasks, green threads, a running runtime, a new one.
        let mut groups: Vec<Vec<Row>> = Vec::new();
        for (number, line) in self.rows.iter().enumerate() {
            if [0, 3, 6, 9].contains(&number) {
                groups.push(Vec::new());
            }
            groups
                .last_mut()
                .expect("the first begins one")
                .push(line.row());
        }
        Table { columns, groups }
    }
}

/// Three digits and a unit.
fn time(ns: f64) -> String {
    let (value, unit) = match ns {
        ..999.5 => (ns, "ns"),
        ..999_500.0 => (ns / US, "us"),
        ..999_500_000.0 => (ns / MS, "ms"),
        _ => (ns / 1e9, "s"),
    };
    format!("{} {unit}", three_digits(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_is_of_the_worse_of_median_and_tail() {
        let summary = |median, p99| {
            let mut summary = Summary::of(&[1.0]).unwrap();
            (summary.median, summary.p99) = (median, p99);
            Line::new("", summary, (10.0, 100.0)).status
        };
        assert_eq!(summary(10.0, 100.0), "OK");
        assert_eq!(summary(11.0, 1.0), "SLOW");
        assert_eq!(summary(1.0, 101.0), "SLOW");
        assert_eq!(summary(1.0, 1001.0), "FAIL");
    }

    #[test]
    fn times_have_three_digits_and_a_unit() {
        assert_eq!(time(18.34), "18.3 ns");
        assert_eq!(time(999.6), "1.00 us");
        assert_eq!(time(2_500_000.0), "2.50 ms");
        assert_eq!(time(3.1e9), "3.10 s");
    }
}
