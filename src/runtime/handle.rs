//! The handle of a runtime: spawning, blocking and entering from anywhere.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;
use std::thread;

use crate::context::{self, Entered, Standing};
use crate::drive::drive;
use crate::metrics::RuntimeMetrics;
use crate::scheduler::shared::Shared;
use crate::scheduler::spawn;
use crate::task::join::JoinHandle;

/// A way to spawn onto a [`Runtime`](super::Runtime) from anywhere. Cheap to clone; keeps the
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
    pub(super) shared: Arc<Shared>,
}

impl Handle {
    /// The runtime of the calling task, of the surrounding
    /// [`block_on`](Self::block_on) or of a guard of [`enter`](Self::enter).
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
        match Self::try_current() {
            Ok(handle) => handle,
            Err(error) => panic!("{error}"),
        }
    }

    /// As [`current`](Self::current), without the panic.
    ///
    /// ```
    /// assert!(virid::Handle::try_current().unwrap_err().is_missing_context());
    /// ```
    ///
    /// # Errors
    ///
    /// On a thread that works for no runtime.
    pub fn try_current() -> Result<Self, TryCurrentError> {
        let shared = context::runtime().cast::<Shared>();
        if shared.is_null() {
            return Err(TryCurrentError(()));
        }
        // SAFETY: the context holds the address of a `Shared` in an `Arc`, and
        // whoever entered it keeps a count until it has left.
        unsafe { Arc::increment_strong_count(shared) };
        // SAFETY: the count that was just added is the new `Arc`'s.
        let shared = unsafe { Arc::from_raw(shared) };
        Ok(Self { shared })
    }

    /// Makes this the current runtime of the calling thread until the guard is
    /// dropped: [`virid::spawn`](crate::spawn) spawns onto it. Changes nothing
    /// about who may block.
    ///
    /// ```
    /// let runtime = virid::Runtime::new()?;
    /// let entered = runtime.handle().enter();
    /// let task = virid::spawn(async { "on that runtime" });
    /// drop(entered);
    /// assert_eq!(task.join().unwrap(), "on that runtime");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// Guards are dropped in the reverse order of entering; dropping another
    /// one first panics. A guard that is forgotten stays entered on a plain
    /// thread; on a worker until the task's poll ends.
    pub fn enter(&self) -> EnterGuard<'_> {
        let shared = Arc::clone(&self.shared);
        EnterGuard {
            entered: ManuallyDrop::new(context::enter_runtime(Arc::as_ptr(&shared).cast())),
            shared: ManuallyDrop::new(shared),
            handle: PhantomData,
        }
    }

    /// What the workers share.
    #[cfg(not(virid_loom))]
    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    /// Whether the runtime has begun to end.
    #[cfg(all(feature = "futures", not(virid_loom)))]
    pub(crate) fn is_closed(&self) -> bool {
        self.shared.is_closed()
    }

    /// What the runtime has done so far; see [`metrics`](crate::metrics).
    ///
    /// ```
    /// let runtime = virid::Runtime::builder().worker_threads(2).build()?;
    /// assert_eq!(runtime.handle().metrics().workers().len(), 2);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn metrics(&self) -> RuntimeMetrics {
        self.shared.metrics()
    }

    /// Gives free memory of tasks back to the operating system, and says how many
    /// bytes that were.
    ///
    /// The memory of a task that has ended is kept for the next one. After a
    /// burst this hands back what no task uses: whole slabs of 2 MiB, and of the
    /// others the pages without a task; the next burst pays for fetching them
    /// again. Every worker hands in the free memory that it has put aside. One
    /// that is inside a long poll is not waited for, and does so later.
    ///
    /// Costs time in proportion to the free memory, some 20 milliseconds for a
    /// million tasks, and may be called on any thread, at any time, by several at
    /// once. Tasks run on meanwhile. What tasks have allocated themselves is not
    /// virid's to give back. The answer includes the blocks that free cells and
    /// queued tasks are listed in, and the pages of free stacks of green threads, which
    /// all runtimes of the process share. A few pages stay for each size of cell, and
    /// four stacks for each worker that is parked. Without a trim a free stack keeps
    /// one page for some two seconds, as long as there are less than 4 GiB of such.
    ///
    /// ```
    /// let runtime = virid::Runtime::new()?;
    /// runtime.block_on(async {
    ///     for task in (0..100_000).map(|_| virid::spawn(async {})).collect::<Vec<_>>() {
    ///         task.await.unwrap();
    ///     }
    /// });
    /// println!("{} bytes given back", runtime.handle().trim());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn trim(&self) -> usize {
        spawn::trim(&self.shared)
    }

    /// Spawns a task on this runtime. The task begins without being awaited;
    /// dropping the returned handle detaches it.
    ///
    /// Where the runtime is ending or gone, the future is dropped unpolled, here
    /// or by a worker that has it already, and the returned handle yields a
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
        spawn::spawn(&self.shared, future)
    }

    /// As [`spawn`](Self::spawn), where `prepare` gets the handle before the task is
    /// queued.
    #[inline]
    #[track_caller]
    pub(crate) fn spawn_prepared<F, R>(
        &self,
        future: F,
        prepare: impl FnOnce(JoinHandle<F::Output>) -> R,
    ) -> R
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        spawn::spawn_prepared(&self.shared, future, prepare)
    }

    /// Starts a green thread on this runtime; see [`thread::spawn`](crate::thread::spawn).
    ///
    /// ```
    /// let runtime = virid::Runtime::new()?;
    /// let thread = runtime.handle().go(|| 2 + 2);
    /// assert_eq!(thread.join().unwrap(), 4);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[cfg(not(virid_loom))]
    #[inline]
    #[track_caller]
    pub fn go<F, T>(&self, f: F) -> crate::thread::JoinHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let handle = crate::thread::start_on(&self.shared, f);
        spawn::let_children_run();
        handle
    }

    /// Runs a closure that blocks on a thread of this runtime's for such; see
    /// [`task::spawn_blocking`](crate::task::spawn_blocking).
    ///
    /// ```
    /// let runtime = virid::Runtime::new()?;
    /// let task = runtime.handle().spawn_blocking(|| 2 + 2);
    /// assert_eq!(task.join().unwrap(), 4);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub fn spawn_blocking<F, T>(&self, f: F) -> JoinHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        spawn::spawn_blocking(&self.shared, f)
    }

    /// Drives a future on this thread, which is parked while the future waits.
    /// Inside, [`virid::spawn`](crate::spawn) spawns onto this runtime. The
    /// future need not be `Send` nor `'static`; it is dropped before the call
    /// returns. Calls nest.
    ///
    /// The future is no task and this thread no worker: what it spawns goes through
    /// the runtime's shared queue. To spawn by the million, spawn one task that
    /// does.
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
        let _entered = context::enter_runtime(Arc::as_ptr(&self.shared).cast());
        drive(future, "block_on", "`.await`")
    }
}

/// Itself, for what takes a runtime or its handle.
impl AsRef<Handle> for Handle {
    fn as_ref(&self) -> &Handle {
        self
    }
}

// A panic leaves nothing half-done in a runtime: user code runs where panics
// are caught.
impl UnwindSafe for Handle {}
impl RefUnwindSafe for Handle {}

/// While it lives, a runtime is the current one of this thread; from
/// [`Handle::enter`].
///
/// ```compile_fail
/// fn needs_send<T: Send>(_: T) {}
/// let runtime = virid::Runtime::new().unwrap();
/// needs_send(runtime.enter()); // a guard belongs to its thread
/// ```
///
/// # Panics
///
/// Dropping it while a guard that was entered later lives panics, and the runtime
/// stays the current one of this thread: what is spawned there once it has ended
/// is cancelled.
#[must_use = "the runtime is left again when the guard is dropped"]
pub struct EnterGuard<'a> {
    entered: ManuallyDrop<Entered>,
    /// Keeps the address in the context valid, also if the guard is forgotten.
    shared: ManuallyDrop<Arc<Shared>>,
    handle: PhantomData<&'a Handle>,
}

impl fmt::Debug for EnterGuard<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EnterGuard")
            .field("runtime", &self.shared)
            .finish_non_exhaustive()
    }
}

impl Drop for EnterGuard<'_> {
    fn drop(&mut self) {
        match self.entered.standing() {
            Standing::Innermost => {
                // SAFETY: dropped once, here.
                unsafe { ManuallyDrop::drop(&mut self.entered) };
            }
            Standing::Left => {}
            Standing::Covered => {
                // The guard above would restore our runtime, so the count in
                // `shared` is never given back.
                assert!(
                    thread::panicking(),
                    "guards of Handle::enter were dropped out of order; drop the one that was \
                     entered last first"
                );
                return;
            }
        }
        // SAFETY: dropped once, here, and no context holds the address now.
        unsafe { ManuallyDrop::drop(&mut self.shared) };
    }
}

/// There is no current runtime; from [`Handle::try_current`].
///
/// ```
/// let error = virid::Handle::try_current().unwrap_err();
/// assert!(error.to_string().contains("no virid runtime"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TryCurrentError(());

impl TryCurrentError {
    /// Whether the thread works for no runtime: the only reason there is.
    ///
    /// ```
    /// assert!(virid::Handle::try_current().unwrap_err().is_missing_context());
    /// ```
    pub fn is_missing_context(&self) -> bool {
        true
    }
}

impl fmt::Display for TryCurrentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "no virid runtime on this thread; ask inside a task, inside Runtime::block_on or \
             under a guard of Runtime::enter, or use virid::spawn, which needs none",
        )
    }
}

impl Error for TryCurrentError {}
