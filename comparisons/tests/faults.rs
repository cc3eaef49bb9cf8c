//! What goes wrong in a child is the right cell and the right exit code, and the
//! other children are measured all the same.

#[path = "support/cells.rs"]
mod cells;
#[path = "support/json.rs"]
mod json;
#[path = "support/run.rs"]
mod run;
#[path = "support/tiny.rs"]
mod tiny;

use std::fs;
use std::process::{Command, Output};
use std::time::Instant;

use serde_json::Value;

use cells::cell;
use json::json;
use run::{GUARD, finish, stdout};
use tiny::tiny;

/// A run of which one runtime misbehaves in the flat burst.
fn faulty(name: &str, runtimes: &str, fault: &str, more: &[&str]) -> Output {
    let mut command: Command = tiny(name, runtimes, more);
    command.env("VIRID_COMPARE_FAULT", format!("flat:{fault}"));
    finish(command)
}

fn failure<'a>(document: &'a Value, runtime: &str) -> &'a Value {
    let cell = cell(document, runtime);
    assert!(cell["summary"].is_null(), "{cell}");
    &cell["failure"]
}

fn assert_measured(document: &Value, runtime: &str) {
    let cell = cell(document, runtime);
    assert!(cell["failure"].is_null(), "{cell}");
    assert_eq!(cell["samples"].as_array().unwrap().len(), 2);
}

#[test]
fn wrong_answer() {
    let output = faulty("wrong", "virid,tokio", "tokio:1000:wrong", &["--json"]);
    assert_eq!(output.status.code(), Some(1));
    let document = json(&output);
    let failure = failure(&document, "tokio");
    assert_eq!(failure["kind"], "wrong-answer");
    assert_eq!(failure["reason"], "wrong answer");
    assert_measured(&document, "virid");
}

#[test]
fn hang() {
    // Where the machine stalls, the one that does not hang may need more than a second.
    let went_on = ["1", "4", "16"].into_iter().any(|deadline| {
        let more = ["--json", "--deadline", deadline];
        let output = faulty("hang", "virid,rayon", "rayon:1000:hang", &more);
        assert_eq!(output.status.code(), Some(1));
        let document = json(&output);
        let failure = failure(&document, "rayon");
        assert_eq!(failure["kind"], "timeout");
        assert_eq!(failure["reason"], format!("timeout (over {deadline} s)"));
        // What the child had said is kept, where it came to say something; and what
        // it had started is killed with it.
        if let Some(said) = failure["detail"].as_str() {
            assert!(said.starts_with("hangs"), "{said}");
            assert_ends(said.rsplit(' ').next().unwrap());
        }
        failure["detail"].is_string() && cell(&document, "virid")["summary"].is_object()
    });
    assert!(went_on);
}

fn assert_ends(pid: &str) {
    let stat = format!("/proc/{pid}/stat");
    // A zombie whose new parent has not looked yet is as dead.
    let lives = || fs::read_to_string(&stat).is_ok_and(|stat| !stat.contains(") Z "));
    let end = Instant::now() + GUARD;
    while lives() {
        assert!(Instant::now() < end, "the child of the child lives on");
        std::thread::yield_now();
    }
}

#[test]
fn crash() {
    let output = faulty("crash", "virid,tokio", "virid:1000:crash", &[]);
    assert_eq!(output.status.code(), Some(1));
    let text = stdout(&output);
    assert!(text.contains("crashed (signal 9)"), "{text}");
    assert!(text.contains("tokio"), "{text}");
    // Without a baseline the other rows keep their times and lose their ratio.
    assert!(!text.contains("x slower") && !text.contains("x faster"));
}

#[test]
fn exhausted_memory() {
    let output = faulty("memory", "virid,tokio", "tokio:1000:memory", &["--json"]);
    assert_eq!(output.status.code(), Some(1));
    let document = json(&output);
    let failure = failure(&document, "tokio");
    assert_eq!(failure["kind"], "out-of-memory");
    assert_eq!(failure["reason"], "out of memory");
    let said = failure["detail"].as_str().unwrap();
    assert!(said.contains("memory allocation of"), "{said}");
    assert_measured(&document, "virid");
}
