//! A child of this binary that measures and answers with one line, with a deadline:
//! what it is to judge may hang.

use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use serde::de::DeserializeOwned;

/// Far more than any measurement takes.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// This binary, as a child that is to run a [`probe`](super::probe).
pub(crate) fn probe(arguments: &[&str]) -> std::io::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["monitor", "probe"]).args(arguments);
    Ok(command)
}

/// Runs a child to its end and reads its answer.
pub(crate) fn ask<T: DeserializeOwned>(command: Command) -> Result<T, String> {
    let text = run(command)?;
    serde_json::from_str(&text).map_err(|error| format!("its answer is none: {error}"))
}

/// Runs a child to its end; what it wrote.
pub(crate) fn run(mut command: Command) -> Result<String, String> {
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = command
        .spawn()
        .map_err(|error| format!("it did not start: {error}"))?;
    let mut stdout = child.stdout.take().expect("it is a pipe");
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let mut text = String::new();
        let read = stdout.read_to_string(&mut text);
        let _ = sender.send(read.map(|_| text));
    });
    let text = match receiver.recv_timeout(DEADLINE) {
        Ok(Ok(text)) => text,
        Ok(Err(error)) => return Err(ended(&mut child, &error.to_string())),
        Err(_) => {
            let seconds = DEADLINE.as_secs();
            return Err(ended(
                &mut child,
                &format!("it hung for {seconds} s and was killed"),
            ));
        }
    };
    match child.wait() {
        Ok(status) if status.success() => Ok(text),
        Ok(status) => Err(format!("it ended with {status}")),
        Err(error) => Err(error.to_string()),
    }
}

fn ended(child: &mut Child, why: &str) -> String {
    let _ = child.kill();
    let _ = child.wait();
    why.to_owned()
}
