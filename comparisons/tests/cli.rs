//! Runs the built binary as a user does. Sizes are tiny and nothing is timed.

#[path = "support/cells.rs"]
mod cells;
#[path = "support/json.rs"]
mod json;
#[path = "support/run.rs"]
mod run;
mod support;
#[path = "support/tiny.rs"]
mod tiny;

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use cells::cell;
use json::json;
use run::{GUARD, comparisons, finish, scratch, stderr, stdout};
use support::WORKLOADS;
use tiny::tiny;

#[test]
fn help_has_three_examples_and_hides_test_hooks() {
    let output = finish(comparisons(&["--help"]));
    assert_eq!(output.status.code(), Some(0));
    let text = stdout(&output);
    let examples = text
        .lines()
        .filter(|line| line.starts_with("  cargo run --release -p comparisons"));
    assert_eq!(examples.count(), 3);
    assert!(!text.contains("deadline"));
    for workload in WORKLOADS {
        let line = format!("  {workload} ");
        assert!(text.contains(&line), "{workload}: {text}");
    }
}

#[test]
fn usage_errors_name_what_is_valid() {
    let cases: [(&[&str], &str); 12] = [
        (&["--runtimes", "erlang"], "async-executor"),
        (&["--sizes", "5x"], "10k"),
        (&["--sizes", "0"], "1 to 100m"),
        (&["--workers", "0"], "--workers"),
        (&["--rounds", "many"], "--rounds"),
        (&["--quick", "--sizes", "10k"], "--sizes"),
        (&["--full", "--workloads", "flat"], "--workloads"),
        (&["--sise"], "--sizes"),
        (&["--workloads", "skynets"], "ping-pong"),
        (
            &["--workloads", "yield", "--sizes", "5"],
            "flat, tree, parked, join-set, bounded",
        ),
        (&["--workloads", "yield", "--runtimes", "std"], "ping-pong"),
        (
            &["--workloads", "tree", "--sizes", "11k", "--runtimes", "std"],
            "flat up to 10K",
        ),
    ];
    for (arguments, named) in cases {
        let output = finish(comparisons(arguments));
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let text = stderr(&output);
        assert!(text.contains(named), "{arguments:?}: {text}");
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn debug_build_refuses_with_the_right_command() {
    if !cfg!(debug_assertions) {
        return;
    }
    let mut command = tiny("refused", "tokio", &[]);
    command.env_remove("VIRID_COMPARE_ALLOW_DEBUG");
    let output = finish(command);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("cargo run --release -p comparisons"));
}

#[test]
fn document_has_the_schema_and_equals_the_file() {
    let output = finish(tiny("schema", "virid,tokio", &["--json", "--seed", "7"]));
    let document = json(&output);
    assert_eq!(document["schema_version"], 4);
    assert_eq!(document["seed"], 7);
    assert_eq!(document["interrupted"], false);
    let first = &document["cells"][0];
    assert_eq!(first["workload"], "flat");
    assert_eq!(first["size"], 1000);
    assert!(first["workers"].as_u64().unwrap() >= 1);
    for text in ["date", "command"] {
        assert!(document[text].is_string(), "{text}");
    }
    for text in ["cpu", "kernel"] {
        assert!(document["machine"][text].is_string(), "{text}");
    }
    assert!(document["versions"]["rustc"].is_string());
    let sample = &cell(&document, "tokio")["samples"][0];
    assert!(sample["peak_kib"].as_u64().unwrap() > 0);
    for burst in ["cold", "warm"] {
        for number in ["ns", "cpu_ns"] {
            assert!(
                sample[burst][number].as_u64().unwrap() > 0,
                "{burst} {number}"
            );
        }
        assert!(sample[burst]["involuntary"].is_u64());
    }
    let file = fs::read(scratch("schema.json")).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&file).unwrap(), document);
}

#[test]
fn table_names_everything_needed_to_repeat_it() {
    let output = finish(tiny("table", "virid,rayon", &["--seed", "42"]));
    assert_eq!(output.status.code(), Some(0));
    let text = stdout(&output);
    for part in [
        "first burst",
        "second burst",
        "ns/task",
        "vs virid",
        "1K",
        "rayon",
        "machine",
        "rustc",
        "seed 42",
        "cargo run",
    ] {
        assert!(text.contains(part), "{part} is missing in:\n{text}");
    }
    assert!(!text.contains('\x1b'), "colour in a pipe");
}

/// Starts a run whose second size hangs, and returns when the first is finished.
fn hanging(name: &str) -> std::process::Child {
    let out = scratch(&format!("{name}.json"));
    let mut command = comparisons(&["--sizes", "1000,2000", "--rounds", "1"]);
    let mut child = command
        .args(["--workloads", "flat", "--runtimes", "virid", "--out"])
        .arg(out)
        .env("VIRID_COMPARE_FAULT", "flat:virid:2000:hang")
        .spawn()
        .unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let mut line = String::new();
        stderr.read_line(&mut line).unwrap();
        sender.send(line).unwrap();
        // Kept open: the launcher has more to say.
        let _ = stderr.read_to_string(&mut String::new());
    });
    let line = receiver.recv_timeout(GUARD).expect("no first round");
    assert!(line.starts_with("flat, 1K tasks, round 1"), "{line}");
    child
}

#[test]
fn interrupt_prints_what_is_finished() {
    let child = hanging("interrupt");
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let (sender, receiver) = channel();
    thread::spawn(move || sender.send(child.wait_with_output()));
    let output = receiver.recv_timeout(GUARD).expect("goes on").unwrap();
    assert_eq!(output.status.code(), Some(130));
    let text = stdout(&output);
    assert!(text.contains("not measured"), "{text}");
    assert!(text.contains("interrupted"), "{text}");
}

#[test]
fn children_die_with_a_killed_launcher() {
    let mut launcher = hanging("orphan");
    let measuring = loop {
        if let Some(pid) = child_of(launcher.id()) {
            break pid;
        }
        thread::sleep(Duration::from_millis(5));
    };
    launcher.kill().unwrap();
    launcher.wait().unwrap();
    let stat = format!("/proc/{measuring}/stat");
    // A zombie whose new parent has not looked yet is as dead.
    let lives = || fs::read_to_string(&stat).is_ok_and(|stat| !stat.contains(") Z "));
    let deadline = std::time::Instant::now() + GUARD;
    while lives() {
        assert!(std::time::Instant::now() < deadline, "the child lives on");
        thread::sleep(Duration::from_millis(5));
    }
}

fn child_of(parent: u32) -> Option<u32> {
    let parent = format!("PPid:\t{parent}\n");
    fs::read_dir("/proc").unwrap().flatten().find_map(|entry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        let status = fs::read_to_string(entry.path().join("status")).ok()?;
        status.contains(&parent).then_some(pid)
    })
}

#[test]
fn missing_go_is_no_error_and_names_the_cure() {
    let mut command = tiny("nogo", "virid,go", &[]);
    command.env("VIRID_COMPARE_NO_GO", "1");
    let output = finish(command);
    assert_eq!(output.status.code(), Some(0));
    let text = stdout(&output);
    assert!(text.contains("not installed"), "{text}");
    assert!(text.contains("--go PATH"), "{text}");
}

#[test]
fn wrong_go_path_is_a_usage_error() {
    let output = finish(tiny("badgo", "virid,go", &["--go", "/nonexistent"]));
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("/nonexistent"));
}

#[test]
fn go_measures_or_says_that_it_is_not_installed() {
    let output = finish(tiny("go", "go", &["--json"]));
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let document = json(&output);
    let cell = cell(&document, "go");
    if cell["failure"].is_null() {
        assert_eq!(cell["samples"].as_array().unwrap().len(), 2);
        assert!(document["versions"]["go"].is_string());
    } else {
        assert_eq!(cell["failure"]["kind"], "not-installed");
    }
}
