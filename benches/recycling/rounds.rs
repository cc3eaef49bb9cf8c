//! Rounds: in each, every row is measured once, by a process of its own, so that
//! none inherits another's heap and what slows the machine slows them all.

use std::collections::HashMap;
use std::env;
use std::process::{Command, Stdio};

use crate::patterns::Findings;
use crate::rows::{self, Row};

/// The first argument of a process that measures one row.
pub(crate) const MEASURE: &str = "--measure";

/// What all rounds have found: a number of each, by row and name.
#[derive(Default)]
pub(crate) struct Results {
    numbers: HashMap<[&'static str; 2], HashMap<String, Vec<f64>>>,
}

impl Results {
    /// One number for each round.
    pub(crate) fn of(&self, pattern: &'static str, way: &'static str, name: &str) -> &[f64] {
        let found = self.numbers.get(&[pattern, way]);
        let found = found.and_then(|names| names.get(name));
        found.unwrap_or_else(|| panic!("{pattern} {way} has no {name}"))
    }
}

/// Measures everything; `cells` of each row, or as many as the row says.
pub(crate) fn run(rounds: usize, cells: Option<u64>) -> Result<Results, String> {
    let rows = rows::all();
    let mut results = Results::default();
    for round in 0..rounds {
        eprintln!("round {} of {rounds}", round + 1);
        for at in 0..rows.len() {
            // Nobody is always first, or always behind the same row.
            let row = &rows[(at * stride(rows.len(), round) + round) % rows.len()];
            let found = measure(row, cells.unwrap_or(row.cells))?;
            let numbers = results.numbers.entry([row.pattern, row.way]).or_default();
            for (name, number) in found {
                numbers.entry(name).or_default().push(number);
            }
        }
    }
    Ok(results)
}

/// A step that reaches every row, another one in each round.
fn stride(rows: usize, round: usize) -> usize {
    let reaches_all = |step: &usize| {
        let (mut a, mut b) = (rows, *step);
        while b != 0 {
            (a, b) = (b, a % b);
        }
        a == 1
    };
    let steps: Vec<usize> = (1..=rows).filter(reaches_all).collect();
    steps[round % steps.len()]
}

fn measure(row: &Row, cells: u64) -> Result<Vec<(String, f64)>, String> {
    let name = format!("{} {}", row.pattern, row.way);
    let failed = |what: String| format!("{name}: {what}");
    let program = env::current_exe().map_err(|error| failed(error.to_string()))?;
    let output = Command::new(program)
        .args([MEASURE, row.pattern, row.way, &cells.to_string()])
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| failed(error.to_string()))?;
    if !output.status.success() {
        return Err(failed(output.status.to_string()));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let number = |line: &str| {
        let (name, number) = line.split_once(' ')?;
        Some((name.to_owned(), number.parse().ok()?))
    };
    let numbers = text.lines().map(number).collect::<Option<Vec<_>>>();
    numbers.ok_or_else(|| failed(format!("said {text:?}")))
}

/// Measures the row that the launcher has named.
pub(crate) fn serve(arguments: &[String]) -> Result<Findings, String> {
    let [pattern, way, cells] = arguments else {
        return Err(format!("{MEASURE} is for this program itself"));
    };
    let cells = cells.parse().map_err(|error| format!("{cells}: {error}"))?;
    let rows = rows::all();
    let row = rows
        .iter()
        .find(|row| row.pattern == pattern && row.way == way)
        .ok_or_else(|| format!("{pattern} {way} is not measured"))?;
    Ok((row.measure)(cells))
}
