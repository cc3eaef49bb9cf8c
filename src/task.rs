//! Async tasks: spawn a future, and await or join its result.
//!
//! A task is a future that the runtime polls. [`spawn`] starts one and returns
//! its [`JoinHandle`]; dropping the handle detaches the task. A panic stays in
//! the task and reaches whoever joins it as a [`JoinError`].
//!
//! ```
//! use virid::task;
//!
//! let sum = virid::block_on(async {
//!     let tasks: Vec<_> = (1..=10).map(|n| task::spawn(async move { n * n })).collect();
//!     let mut sum = 0;
//!     for task in tasks {
//!         sum += task.await.unwrap();
//!     }
//!     sum
//! });
//! assert_eq!(sum, 385);
//! ```
//!
//! Names and meaning follow Tokio's `task` module; the tables below say where
//! they do not.

#![doc = include_str!("task/from_tokio.md")]

// The folder: `state` (the atomic word), `answer` (what its transitions say), `place` (where a task was spawned),
// `header` (the erased task and who may touch what), `waker`, `error`, `abort` and `join` (what users hold), `slot` (where a cell
// keeps what), `cell` (the future and its result), `work` (future or green thread) and its `stage`, `green` (what the latter
// needs besides), `hold` (tasks that wait before they first run), `after` (what is dropped after the work), `values` (the
// task-locals that are set, and who inherits them), `local` (their keys).
//
// Who owns tasks: `set`, with `joiner`, `member` and `finished` (a task whose handle a set has, and how it gets there when
// it ends); `group`; `keyed`; `map`; `shield`; and what groups and the scopes of threads have in common: `owner`.
pub(crate) mod abort;
pub(crate) mod after;
mod answer;
pub(crate) mod cell;
pub(crate) mod error;
pub(crate) mod finished;
#[cfg(not(virid_loom))]
pub(crate) mod green;
#[cfg(all(feature = "sync", not(virid_loom)))]
mod group;
pub(crate) mod header;
mod hold;
pub(crate) mod id;
pub(crate) mod join;
mod joiner;
pub(crate) mod keyed;
mod local;
#[cfg(not(virid_loom))]
pub(crate) mod map;
pub(crate) mod member;
#[cfg(feature = "sync")]
pub(crate) mod owner;
mod place;
#[cfg(not(virid_loom))]
mod sample;
/// Models have no samples.
#[cfg(virid_loom)]
#[path = "../tests/loom/sample.rs"]
mod sample;
mod set;
#[cfg(not(virid_loom))]
mod shield;
mod slot;
pub(crate) mod stage;
pub(crate) mod state;
pub(crate) mod values;
pub(crate) mod waker;
pub(crate) mod work;

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

pub use abort::AbortHandle;
pub use error::JoinError;
#[cfg(all(feature = "sync", not(virid_loom)))]
#[cfg_attr(docsrs, doc(cfg(feature = "sync")))]
pub use group::{AnyGroup, Group, TryGroup, any_group, group, try_group};
pub use id::Id;
pub use join::JoinHandle;
#[cfg(all(feature = "sync", not(virid_loom)))]
#[cfg_attr(docsrs, doc(cfg(feature = "sync")))]
pub use keyed::BoundedKeyed;
pub use keyed::Keyed;
pub use local::{AccessError, LocalKey, TaskLocalFuture};
#[cfg(not(virid_loom))]
pub use map::{MapOrdered, MapUnordered, Source, map_ordered, map_unordered};
#[cfg(all(feature = "sync", not(virid_loom)))]
#[cfg_attr(docsrs, doc(cfg(feature = "sync")))]
pub use owner::limited::Limited;
#[cfg(all(feature = "sync", not(virid_loom)))]
#[cfg_attr(docsrs, doc(cfg(feature = "sync")))]
pub use owner::token::{
    CancellationToken, DropGuard, WaitForCancellationFuture, WaitForCancellationFutureOwned,
};
pub use set::JoinSet;
#[cfg(not(virid_loom))]
pub use shield::{Shielded, shield};

use crate::runtime;

/// Spawns a task on the current runtime: that of the calling task, of a
/// surrounding [`Runtime::block_on`](crate::Runtime::block_on) or
/// [`enter`](crate::Runtime::enter), else the default runtime, which is started
/// on first use. Tasks of the default runtime end with the process, unfinished
/// and without being dropped: keep their handles, or build a
/// [`Runtime`](crate::Runtime).
///
/// The task begins without being awaited. On a worker it is queued on the
/// worker's own queue, without a lock and without a write that other workers
/// write too; from any other thread it goes through the runtime's shared queue.
///
/// The future moves into a recycled cell, where it stays. With its result it has
/// 24 bytes in the smallest cell and 984 in the largest; one that is larger, or
/// aligned to more than 64 bytes, is boxed. A large future is passed by value:
/// where that costs too much stack, spawn `Box::pin(future)`.
///
/// Where the runtime is ending, the future is dropped unpolled and the handle
/// yields a [`JoinError`] that says cancelled; spawning never panics for that.
///
/// ```
/// let task = virid::task::spawn(async { "hello" });
/// assert_eq!(task.join().unwrap(), "hello");
/// ```
///
/// # Panics
///
/// Where the default runtime is needed and cannot be started.
#[inline]
#[track_caller]
pub fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    runtime::spawn_on_current(future)
}

/// Runs a closure that blocks: on a thread that is no worker, so that no task waits
/// behind it. The handle is that of a task: await it, join it, or drop it, and the
/// closure runs on.
///
/// For calls that wait without virid's help, such as those of `std::fs`, and for
/// computing that takes long. The closure runs inside the current runtime, as on a
/// plain thread: it may spawn, and [`block_on`](crate::block_on) and `join` park its
/// thread.
///
/// The thread is one of the current runtime's: idle, or new, up to
/// [`max_blocking_threads`](crate::Builder::max_blocking_threads), which is 512 unless
/// told otherwise. What comes when all are busy waits, first in, first out, in a queue
/// without a bound; so closures that wait for closures which come later may wait for
/// ever. Threads are not meant for more computing than there are cores; spawn as many
/// as should run, or tasks. A thread that has been idle for
/// [10 seconds](crate::Builder::thread_keep_alive) ends. Where the system refuses a
/// thread, the closure waits for one of those that there are.
///
/// **Cancellation**: [`abort`](JoinHandle::abort) cancels a closure that has not begun:
/// the thread that comes to it drops it. One that has begun runs to its end, and the
/// handle yields its result.
///
/// **The end of the runtime**: closures that have not begun are dropped, and their
/// handles say cancelled, as do those of closures that come then. Closures that run are
/// waited for by the drop of a [`Runtime`](crate::Runtime), and by
/// [`shutdown_timeout`](crate::Runtime::shutdown_timeout) until its time is over; its
/// report names those that go on. Those of the default runtime end with the process.
///
/// ```
/// # virid::block_on(async {
/// let read = virid::task::spawn_blocking(|| std::fs::read_to_string("Cargo.toml"));
/// assert!(read.await.unwrap().unwrap().contains("[package]"));
/// # });
/// ```
///
/// # Errors
///
/// The handle yields a [`JoinError`]: with the panic where the closure panicked, also
/// where the system refuses the only thread; and one that says cancelled.
///
/// # Panics
///
/// Where the default runtime is needed and cannot be started.
#[track_caller]
pub fn spawn_blocking<F, T>(f: F) -> JoinHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    runtime::spawn_blocking_on_current(f)
}

/// Lets other tasks run: the calling task goes to the back of its worker's
/// queue. Where none is queued it goes on at once.
///
/// ```
/// virid::spawn(async {
///     for _ in 0..3 {
///         virid::yield_now().await;
///     }
/// })
/// .join()
/// .unwrap();
/// ```
///
/// The future yields once and is then done. Dropping it before does nothing.
pub fn yield_now() -> impl Future<Output = ()> + Send + Sync {
    YieldNow { has_yielded: false }
}

struct YieldNow {
    has_yielded: bool,
}

impl Future for YieldNow {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.has_yielded {
            return Poll::Ready(());
        }
        self.has_yielded = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}
