//! The tables, in Markdown.

use std::fmt::Write;

use crate::machine;
use crate::rounds::Results;
use crate::rows::WAYS;

/// A number of a row: pattern, way, name.
type Source = (&'static str, &'static str, &'static str);

/// The columns of times: what they are called, and where they come from.
const TIMES: [(&str, &str, &str); 4] = [
    ("bursts of 50", "bursts", "ns"),
    ("1M at once, first time", "held", "first"),
    ("1M at once, later", "held", "later"),
    ("two threads", "passed", "ns"),
];

/// What a step replaces, and by what.
const STEPS: [(&str, &str, &str); 6] = [
    ("keep freed cells: a list under a mutex", "boxed", "locked"),
    (
        "compare-and-swap for the mutex, with tags",
        "locked",
        "tagged",
    ),
    ("epochs for the tags", "tagged", "deferred"),
    (
        "62 cells for each compare-and-swap",
        "deferred",
        "magazines",
    ),
    ("all steps", "boxed", "magazines"),
    ("a list of one thread, for comparison", "boxed", "alone"),
];

/// How many percent of the cores others may use in a run that is to be believed.
const QUIET: f64 = 5.0;

pub(crate) fn render(results: &Results, rounds: usize, others: Option<f64>) -> String {
    let mut text = String::new();
    head(&mut text, rounds, others);
    ways(&mut text, results);
    steps(&mut text, results);
    slabs(&mut text, results);
    handover(&mut text, results);
    tasks(&mut text, results);
    text
}

fn head(text: &mut String, rounds: usize, others: Option<f64>) {
    let others = match others {
        None => "not known".to_owned(),
        Some(quiet) if quiet < QUIET => format!("{quiet:.1}%, a quiet machine"),
        Some(busy) => format!("{busy:.1}%, **a busy machine**"),
    };
    let lines = [
        "- command: `cargo bench --bench recycling -- --readme benches/README.md`",
        &format!("- machine: {}", machine::describe()),
        &format!("- time of the cores that others used during the run: {others}"),
        &format!("- medians of {rounds} rounds, with the fastest and the slowest"),
    ];
    line(text, &lines.join("\n"));
}

fn ways(text: &mut String, results: &Results) {
    title(text, "Ways to get and free a cell, nanoseconds per cell");
    let mut columns = vec!["way"];
    columns.extend(TIMES.map(|(title, _, _)| title));
    header(text, &columns);
    for (way, label) in WAYS {
        let times = TIMES.map(|(_, pattern, name)| match (way, pattern) {
            ("alone", "passed") => "unsafe (ABA)".to_owned(),
            _ => time(results, (pattern, way, name)),
        });
        row(text, label, &times);
    }
    title(text, "Allocations for 1,000 cells, after the first time");
    header(text, &["way", "bursts of 50", "1M at once", "two threads"]);
    for (way, label) in WAYS {
        let counts = ["bursts", "held", "passed"].map(|pattern| match (way, pattern) {
            ("alone", "passed") => "-".to_owned(),
            _ => count(results, (pattern, way, "allocations")),
        });
        row(text, label, &counts);
    }
}

fn steps(text: &mut String, results: &Results) {
    title(text, "What each step gains");
    let mut columns = vec!["step"];
    columns.extend(TIMES.map(|(title, _, _)| title));
    header(text, &columns);
    for (label, before, after) in STEPS {
        let gains = TIMES.map(|(_, pattern, name)| match (after, pattern) {
            ("alone", "passed") => "-".to_owned(),
            _ => gain(results, (pattern, before, name), (pattern, after, name)),
        });
        row(text, label, &gains);
    }
}

fn slabs(text: &mut String, results: &Results) {
    title(
        text,
        "Pages: 1M cells got and written, nanoseconds per cell",
    );
    header(
        text,
        &[
            "memory",
            "first time",
            "later",
            "page faults for 1,000 cells",
        ],
    );
    let rows = [
        ("boxed", "malloc"),
        ("small-pages", "bare slabs, huge pages refused"),
        ("huge-pages", "bare slabs, huge pages asked for"),
        ("magazines", "the crate's slabs and lists"),
    ];
    for (way, label) in rows {
        let cells = [
            time(results, ("held", way, "first-get")),
            time(results, ("held", way, "later-get")),
            count(results, ("held", way, "faults")),
        ];
        row(text, label, &cells);
    }
    let gains = ["first-get", "later-get"].map(|name| {
        gain(
            results,
            ("held", "small-pages", name),
            ("held", "huge-pages", name),
        )
    });
    let [first, later] = gains;
    row(
        text,
        "what huge pages gain bare slabs",
        &[first, later, "-".to_owned()],
    );
}

fn handover(text: &mut String, results: &Results) {
    title(text, "A magazine from another thread, nanoseconds per cell");
    header(
        text,
        &[
            "magazine",
            "fill",
            "take and write, cells in order",
            "take and write, cells mixed",
        ],
    );
    let rows = [
        ("links", "links through the cells"),
        ("addresses", "62 addresses"),
    ];
    for (way, label) in rows {
        let cells = [
            time(results, ("mixed", way, "fill")),
            time(results, ("in-order", way, "take")),
            time(results, ("mixed", way, "take")),
        ];
        row(text, label, &cells);
    }
    let gains =
        [("mixed", "fill"), ("in-order", "take"), ("mixed", "take")].map(|(pattern, name)| {
            gain(
                results,
                (pattern, "links", name),
                (pattern, "addresses", name),
            )
        });
    row(text, "what addresses gain", &gains);
}

fn tasks(text: &mut String, results: &Results) {
    title(text, "The runtime: a detached task spawned and run");
    header(text, &["pattern", "nanoseconds", "allocations for 1,000"]);
    let rows = [
        ("bursts", "bursts of 50 on one worker"),
        ("passed", "one worker spawns, another runs"),
    ];
    for (way, label) in rows {
        let cells = [
            time(results, ("tasks", way, "ns")),
            count(results, ("tasks", way, "allocations")),
        ];
        row(text, label, &cells);
    }
}

fn time(results: &Results, (pattern, way, name): Source) -> String {
    let [low, middle, high] = spread(results.of(pattern, way, name));
    format!("{} ({}-{})", digits(middle), digits(low), digits(high))
}

fn count(results: &Results, (pattern, way, name): Source) -> String {
    let [_, middle, _] = spread(results.of(pattern, way, name));
    match middle {
        0.0 => "0".to_owned(),
        few if few < 0.01 => "< 0.01".to_owned(),
        count => digits(count),
    }
}

/// The median of the ratios within a round, marked where rounds disagree on which
/// of the two is faster.
fn gain(results: &Results, before: Source, after: Source) -> String {
    let numbers = |(pattern, way, name)| results.of(pattern, way, name).iter();
    let pairs = numbers(before).zip(numbers(after));
    let ratios: Vec<f64> = pairs.map(|(before, after)| before / after).collect();
    let [low, middle, high] = spread(&ratios);
    let (factor, word) = match middle {
        gain if gain >= 1.0 => (gain, "faster"),
        loss => (1.0 / loss, "slower"),
    };
    let sign = if low < 1.0 && high > 1.0 { "~" } else { "" };
    format!("{sign}{}x {word}", digits(factor))
}

/// The smallest, the median and the largest.
fn spread(numbers: &[f64]) -> [f64; 3] {
    let mut sorted = numbers.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let last = sorted.len() - 1;
    let middle = f64::midpoint(sorted[last / 2], sorted[last.div_ceil(2)]);
    [sorted[0], middle, sorted[last]]
}

/// As many digits as a noisy machine supports.
fn digits(value: f64) -> String {
    match value {
        large if large >= 99.95 => format!("{large:.0}"),
        small if small < 9.995 => format!("{small:.2}"),
        value => format!("{value:.1}"),
    }
}

fn title(text: &mut String, title: &str) {
    line(text, &format!("\n### {title}\n"));
}

fn header(text: &mut String, columns: &[&str]) {
    line(text, &format!("| {} |", columns.join(" | ")));
    line(text, &format!("|:--|{}", "--:|".repeat(columns.len() - 1)));
}

fn row(text: &mut String, label: &str, cells: &[String]) {
    line(text, &format!("| {label} | {} |", cells.join(" | ")));
}

fn line(text: &mut String, line: &str) {
    writeln!(text, "{line}").expect("a string takes it");
}
