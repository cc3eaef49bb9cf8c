//! What blocks, without blocking the worker: the closure runs on the runtime's
//! blocking pool while only the calling green thread waits.

use std::cell::Cell;
use std::panic::resume_unwind;
use std::ptr::NonNull;
use std::thread::Result;

use super::current::{Current, Turn};
use crate::context;
use crate::scheduler::spawn;
use crate::task::JoinError;
use crate::task::values::Values;
use crate::unwind;

/// For messages.
const CALL: &str = "thread::blocking";

/// Runs `f`, which blocks, on another thread, while only the calling green thread
/// waits: its worker goes on with others. For what stops a worker otherwise, such as
/// `std::fs`, `stdin`, or a lock of `std::sync` that others hold for long.
///
/// `f` may borrow. Its thread is one of those of
/// [`spawn_blocking`](crate::task::spawn_blocking): where all of them are busy, `f` waits
/// its turn. On a thread of the operating system, and inside the panic hook, `f` is just
/// called, in place.
///
/// ```
/// use virid::thread;
///
/// let (bytes, lines) = virid::run(|| {
///     let mut text = String::new();
///     let bytes = thread::blocking(|| {
///         text = std::fs::read_to_string("Cargo.toml")?;
///         std::io::Result::Ok(text.len())
///     });
///     (bytes.unwrap(), text.lines().count())
/// });
/// assert!(bytes > lines);
/// ```
///
/// It is a cancellation point before `f` begins to wait for its thread. From then on
/// the caller waits for `f` whatever happens: cancelled, or when its runtime ends, it
/// goes on when `f` has returned, and is unwound from its next cancellation point. An
/// `f` that has not begun when the runtime ends is dropped, and the caller unwound from
/// here; in a destructor that runs then, which cannot be, `f` is called in place: on the
/// stack of the green thread, and its worker waits.
///
/// # Panics
///
/// With what `f` panics with. Inside an async task: await
/// [`spawn_blocking`](crate::task::spawn_blocking) there. Inside
/// [`no_suspend`](super::no_suspend), and where the system refuses the only thread.
#[track_caller]
pub fn blocking<F, T>(f: F) -> T
where
    F: FnOnce() -> T + Send,
    T: Send,
{
    let Some(current) = Current::get_to_wait() else {
        context::assert_may_block(CALL, "`virid::task::spawn_blocking(..).await`");
        return f();
    };
    current.check();
    current.assert_may_suspend(CALL);
    // Copied here, where that may panic.
    let values = Values::to_inherit();
    let f = move || match values {
        None => f(),
        Some(values) => values.around(f),
    };
    let lent = Lent {
        f: Cell::new(Some(f)),
        result: Cell::new(None),
    };
    let ended = lend(current, &lent);
    match (lent.result.take(), ended) {
        (Some(Ok(result)), _) => result,
        (Some(Err(payload)), _) => resume_unwind(payload),
        // There is no thread for it.
        (None, Err(error)) if error.is_panic() => resume_unwind(error.into_panic()),
        (None, _) => {
            // The runtime is ending; its worker says so when it comes to that, which
            // may be some turns from here.
            while !current.is_asked_to_end() {
                current.suspend_for(Turn::Yields, CALL);
            }
            current.check();
            let f = lent.f.take().expect("it never began");
            f()
        }
    }
}

/// The closure and what becomes of it: on the caller's stack, lent to the pool.
struct Lent<F, T> {
    f: Cell<Option<F>>,
    result: Cell<Option<Result<T>>>,
}

/// A [`Lent`] whose types the task need not know.
struct Address {
    lent: NonNull<()>,
    run: unsafe fn(NonNull<()>),
}

// SAFETY: it is made by `lend` alone, for a closure and a result that are `Send`; so
// is what a panic carries.
unsafe impl Send for Address {}

impl Address {
    /// # Safety
    ///
    /// What it leads to is there, and nobody else touches it meanwhile.
    unsafe fn run(self) {
        // SAFETY: as this function's contract says; `lend` made the two for each other.
        unsafe { (self.run)(self.lent) };
    }
}

/// # Safety
///
/// The address is that of a `Lent<F, T>`, which nobody else touches meanwhile.
unsafe fn run<F: FnOnce() -> T, T>(lent: NonNull<()>) {
    // SAFETY: as this function's contract says.
    let lent = unsafe { lent.cast::<Lent<F, T>>().as_ref() };
    let f = lent.f.take().expect("a closure runs once");
    lent.result.set(Some(unwind::catch(f)));
}

/// Has the pool run the closure, and returns when nobody knows of it any more. An
/// error where it did not run.
#[track_caller]
fn lend<F, T>(current: &Current, lent: &Lent<F, T>) -> std::result::Result<(), JoinError>
where
    F: FnOnce() -> T + Send,
    T: Send,
{
    let address = Address {
        lent: NonNull::from(lent).cast(),
        run: run::<F, T>,
    };
    // To leave this function while the pool knows the address would be unsound.
    let abort = AbortOnUnwind;
    let task = spawn::spawn_blocking_alone(spawn::own_runtime(current), move || {
        // SAFETY: the caller's frame stays until the task below has ended: this
        // function returns then only, nothing unwinds it before, and a stack with a
        // green thread on it that has not ended is never freed nor used again, also
        // where the thread is leaked. What the closure borrows lives as long: it
        // outlives that frame, whose code cannot go on. The caller touches nothing
        // of it until then, and the task is run once, by one thread.
        unsafe { address.run() };
    });
    // No end is thrown here, and the wait is allowed whatever surrounds it. A task
    // that says it has ended has no closure any more, and the joiner sees what it has
    // written (`TaskCell::end`, `State::complete`).
    let _shield = current.shield();
    let _allowed = current.allow_suspending();
    let ended = current.block_on(task, CALL);
    std::mem::forget(abort);
    ended
}

struct AbortOnUnwind;

impl Drop for AbortOnUnwind {
    fn drop(&mut self) {
        eprintln!("virid: a wait in thread::blocking was unwound; this is a bug, aborting");
        std::process::abort();
    }
}
