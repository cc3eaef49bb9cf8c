//! A runtime: how it is built, how tasks get to it, and how it ends.

use std::future::Future;
use std::io;
use std::num::NonZero;
use std::sync::{Arc, OnceLock};
use std::thread;

use crate::context;
use crate::drive::drive;
use crate::scheduler::deque::Deque;
use crate::scheduler::shared::Shared;
use crate::scheduler::worker::{self, Worker};
use crate::task::cell::TaskCell;
use crate::task::header::Runnable;
use crate::task::join::JoinHandle;

/// A pool of worker threads that run tasks.
///
/// Most programs need none of their own: [`virid::spawn`](crate::spawn) uses a
/// default runtime. Build one to choose the number of workers, to pin them, or
/// to end all tasks at a known point.
///
/// ```
/// let runtime = virid::Runtime::builder().worker_threads(2).build()?;
/// let answer = runtime.block_on(async { virid::spawn(async { 42 }).await.unwrap() });
/// assert_eq!(answer, 42);
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Drop
///
/// Dropping the runtime ends every task. Polls that are running are waited for,
/// however long they take; then every future is dropped, whether its task was
/// queued or suspended, and the worker threads are joined. The handles of these
/// tasks yield a [`JoinError`](crate::task::JoinError) that says cancelled;
/// results that were ready stay readable.
///
/// Dropped by one of its own tasks, the runtime cannot wait for the worker that
/// drops it: the drop starts the end and returns, and the last worker finishes.
#[derive(Debug)]
pub struct Runtime {
    handle: Handle,
    threads: Vec<thread::JoinHandle<()>>,
}

impl Runtime {
    /// A runtime with a worker for every core that this process may use.
    ///
    /// ```
    /// let runtime = virid::Runtime::new()?;
    /// assert_eq!(runtime.spawn(async { 1 + 1 }).join().unwrap(), 2);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Where the operating system refuses a thread; those that were started
    /// have ended by then.
    pub fn new() -> io::Result<Self> {
        Builder::new().build()
    }

    /// Same as [`Builder::new`].
    ///
    /// ```
    /// let runtime = virid::Runtime::builder().worker_threads(1).build()?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn builder() -> Builder {
        Builder::new()
    }

    /// Spawns a task on this runtime; see [`Handle::spawn`].
    ///
    /// ```
    /// let runtime = virid::Runtime::new()?;
    /// assert_eq!(runtime.spawn(async { "done" }).join().unwrap(), "done");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[inline]
    #[track_caller]
    pub fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.handle.spawn(future)
    }

    /// Drives a future on this thread; see [`Handle::block_on`].
    ///
    /// ```
    /// let runtime = virid::Runtime::new()?;
    /// let name = String::from("borrowed"); // the future need not be 'static
    /// assert_eq!(runtime.block_on(async { name.len() }), 8);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Panics
    ///
    /// Inside a task, and with whatever the future panics.
    #[track_caller]
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.handle.block_on(future)
    }

    /// The handle to spawn from elsewhere; clone it for other threads.
    ///
    /// ```
    /// let runtime = virid::Runtime::new()?;
    /// let handle = runtime.handle().clone();
    /// let task = std::thread::spawn(move || handle.spawn(async { 7 })).join().unwrap();
    /// assert_eq!(task.join().unwrap(), 7);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn handle(&self) -> &Handle {
        &self.handle
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        let shared = &self.handle.shared;
        shared.close();
        if worker::is_current_of(shared) {
            // The threads go on alone.
            return;
        }
        for thread in self.threads.drain(..) {
            // A worker does not panic: it aborts the process instead.
            let _ = thread.join();
        }
    }
}

/// A way to spawn onto a [`Runtime`] from anywhere. Cheap to clone; keeps the
/// runtime's memory, not its workers.
///
/// ```
/// let runtime = virid::Runtime::new()?;
/// let handle = runtime.handle().clone();
/// drop(runtime);
/// let late = handle.spawn(async { "never polled" });
/// assert!(late.join().unwrap_err().is_cancelled());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Handle {
    shared: Arc<Shared>,
}

impl Handle {
    /// The runtime of the calling task, or of the surrounding
    /// [`block_on`](Self::block_on).
    ///
    /// ```
    /// let runtime = virid::Runtime::new()?;
    /// runtime.block_on(async {
    ///     let handle = virid::Handle::current();
    ///     assert_eq!(handle.spawn(async { 1 }).await.unwrap(), 1);
    /// });
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Panics
    ///
    /// On a thread that works for no runtime.
    #[track_caller]
    pub fn current() -> Self {
        Self::current_or_none().expect(
            "no virid runtime on this thread; call Handle::current inside a task or inside \
             Runtime::block_on, or use virid::spawn, which needs none",
        )
    }

    fn current_or_none() -> Option<Self> {
        let shared = context::runtime().cast::<Shared>();
        if shared.is_null() {
            return None;
        }
        // SAFETY: the context holds the address of a `Shared` in an `Arc`, and
        // whoever entered it keeps a count until it has left.
        unsafe { Arc::increment_strong_count(shared) };
        // SAFETY: the count that was just added is the new `Arc`'s.
        let shared = unsafe { Arc::from_raw(shared) };
        Some(Self { shared })
    }

    /// Spawns a task on this runtime. The task begins without being awaited;
    /// dropping the returned handle detaches it.
    ///
    /// Where the runtime is ending or gone, the future is dropped unpolled, on
    /// this thread or on a worker, and the returned handle yields a
    /// [`JoinError`](crate::task::JoinError) that says cancelled.
    ///
    /// ```
    /// let runtime = virid::Runtime::new()?;
    /// let task = runtime.handle().spawn(async { 2 + 2 });
    /// assert_eq!(task.join().unwrap(), 4);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[inline]
    #[track_caller]
    pub fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let (runnable, handle) = TaskCell::spawn(future);
        worker::spawn(&self.shared, runnable);
        handle
    }

    /// Drives a future on this thread, which is parked while the future waits.
    /// Inside, [`virid::spawn`](crate::spawn) spawns onto this runtime. The
    /// future need not be `Send` nor `'static`; it is dropped before the call
    /// returns. Calls nest.
    ///
    /// ```
    /// let runtime = virid::Runtime::new()?;
    /// let two = runtime.handle().block_on(async { virid::spawn(async { 2 }).await });
    /// assert_eq!(two.unwrap(), 2);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Panics
    ///
    /// Inside a task, where it would stop the worker: await the future there.
    /// And with whatever the future panics.
    #[track_caller]
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        context::assert_may_block("block_on", "`.await`");
        let _entered = context::enter(std::ptr::null(), Arc::as_ptr(&self.shared).cast());
        drive(future, "block_on", "`.await`")
    }
}

/// Drives a future on this thread, which is parked while the future waits.
/// Starts no runtime by itself; tasks that the future spawns go to the runtime
/// that is current where this is called, else to the default runtime.
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
    let (runnable, handle) = TaskCell::spawn(future);
    let shared = context::runtime().cast::<Shared>();
    // SAFETY: the context holds null or the address of a `Shared`, and whoever
    // entered it keeps it alive until it has left, which is not during this call.
    match unsafe { shared.as_ref() } {
        Some(shared) => worker::spawn(shared, runnable),
        None => spawn_on_default_cold(runnable),
    }
    handle
}

#[cold]
#[track_caller]
fn spawn_on_default_cold(runnable: Runnable) {
    worker::spawn(&default_runtime().handle.shared, runnable);
}

/// The runtime of those who built none. It is never dropped: its workers end
/// with the process.
#[track_caller]
fn default_runtime() -> &'static Runtime {
    static DEFAULT: OnceLock<Runtime> = OnceLock::new();
    DEFAULT.get_or_init(|| {
        Runtime::new().unwrap_or_else(|error| {
            panic!(
                "virid's default runtime could not be started: {error}; raise the limit on \
                 threads, or build a smaller one with virid::Builder"
            )
        })
    })
}

/// Settings for a [`Runtime`].
///
/// ```
/// let runtime = virid::Builder::new()
///     .worker_threads(2)
///     .thread_name("solver")
///     .pin_workers(true)
///     .build()?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "a Builder does nothing until `build` is called"]
pub struct Builder {
    worker_threads: Option<usize>,
    pin_workers: bool,
    thread_name: String,
}

impl Builder {
    /// The settings of [`Runtime::new`].
    ///
    /// ```
    /// let runtime = virid::Builder::new().build()?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn new() -> Self {
        Self {
            worker_threads: None,
            pin_workers: false,
            thread_name: String::from("virid-worker"),
        }
    }

    /// How many worker threads run tasks. Default: one for every core that the
    /// process may use, as [`std::thread::available_parallelism`] counts them
    /// (it respects CPU affinity and cgroup quotas).
    ///
    /// ```
    /// let runtime = virid::Builder::new().worker_threads(3).build()?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn worker_threads(mut self, workers: usize) -> Self {
        self.worker_threads = Some(workers);
        self
    }

    /// Whether each worker is bound to one core. Worker `i` gets the `i`-th of
    /// the cores that this process may use, beginning anew after the last.
    /// Default: no. Where the operating system refuses, the worker runs
    /// unbound.
    ///
    /// ```
    /// let runtime = virid::Builder::new().pin_workers(true).build()?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn pin_workers(mut self, pin: bool) -> Self {
        self.pin_workers = pin;
        self
    }

    /// What the worker threads are called: this name, a dash, and the worker's
    /// number. Default: `virid-worker`. Linux shows the first 15 bytes.
    ///
    /// ```
    /// let runtime = virid::Builder::new().thread_name("io").build()?;
    /// let name = runtime.block_on(virid::spawn(async {
    ///     std::thread::current().name().map(str::to_owned)
    /// }));
    /// # let _ = name;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn thread_name(mut self, name: impl Into<String>) -> Self {
        self.thread_name = name.into();
        self
    }

    /// Starts the workers.
    ///
    /// ```
    /// let nobody = virid::Builder::new().worker_threads(0).build();
    /// assert_eq!(nobody.unwrap_err().kind(), std::io::ErrorKind::InvalidInput);
    /// ```
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) for zero workers or a
    /// thread name with a NUL byte; else what the operating system says when it
    /// refuses a thread. No thread is left behind.
    pub fn build(self) -> io::Result<Runtime> {
        let workers = match self.worker_threads {
            Some(0) => {
                return Err(invalid(
                    "worker_threads(0): a runtime needs one worker or more",
                ));
            }
            Some(workers) => workers,
            None => thread::available_parallelism().map_or(1, NonZero::get),
        };
        if self.thread_name.contains('\0') {
            return Err(invalid(
                "thread_name: a NUL byte cannot be part of a thread's name",
            ));
        }
        let cores = if self.pin_workers {
            core_affinity::get_core_ids().unwrap_or_default()
        } else {
            Vec::new()
        };
        let deques: Vec<_> = (0..workers).map(|_| Deque::new()).collect();
        let shared = Arc::new(Shared::new(&deques));
        let mut runtime = Runtime {
            handle: Handle {
                shared: Arc::clone(&shared),
            },
            threads: Vec::with_capacity(workers),
        };
        for (index, deque) in deques.into_iter().enumerate() {
            let core = cores.get(index % cores.len().max(1)).copied();
            let shared = Arc::clone(&shared);
            let body = move || {
                if let Some(core) = core {
                    core_affinity::set_for_current(core);
                }
                Worker::new(shared, index, deque).run();
            };
            let name = format!("{}-{index}", self.thread_name);
            match thread::Builder::new().name(name).spawn(body) {
                Ok(thread) => runtime.threads.push(thread),
                Err(error) => {
                    // Dropping the runtime ends the workers that did start.
                    runtime.handle.shared.leave(workers - index);
                    return Err(error);
                }
            }
        }
        Ok(runtime)
    }
}

impl Default for Builder {
    fn default() -> Self {
        Self::new()
    }
}

fn invalid(message: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, message)
}
