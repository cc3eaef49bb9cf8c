//! A set of tasks whose results come as the tasks end.

#[cfg(all(feature = "sync", not(virid_loom)))]
mod limited;
mod members;
mod next;

use std::fmt;
use std::future::Future;
use std::iter;
use std::marker::PhantomData;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::ptr::NonNull;

use self::members::Members;
use super::abort::AbortHandle;
use super::answer::JoinSlot;
use super::finished::Finished;
use super::join::JoinHandle;
use super::member::Member;
use crate::metrics::OwnerMetrics;
use crate::runtime::{self, Handle};

/// A set of tasks with results of one type, which it yields in the order in which the
/// tasks end.
///
/// **Dropping the set aborts** the tasks that it still holds, at once and without
/// waiting for them; [`shutdown`](Self::shutdown) waits, and
/// [`detach_all`](Self::detach_all) lets them run on. A set that is forgotten leaks the
/// memory of its tasks, which run on.
///
/// To spawn into a set costs no more than to spawn and takes no lock; a task that ends
/// goes to the set through its own cell, in a time that does not depend on how many
/// there are.
///
/// ```
/// use virid::task::JoinSet;
///
/// # virid::block_on(async {
/// let mut set = JoinSet::new();
/// for n in 0..10u64 {
///     set.spawn(async move { n * n });
/// }
/// let mut sum = 0;
/// while let Some(square) = set.join_next().await {
///     sum += square.unwrap();
/// }
/// assert_eq!(sum, 285);
/// # });
/// ```
///
/// A green thread, or a thread of the system, waits with
/// `virid::block_on(set.join_next())`.
pub struct JoinSet<T> {
    members: Members,
    /// Made by the first spawn; of all members that have been inserted since.
    list: Option<NonNull<Finished>>,
    /// The first of those that were taken from the list: all of them are members still.
    ready: Option<Member>,
    result: PhantomData<fn() -> T>,
}

// SAFETY: tasks may be left and aborted anywhere; their results move with the set, and
// are `Send`.
unsafe impl<T: Send> Send for JoinSet<T> {}
// SAFETY: through `&JoinSet` only the number of members and their words are reached.
unsafe impl<T: Send> Sync for JoinSet<T> {}

impl<T> UnwindSafe for JoinSet<T> {}
impl<T> RefUnwindSafe for JoinSet<T> {}

impl<T> JoinSet<T> {
    /// An empty set, which has allocated nothing.
    ///
    /// ```
    /// let set = virid::task::JoinSet::<()>::new();
    /// assert!(set.is_empty());
    /// ```
    pub const fn new() -> Self {
        Self {
            members: Members::new(),
            list: None,
            ready: None,
            result: PhantomData,
        }
    }

    /// How many tasks are in the set: running, or ended and not joined yet.
    ///
    /// ```
    /// # virid::block_on(async {
    /// let mut set = virid::task::JoinSet::new();
    /// set.spawn(async {});
    /// assert_eq!(set.len(), 1);
    /// set.join_next().await;
    /// assert_eq!(set.len(), 0);
    /// # });
    /// ```
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether there are none.
    ///
    /// ```
    /// assert!(virid::task::JoinSet::<()>::new().is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many tasks of the set run, and how many that were ever in it do not: they have
    /// ended, joined or not, or were detached. None waits; behind a [`limit`](Self::limit)
    /// it is the limit that counts. Looks at every task in the set.
    ///
    /// ```
    /// # virid::block_on(async {
    /// let mut set = virid::task::JoinSet::new();
    /// set.spawn(std::future::pending());
    /// set.spawn(async {});
    /// set.join_next().await;
    /// let metrics = set.metrics();
    /// assert_eq!((metrics.waiting(), metrics.running(), metrics.finished()), (0, 1, 1));
    /// # });
    /// ```
    pub fn metrics(&self) -> OwnerMetrics {
        let running = self.members.iter().filter(|task| !task.is_complete());
        let running = running.count();
        OwnerMetrics::new(0, running, self.members.inserted() - running as u64)
    }

    /// Aborts all tasks of the set, which stay in it: [`join_next`](Self::join_next)
    /// yields them, those that had ended with their results, and the others mostly with
    /// a [`JoinError`](super::JoinError) that says cancelled; see [`JoinHandle::abort`].
    ///
    /// ```
    /// # virid::block_on(async {
    /// let mut set = virid::task::JoinSet::new();
    /// set.spawn(std::future::pending::<()>());
    /// set.abort_all();
    /// assert!(set.join_next().await.unwrap().unwrap_err().is_cancelled());
    /// # });
    /// ```
    pub fn abort_all(&mut self) {
        self.members.iter().for_each(Member::abort);
    }

    /// Removes all tasks from the set, which run on as after the drop of a
    /// [`JoinHandle`]. Results that are ready are dropped.
    ///
    /// ```
    /// # virid::block_on(async {
    /// let (send, receive) = virid::sync::oneshot::channel();
    /// let mut set = virid::task::JoinSet::new();
    /// set.spawn(async move { send.send("still there").unwrap() });
    /// set.detach_all();
    /// assert!(set.is_empty());
    /// assert_eq!(receive.await.unwrap(), "still there");
    /// # });
    /// ```
    pub fn detach_all(&mut self) {
        self.let_go(|_| ());
    }

    /// Removes all members.
    fn let_go(&mut self, mut first: impl FnMut(Member)) {
        let Some(list) = self.list.take() else { return };
        // Those that come to the list, or came.
        let mut missing = 0;
        for member in self.members.take() {
            first(member);
            if member.leave() == JoinSlot::Complete {
                missing += 1;
            }
        }
        while let Some(member) = self.next_ready() {
            missing -= 1;
            // SAFETY: it is complete and has come to us; its result is a `T`.
            unsafe { member.drop_complete() };
        }
        // SAFETY: this is the list's owner, and all members are accounted for.
        unsafe { Finished::close(list, missing) };
    }

    /// One that is complete and has come to the owner, still a member.
    fn next_ready(&mut self) -> Option<Member> {
        let member = self.ready?;
        // SAFETY: what it is linked with are members that were taken with it.
        self.ready = unsafe { Member::from_address(member.next()) };
        Some(member)
    }
}

impl<T: 'static> JoinSet<T> {
    /// Spawns a task as [`task::spawn`](super::spawn) does, into the set. It begins
    /// without the set being waited for. The answer can abort it, and need not be kept.
    ///
    /// Where the runtime is ending, the set yields a [`JoinError`](super::JoinError) that says cancelled.
    ///
    /// ```
    /// # virid::block_on(async {
    /// let mut set = virid::task::JoinSet::new();
    /// set.spawn(async { "hello" });
    /// assert_eq!(set.join_next().await.unwrap().unwrap(), "hello");
    /// # });
    /// ```
    ///
    /// # Panics
    ///
    /// Where the default runtime is needed and cannot be started.
    #[inline]
    #[track_caller]
    pub fn spawn<F>(&mut self, task: F) -> AbortHandle
    where
        F: Future<Output = T> + Send + 'static,
        T: Send,
    {
        runtime::spawn_prepared_on_current(task, |handle| self.insert_new(handle))
    }

    /// The same on a runtime of the caller's choice.
    ///
    /// ```
    /// let runtime = virid::Runtime::new()?;
    /// let mut set = virid::task::JoinSet::new();
    /// set.spawn_on(async { "there" }, runtime.handle());
    /// assert_eq!(virid::block_on(set.join_next()).unwrap().unwrap(), "there");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[inline]
    #[track_caller]
    pub fn spawn_on<F>(&mut self, task: F, handle: &Handle) -> AbortHandle
    where
        F: Future<Output = T> + Send + 'static,
        T: Send,
    {
        handle.spawn_prepared(task, |handle| self.insert_new(handle))
    }

    /// Runs a closure that blocks, as [`task::spawn_blocking`](super::spawn_blocking)
    /// does, into the set.
    ///
    /// ```
    /// # virid::block_on(async {
    /// let mut set = virid::task::JoinSet::new();
    /// set.spawn_blocking(|| std::fs::read_to_string("Cargo.toml"));
    /// assert!(set.join_next().await.unwrap().unwrap().is_ok());
    /// # });
    /// ```
    ///
    /// # Panics
    ///
    /// Where the default runtime is needed and cannot be started.
    #[track_caller]
    pub fn spawn_blocking<F>(&mut self, f: F) -> AbortHandle
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send,
    {
        self.insert(super::spawn_blocking(f))
    }

    /// The same on a runtime of the caller's choice.
    ///
    /// ```
    /// let runtime = virid::Runtime::new()?;
    /// let mut set = virid::task::JoinSet::new();
    /// set.spawn_blocking_on(|| 2 + 2, runtime.handle());
    /// assert_eq!(virid::block_on(set.join_next()).unwrap().unwrap(), 4);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub fn spawn_blocking_on<F>(&mut self, f: F, handle: &Handle) -> AbortHandle
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send,
    {
        self.insert(handle.spawn_blocking(f))
    }

    fn list(&mut self) -> NonNull<Finished> {
        *self.list.get_or_insert_with(Finished::new)
    }

    /// Takes in a task that is not queued yet.
    #[inline]
    pub(crate) fn insert_new(&mut self, handle: JoinHandle<T>) -> AbortHandle {
        let number = self.members.next_number();
        let (member, abort) = handle.enlist_new(self.list(), number);
        self.members.insert(member);
        abort
    }

    /// Takes in a task that may have begun, or ended.
    pub(crate) fn insert(&mut self, handle: JoinHandle<T>) -> AbortHandle {
        let number = self.members.next_number();
        let (member, abort, is_complete) = handle.enlist(self.list(), number);
        self.members.insert(member);
        if is_complete {
            // SAFETY: a member of this list, whose handle is ours to hand over.
            unsafe { Finished::push(self.list(), member) };
        }
        abort
    }
}

impl<T> Default for JoinSet<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Drop for JoinSet<T> {
    fn drop(&mut self) {
        self.let_go(Member::abort);
    }
}

impl<T> fmt::Debug for JoinSet<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinSet").field("len", &self.len()).finish()
    }
}

/// Spawns each future into a new set; see [`JoinSet::spawn`].
///
/// ```
/// # virid::block_on(async {
/// let set: virid::task::JoinSet<_> = (0..3).map(|n| async move { n }).collect();
/// assert_eq!(set.len(), 3);
/// # });
/// ```
impl<T, F> iter::FromIterator<F> for JoinSet<T>
where
    F: Future<Output = T> + Send + 'static,
    T: Send + 'static,
{
    fn from_iter<I: IntoIterator<Item = F>>(futures: I) -> Self {
        let mut set = Self::new();
        futures.into_iter().for_each(|future| {
            set.spawn(future);
        });
        set
    }
}
