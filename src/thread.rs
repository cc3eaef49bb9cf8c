//! Green threads: blocking-style code on small stacks, as cheap to spawn as tasks.
//!
//! Most names are those of [`std::thread`]. A green thread runs on a worker of a
//! [`Runtime`](crate::Runtime) and *waits* without stopping it: when it joins,
//! parks, or drives any future with [`virid::block_on`](crate::block_on), the
//! worker goes on with others.
//!
//! ```
//! use virid::thread;
//!
//! let total: u64 = virid::run(|| {
//!     let threads: Vec<_> = (0..1_000u64).map(|n| thread::spawn(move || n * n)).collect();
//!     threads.into_iter().map(|thread| thread.join().unwrap()).sum()
//! });
//! assert_eq!(total, 332_833_500);
//! ```
//!
//! # Two things that are not sound
//!
//! No runtime with stacks of its own can make these safe on stable Rust. Everything
//! else in safe code is meant to be.
//!
//! - **Waiting inside the initialiser of a `thread_local!`.** Another green thread
//!   of the same worker may initialise the variable meanwhile, and hold a reference
//!   to the value that the first one then replaces. The program that shows it:
//!   `cargo run --example exception_initialiser`.
//! - **Libraries that keep the address of a stack frame in a thread-local** and
//!   restore the one before when they leave, such as `scoped-tls`. Two green
//!   threads that leave in another order than they entered make such a variable
//!   point into a stack that has moved on: `cargo run --example exception_scoped_tls`.
//!
//! [`no_suspend`] around either turns a wait inside it into a panic that names the
//! call, and keeps [`spawn`] from letting others run. Both programs end with that.
//!
//! # What to know
//!
//! - **A thread stays where it has begun.** Until it first runs any worker may take
//!   it; from then on it is on one worker's thread, so `Rc` and guards may be held
//!   over a wait. It then waits for its own worker, also behind a task that computes.
//! - **What blocks without virid's help blocks the worker**: `std::sync`, `std::net`,
//!   `std::fs`, `stdin`, `std::thread::sleep`, `block_on` of other crates. Do such inside
//!   [`blocking()`]. A lock of `std::sync` that is held over a wait is a deadlock; those
//!   of `virid::sync` may be. Where the wait is that of a [`spawn`] (below), a watchdog
//!   says so on `stderr`, on Linux and once for a runtime: what blocks, what waits, where
//!   both were spawned and what helps.
//! - **Thread-locals belong to the worker**: all green threads on it see the same
//!   value.
//! - **Spawning may wait**: when more than 1,000 tasks wait in the worker's queue,
//!   [`spawn`] lets those run first; see
//!   [`Builder::spawn_yields`](crate::Builder::spawn_yields).
//!
//! [Coming from std](#coming-from-std) has the whole list, and
//! [Who is calling](#who-is-calling) what each caller may wait for.
//!
//! # The end of a thread
//!
//! [`JoinHandle::cancel`] and the end of the runtime ask a thread to end. One that
//! has not begun never does. One that has begun is unwound, with its destructors,
//! from its next *cancellation point*: [`park`], `park_timeout`, `sleep`, [`yield_now`],
//! [`JoinHandle::join`], [`block_on`](crate::block_on), every wait of `virid::sync`, the
//! end of a [`scope()`] when all its threads have ended, the beginning of [`blocking()`].
//! Who catches it with `catch_unwind` gets it again at the next one. A thread that always
//! does, or that comes to no such point, is waited for;
//! [`shutdown_timeout`](crate::Runtime::shutdown_timeout) names it.
//! `join` of a thread that ended so yields a boxed
//! [`JoinError`](crate::task::JoinError) that says cancelled.

#![doc = include_str!("thread/from_std.md")]
#![doc = "```toml"]
#![doc = include_str!("../examples/clippy.toml")]
#![doc = "```"]

mod blocking;
pub(crate) mod current;
mod fault;
mod green;
mod handle;
#[cfg(feature = "sync")]
mod limited;
mod map;
mod panics;
#[cfg(feature = "sync")]
mod policies;
pub(crate) mod runner;
mod scope;
pub(crate) mod stack;
#[cfg(feature = "time")]
mod timed;

use std::io;

use crate::context;
use crate::runtime;
use crate::scheduler::shared::Shared;
use crate::scheduler::spawn::{let_children_run, spawn_work};
use current::{Current, Turn};
use green::Green;

pub use blocking::blocking;
pub use handle::{JoinHandle, Thread, ThreadId};
pub use map::{MapOrdered, MapUnordered, map_ordered, map_unordered};
#[cfg(feature = "sync")]
#[cfg_attr(docsrs, doc(cfg(feature = "sync")))]
pub use policies::{AnyScope, TryScope, any_scope, try_scope};
pub use scope::{Scope, ScopedJoinHandle, scope};
pub use std::thread::{AccessError, LocalKey, Result, available_parallelism};
#[cfg(feature = "time")]
#[cfg_attr(docsrs, doc(cfg(feature = "time")))]
pub use timed::{park_timeout, sleep, sleep_until};

/// Starts a green thread of the current runtime, as [`virid::spawn`](crate::spawn)
/// starts a task. Dropping the handle detaches it. A thread that gets no stack when
/// it first runs ends with a panic, which `join` yields.
///
/// ```
/// let thread = virid::thread::spawn(|| 6 * 7);
/// assert_eq!(thread.join().unwrap(), 42);
/// ```
///
/// # Panics
///
/// Where the default runtime is needed and cannot be started.
#[inline]
#[track_caller]
pub fn spawn<F, T>(f: F) -> JoinHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    let task = runtime::spawn_work_on_current(Green::new(None, f));
    let handle = JoinHandle::new(task, None);
    let_children_run();
    handle
}

/// Starts a thread on the runtime that the caller names.
#[inline]
#[track_caller]
pub(crate) fn start_on<F, T>(shared: &Shared, f: F) -> JoinHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    JoinHandle::new(spawn_work(shared, Green::new(None, f)), None)
}

/// A green thread as a task's work, for who starts it in another way.
pub(crate) fn work_of<F>(f: F) -> Green<F> {
    Green::new(None, f)
}

/// The handle of a green thread that was started in another way.
pub(crate) fn handle_of<T: Send + 'static>(task: crate::task::JoinHandle<T>) -> JoinHandle<T> {
    JoinHandle::new(task, None)
}

/// Settings for one green thread.
///
/// ```
/// let thread = virid::thread::Builder::new()
///     .name("deep".into())
///     .stack_size(1 << 20)
///     .spawn(|| virid::thread::current().name().map(str::to_owned))?;
/// assert_eq!(thread.join().unwrap().as_deref(), Some("deep"));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Default)]
#[must_use = "settings do nothing until `spawn` is called"]
pub struct Builder {
    name: Option<String>,
    stack_size: Option<usize>,
}

impl Builder {
    /// Settings as [`spawn`] has them.
    ///
    /// ```
    /// virid::thread::Builder::new().spawn(|| ())?.join().unwrap();
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// The name that [`Thread::name`] tells.
    ///
    /// ```
    /// let builder = virid::thread::Builder::new().name("reader".into());
    /// assert_eq!(builder.spawn(|| ())?.thread().name(), Some("reader"));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn name(mut self, name: String) -> Self {
        self.name = Some(name);
        self
    }

    /// The size of the stack in bytes, rounded up to a power of two of at least
    /// 32 KiB. Default: [`virid::Builder::stack_size`](crate::Builder::stack_size).
    ///
    /// ```
    /// let builder = virid::thread::Builder::new().stack_size(4 << 20);
    /// builder.spawn(|| ())?.join().unwrap();
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn stack_size(mut self, bytes: usize) -> Self {
        self.stack_size = Some(bytes);
        self
    }

    /// Starts the thread; see [`spawn`].
    ///
    /// ```
    /// let thread = virid::thread::Builder::new().spawn(|| "done")?;
    /// assert_eq!(thread.join().unwrap(), "done");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// For a stack of more than 1 GiB, and for a name with a NUL byte.
    ///
    /// # Panics
    ///
    /// As [`spawn`].
    #[track_caller]
    pub fn spawn<F, T>(self, f: F) -> io::Result<JoinHandle<T>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let (size, name) = self.check()?;
        let kept = name.clone();
        let task = runtime::spawn_work_on_current(Green::new(size, move || {
            handle::set_name(kept);
            f()
        }));
        let handle = JoinHandle::new(task, name);
        let_children_run();
        Ok(handle)
    }

    fn check(self) -> io::Result<(Option<stack::Size>, Option<std::sync::Arc<str>>)> {
        if let Some(name) = &self.name
            && name.contains('\0')
        {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("name: {name:?} contains a NUL byte, which a thread's name cannot"),
            ));
        }
        let size = self.stack_size.map(stack::Size::of).transpose()?;
        Ok((size, self.name.map(Into::into)))
    }
}

/// The calling thread: green, or of the operating system.
///
/// ```
/// let id = virid::run(|| virid::thread::current().id());
/// assert_ne!(id, virid::thread::current().id());
/// ```
pub fn current() -> Thread {
    Thread::current()
}

/// Waits until [`Thread::unpark`] was called for the calling thread, or for no
/// reason. On a thread of the operating system this is [`std::thread::park`].
///
/// ```
/// virid::run(|| {
///     let main = virid::thread::current();
///     virid::thread::spawn(move || main.unpark());
///     virid::thread::park();
/// });
/// ```
///
/// # Panics
///
/// Inside an async task, and inside [`no_suspend`].
#[track_caller]
pub fn park() {
    let Some(current) = Current::get() else {
        context::assert_may_block("thread::park", "an async channel or lock");
        return std::thread::park();
    };
    if context::is_in_hook() {
        return current.park_in_hook(None);
    }
    loop {
        current.check();
        if current.task().take_token() {
            return;
        }
        current.suspend("thread::park");
    }
}

/// Lets other tasks and green threads of the worker run. Elsewhere it is
/// [`std::thread::yield_now`]: in an async task, await
/// [`virid::yield_now`](crate::yield_now) instead.
///
/// ```
/// virid::run(|| virid::thread::yield_now());
/// ```
///
/// # Panics
///
/// Inside [`no_suspend`].
#[inline(always)]
#[track_caller]
pub fn yield_now() {
    let Some(current) = Current::get_to_wait() else {
        return std::thread::yield_now();
    };
    current.suspend_for(Turn::Yields, "thread::yield_now");
    current.check();
}

/// Whether the calling thread is unwinding, as [`std::thread::panicking`], which says
/// the same: a green thread that waits in a destructor while it unwinds takes its
/// panics along, and the others of its worker do not see them.
///
/// ```
/// assert!(!virid::thread::panicking());
/// ```
pub fn panicking() -> bool {
    std::thread::panicking()
}

/// Whether the caller is a green thread.
///
/// ```
/// assert!(!virid::thread::is_green());
/// assert!(virid::run(virid::thread::is_green));
/// ```
pub fn is_green() -> bool {
    Current::get().is_some()
}

/// Calls `f`, in which the calling green thread is not ended: where it is cancelled, or its
/// runtime ends, it goes on to its next cancellation point after `f`. For what must not
/// stay half done. Waits in `f` work as ever, so one that never ends keeps the thread, and
/// the end of the runtime, waiting. Elsewhere it just calls `f`.
///
/// For futures see [`task::shield`](crate::task::shield).
///
/// ```
/// use virid::{sync::mpsc, thread};
///
/// let (sender, receiver) = mpsc::channel();
/// let thread = thread::spawn(move || {
///     thread::shield(|| {
///         sender.send("begun").unwrap();
///         for _ in 0..3 {
///             thread::yield_now(); // no cancellation point in here
///         }
///         sender.send("done").unwrap();
///     });
///     thread::park(); // but here
/// });
/// assert_eq!(receiver.recv(), Ok("begun"));
/// thread.cancel();
/// assert!(thread.join().is_err());
/// assert_eq!(receiver.recv(), Ok("done"));
/// ```
pub fn shield<R>(f: impl FnOnce() -> R) -> R {
    let _mark = Current::get().map(Current::shield);
    f()
}

/// Calls `f`, in which the calling green thread must not wait: a wait panics and
/// names the call, and [`spawn`] does not let others run first. For code that must
/// not be interleaved with other green threads of the worker; see the head of
/// [this module](self). Elsewhere it just calls `f`.
///
/// ```
/// let thread = virid::thread::spawn(|| {
///     virid::thread::no_suspend(|| virid::thread::yield_now());
/// });
/// assert!(thread.join().is_err());
/// ```
pub fn no_suspend<R>(f: impl FnOnce() -> R) -> R {
    let _mark = Current::get().map(Current::forbid_suspending);
    f()
}
