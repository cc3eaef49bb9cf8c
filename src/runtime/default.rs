//! The runtime of those who built none, and the functions that use it.

use std::future::Future;
use std::io;
use std::ops::Deref;
use std::sync::OnceLock;

use super::handle::Handle;
use super::owner::Runtime;
use crate::context;
use crate::drive::drive;
use crate::scheduler::shared::Shared;
use crate::scheduler::spawn;
#[cfg(not(virid_loom))]
use crate::task::error::JoinError;
use crate::task::join::JoinHandle;
#[cfg(not(virid_loom))]
use crate::task::work::Work;
use crate::task::work::{Async, Spawn};

/// Drives a future on this thread, which is parked while the future waits.
/// Starts no runtime by itself; tasks that the future spawns go to the runtime
/// that is current where this is called, else to the default runtime. They go
/// there through its shared queue, as from any thread that is no worker: to spawn
/// by the million, spawn one task that does.
///
/// ```
/// assert_eq!(virid::block_on(async { 3 * 14 }), 42);
/// ```
///
/// # Panics
///
/// Inside a task, where it would stop the worker: await the future there. And
/// with whatever the future panics.
#[track_caller]
pub fn block_on<F: Future>(future: F) -> F::Output {
    drive(future, "block_on", "`.await`")
}

/// [`spawn`](crate::task::spawn), which documents it.
#[inline]
#[track_caller]
pub(crate) fn spawn_on_current<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    spawn_work_on_current(Async(future))
}

/// The same, where `prepare` gets the handle before the task is queued.
#[inline]
#[track_caller]
pub(crate) fn spawn_prepared_on_current<F, R>(
    future: F,
    prepare: impl FnOnce(JoinHandle<F::Output>) -> R,
) -> R
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    // SAFETY: used for a spawn.
    spawn::spawn_prepared(unsafe { shared_to_spawn_on() }, future, prepare)
}

/// Spawns a future or a green thread on the current runtime.
#[inline]
#[track_caller]
pub(crate) fn spawn_work_on_current<W>(work: W) -> JoinHandle<W::Output>
where
    W: Spawn,
    W::Output: Send + 'static,
{
    // SAFETY: used for a spawn.
    spawn::spawn_work(unsafe { shared_to_spawn_on() }, work)
}

/// What the workers of the current runtime share.
///
/// # Safety
///
/// The answer is used for one spawn.
#[inline]
#[track_caller]
unsafe fn shared_to_spawn_on<'a>() -> &'a Shared {
    let shared = context::runtime().cast::<Shared>();
    // SAFETY: the context holds null or the address of a `Shared`, and whoever
    // entered it keeps it alive until it has left. User code that could leave
    // runs in a spawn as its last line only.
    let shared = unsafe { shared.as_ref() };
    shared.unwrap_or_else(|| default_shared_cold())
}

/// A runtime for the length of a call, whatever users' code in it leaves.
pub(crate) enum Kept<'a> {
    /// The calling worker's own, which stays until that has left its loop, further down
    /// on this thread's stack: no count that all workers would write.
    Own(&'a Shared),
    Counted(Handle),
}

impl Deref for Kept<'_> {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        match self {
            Self::Own(shared) => shared,
            Self::Counted(handle) => &handle.shared,
        }
    }
}

/// The current runtime, the default one outside of any. The answer is for the calling
/// function, not to be kept.
#[track_caller]
pub(crate) fn current<'a>() -> Kept<'a> {
    let shared = context::runtime().cast::<Shared>();
    // SAFETY: as above, and the reference stays no longer unless the runtime is that of
    // the worker that this thread is.
    let own = unsafe { shared.as_ref() }.filter(|shared| spawn::is_worker_of(shared));
    match own {
        Some(own) => Kept::Own(own),
        None => match Handle::try_current() {
            Ok(handle) => Kept::Counted(handle),
            Err(_) => Kept::Own(default_shared_cold()),
        },
    }
}

/// A task that never runs, where [`spawn_work_on_current`] would make one that does.
#[cfg(not(virid_loom))]
#[track_caller]
pub(crate) fn refuse_work_on_current<W>(work: W) -> JoinHandle<W::Output>
where
    W: Work + Send + 'static,
    W::Output: Send + 'static,
{
    let shared = context::runtime().cast::<Shared>();
    // SAFETY: as in `spawn_work_on_current`.
    let shared = unsafe { shared.as_ref() };
    spawn::refuse_work(shared.unwrap_or_else(|| default_shared_cold()), work)
}

/// [`spawn_blocking`](crate::task::spawn_blocking), which documents it.
#[track_caller]
pub(crate) fn spawn_blocking_on_current<F, T>(f: F) -> JoinHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    // Kept: the closure is dropped in there where it is refused, and may leave what
    // this thread has entered.
    match Handle::try_current() {
        Ok(handle) => handle.spawn_blocking(f),
        Err(_) => spawn::spawn_blocking(default_shared_cold(), f),
    }
}

#[cold]
#[track_caller]
fn default_shared_cold() -> &'static Shared {
    &default_runtime().handle.shared
}

/// Runs a closure as a green thread of the current runtime, the default one
/// outside of any, and waits for it: where a program in the style of threads
/// begins.
///
/// ```
/// use virid::thread;
///
/// let sum = virid::run(|| {
///     let threads: Vec<_> = (1..=100u64).map(|n| thread::spawn(move || n)).collect();
///     threads.into_iter().map(|thread| thread.join().unwrap()).sum::<u64>()
/// });
/// assert_eq!(sum, 5_050);
/// ```
///
/// # Panics
///
/// With what `f` panics with; where the runtime ends meanwhile; inside an async
/// task; and where the default runtime is needed and cannot be started.
#[cfg(not(virid_loom))]
#[track_caller]
pub fn run<F, T>(f: F) -> T
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    context::assert_may_block("run", "`.await` on a thread's handle");
    match crate::thread::spawn(f).join() {
        Ok(result) => result,
        Err(payload) => resume(payload, "run"),
    }
}

/// Passes on why a green thread has no result: its panic, or that it was ended.
#[cfg(not(virid_loom))]
#[track_caller]
pub(super) fn resume(payload: Box<dyn std::any::Any + Send>, call: &str) -> ! {
    if payload.is::<JoinError>() {
        panic!("`{call}`: the runtime ended before the thread did");
    }
    std::panic::resume_unwind(payload)
}

/// The runtime of those who built none. It is never dropped: its workers end
/// with the process.
#[track_caller]
fn default_runtime() -> &'static Runtime {
    static DEFAULT: OnceLock<Runtime> = OnceLock::new();
    DEFAULT.get_or_init(|| {
        Runtime::new().unwrap_or_else(|error| {
            let cure = match error.kind() {
                io::ErrorKind::InvalidInput => "",
                _ => "; raise the limit on threads, or build a smaller one with virid::Builder",
            };
            panic!("virid's default runtime could not be started: {error}{cure}")
        })
    })
}
