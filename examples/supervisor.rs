//! Child processes, each supervised by a green thread: only programs of a list are
//! started, what takes too long is killed, and at the end stands what all have used.

use async_process::{Command, Stdio};
use futures_lite::AsyncReadExt;
use std::io::{Error, ErrorKind, Result};
use std::process::ExitStatus;
use std::time::Duration;
use virid::{block_on, thread, time};

/// What may be started; everything else is refused.
const ALLOWED: [&str; 3] = ["echo", "sh", "sleep"];

/// Runs a program for no longer than `limit`: how it has ended, and what it has said.
fn supervise(program: &str, arguments: &[&str], limit: Duration) -> Result<(ExitStatus, String)> {
    if !ALLOWED.contains(&program) {
        let refusal = format!("{program} is not on the list");
        return Err(Error::new(ErrorKind::PermissionDenied, refusal));
    }
    let mut command = Command::new(program);
    let mut child = command.args(arguments).stdout(Stdio::piped()).spawn()?;
    let mut output = child.stdout.take().expect("it was asked for");
    let reader = thread::spawn(move || {
        let mut said = String::new();
        block_on(output.read_to_string(&mut said)).map(|_| said)
    });
    if block_on(time::timeout(limit, child.status())).is_err() {
        child.kill()?;
    }
    Ok((block_on(child.status())?, reader.join().unwrap()?))
}

/// The processor time of all children that have ended, in us.
fn used() -> i64 {
    // SAFETY: all zeros are a value of this struct of numbers.
    let mut used: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: the struct is ours to be written.
    let result = unsafe { libc::getrusage(libc::RUSAGE_CHILDREN, &raw mut used) };
    assert_eq!(result, 0);
    let micros = |time: libc::timeval| time.tv_sec * 1_000_000 + time.tv_usec;
    micros(used.ru_utime) + micros(used.ru_stime)
}

fn main() {
    let (long, before) = (Duration::from_secs(60), used());
    virid::run(move || {
        let hello = thread::spawn(move || supervise("echo", &["hello"], long));
        let fails = thread::spawn(move || supervise("sh", &["-c", "exit 3"], long));
        let hangs = thread::spawn(|| supervise("sleep", &["1000"], Duration::from_millis(50)));
        assert_eq!(hello.join().unwrap().unwrap().1, "hello\n");
        assert_eq!(fails.join().unwrap().unwrap().0.code(), Some(3));
        let killed = hangs.join().unwrap().unwrap().0;
        assert_eq!(killed.code(), None, "who is killed has no code");
        println!("{}", supervise("rm", &["-r", "."], long).unwrap_err());
    });
    println!("the children took {} us of processor time", used() - before);
}
