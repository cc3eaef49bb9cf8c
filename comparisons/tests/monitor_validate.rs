//! `monitor validate` and `monitor bench`: what their rows say, whatever they are.

#[path = "support/json.rs"]
mod json;
#[expect(dead_code, reason = "the tests of measurements use the rest")]
#[path = "support/run.rs"]
mod run;

use json::json;
use run::{comparisons, finish, stderr, stdout};

const ROWS: [&str; 15] = [
    "task returns",
    "task first run",
    "task joined",
    "thread returns",
    "thread first run",
    "thread joined",
    "wake when idle",
    "at 500/s",
    "  from the spawn",
    "cold start",
    "  prewarmed",
    "first spawn",
    "  prewarmed",
    "next 1000 each",
    "  prewarmed",
];

#[test]
fn every_part_has_its_numbers_in_order_and_a_status_that_follows_from_them() {
    let output = finish(comparisons(&[
        "monitor", "validate", "-n", "10", "--rate", "500", "--json",
    ]));
    let document = json(&output);
    let rows = document["rows"].as_array().unwrap();
    assert_eq!(rows.len(), ROWS.len());
    let mut are_all_ok = true;
    for (row, name) in rows.iter().zip(ROWS) {
        assert_eq!(row["name"], name);
        let number = |key: &str| row[key].as_f64().unwrap();
        for (less, more) in [
            ("min", "median"),
            ("min", "mean"),
            ("p95", "p99"),
            ("p99", "max"),
        ] {
            assert!(0.0 < number(less) && number(less) <= number(more), "{row}");
        }
        let over = |key: &str| number(key) / row["limits"][key].as_f64().unwrap();
        let status = match over("median").max(over("p99")) {
            ..=1.0 => "OK",
            ..=10.0 => "SLOW",
            _ => "FAIL",
        };
        assert_eq!(row["status"], status, "{row}");
        are_all_ok &= status == "OK";
    }
    assert_eq!(output.status.code(), Some(i32::from(!are_all_ok)));
    for key in ["step_ns", "cost_ns"] {
        assert!(document["clock"][key].as_f64().unwrap() > 0.0);
    }
}

#[test]
fn what_was_due_is_never_later_than_what_was_spawned() {
    let output = finish(comparisons(&[
        "monitor", "bench", "-n", "20", "--rate", "100000", "--json",
    ]));
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let document = json(&output);
    let rows = document["rows"].as_array().unwrap();
    for key in ["min", "median", "mean", "p99", "max"] {
        let of = |row: usize| rows[row][key].as_f64().unwrap();
        assert!(of(7) >= of(8), "{key}: {document}");
    }
}

#[test]
fn table_fits_a_terminal_and_says_what_the_words_mean() {
    let output = finish(comparisons(&["monitor", "bench", "-n", "10"]));
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let text = stdout(&output);
    assert!(
        text.lines().all(|line| line.chars().count() <= 80),
        "{text}"
    );
    assert!(!text.contains('\x1b'));
    for words in [
        "not subtracted",
        "SLOW is over",
        "p99 rests on 1 of",
        "due",
        "prewarm",
    ] {
        let text = text.replace('\n', " ");
        assert!(text.contains(words), "{words}: {text}");
    }
}

#[test]
fn too_few_samples_and_a_rate_of_none_are_usage_errors() {
    for arguments in [["-n", "9"], ["--rate", "0"]] {
        let mut command = comparisons(&["monitor", "validate"]);
        command.args(arguments);
        assert_eq!(finish(command).status.code(), Some(2));
    }
}
