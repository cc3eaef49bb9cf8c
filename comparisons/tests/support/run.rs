//! Runs the built binary.

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

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

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}
