//! Where user code may panic: the one file that catches, and the guard for
//! places where a panic must not pass.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What a panic carries.
pub(crate) type Payload = Box<dyn Any + Send>;

/// What is thrown at a green thread that is to end: no panic, and no hook hears
/// of it.
#[derive(Debug)]
pub(crate) struct Cancelled;

/// Runs user code and hands back its panic.
///
/// Unwind safety: whatever `f` was working on is dropped or handed to a joiner
/// as an error afterwards; nobody reads the state a panic left half-done.
pub(crate) fn catch<R>(f: impl FnOnce() -> R) -> Result<R, Payload> {
    catch_unwind(AssertUnwindSafe(f))
}

/// Runs user code, a destructor or a waker, whose panic has no joiner to go
/// to. The panic hook has printed it by then; the payload is dropped.
pub(crate) fn contain(f: impl FnOnce()) {
    if let Err(payload) = catch(f) {
        drop_payload(payload);
    }
}

/// Drops a payload. Its destructor is user code too: where that panics, the
/// second payload is leaked, because a third panic would never end.
pub(crate) fn drop_payload(payload: Payload) {
    if let Err(second) = catch(|| drop(payload)) {
        std::mem::forget(second);
    }
}

/// Aborts the process when dropped by a panic. Stands over code of the runtime
/// itself, where a panic is a bug that would leave tasks in nobody's hands.
#[derive(Debug)]
pub(crate) struct AbortOnPanic;

impl Drop for AbortOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!(
                "virid: a worker panicked outside any task; this is a bug in virid, aborting"
            );
            std::process::abort();
        }
    }
}
