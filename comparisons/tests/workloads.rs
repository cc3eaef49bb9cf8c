//! Every runtime in every workload, through the built binary.

mod support;

use std::collections::BTreeSet;

use serde_json::Value;

use support::{WORKLOADS, comparisons, finish, json, of_workloads, scratch, stderr, stdout};

const RUNTIMES: [&str; 8] = [
    "virid",
    "virid-threads",
    "tokio",
    "go",
    "rayon",
    "async-executor",
    "may",
    "std",
];

/// What is done by hand where there is no `Keyed`, and that.
const WITH_KEYS: [&str; 5] = [
    "virid",
    "virid-mutexes",
    "virid-queue",
    "tokio-mutexes",
    "tokio-queue",
];

fn runtimes_of(workload: &str) -> &'static [&'static str] {
    match workload {
        "keyed" => &WITH_KEYS,
        _ => &RUNTIMES,
    }
}

#[test]
fn every_runtime_computes_the_right_answer_in_every_workload() {
    let mut command = comparisons(&["--sizes", "300", "--rounds", "2", "--workers", "3"]);
    command.args(["--json", "--out"]).arg(scratch("all.json"));
    let output = finish(command);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let document = json(&output);
    let mut missing = BTreeSet::new();
    for workload in WORKLOADS {
        for &runtime in runtimes_of(workload) {
            let of_both =
                |cell: &&Value| cell["workload"] == workload && cell["runtime"] == runtime;
            let Some(cell) = document["cells"].as_array().unwrap().iter().find(of_both) else {
                missing.insert((workload, runtime));
                continue;
            };
            if cell["failure"]["kind"] == "not-installed" {
                continue;
            }
            assert!(cell["failure"].is_null(), "{cell}");
            assert_eq!(cell["samples"].as_array().unwrap().len(), 2);
            assert!(cell["summary"]["warm"]["ratio"].as_f64().unwrap() > 0.0);
            assert!(document["versions"][runtime].is_string());
            let workers = if workload == "yield" { 1 } else { 3 };
            assert_eq!(cell["workers"], workers, "{cell}");
            let held = &cell["samples"][0]["cold"]["held_kib"];
            assert_eq!(held.is_u64(), workload == "parked", "{cell}");
        }
    }
    // What waits needs more than a closure, turns on one worker need a worker, and few
    // have sets.
    let expected = [
        ("bounded", "virid-threads"),
        ("bounded", "go"),
        ("bounded", "rayon"),
        ("bounded", "async-executor"),
        ("bounded", "may"),
        ("bounded", "std"),
        ("join-set", "virid-threads"),
        ("join-set", "go"),
        ("join-set", "rayon"),
        ("join-set", "async-executor"),
        ("join-set", "may"),
        ("join-set", "std"),
        ("parked", "rayon"),
        ("ping-pong", "rayon"),
        ("yield", "rayon"),
        ("yield", "std"),
    ];
    assert_eq!(missing, BTreeSet::from(expected));
}

#[test]
fn odd_sizes_are_no_trouble() {
    let rust = "virid,virid-threads,tokio,rayon,async-executor,may,std";
    let mut command = of_workloads("odd", "flat,tree,parked", rust);
    command.args(["--sizes", "1,2,7"]);
    let output = finish(command);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
}

#[test]
fn a_fault_is_of_one_workload() {
    let mut command = of_workloads("faults", "flat,tree", "virid-threads");
    command
        .args(["--sizes", "1000", "--json"])
        .env("VIRID_COMPARE_FAULT", "tree:virid-threads:1000:wrong");
    let output = finish(command);
    assert_eq!(output.status.code(), Some(1));
    let document = json(&output);
    assert!(document["cells"][0]["summary"].is_object());
    let failed = &document["cells"][1];
    assert_eq!(failed["workload"], "tree");
    assert_eq!(failed["failure"]["reason"], "wrong answer");
}

#[test]
fn each_table_says_what_it_measures_and_with_how_many_workers() {
    let mut command = of_workloads("headings", "yield,parked", "virid,virid-threads");
    command.args(["--sizes", "100", "--workers", "2"]);
    let output = finish(command);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let text = stdout(&output);
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in [
        "n times in all. 1 worker thread.",
        "ns/yield",
        "released and end. 2 worker threads.",
        "memory/task",
    ] {
        assert!(words.contains(part), "{part} is missing in:\n{text}");
    }
    let tables = text.lines().take_while(|line| !line.starts_with("command"));
    for line in tables {
        assert!(line.chars().count() <= 80, "too wide: {line}");
    }
}
