//! What every test file shares: the guard that turns a hang into a named failure.

use std::io::{self, Write};
use std::panic::{Location, resume_unwind};
use std::process::abort;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

const DEADLINE: Duration = Duration::from_secs(300);

/// Runs `body` on a thread of its own and passes on its panic. A body that has
/// not ended at the deadline aborts the process, because a thread that hangs
/// cannot be stopped.
#[track_caller]
pub(crate) fn guard(body: impl FnOnce() + Send + 'static) {
    let place = Location::caller();
    let name = thread::current().name().unwrap_or("a test").to_owned();
    let (ended, wait) = channel::<()>();
    let thread = thread::Builder::new()
        .name(name.clone())
        .spawn(move || {
            let _ended = ended;
            body();
        })
        .expect("no thread for the test");
    if wait.recv_timeout(DEADLINE) == Err(RecvTimeoutError::Timeout) {
        // Not `eprintln!`: what the harness captures is lost in an abort.
        let mut stderr = io::stderr();
        let _ = writeln!(stderr, "{name} ({place}) hangs: over {DEADLINE:?}");
        abort();
    }
    if let Err(panic) = thread.join() {
        resume_unwind(panic);
    }
}
