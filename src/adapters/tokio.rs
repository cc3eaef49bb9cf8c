//! A Tokio runtime of one thread beside virid's, for crates that need one around them.
//!
//! Tokio's sockets and timers belong to a Tokio runtime, and find it through a thread-local
//! of the thread that makes them. [`with_context`] sets that while a future is polled; the
//! future itself is virid's to run. The Tokio runtime watches the sockets and timers, and
//! wakes virid's task or green thread.
//!
//! ```
//! use tokio::net::{TcpListener, TcpStream};
//! use virid::adapters::tokio::with_context;
//!
//! # fn main() -> std::io::Result<()> {
//! // In an async task, or on a green thread with `block_on(with_context(..))`.
//! let task = virid::spawn(with_context(async {
//!     let listener = TcpListener::bind("127.0.0.1:0").await?;
//!     let client = TcpStream::connect(listener.local_addr()?).await?;
//!     let (server, address) = listener.accept().await?;
//!     assert_eq!(address, client.local_addr()?);
//!     server.writable().await
//! }));
//! task.join().unwrap()
//! # }
//! ```
//!
//! It is one runtime for the process, started at the first use and never ended. Where all
//! of a runtime's tasks and green threads shall have the context without saying so each
//! time, let its threads call [`enter_thread`].
//!
//! # What works, and what does not
//!
//! | of Tokio | in the context |
//! |---|---|
//! | `net`, `time`, `process`, `signal`, `io`, `sync`; reqwest, tonic, ... | work; made and polled inside |
//! | `fs`, `task::spawn_blocking` | work, on the Tokio runtime's threads for what blocks |
//! | `spawn`, `JoinSet` | the task runs on the one thread of the Tokio runtime, not on virid's workers, and outlives the future that spawned it. To use all workers: [`virid::spawn`](crate::spawn) with a [`with_context`] of its own |
//! | `task::block_in_place` | calls its closure in place, and stops the worker meanwhile: use [`thread::blocking`](crate::thread::blocking()). In a task of `tokio::spawn` as ever |
//! | `task::LocalSet`, `spawn_local` | work inside `LocalSet::run_until`, whose future is not [`Send`]: drive it with [`block_on`](crate::block_on), on a green thread or a plain one |
//! | `Handle::block_on`, `Runtime::block_on`, reqwest's `blocking` | stop the worker until the future is ready; [`virid::block_on`](crate::block_on) does not |
//! | the budget that makes a busy Tokio task yield | there is none: see [`yield_now`](crate::yield_now) |
//! | streams of `tokio::io` for crates that ask for `futures_io`, or the other way round | `compat` of tokio-util |
//!
//! Every poll costs the change of that thread-local, some 20 ns.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::OnceLock;
use std::task::{Context, Poll};

use tokio::runtime::{Builder, Handle, Runtime};

use crate::thread::no_suspend;

/// The context of all. Its one worker drives the sockets and timers.
static RUNTIME: OnceLock<Runtime> = OnceLock::new();

/// The Tokio runtime, started at the first call: to spawn onto it what only runs there.
///
/// ```
/// use virid::adapters::tokio::handle;
///
/// let task = handle().spawn(async { tokio::task::block_in_place(|| 7) });
/// assert_eq!(virid::block_on(task).unwrap(), 7);
/// ```
///
/// # Panics
///
/// Where the system refuses its thread.
#[track_caller]
pub fn handle() -> &'static Handle {
    RUNTIME
        .get_or_init(|| {
            let mut builder = Builder::new_multi_thread();
            builder.worker_threads(1).thread_name("virid-tokio");
            match builder.enable_all().build() {
                Ok(runtime) => runtime,
                Err(error) => panic!(
                    "the Tokio runtime for virid::adapters::tokio could not be started: {error}; \
                     raise the limits on threads and open files"
                ),
            }
        })
        .handle()
}

/// Makes the Tokio runtime the calling thread's context for as long as that lives: meant
/// for the workers of a runtime, all of whose tasks and green threads then have it, without
/// [`with_context`] and its cost.
///
/// ```
/// use std::time::Duration;
/// use virid::adapters::tokio::enter_thread;
///
/// let runtime = virid::Runtime::builder().on_thread_start(enter_thread).build()?;
/// let task = runtime.spawn(async { tokio::time::sleep(Duration::from_millis(1)).await });
/// task.join().unwrap();
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Panics
///
/// Where the system refuses the thread of the Tokio runtime.
#[track_caller]
pub fn enter_thread() {
    std::mem::forget(handle().enter());
}

/// Runs a future in the context of the Tokio runtime: in every poll, and where it is
/// dropped. See [the module](self).
///
/// Make what needs the context inside the future: `with_context(async { sleep(d).await })`,
/// for `with_context(sleep(d))` calls `sleep` outside.
///
/// **Cancellation**: dropping it drops the future inside.
///
/// ```
/// use std::time::Duration;
/// use tokio::time::{sleep, timeout};
/// use virid::adapters::tokio::with_context;
///
/// let task = virid::spawn(with_context(async {
///     timeout(Duration::from_millis(1), sleep(Duration::from_secs(60))).await
/// }));
/// assert!(task.join().unwrap().is_err());
/// ```
///
/// # Panics
///
/// Polling it panics with what the future panics with, and where the system refuses the
/// thread of the Tokio runtime. On a green thread the future must not make that thread wait
/// in the middle of a poll (a `block_on` or a `join` in place of an `.await`): others of the
/// worker would run in its context, so such a wait panics, as in
/// [`no_suspend`].
pub fn with_context<F: Future>(future: F) -> WithContext<F> {
    WithContext {
        future: Some(future),
    }
}

/// The future of [`with_context`]. Polled again after its output it panics.
#[must_use = "a future does nothing unless it is awaited"]
pub struct WithContext<F> {
    /// Pinned where the whole is. None when it is over.
    future: Option<F>,
}

impl<F> fmt::Debug for WithContext<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WithContext").finish_non_exhaustive()
    }
}

impl<F: Future> Future for WithContext<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        // SAFETY: `future` is pinned as the whole is: it is moved neither below nor in
        // `drop`, which both drop it in place, `WithContext` is `Unpin` only where `F` is,
        // and no other method reaches it.
        let mut future = unsafe { self.map_unchecked_mut(|this| &mut this.future) };
        let handle = handle();
        no_suspend(|| {
            let _entered = handle.enter();
            let running = future.as_mut().as_pin_mut();
            let poll = running.expect("polled after its output").poll(cx);
            if poll.is_ready() {
                future.set(None);
            }
            poll
        })
    }
}

impl<F> Drop for WithContext<F> {
    fn drop(&mut self) {
        if self.future.is_none() {
            return;
        }
        // One that was never polled has nothing of the runtime's, and starts none. In a
        // destructor of a thread-local the context may be gone before us.
        let entered = RUNTIME.get().filter(|_| has_context());
        let _entered = entered.map(|runtime| runtime.handle().enter());
        let mut end = || self.future = None;
        if std::thread::panicking() {
            // A wait would be refused by a second panic, which ends the process. It is
            // allowed instead: others then may run in the context, which harms nobody.
            end();
        } else {
            no_suspend(end);
        }
    }
}

/// Whether this thread can still have a context.
fn has_context() -> bool {
    !Handle::try_current().is_err_and(|error| error.is_thread_local_destroyed())
}
