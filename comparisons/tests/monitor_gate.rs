//! `monitor gate` against baselines that are far off, so that no noise decides.

#[expect(dead_code, reason = "the tests of measurements use the rest")]
#[path = "support/run.rs"]
mod run;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use serde_json::{Value, json};

use run::{comparisons, finish, scratch, stderr, stdout};

/// A baseline of this machine, made once.
fn baseline() -> Value {
    static MADE: OnceLock<Value> = OnceLock::new();
    let made = MADE.get_or_init(|| {
        let path = scratch("gate-baseline.json");
        let output = finish(gate("--write", &path));
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        assert!(stdout(&output).contains("written: "));
        serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
    });
    made.clone()
}

fn gate(option: &str, path: &Path) -> Command {
    let mut command = comparisons(&["monitor", "gate", option]);
    command.arg(path);
    command
}

/// What the gate says to a baseline.
fn against(name: &str, baseline: &Value, more: &[&str]) -> Output {
    let path: PathBuf = scratch(&format!("gate-{name}.json"));
    fs::write(&path, baseline.to_string()).unwrap();
    let mut command = gate("--baseline", &path);
    command.args(more);
    finish(command)
}

/// Counting takes most of the time.
const RATIOS: &[&str] = &["--no-instructions"];

/// All numbers of a part of the baseline, times `factor`.
fn scaled(part: &str, factor: f64) -> Value {
    fn scale(value: &mut Value, factor: f64) {
        match value {
            Value::Number(number) => *value = json!(number.as_f64().unwrap() * factor),
            Value::Array(values) => values.iter_mut().for_each(|value| scale(value, factor)),
            Value::Object(map) => map.values_mut().for_each(|value| scale(value, factor)),
            _ => {}
        }
    }
    let mut baseline = baseline();
    scale(&mut baseline[part], factor);
    baseline
}

#[test]
fn a_baseline_says_what_it_is_of() {
    let baseline = baseline();
    assert_eq!(baseline["schema_version"], 1);
    for text in ["date", "command", "rustc"] {
        assert!(baseline[text].is_string(), "{text}");
    }
    assert!(baseline["machine"]["cpu"].is_string());
    for path in ["task", "joined", "thread"] {
        let ratios = baseline["ratios"][path].as_array().unwrap();
        assert!(ratios.len() > 20);
        assert!(ratios.iter().all(|ratio| ratio.as_f64().unwrap() > 0.0));
    }
}

#[test]
fn a_spawn_that_was_ten_times_cheaper_is_a_regression() {
    let output = against("cheaper", &scaled("ratios", 0.1), RATIOS);
    let text = stdout(&output);
    assert_eq!(output.status.code(), Some(1), "{text}{}", stderr(&output));
    assert_eq!(text.matches("FAIL").count(), 4, "{text}");
    assert!(
        text.ends_with("FAIL: a spawn has become dearer\n"),
        "{text}"
    );
    assert!(!text.contains('\x1b'));
    assert!(
        text.lines().all(|line| line.chars().count() <= 80),
        "{text}"
    );
}

#[test]
fn a_spawn_that_was_ten_times_dearer_is_none() {
    let output = against("dearer", &scaled("ratios", 10.0), RATIOS);
    let text = stdout(&output);
    assert_eq!(output.status.code(), Some(0), "{text}{}", stderr(&output));
    assert!(text.contains("OK, cheaper"), "{text}");
    assert!(text.ends_with("OK: no spawn has become dearer\n"), "{text}");
}

#[test]
fn three_percent_more_instructions_are_a_regression_where_they_are_counted() {
    // The ratios are no part of this.
    let mut baseline = scaled("ratios", 10.0);
    if baseline["instructions"].is_null() {
        eprintln!("SKIP: valgrind is not installed");
        return;
    }
    assert_eq!(against("counted", &baseline, &[]).status.code(), Some(0));
    let task = &mut baseline["instructions"]["task"];
    *task = json!(task.as_f64().unwrap() / 1.03);
    let output = against("instructions", &baseline, &[]);
    let text = stdout(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    let line = text
        .lines()
        .find(|line| line.starts_with("task, instructions"));
    let line = line.unwrap();
    assert!(line.contains("+3.0%") && line.ends_with("FAIL"), "{line}");
}

#[test]
fn without_valgrind_the_instructions_are_skipped_with_a_word() {
    let path = scratch("gate-no-valgrind.json");
    let mut baseline = scaled("ratios", 10.0);
    baseline["instructions"] = json!({ "task": 1.0, "joined": 1.0, "thread": 1.0 });
    fs::write(&path, baseline.to_string()).unwrap();
    let mut command = gate("--baseline", &path);
    command.env("PATH", "/nonexistent");
    let output = finish(command);
    let text = stdout(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.contains("SKIP"), "{text}");
    assert!(text.contains("valgrind is not installed"), "{text}");
}

#[test]
fn a_spin_in_the_spawn_path_counts_instructions() {
    if baseline()["instructions"].is_null() {
        eprintln!("SKIP: valgrind is not installed");
        return;
    }
    let path = scratch("gate-spin.json");
    fs::write(&path, scaled("ratios", 10.0).to_string()).unwrap();
    let mut command = gate("--baseline", &path);
    command.args(["--inject-spin", "15"]);
    let output = finish(command);
    assert_eq!(output.status.code(), Some(1), "{}", stdout(&output));
}

#[test]
fn another_machine_is_unfit_and_said() {
    let mut other = baseline();
    other["machine"]["cpu"] = json!("Z80");
    other["machine"]["cores"] = json!(1000);
    let output = against("other", &other, RATIOS);
    assert_eq!(output.status.code(), Some(3));
    let text = stderr(&output);
    for word in ["Z80 then", "1000 then", "--write"] {
        assert!(text.contains(word), "{word}: {text}");
    }
}

#[test]
fn what_is_no_baseline_is_a_usage_error() {
    let mut newer = baseline();
    newer["schema_version"] = json!(2);
    let no_baseline = [
        (newer, "schema version 2"),
        (json!({ "schema_version": 1 }), "no baseline of the gate"),
        (json!([]), "no baseline of the gate"),
    ];
    for (number, (text, named)) in no_baseline.iter().enumerate() {
        let output = against(&format!("broken-{number}"), text, RATIOS);
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(stderr(&output).contains(named), "{}", stderr(&output));
    }
    let missing = finish(gate("--baseline", Path::new("/nonexistent/file.json")));
    assert_eq!(missing.status.code(), Some(2));
    assert!(stderr(&missing).contains("/nonexistent/file.json"));
    let unwritable = finish(gate("--write", Path::new("/nonexistent/file.json")));
    assert_eq!(unwritable.status.code(), Some(2));
    let neither = finish(comparisons(&["monitor", "gate"]));
    assert_eq!(neither.status.code(), Some(2));
    assert!(stderr(&neither).contains("--baseline"));
}
