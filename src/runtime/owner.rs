//! The owner of a runtime: its threads, and the ways to end them.

use std::future::Future;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::thread;
use std::time::{Duration, Instant};

use super::handle::{EnterGuard, Handle};
use super::shutdown::ShutdownReport;
use crate::forked;
use crate::metrics::RuntimeMetrics;
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
/// however long they take, and so are closures of
/// [`spawn_blocking`](crate::task::spawn_blocking) that have begun; then every future
/// is dropped, whether its task was queued or suspended, and every closure that has
/// not begun; and the threads are joined. The handles of these tasks yield a
/// [`JoinError`](crate::task::JoinError) that says cancelled; results that were ready
/// stay readable.
///
/// [`shutdown_timeout`](Self::shutdown_timeout) bounds the wait, and
/// [`shutdown_background`](Self::shutdown_background) does not wait.
///
/// Dropped by one of its own tasks, blocking closures or thread hooks, the runtime
/// cannot wait for the thread that drops it: the drop starts the end and returns, and
/// the last worker finishes.
/// Dropped by a task of another runtime it waits, and that worker with it: two
/// runtimes that are dropped by each other's tasks at the same time hang. Use
/// `shutdown_background` there.
///
/// # Fork
///
/// `fork` copies the calling thread only, and no worker. So fork before the first runtime
/// is built, or call nothing but `exec` and `_exit` in the child, as
/// [`std::process::Command`] does. A child that uses virid hears so: spawning from a
/// thread that is no worker panics, and so does a wait that would not end; building a
/// runtime fails; dropping one does nothing. A task or green thread that forks and goes on
/// in the child aborts it where its worker has nothing else to run or looks for events,
/// which does not keep what that had queued from running a second time; a closure of
/// `spawn_blocking` aborts it when it returns.
#[derive(Debug)]
pub struct Runtime {
    pub(super) handle: Handle,
    /// Those that nobody has joined or let go.
    pub(super) threads: Vec<thread::JoinHandle<()>>,
}

impl Runtime {
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

    /// Starts a green thread on this runtime; see [`Handle::go`].
    ///
    /// ```
    /// let runtime = virid::Runtime::new()?;
    /// assert_eq!(runtime.go(|| "done").join().unwrap(), "done");
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
        self.handle.go(f)
    }

    /// Runs a closure as a green thread of this runtime, and waits for it.
    ///
    /// ```
    /// let runtime = virid::Runtime::new()?;
    /// assert_eq!(runtime.run(|| virid::thread::spawn(|| 3).join().unwrap()), 3);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Panics
    ///
    /// With what `f` panics with; where the runtime ends meanwhile; and inside an
    /// async task.
    #[cfg(not(virid_loom))]
    #[track_caller]
    pub fn run<F, T>(&self, f: F) -> T
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        crate::context::assert_may_block("Runtime::run", "`.await` on a thread's handle");
        match self.go(f).join() {
            Ok(result) => result,
            Err(payload) => super::default::resume(payload, "Runtime::run"),
        }
    }

    /// Runs a closure that blocks on a thread of this runtime's for such; see
    /// [`task::spawn_blocking`](crate::task::spawn_blocking).
    ///
    /// ```
    /// let runtime = virid::Runtime::new()?;
    /// let task = runtime.spawn_blocking(|| std::fs::read("Cargo.toml"));
    /// assert!(task.join().unwrap().is_ok());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub fn spawn_blocking<F, T>(&self, f: F) -> JoinHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        self.handle.spawn_blocking(f)
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

    /// Makes this the current runtime of the calling thread until the guard is
    /// dropped; see [`Handle::enter`].
    ///
    /// ```
    /// let runtime = virid::Runtime::new()?;
    /// let _entered = runtime.enter();
    /// assert_eq!(virid::spawn(async { 5 }).join().unwrap(), 5);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn enter(&self) -> EnterGuard<'_> {
        self.handle.enter()
    }

    /// What the runtime has done so far; see [`metrics`](crate::metrics).
    ///
    /// ```
    /// let runtime = virid::Runtime::new()?;
    /// println!("{}", runtime.metrics());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn metrics(&self) -> RuntimeMetrics {
        self.handle.metrics()
    }

    /// Gives free memory of tasks back to the operating system, and says how many
    /// bytes that were; see [`Handle::trim`].
    ///
    /// ```
    /// let runtime = virid::Runtime::new()?;
    /// runtime.spawn(async {}).join().unwrap();
    /// runtime.trim();
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn trim(&self) -> usize {
        self.handle.trim()
    }

    /// Ends the runtime as dropping it does, and waits no longer than `timeout`.
    ///
    /// A task that is inside a poll, or inside the closure of
    /// [`spawn_blocking`](crate::task::spawn_blocking), then keeps its thread, and is
    /// named in the report; when the poll returns, its worker ends, and the last worker
    /// drops the futures that are left. Called by one of the runtime's own tasks or
    /// thread hooks, it does not wait at all, and the calling task is in the report.
    ///
    /// Complete means that every future was dropped, that no closure that blocks runs
    /// any more, and that every worker has left its
    /// [`on_thread_stop`](super::Builder::on_thread_stop); the destructors of the
    /// threads' thread-locals are not waited for.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let runtime = virid::Runtime::new()?;
    /// runtime.spawn(std::future::pending::<()>());
    /// let report = runtime.shutdown_timeout(Duration::from_secs(10));
    /// assert!(report.is_complete(), "{report}");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn shutdown_timeout(mut self, timeout: Duration) -> ShutdownReport {
        // A deadline beyond what the clock can say is none.
        let deadline = Instant::now().checked_add(timeout);
        self.let_threads_go();
        let shared = &self.handle.shared;
        if forked::is_forked() {
            return ShutdownReport::incomplete(Vec::new());
        }
        if shared.is_own_thread() || !shared.wait_for_threads(deadline) {
            return ShutdownReport::incomplete(shared.still_running());
        }
        // Not joined: destructors of the threads' thread-locals may take their
        // time, and no wait for them could be bounded.
        ShutdownReport::complete()
    }

    /// Ends the runtime as dropping it does, and waits for nothing.
    ///
    /// ```
    /// let runtime = virid::Runtime::new()?;
    /// let task = runtime.spawn(std::future::pending::<()>());
    /// runtime.shutdown_background();
    /// assert!(task.join().unwrap_err().is_cancelled());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn shutdown_background(mut self) {
        self.let_threads_go();
    }

    /// Begins the end, and sees to it that the drop waits for no thread.
    fn let_threads_go(&mut self) {
        if forked::is_forked() {
            return self.forget_threads();
        }
        self.threads.clear();
        let shared = &self.handle.shared;
        shared.close();
        drop(shared.blocking().take_threads());
    }

    /// In a forked process: the threads are the parent's.
    fn forget_threads(&mut self) {
        std::mem::take(&mut self.threads)
            .into_iter()
            .for_each(std::mem::forget);
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        if forked::is_forked() {
            return self.forget_threads();
        }
        let shared = &self.handle.shared;
        shared.close();
        if shared.is_own_thread() {
            // The threads go on alone.
            return;
        }
        self.threads.drain(..).for_each(join);
        shared.blocking().take_threads().into_iter().for_each(join);
    }
}

fn join(thread: thread::JoinHandle<()>) {
    // None of these panics: it aborts the process instead.
    let _ = thread.join();
}

/// The same as [`Runtime::handle`], for what takes a runtime or its handle.
impl AsRef<Handle> for Runtime {
    fn as_ref(&self) -> &Handle {
        &self.handle
    }
}

// A panic leaves nothing half-done in a runtime: user code runs where panics
// are caught.
impl UnwindSafe for Runtime {}
impl RefUnwindSafe for Runtime {}
