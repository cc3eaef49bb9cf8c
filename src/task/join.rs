//! The handle of a task, and the handle's half of the join protocol (rules 2
//! and 3 in `header.rs`).

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::mem::{ManuallyDrop, MaybeUninit};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::pin::Pin;
use std::ptr::NonNull;
use std::task::{Context, Poll, Waker};

use super::abort::AbortHandle;
use super::answer::JoinSlot;
use super::error::JoinError;
use super::finished::Finished;
use super::header::{Header, TaskRef};
use super::id::Id;
use super::member::Member;
use crate::drive::drive;
use crate::scheduler::ring;
use crate::thread::current::Current;
use crate::unwind;

/// The handle of a spawned task: a future of its result.
///
/// Awaiting the handle, or calling [`join`](Self::join) on a thread that is no
/// worker, yields what the task returned, or a [`JoinError`] where the task
/// panicked, was aborted, or was cancelled by the end of its runtime.
///
/// **Dropping the handle detaches the task**: it runs on, and its result is
/// dropped when it ends. A result that is ready when the handle is dropped is
/// dropped with it. The result of a finished task stays readable after its
/// runtime is gone.
///
/// **Cancellation**: a `select!` or timeout that drops a *reference* to the
/// handle loses nothing; the handle can be awaited again.
///
/// ```
/// # virid::block_on(async {
/// let task = virid::spawn(async { 6 * 7 });
/// assert_eq!(task.await.unwrap(), 42);
/// # });
/// ```
///
/// # Panics
///
/// Polling the handle again after it has yielded the result panics.
pub struct JoinHandle<T> {
    /// The task, until the result has been taken. Field invariant: it is alive,
    /// its state says `HANDLE`, and its output is `T`.
    task: Option<NonNull<Header>>,
    id: Id,
    result: PhantomData<fn() -> T>,
}

// SAFETY: through the handle only the state word, the waker slot (whose owner
// moves with the handle) and the result, a `T`, are reached.
unsafe impl<T: Send> Send for JoinHandle<T> {}
// SAFETY: `&JoinHandle` reaches the state word only.
unsafe impl<T: Send> Sync for JoinHandle<T> {}

impl<T> UnwindSafe for JoinHandle<T> {}
impl<T> RefUnwindSafe for JoinHandle<T> {}

impl<T> JoinHandle<T> {
    /// # Safety
    ///
    /// `task` is alive, its state says `HANDLE` for this handle alone, and its
    /// output is `T`.
    #[inline]
    pub(super) unsafe fn new(task: NonNull<Header>, id: Id) -> Self {
        Self {
            task: Some(task),
            id,
            result: PhantomData,
        }
    }

    /// Waits for the result on this thread, which is parked meanwhile. For
    /// threads that are no workers: inside a task, await the handle.
    ///
    /// ```
    /// let task = virid::spawn(async { 6 * 7 });
    /// assert_eq!(task.join().unwrap(), 42);
    /// ```
    ///
    /// # Errors
    ///
    /// A [`JoinError`] where the task panicked, was aborted, or was cancelled by
    /// the end of its runtime.
    ///
    /// # Panics
    ///
    /// Inside a task, where it would stop the worker. The task of the handle is
    /// then detached.
    #[track_caller]
    pub fn join(self) -> Result<T, JoinError> {
        drive(self, "JoinHandle::join", "`.await` on the handle")
    }

    /// Whether the task has ended: whether the handle would yield at once.
    ///
    /// ```
    /// # virid::block_on(async {
    /// let mut task = virid::spawn(async {});
    /// (&mut task).await.unwrap();
    /// assert!(task.is_finished());
    /// # });
    /// ```
    pub fn is_finished(&self) -> bool {
        self.task.is_none_or(|task| {
            // SAFETY: the field invariant of `task`.
            unsafe { task.as_ref() }.state.load().is_complete()
        })
    }

    /// Asks the task to end. Returns at once; await the handle to see how it
    /// went.
    ///
    /// A task that is suspended or queued is not polled again: a worker drops
    /// its future. A task that is running is dropped after that poll, unless
    /// the poll completes it. A task that has ended is not affected. The handle
    /// yields a [`JoinError`] that says cancelled, the result where the task
    /// was faster, or the panic of a destructor.
    ///
    /// ```
    /// let task = virid::spawn(std::future::pending::<()>());
    /// task.abort();
    /// assert!(task.join().unwrap_err().is_cancelled());
    /// ```
    pub fn abort(&self) {
        if let Some(task) = self.task {
            // SAFETY: the field invariant of `task`.
            unsafe { Header::abort(task) };
        }
    }

    /// A handle that can abort the task and cannot await it. It does not keep
    /// the task from being detached, nor its result.
    ///
    /// ```
    /// let task = virid::spawn(std::future::pending::<()>());
    /// let abort = task.abort_handle();
    /// std::thread::spawn(move || abort.abort());
    /// assert!(task.join().unwrap_err().is_cancelled());
    /// ```
    pub fn abort_handle(&self) -> AbortHandle {
        AbortHandle::new(self.reference(), self.id)
    }

    /// Makes a new task that was not queued yet a member of the list's set.
    #[inline]
    pub(super) fn enlist_new(
        self,
        list: NonNull<Finished>,
        number: usize,
    ) -> (Member, AbortHandle) {
        let (member, id) = self.into_member();
        member.join(list.cast(), number);
        (member, AbortHandle::new(Some(member.enlist_new()), id))
    }

    /// The same for any task that was never awaited. Whether it is complete, and will
    /// not come to the list.
    pub(super) fn enlist(
        self,
        list: NonNull<Finished>,
        number: usize,
    ) -> (Member, AbortHandle, bool) {
        let abort = self.abort_handle();
        let (member, _) = self.into_member();
        member.join(list.cast(), number);
        (member, abort, member.enlist() == JoinSlot::Complete)
    }

    /// Gives the handle up to a set.
    fn into_member(self) -> (Member, Id) {
        let this = ManuallyDrop::new(self);
        let task = this.task.expect("a handle that was never polled");
        // SAFETY: the field invariant of `task`, and the handle is given up here.
        (unsafe { Member::new(task) }, this.id)
    }

    /// A reference to the task, unless the result was taken.
    pub(crate) fn reference(&self) -> Option<TaskRef> {
        // SAFETY: the field invariant of `task`.
        self.task.map(|task| unsafe { TaskRef::new(task) })
    }

    /// The task's number.
    ///
    /// ```
    /// let (a, b) = (virid::spawn(async {}), virid::spawn(async {}));
    /// assert_ne!(a.id(), b.id());
    /// ```
    pub fn id(&self) -> Id {
        self.id
    }
}

impl<T> Future for JoinHandle<T> {
    type Output = Result<T, JoinError>;

    #[track_caller]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let task = self
            .task
            .expect("a JoinHandle was polled again after it had yielded the task's result");
        // SAFETY: the field invariant of `task`.
        let header = unsafe { task.as_ref() };
        if !is_complete_or_will_wake(header, cx.waker()) {
            return Poll::Pending;
        }
        let mut result = MaybeUninit::<Self::Output>::uninit();
        // SAFETY: the task is complete, we are its handle, the result is there
        // until `task` is taken below, and `result` fits it.
        unsafe { (header.vtable().take_result)(task, result.as_mut_ptr().cast()) };
        self.task = None;
        let last = header.state.drop_handle_of_complete();
        // SAFETY: `last` comes from this task.
        unsafe { Header::free_if(task, last) };
        // SAFETY: `take_result` has filled it.
        Poll::Ready(unsafe { result.assume_init() })
    }
}

/// Whether the task is complete; where it is not, `waker` will be woken.
fn is_complete_or_will_wake(header: &Header, waker: &Waker) -> bool {
    if header.state.load().is_complete() {
        return true;
    }
    if header.state.has_join_waiter() {
        let is_same = header.join_waker.with(|slot| {
            // SAFETY: rule 3: the slot is full, and while `JOIN_WAITER` is set
            // both sides may read it. Comparing looks at no more than the
            // waker's two words, which stay even when it is moved out.
            unsafe { &*slot.cast::<Waker>() }.will_wake(waker)
        });
        if is_same {
            return false;
        }
        if header.state.clear_join_waiter() == JoinSlot::Complete {
            return true;
        }
        drop_join_waker(header);
    }
    let waker = waker.clone();
    header.join_waker.with_mut(|slot| {
        // SAFETY: rule 3: `JOIN_WAITER` is clear, so the slot is ours.
        unsafe { slot.cast::<Waker>().write(waker) };
    });
    if header.state.set_join_waiter() == JoinSlot::Complete {
        drop_join_waker(header);
        return true;
    }
    false
}

/// Empties a slot that is full and, `JOIN_WAITER` being clear, the handle's.
fn drop_join_waker(header: &Header) {
    let waker = header.join_waker.with(|slot| {
        // SAFETY: as above; the waker is moved out, and nobody else will.
        unsafe { slot.cast::<Waker>().read() }
    });
    // As in the drop of a result.
    let _shield = Current::get().map(Current::shield);
    unwind::contain(|| drop(waker));
}

impl<T> Drop for JoinHandle<T> {
    #[inline]
    fn drop(&mut self) {
        let Some(task) = self.task else { return };
        // SAFETY: the field invariant of `task`.
        let header = unsafe { task.as_ref() };
        if ring::with_newest(task.cast(), || header.state.drop_handle_of_unreachable()) {
            return;
        }
        // SAFETY: the result was not taken, or `self.task` would be `None`.
        unsafe { leave(task) };
    }
}

/// Drops the handle of a task that others may reach.
///
/// # Safety
///
/// It is the caller's, which gives it up, and the result was not taken.
unsafe fn leave(task: NonNull<Header>) {
    // SAFETY: the handle keeps the task alive.
    let header = unsafe { task.as_ref() };
    if header.state.has_join_waiter() && header.state.clear_join_waiter() == JoinSlot::Changed {
        drop_join_waker(header);
    }
    if header.state.drop_handle() == JoinSlot::Complete {
        // SAFETY: the task is complete, and its handle is ours.
        unsafe { (header.vtable().drop_result)(task) };
        let last = header.state.drop_handle_of_complete();
        // SAFETY: `last` comes from this task.
        unsafe { Header::free_if(task, last) };
    }
}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinHandle")
            .field("id", &self.id)
            .field("is_finished", &self.is_finished())
            .finish()
    }
}
