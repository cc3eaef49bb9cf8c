//! Every runtime in every workload, through the built binary.

#[path = "support/json.rs"]
mod json;
#[path = "support/run.rs"]
mod run;
mod support;

use std::collections::BTreeSet;

use serde_json::Value;

use json::json;
use run::{comparisons, finish, of_workloads, scratch, stderr, stdout};
use support::WORKLOADS;

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

/// What waits needs more than a closure, turns on one worker need a worker, few have
/// sets, every thread of Go's is its own, and not everything starts twice in a process.
const ABSENT: [(&str, &str); 26] = [
    ("bounded", "virid-threads,go,rayon,async-executor,may,std"),
    ("join-set", "virid-threads,go,rayon,async-executor,may,std"),
    ("parked", "rayon"),
    ("ping-pong", "rayon"),
    ("yield", "rayon,std"),
    ("spawn-join", "rayon"),
    ("outside-1", "go,std"),
    ("outside-4", "go,std"),
    ("outside-8", "go,std"),
    ("yield-many", "rayon,std"),
    ("wake", "go,rayon"),
    ("wake-p99", "go,rayon"),
    ("remote-wake", "go,rayon,async-executor,may,std"),
    ("us-burst-1", "std"),
    ("us-burst-2", "std"),
    ("us-tree-1", "std"),
    ("us-tree-2", "std"),
    ("cold-start", "go,async-executor,may,std"),
    ("echo", "rayon,may,std"),
    ("skynet", "may,std"),
    ("fib", "may,std"),
    ("nqueens", "may,std"),
    ("backlog", "virid-threads,go,rayon,may,std"),
    ("after-burst", "rayon,may,std"),
    ("idle", "std"),
    ("channel", "virid-threads,rayon,may,std"),
];

fn workers_of(workload: &str) -> usize {
    match workload {
        "yield" | "remote-wake" | "backlog" | "us-burst-1" | "us-tree-1" => 1,
        "us-burst-2" | "us-tree-2" => 2,
        _ => 3,
    }
}

fn runtimes_of(workload: &str) -> &'static [&'static str] {
    match workload {
        "keyed" => &WITH_KEYS,
        _ => &RUNTIMES,
    }
}

/// Has the sizes that it has.
const FIXED: [&str; 9] = [
    "yield",
    "ping-pong",
    "wake",
    "wake-p99",
    "remote-wake",
    "skynet",
    "fib",
    "nqueens",
    "idle",
];

/// Two rounds of all runtimes.
fn document(name: &str, sizes: &[&str], workloads: &[&str]) -> Value {
    let mut command = comparisons(sizes);
    command
        .args(["--rounds", "2", "--workers", "3", "--json"])
        .args(["--workloads", &workloads.join(",")])
        .arg("--out")
        .arg(scratch(&format!("{name}.json")));
    let output = finish(command);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    json(&output)
}

#[test]
fn every_runtime_computes_the_right_answer_in_every_workload() {
    let of_any_size = |workload: &&str| !FIXED.contains(workload);
    let of_any_size: Vec<&str> = WORKLOADS.into_iter().filter(of_any_size).collect();
    let tiny = document("tiny", &["--sizes", "300"], &of_any_size);
    let quick = document("quick", &["--quick"], &FIXED);
    let mut missing = BTreeSet::new();
    for workload in WORKLOADS {
        let document = match FIXED.contains(&workload) {
            true => &quick,
            false => &tiny,
        };
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
            let workers = workers_of(workload);
            assert_eq!(cell["workers"], workers, "{cell}");
            let held = &cell["samples"][0]["cold"]["held_kib"];
            let asks_for_memory = ["parked", "backlog", "after-burst"].contains(&workload);
            assert_eq!(held.is_u64(), asks_for_memory, "{cell}");
        }
    }
    let expected = ABSENT.iter().flat_map(|&(workload, runtimes)| {
        let runtimes = runtimes.split(',');
        runtimes.map(move |runtime| (workload, runtime))
    });
    assert_eq!(missing, expected.collect());
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
