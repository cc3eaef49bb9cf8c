//! What the tests of the built binary share.

// Each test file is a program of its own and needs only some of it.
#![allow(dead_code)]

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use serde_json::Value;

pub(crate) const WORKLOADS: [&str; 31] = [
    "flat",
    "tree",
    "yield",
    "ping-pong",
    "parked",
    "join-set",
    "bounded",
    "keyed",
    "chained",
    "spawn-join",
    "scope",
    "outside-1",
    "outside-4",
    "outside-8",
    "yield-many",
    "wake",
    "wake-p99",
    "remote-wake",
    "us-burst-1",
    "us-burst-2",
    "us-tree-1",
    "us-tree-2",
    "cold-start",
    "echo",
    "skynet",
    "fib",
    "nqueens",
    "backlog",
    "after-burst",
    "idle",
    "channel",
];

/// Far more than any run here takes, so that only a hang is caught.
pub(crate) const GUARD: Duration = Duration::from_secs(120);

pub(crate) fn comparisons(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_comparisons"));
    command
        .args(arguments)
        .env("VIRID_COMPARE_ALLOW_DEBUG", "1")
        .env("VIRID_COMPARE_NO_GO_INSTALL", "1")
        .env_remove("VIRID_COMPARE_FAULT")
        .env_remove("VIRID_COMPARE_NO_GO")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

pub(crate) fn finish(mut command: Command) -> Output {
    let child = command.spawn().unwrap();
    let (sender, receiver) = channel();
    thread::spawn(move || sender.send(child.wait_with_output()));
    receiver
        .recv_timeout(GUARD)
        .expect("the binary hangs")
        .unwrap()
}

pub(crate) fn scratch(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name)
}

/// Two rounds of some workloads.
pub(crate) fn of_workloads(name: &str, workloads: &str, runtimes: &str) -> Command {
    let out = scratch(&format!("{name}.json"));
    let mut command = comparisons(&["--rounds", "2", "--workloads", workloads]);
    command.args(["--runtimes", runtimes]).arg("--out").arg(out);
    command
}

/// A tiny run of `runtimes` in the flat burst, with its results in a file called
/// `name`.
pub(crate) fn tiny(name: &str, runtimes: &str, more: &[&str]) -> Command {
    let mut command = of_workloads(name, "flat", runtimes);
    command.args(["--sizes", "1000"]).args(more);
    command
}

pub(crate) fn cell<'a>(document: &'a Value, runtime: &str) -> &'a Value {
    let mut cells = document["cells"].as_array().unwrap().iter();
    cells
        .find(|cell| cell["runtime"] == runtime)
        .unwrap_or_else(|| panic!("no cell of {runtime}"))
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

pub(crate) fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        panic!("{error}: {}\n{}", stdout(output), stderr(output));
    })
}
