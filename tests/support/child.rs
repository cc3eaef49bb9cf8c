//! One test of this binary again, in a process of its own.

use std::env;
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

const ROLE: &str = "VIRID_TEST_ROLE";
const DEADLINE: Duration = Duration::from_secs(240);

/// What this process is to do, if it is the child.
pub(crate) fn role() -> Option<String> {
    env::var(ROLE).ok()
}

/// Starts the test called `test` in a child that knows its `role`.
pub(crate) fn start(test: &str, role: &str, variables: &[(&str, &str)]) -> Child {
    Command::new(env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(ROLE, role)
        .env_remove("VIRID_WORKERS")
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("no child for the test")
}

/// As [`start`], and waits for the child, which is killed at the deadline.
pub(crate) fn run(test: &str, role: &str, variables: &[(&str, &str)]) -> Output {
    let mut child = start(test, role, variables);
    let start = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if start.elapsed() > DEADLINE {
            child.kill().unwrap();
            panic!("the child for {role} hangs: {:?}", child.wait_with_output());
        }
        sleep(Duration::from_millis(1));
    }
    child.wait_with_output().unwrap()
}
