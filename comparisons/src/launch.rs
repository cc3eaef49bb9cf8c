//! The launching side: a child process with a deadline.

use std::io::{self, Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

use crate::machine;
use crate::protocol::{PROTOCOL, Request, Response};
use crate::results::{Failure, FailureKind};

/// More than any answer. A child that says more is cut off.
const MOST_OUTPUT: u64 = 64 * 1024;

/// How long the last words of a child that was killed are waited for.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Starts children one at a time and waits for them or for Ctrl-C.
#[derive(Debug)]
pub(crate) struct Launcher {
    events: Receiver<Event>,
    sender: Sender<Event>,
    started: u64,
}

#[derive(Debug)]
enum Event {
    /// The child with this number has exited; it is still to be reaped.
    Exited(u64, Output),
    Interrupted,
}

#[derive(Debug)]
struct Output {
    stdout: String,
    stderr: String,
}

/// How a child ended.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// With an answer.
    Answered(Response),
    /// Without.
    Failed(Failure),
    /// The user wants to stop.
    Interrupted,
}

impl Launcher {
    /// Takes over Ctrl-C and the termination signal.
    pub(crate) fn new() -> io::Result<Self> {
        let (sender, events) = channel();
        let handler = sender.clone();
        ctrlc::set_handler(move || {
            let _ = handler.send(Event::Interrupted);
        })
        .map_err(io::Error::other)?;
        Ok(Self {
            events,
            sender,
            started: 0,
        })
    }

    /// Runs one child to its end, but not beyond `deadline`.
    pub(crate) fn run(
        &mut self,
        mut command: Command,
        request: &Request,
        deadline: Duration,
    ) -> Outcome {
        let end = Instant::now() + deadline;
        self.started += 1;
        let number = self.started;
        let oom_kills = machine::oom_kills();
        // A group of its own, so that a deadline reaches whatever the child has
        // started. The spawning thread has to be the one that lives longest: a
        // death signal fires at the end of the thread, not of the process.
        let child = command
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let mut child = match child {
            Ok(child) => child,
            Err(error) => return crashed("did not start", &error.to_string()),
        };
        if let Err(error) = self.converse(&mut child, number, request) {
            kill_and_reap(&mut child);
            return crashed("did not start", &error.to_string());
        }
        loop {
            let left = end.saturating_duration_since(Instant::now());
            match self.events.recv_timeout(left) {
                Ok(Event::Exited(of, output)) if of == number => {
                    // What it has left behind must not run beside the next one.
                    kill_group(&child);
                    return match child.wait() {
                        Ok(status) => judge(status, &output, machine::oom_kills() > oom_kills),
                        Err(error) => crashed("was lost", &error.to_string()),
                    };
                }
                // A child that was killed earlier has now been heard of.
                Ok(Event::Exited(..)) => {}
                Ok(Event::Interrupted) => {
                    kill_and_reap(&mut child);
                    return Outcome::Interrupted;
                }
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    kill_group(&child);
                    let said = self.last_words(number);
                    let _ = child.wait();
                    return Outcome::Failed(Failure {
                        kind: FailureKind::Timeout,
                        reason: format!("timeout (over {} s)", deadline.as_secs_f64()),
                        detail: said,
                    });
                }
            }
        }
    }

    /// What a child has said that was killed just now.
    fn last_words(&self, number: u64) -> Option<String> {
        match self.events.recv_timeout(LAST_WORDS) {
            Ok(Event::Exited(of, output)) if of == number => first_lines(&output.stderr),
            Ok(Event::Interrupted) => {
                // To be heard by who asks next.
                let _ = self.sender.send(Event::Interrupted);
                None
            }
            _ => None,
        }
    }

    /// Whether the user asked to stop while no child was running.
    pub(crate) fn interrupted(&self) -> bool {
        self.events
            .try_iter()
            .any(|event| matches!(event, Event::Interrupted))
    }

    fn converse(&self, child: &mut Child, number: u64, request: &Request) -> io::Result<()> {
        let stdout = child.stdout.take();
        let stderr = child.stderr.take();
        let pid = Pid::from_child(child);
        let events = self.sender.clone();
        thread::Builder::new().spawn(move || {
            let errors = thread::spawn(move || read(stderr));
            let stdout = read(stdout);
            let stderr = errors.join().unwrap_or_default();
            // Not reaped yet: until the launcher does so, the number cannot go
            // to another process, and a late kill cannot hit a stranger.
            let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
            let _ = waitid(WaitId::Pid(pid), options);
            let _ = events.send(Event::Exited(number, Output { stdout, stderr }));
        })?;
        let mut line = serde_json::to_string(request)?;
        line.push('\n');
        match child
            .stdin
            .take()
            .map(|mut to| to.write_all(line.as_bytes()))
        {
            // A child that died before it read says so by its exit status.
            Some(Err(error)) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
            _ => Ok(()),
        }
    }
}

fn read(stream: Option<impl Read>) -> String {
    let mut bytes = Vec::new();
    if let Some(stream) = stream {
        let _ = stream.take(MOST_OUTPUT).read_to_end(&mut bytes);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn kill_group(child: &Child) {
    let _ = kill_process_group(Pid::from_child(child), Signal::KILL);
}

fn kill_and_reap(child: &mut Child) {
    kill_group(child);
    let _ = child.wait();
}

/// What a child that has ended by itself has come to. `oom_killed` says whether the
/// kernel killed some process meanwhile because memory had run out.
fn judge(status: ExitStatus, output: &Output, oom_killed: bool) -> Outcome {
    let killed = status.signal() == Some(Signal::KILL.as_raw());
    if (killed && oom_killed) || (!status.success() && says_out_of_memory(&output.stderr)) {
        return Outcome::Failed(Failure {
            kind: FailureKind::OutOfMemory,
            reason: "out of memory".to_owned(),
            detail: first_lines(&output.stderr),
        });
    }
    if let Some(signal) = status.signal() {
        return crashed(&format!("crashed (signal {signal})"), &output.stderr);
    }
    if !status.success() {
        let code = status.code().unwrap_or_default();
        return crashed(&format!("crashed (exit {code})"), &output.stderr);
    }
    let mut lines = output.stdout.lines();
    let (Some(line), None) = (lines.next(), lines.next()) else {
        return bad_answer("expected one line");
    };
    match serde_json::from_str::<Response>(line) {
        Ok(response) if response.protocol == PROTOCOL => Outcome::Answered(response),
        Ok(_) => bad_answer("another protocol"),
        Err(error) => bad_answer(&error.to_string()),
    }
}

/// How Rust's allocator, the system's errors and Go's runtime put it.
fn says_out_of_memory(stderr: &str) -> bool {
    let lower = stderr.to_ascii_lowercase();
    (lower.contains("memory allocation of") && lower.contains("failed"))
        || lower.contains("cannot allocate memory")
        || lower.contains("out of memory")
}

fn bad_answer(detail: &str) -> Outcome {
    Outcome::Failed(Failure {
        kind: FailureKind::BadAnswer,
        reason: "bad answer".to_owned(),
        detail: Some(detail.to_owned()),
    })
}

fn crashed(reason: &str, words: &str) -> Outcome {
    Outcome::Failed(Failure {
        kind: FailureKind::Crashed,
        reason: reason.to_owned(),
        detail: first_lines(words),
    })
}

/// As much of a child's words as fits into a note.
fn first_lines(words: &str) -> Option<String> {
    let said = words.lines().map(str::trim).filter(|line| !line.is_empty());
    let said: Vec<&str> = said.take(2).collect();
    (!said.is_empty()).then(|| said.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What becomes of a child that ended with `status`, as `wait` has it, and said
    /// `stderr`.
    fn kind(status: i32, stderr: &str, oom_killed: bool) -> FailureKind {
        let output = Output {
            stdout: String::new(),
            stderr: stderr.to_owned(),
        };
        match judge(ExitStatus::from_raw(status), &output, oom_killed) {
            Outcome::Failed(failure) => failure.kind,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn exhausted_memory_is_told_from_a_crash() {
        const EXIT_2: i32 = 2 << 8;
        let said = "memory allocation of 64 bytes failed";
        assert_eq!(kind(6, said, false), FailureKind::OutOfMemory);
        let said = "fatal error: runtime: cannot allocate memory";
        assert_eq!(kind(EXIT_2, said, false), FailureKind::OutOfMemory);
        assert_eq!(kind(9, "", true), FailureKind::OutOfMemory);
        assert_eq!(kind(9, "", false), FailureKind::Crashed);
        // Somebody else was killed then.
        assert_eq!(kind(11, "", true), FailureKind::Crashed);
        assert_eq!(kind(0, said, true), FailureKind::BadAnswer);
    }
}
