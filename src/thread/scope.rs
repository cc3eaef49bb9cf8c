//! Threads that borrow.

use std::fmt;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;

use super::current::Current;
use super::green::Green;
use super::handle::{self, JoinHandle, Thread};
use super::{Builder, park};
use crate::context;
use crate::forked;
use crate::primitives::{AtomicBool, AtomicUsize, Mutex, Ordering};
use crate::runtime;
use crate::scheduler::spawn::let_children_run;
use crate::task;
#[cfg(feature = "sync")]
use crate::task::owner::members::Members;
use crate::unwind::Cancelled;

/// A scope for threads that borrow from their surroundings; from [`scope`].
pub struct Scope<'scope, 'env: 'scope> {
    pub(super) data: Arc<ScopeData>,
    scope: PhantomData<&'scope mut &'scope ()>,
    env: PhantomData<&'env mut &'env ()>,
}

pub(super) struct ScopeData {
    /// Threads whose closure and result still exist.
    pub(super) running: AtomicUsize,
    has_panicked: AtomicBool,
    /// A thread never ran, though nobody has cancelled it.
    has_missed: AtomicBool,
    owner: Thread,
    /// Those that can be cancelled.
    #[cfg(feature = "sync")]
    pub(super) members: Arc<Members>,
}

/// Creates a scope whose threads may borrow what lives longer than it, and waits
/// for all of them at its end, as [`std::thread::scope`]. A green thread is
/// suspended meanwhile; the threads run in parallel.
///
/// ```
/// let mut numbers = vec![1, 2, 3, 4];
/// virid::thread::scope(|scope| {
///     for number in &mut numbers {
///         scope.spawn(move || *number *= 10);
///     }
/// });
/// assert_eq!(numbers, [10, 20, 30, 40]);
/// ```
///
/// A thread that is cancelled in the scope still waits until the scope's threads
/// have ended.
///
/// # Panics
///
/// With what `f` panics with; if a thread that nobody joined has panicked; if one
/// never ran because the runtime has ended; and inside an async task, which has no
/// stack to borrow from.
#[track_caller]
pub fn scope<'env, F, T>(f: F) -> T
where
    F: for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> T,
{
    let scope = Scope::new("thread::scope", false);
    let result = catch_unwind(AssertUnwindSafe(|| f(&scope)));
    scope.data.finish(result)
}

impl ScopeData {
    /// The end of every scope: waits for its threads. What `f` has yielded, unless a thread
    /// has panicked.
    #[track_caller]
    pub(super) fn finish<T>(&self, result: std::thread::Result<T>) -> T {
        wait_for_all(self);
        #[cfg(feature = "sync")]
        self.members.leave();
        if result.is_ok()
            && let Some(current) = Current::get()
        {
            current.check();
        }
        match result {
            Err(payload) => resume_unwind(payload),
            Ok(_) if self.has_panicked.load(Ordering::Relaxed) => {
                panic!("a scoped thread panicked");
            }
            Ok(_) if self.has_missed.load(Ordering::Relaxed) && !std::thread::panicking() => {
                panic!("a scoped thread never ran: its runtime has ended");
            }
            Ok(result) => result,
        }
    }

    /// Says which thread was spawned, so that it can be cancelled.
    #[cfg(feature = "sync")]
    fn add(&self, task: &task::JoinHandle<()>) {
        let task = task.reference().expect("nobody has joined it yet");
        self.members.add(task);
    }

    #[cfg(feature = "sync")]
    fn is_cancelled(&self) -> bool {
        self.members.is_closed()
    }

    #[cfg(feature = "sync")]
    fn panics(&self) {
        if self.members.ends_with_a_panic {
            self.members.decide();
        }
    }

    #[cfg(not(feature = "sync"))]
    fn add(&self, _: &task::JoinHandle<()>) {}

    #[cfg(not(feature = "sync"))]
    fn is_cancelled(&self) -> bool {
        false
    }

    #[cfg(not(feature = "sync"))]
    fn panics(&self) {}
}

/// Nothing may end this wait: the threads borrow from the frames above.
fn wait_for_all(data: &ScopeData) {
    let current = Current::get();
    let _shield = current.map(Current::shield);
    // Also where the caller forbids it: to return would be unsound.
    let _allowed = current.map(Current::allow_suspending);
    // Ordering: Acquire pairs with the Release in `Packet::drop`: what the
    // threads did is seen.
    while data.running.load(Ordering::Acquire) != 0 {
        if current.is_none() {
            // A forked process has none of the threads, and none of the workers on
            // whose stacks they were. (A green thread is suspended; its worker aborts.)
            forked::assert_not_forked();
        }
        park();
    }
}

impl<'scope> Scope<'scope, '_> {
    #[track_caller]
    pub(super) fn new(call: &str, _ends_with_a_panic: bool) -> Self {
        if Current::get().is_none() {
            context::assert_may_block(call, "tasks that own what they need");
        }
        Self {
            data: Arc::new(ScopeData {
                running: AtomicUsize::new(0),
                has_panicked: AtomicBool::new(false),
                has_missed: AtomicBool::new(false),
                owner: Thread::current(),
                #[cfg(feature = "sync")]
                members: Members::new(_ends_with_a_panic),
            }),
            scope: PhantomData,
            env: PhantomData,
        }
    }

    /// Starts a thread in the scope; see [`scope`].
    ///
    /// ```
    /// let text = String::from("borrowed");
    /// let len = virid::thread::scope(|scope| scope.spawn(|| text.len()).join().unwrap());
    /// assert_eq!(len, 8);
    /// ```
    ///
    /// # Panics
    ///
    /// As [`spawn`](super::spawn).
    #[track_caller]
    pub fn spawn<F, T>(&'scope self, f: F) -> ScopedJoinHandle<'scope, T>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        Builder::new()
            .spawn_scoped(self, f)
            .expect("the settings of a thread that has none are right")
    }
}

/// What a scoped thread and its handle share.
struct Packet<'scope, T> {
    data: Arc<ScopeData>,
    has_begun: AtomicBool,
    /// Its handle has cancelled it, or heard of its end.
    is_known: AtomicBool,
    result: Mutex<Option<std::thread::Result<T>>>,
    scope: PhantomData<&'scope ()>,
}

impl<T> Drop for Packet<'_, T> {
    fn drop(&mut self) {
        let result = self.result.lock().take();
        if matches!(result, Some(Err(_))) {
            self.data.has_panicked.store(true, Ordering::Relaxed);
        }
        let is_strange =
            !self.has_begun.load(Ordering::Relaxed) && !self.is_known.load(Ordering::Relaxed);
        if is_strange && !self.data.is_cancelled() {
            self.data.has_missed.store(true, Ordering::Relaxed);
        }
        // Nobody hears of this thread's own end here.
        let _shield = Current::get().map(Current::shield);
        // Before the count: the result may borrow too.
        if catch_unwind(AssertUnwindSafe(|| drop(result))).is_err() {
            eprintln!(
                "virid: the result of a scoped thread panicked when it was dropped, aborting"
            );
            std::process::abort();
        }
        // Ordering: Release, as `wait_for_all` says.
        if self.data.running.fetch_sub(1, Ordering::Release) == 1 {
            self.data.owner.unpark();
        }
    }
}

impl Builder {
    /// Starts a thread in a scope; see [`Scope::spawn`].
    ///
    /// ```
    /// use virid::thread;
    ///
    /// let number = 7;
    /// thread::scope(|scope| {
    ///     let builder = thread::Builder::new().name("scoped".into());
    ///     assert_eq!(builder.spawn_scoped(scope, || number)?.join().unwrap(), 7);
    ///     Ok::<(), std::io::Error>(())
    /// })?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`spawn`](Self::spawn).
    ///
    /// # Panics
    ///
    /// As [`spawn`](Self::spawn).
    #[track_caller]
    pub fn spawn_scoped<'scope, 'env, F, T>(
        self,
        scope: &'scope Scope<'scope, 'env>,
        f: F,
    ) -> std::io::Result<ScopedJoinHandle<'scope, T>>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        let (size, name) = self.check()?;
        // Ordering: Relaxed. Only the scope's own end reads it, after this call.
        scope.data.running.fetch_add(1, Ordering::Relaxed);
        let packet = Arc::new(Packet {
            data: Arc::clone(&scope.data),
            has_begun: AtomicBool::new(false),
            is_known: AtomicBool::new(false),
            result: Mutex::new(None),
            scope: PhantomData,
        });
        let body = Body {
            f,
            name: name.clone(),
            packet: Arc::clone(&packet),
        };
        let body = move || body.run();
        let body: Box<dyn FnOnce() + Send + 'scope> = Box::new(body);
        // SAFETY: the closure, and with it all that borrows, is gone when the
        // packet is, and `scope` does not return before.
        let body: Box<dyn FnOnce() + Send + 'static> = unsafe { std::mem::transmute(body) };
        let work = Green::new(size, body);
        if scope.data.is_cancelled() {
            let handle = JoinHandle::new(runtime::refuse_work_on_current(work), name);
            return Ok(ScopedJoinHandle { handle, packet });
        }
        let task = runtime::spawn_work_on_current(work);
        scope.data.add(&task);
        let handle = JoinHandle::new(task, name);
        let_children_run();
        Ok(ScopedJoinHandle { handle, packet })
    }
}

/// What a scoped thread does. `f` is dropped before the packet, also where it
/// never runs: it may borrow.
struct Body<'scope, F, T> {
    f: F,
    name: Option<Arc<str>>,
    packet: Arc<Packet<'scope, T>>,
}

impl<F: FnOnce() -> T, T> Body<'_, F, T> {
    fn run(self) {
        let Self { f, name, packet } = self;
        packet.has_begun.store(true, Ordering::Relaxed);
        handle::set_name(name);
        let result = catch_unwind(AssertUnwindSafe(f));
        // A thread that was cancelled has no result, and has not panicked.
        let (result, end) = match result {
            Err(payload) if payload.is::<Cancelled>() => (None, Some(payload)),
            result => (Some(result), None),
        };
        if matches!(result, Some(Err(_))) {
            packet.data.panics();
        }
        *packet.result.lock() = result;
        drop(packet);
        if let Some(end) = end {
            resume_unwind(end);
        }
    }
}

/// The handle of a thread in a [`scope`].
pub struct ScopedJoinHandle<'scope, T> {
    handle: JoinHandle<()>,
    packet: Arc<Packet<'scope, T>>,
}

impl<T> ScopedJoinHandle<'_, T> {
    /// Waits for the thread to end.
    ///
    /// ```
    /// let one = 1;
    /// let two = virid::thread::scope(|scope| scope.spawn(|| one + 1).join().unwrap());
    /// assert_eq!(two, 2);
    /// ```
    ///
    /// # Errors
    ///
    /// As [`JoinHandle::join`].
    #[track_caller]
    pub fn join(self) -> std::thread::Result<T> {
        let ended = self.handle.join();
        self.packet.is_known.store(true, Ordering::Relaxed);
        let result = self.packet.result.lock().take();
        match (result, ended) {
            (Some(result), _) => result,
            (None, Err(payload)) => Err(payload),
            (None, Ok(())) => unreachable!("a thread that has ended has left its result"),
        }
    }

    /// The thread, to unpark it.
    ///
    /// ```
    /// virid::thread::scope(|scope| {
    ///     let thread = scope.spawn(|| virid::thread::park());
    ///     thread.thread().unpark();
    /// });
    /// ```
    pub fn thread(&self) -> &Thread {
        self.handle.thread()
    }

    /// Whether the thread has ended.
    ///
    /// ```
    /// virid::thread::scope(|scope| {
    ///     let thread = scope.spawn(|| ());
    ///     while !thread.is_finished() {
    ///         std::thread::yield_now();
    ///     }
    /// });
    /// ```
    pub fn is_finished(&self) -> bool {
        self.handle.is_finished()
    }

    /// Asks the thread to end; see [`JoinHandle::cancel`].
    ///
    /// ```
    /// virid::thread::scope(|scope| {
    ///     scope.spawn(|| virid::thread::park()).cancel();
    /// });
    /// ```
    pub fn cancel(&self) {
        self.packet.is_known.store(true, Ordering::Relaxed);
        self.handle.cancel();
    }
}

impl fmt::Debug for Scope<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope")
            .field("running", &self.data.running)
            .finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for ScopedJoinHandle<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ScopedJoinHandle")
            .field(&self.handle)
            .finish()
    }
}
