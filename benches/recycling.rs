//! What does each step of recycling task memory gain?
//!
//! ```text
//! cargo bench --bench recycling
//! cargo bench --bench recycling -- --readme benches/README.md
//! ```
//!
//! Not by criterion, which measures one thing after another: here every row is a
//! process of its own, started once in each of several rounds. `benches/README.md`
//! explains the rows and holds the tables.

#[path = "recycling/allocations.rs"]
mod allocations;
#[path = "recycling/handover.rs"]
mod handover;
#[path = "recycling/machine.rs"]
mod machine;
#[expect(
    dead_code,
    unused_imports,
    reason = "the crate's files, of which a part is measured"
)]
#[path = "recycling/memory.rs"]
mod memory;
#[path = "recycling/patterns.rs"]
mod patterns;
#[path = "recycling/primitives.rs"]
mod primitives;
#[path = "recycling/readme.rs"]
mod readme;
#[path = "recycling/ring.rs"]
mod ring;
#[path = "recycling/rounds.rs"]
mod rounds;
#[path = "recycling/rows.rs"]
mod rows;
#[path = "recycling/tables.rs"]
mod tables;
#[path = "recycling/tasks.rs"]
mod tasks;
#[path = "recycling/ways.rs"]
mod ways;

use std::env;
use std::path::PathBuf;
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: allocations::Counting = allocations::Counting;

const HELP: &str = "\
Measures what each step of recycling task memory gains: about a minute.

Usage: cargo bench --bench recycling -- [OPTIONS]

Options:
  --readme FILE  Put the tables between the recycling markers of a Markdown file
  --rounds N     How often everything is measured, 1 to 1000; 11 by default
  --test         Run everything once, small, and show no numbers
  --help         Print this

Without the --bench that cargo bench adds, a run is as with --test.
Exit codes: 0 all measured, 1 a measurement failed, 2 usage.";

const ROUNDS: usize = 11;
const MOST_ROUNDS: usize = 1000;

#[derive(Default)]
struct Options {
    readme: Option<PathBuf>,
    rounds: Option<usize>,
    test: bool,
    /// Started by `cargo bench`.
    bench: bool,
    help: bool,
}

fn options(arguments: impl Iterator<Item = String>) -> Result<Options, String> {
    let mut options = Options::default();
    let mut arguments = arguments;
    while let Some(argument) = arguments.next() {
        let mut value = || {
            let value = arguments.next().filter(|value| !value.starts_with("--"));
            value.ok_or_else(|| format!("{argument} needs a value"))
        };
        match argument.as_str() {
            "--readme" => options.readme = Some(value()?.into()),
            "--rounds" => options.rounds = Some(number_of_rounds(&value()?)?),
            "--test" => options.test = true,
            "--bench" => options.bench = true,
            "--help" | "-h" => options.help = true,
            _ => return Err(format!("{argument:?} is not an option")),
        }
    }
    if options.test && (options.readme.is_some() || options.rounds.is_some()) {
        return Err("--test measures nothing: it goes with no other option".to_owned());
    }
    options.test |= !options.bench;
    Ok(options)
}

fn number_of_rounds(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number @ 1..=MOST_ROUNDS) => Ok(number),
        _ => Err(format!("--rounds {text:?} is not 1 to {MOST_ROUNDS}")),
    }
}

fn run(options: Options) -> Result<(), String> {
    if options.test {
        let results = rounds::run(1, Some(rows::FEW))?;
        // Shows that every number is there.
        tables::render(&results, 1, None);
        println!("recycling: every row ran, and its answer is right");
        return Ok(());
    }
    let readme = options.readme.map(readme::Readme::open).transpose()?;
    let before = machine::CpuTime::now();
    let rounds = options.rounds.unwrap_or(ROUNDS);
    let results = rounds::run(rounds, None)?;
    let others = before.and_then(|before| before.percent_of_others());
    let tables = tables::render(&results, rounds, others);
    println!("{tables}");
    readme.map_or(Ok(()), |readme| readme.write(&tables))
}

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if let [first, row @ ..] = &arguments[..]
        && first == rounds::MEASURE
    {
        return end(rounds::serve(row).map(|found| {
            for (name, number) in found {
                println!("{name} {number}");
            }
        }));
    }
    match options(arguments.into_iter()) {
        Err(error) => {
            eprintln!("error: {error}; see --help");
            ExitCode::from(2)
        }
        Ok(Options { help: true, .. }) => {
            println!("{HELP}");
            ExitCode::SUCCESS
        }
        Ok(options) => end(run(options)),
    }
}

fn end(result: Result<(), String>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
