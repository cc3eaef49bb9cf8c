//! The erased task: what every cell begins with, the table of what depends on
//! the future's type, and the pointers that own a task.
//!
//! | pointer      | stands for                                  | how many         |
//! |--------------|---------------------------------------------|------------------|
//! | [`Runnable`] | the right, and the duty, to run the task once | one at most    |
//! | [`TaskRef`]  | one count in the state word                 | any number       |
//! | [`Waker`]    | a [`TaskRef`] that can wake                 | any number       |
//! | `JoinHandle` | the `HANDLE` bit (`join.rs`)                | one at most      |
//!
//! An `AbortHandle` is a [`TaskRef`] in public.
//!
//! Who may touch which field:
//!
//! 1. The holder of the `Runnable` owns the payload and `home`.
//! 2. After `COMPLETE` the handle owns the payload; there is none otherwise.
//! 3. The handle owns `join_waker` while `JOIN_WAITER` is clear. While it is
//!    set both sides may read the slot; when `COMPLETE` is set over it, whoever
//!    completes moves the waker out, and nobody looks at the slot again.
//! 4. `home` is written once, by the holder of the `Runnable`, before the first
//!    suspension; from then on everybody who can reach the cell may read it.
//!
//! [`Schedule`] cuts the knot between tasks and the scheduler: a task knows
//! where to go when it is woken, and nothing else about workers.

use std::fmt;
use std::mem::{ManuallyDrop, MaybeUninit};
use std::panic::Location;
use std::ptr::NonNull;
use std::sync::Arc;
use std::task::{RawWaker, RawWakerVTable, Waker};

use super::state::{Claim, Last, State};
use crate::context;
use crate::memory::Living;
use crate::primitives::UnsafeCell;

/// A number that tells a task from all others of the process, also after it
/// has ended. Numbers are not in order of spawning.
///
/// ```
/// let task = virid::spawn(async {});
/// println!("spawned task {}", task.id());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(u64);

impl Id {
    pub(crate) const fn from_number(number: u64) -> Self {
        Self(number)
    }

    pub(crate) const fn number(self) -> u64 {
        self.0
    }

    #[inline]
    pub(crate) fn next() -> Self {
        Self(context::next_task_number())
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Id({})", self.0)
    }
}

/// Where tasks go: the scheduler, as seen from a task.
pub(crate) trait Schedule: Send + Sync {
    /// Puts a woken task into a queue. Called from any thread; must not run
    /// code of a task. After the task is queued, only `self` keeps `self`
    /// alive: the caller holds a reference to the task for the whole call.
    fn schedule(&self, runnable: Runnable);

    /// The suspended tasks of this scheduler.
    fn living(&self) -> &Living;
}

/// What depends on the type of the future.
///
/// All take the header of a cell that was made for the same future.
pub(crate) struct VTable {
    /// Runs the task once. `true`: the `Runnable` still exists and goes to a
    /// queue. Contract: the caller holds the `Runnable`, and gives it up unless
    /// the answer is `true`.
    pub(super) run: unsafe fn(NonNull<Header>, &Arc<dyn Schedule>) -> bool,
    /// Drops the future and completes the task as cancelled. Contract: the
    /// caller holds the `Runnable`, and gives it up.
    pub(super) cancel: unsafe fn(NonNull<Header>),
    /// Moves the result to an address that fits it. Contract: the task is
    /// complete, the caller is the handle, and the result is still there.
    pub(super) take_result: unsafe fn(NonNull<Header>, *mut ()),
    /// Drops the result in place. Contract: as `take_result`.
    pub(super) drop_result: unsafe fn(NonNull<Header>),
    /// Frees the cell. Contract: nobody else can reach it, and the payload is
    /// gone.
    pub(super) free: unsafe fn(NonNull<Header>),
}

/// The front of every cell.
#[repr(C)]
pub(crate) struct Header {
    pub(super) state: State,
    pub(super) vtable: &'static VTable,
    pub(super) id: Id,
    /// Where the task was spawned.
    pub(super) place: &'static Location<'static>,
    /// The waker of whoever awaits the handle; see rule 3. Moved in and out by
    /// hand, so never dropped with the cell.
    pub(super) join_waker: UnsafeCell<MaybeUninit<Waker>>,
    /// The scheduler of a task that has been suspended: it keeps the scheduler
    /// alive for wakers that outlive the runtime. `None` until then, because
    /// setting it writes a count that all workers share.
    home: UnsafeCell<Option<Arc<dyn Schedule>>>,
}

impl Header {
    #[inline]
    #[track_caller]
    pub(super) fn new(vtable: &'static VTable) -> Self {
        Self {
            state: State::new(),
            vtable,
            id: Id::next(),
            place: Location::caller(),
            join_waker: UnsafeCell::new(MaybeUninit::uninit()),
            home: UnsafeCell::new(None),
        }
    }

    /// Makes a task that is about to be suspended findable: for its wakers,
    /// which need to know where to queue it, and for the shutdown walk.
    ///
    /// # Safety
    ///
    /// The caller holds the `Runnable` of `task`.
    pub(super) unsafe fn settle(task: NonNull<Header>, scheduler: &Arc<dyn Schedule>) {
        // SAFETY: the cell lives while the `Runnable` does.
        let header = unsafe { task.as_ref() };
        // SAFETY: rule 4 of the head: nobody writes `home` but us, now.
        let is_settled = header.home.with(|home| unsafe { &*home }.is_some());
        if is_settled {
            // Wakers may be reading `home` at this moment.
            return;
        }
        header.home.with_mut(|home| {
            // SAFETY: rule 4 of the head: before the first suspension `home`
            // is ours alone.
            unsafe { *home = Some(Arc::clone(scheduler)) };
        });
        scheduler.living().enter(task.cast());
    }

    /// Undoes [`settle`](Self::settle), but for `home` itself: wakers may still
    /// be inside the scheduler. Comes before the look at the state word that
    /// decides how the task ends, since until then the shutdown walk may make
    /// references.
    ///
    /// # Safety
    ///
    /// The caller holds the `Runnable` of `task`.
    pub(super) unsafe fn unsettle(task: NonNull<Header>) {
        // SAFETY: the cell lives while the `Runnable` does.
        let header = unsafe { task.as_ref() };
        header.home.with(|home| {
            // SAFETY: rule 4 of the head: nobody writes `home` now.
            let home = unsafe { &*home };
            if let Some(scheduler) = home {
                scheduler.living().leave(task.cast());
            }
        });
    }

    /// Frees the cell, if the caller was the last to reach it.
    ///
    /// # Safety
    ///
    /// `last` comes from the state word of `task`.
    pub(super) unsafe fn free_if(task: NonNull<Header>, last: Last) {
        if last == Last::Yes {
            // SAFETY: `last` says that nobody else can reach the cell.
            let free = unsafe { task.as_ref() }.vtable.free;
            // SAFETY: the same; the payload went when the task completed or
            // when the handle left.
            unsafe { free(task) };
        }
    }

    /// Wakes the task.
    ///
    /// # Safety
    ///
    /// `task` is alive for the whole call: the caller owns a reference, or is
    /// inside the task's poll.
    unsafe fn wake(task: NonNull<Header>) {
        // SAFETY: the task is alive.
        let header = unsafe { task.as_ref() };
        if header.state.wake() == Claim::Runnable {
            header.schedule(Runnable(task));
        }
    }

    /// Asks the task to end: its future is dropped by a worker, at once where
    /// the task is suspended, else after the poll that is running or in place
    /// of the next.
    ///
    /// # Safety
    ///
    /// `task` is alive for the whole call.
    pub(super) unsafe fn abort(task: NonNull<Header>) {
        // SAFETY: the task is alive.
        let header = unsafe { task.as_ref() };
        if header.state.cancel() == Claim::Runnable {
            header.schedule(Runnable(task));
        }
    }

    /// Queues a task that was suspended.
    fn schedule(&self, runnable: Runnable) {
        self.home.with(|home| {
            // SAFETY: rule 4 of the head. The scheduler outlives its call,
            // because `home` goes with the cell only.
            let home = unsafe { &*home };
            home.as_ref()
                .expect("a suspended task has a home")
                .schedule(runnable);
        });
    }
}

/// The one right, and the duty, to run a task once. Dropping it cancels the
/// task, so that nothing is lost with a queue.
pub(crate) struct Runnable(NonNull<Header>);

// SAFETY: a `Runnable` is made from a future that is `Send`, and its result is
// `Send` too; there is one for a task at most.
unsafe impl Send for Runnable {}

impl Runnable {
    /// # Safety
    ///
    /// The state word of `task` says `SCHEDULED`, and the caller is the one
    /// that made it so; `task` and its result are `Send`.
    pub(super) unsafe fn new(task: NonNull<Header>) -> Self {
        Self(task)
    }

    /// Polls the task, or cancels it where that was asked for. Hands the
    /// `Runnable` back where the task was woken meanwhile.
    ///
    /// `scheduler` is where the task is to be queued when it is woken later.
    #[inline]
    pub(crate) fn run(self, scheduler: &Arc<dyn Schedule>) -> Option<Runnable> {
        let this = ManuallyDrop::new(self);
        // SAFETY: the task lives while its `Runnable` does.
        let run = unsafe { this.0.as_ref() }.vtable.run;
        // SAFETY: `self` is the `Runnable`, and is given up here.
        let again = unsafe { run(this.0, scheduler) };
        again.then(|| Runnable(this.0))
    }
}

impl Runnable {
    /// The task's number, and where it was spawned.
    #[inline]
    pub(crate) fn origin(&self) -> (Id, &'static Location<'static>) {
        // SAFETY: the task lives while its `Runnable` does.
        let header = unsafe { self.0.as_ref() };
        (header.id, header.place)
    }
}

impl Drop for Runnable {
    fn drop(&mut self) {
        // SAFETY: the task lives while its `Runnable` does.
        let cancel = unsafe { self.0.as_ref() }.vtable.cancel;
        // SAFETY: `self` is the `Runnable`, and is given up here.
        unsafe { cancel(self.0) };
    }
}

impl fmt::Debug for Runnable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // SAFETY: the task lives while its `Runnable` does.
        let header = unsafe { self.0.as_ref() };
        write!(f, "Runnable({}, {:?})", header.id, header.state)
    }
}

/// A counted pointer to a task: keeps the cell, not the future.
pub(crate) struct TaskRef(NonNull<Header>);

// SAFETY: through a `TaskRef` only the state word and the scheduler are
// reached, and the `Runnable` that a claim on it may yield is `Send`.
unsafe impl Send for TaskRef {}
// SAFETY: as above.
unsafe impl Sync for TaskRef {}

impl TaskRef {
    /// One more reference.
    ///
    /// # Safety
    ///
    /// `task` is alive.
    pub(super) unsafe fn new(task: NonNull<Header>) -> Self {
        // SAFETY: the task is alive.
        unsafe { task.as_ref() }.state.add_reference();
        Self(task)
    }

    /// A reference to a task that is known by its cell.
    ///
    /// # Safety
    ///
    /// `cell` begins with a header, and the task cannot complete before this
    /// returns.
    pub(crate) unsafe fn of_cell(cell: NonNull<u8>) -> Self {
        // SAFETY: a task that is not complete is alive.
        unsafe { Self::new(cell.cast()) }
    }

    /// Takes over a reference that is counted already.
    ///
    /// # Safety
    ///
    /// The state word of `task` counts a reference that nobody owns.
    pub(super) unsafe fn adopt(task: NonNull<Header>) -> Self {
        Self(task)
    }

    /// Asks the task to end; see [`Header::abort`].
    pub(super) fn abort(&self) {
        // SAFETY: `self` is a reference.
        unsafe { Header::abort(self.0) };
    }

    /// Asks the task to end. Where nobody else would see that, the caller gets
    /// the `Runnable` to drop.
    pub(crate) fn cancel(&self) -> Option<Runnable> {
        // SAFETY: `self` is a reference.
        let header = unsafe { self.0.as_ref() };
        (header.state.cancel() == Claim::Runnable).then(|| Runnable(self.0))
    }

    pub(crate) fn is_complete(&self) -> bool {
        // SAFETY: `self` is a reference.
        unsafe { self.0.as_ref() }.state.load().is_complete()
    }
}

impl Clone for TaskRef {
    fn clone(&self) -> Self {
        // SAFETY: `self` is a reference.
        unsafe { Self::new(self.0) }
    }
}

impl Drop for TaskRef {
    fn drop(&mut self) {
        // SAFETY: `self` is a reference.
        let last = unsafe { self.0.as_ref() }.state.drop_reference();
        // SAFETY: `last` comes from this task.
        unsafe { Header::free_if(self.0, last) };
    }
}

/// The waker that a poll sees. It costs nothing to make: it borrows the life
/// of the running task, and only its clones are counted.
///
/// # Safety
///
/// `task` outlives the waker, which is never dropped.
pub(super) unsafe fn borrowed_waker(task: NonNull<Header>) -> ManuallyDrop<Waker> {
    let raw = RawWaker::new(task.as_ptr().cast(), &WAKER);
    // SAFETY: `WAKER` keeps the contract of `RawWaker`, for as long as the
    // caller keeps this function's.
    ManuallyDrop::new(unsafe { Waker::from_raw(raw) })
}

/// One table for all tasks, so that two wakers of a task always compare equal.
static WAKER: RawWakerVTable = RawWakerVTable::new(clone_waker, wake, wake_by_ref, drop_waker);

/// The task behind a waker.
///
/// # Safety
///
/// `data` comes from [`borrowed_waker`] or [`clone_waker`].
unsafe fn task_of(data: *const ()) -> NonNull<Header> {
    // SAFETY: both make wakers from a `NonNull`.
    unsafe { NonNull::new_unchecked(data.cast_mut().cast()) }
}

unsafe fn clone_waker(data: *const ()) -> RawWaker {
    // SAFETY: called through `WAKER` only.
    let task = unsafe { task_of(data) };
    // SAFETY: the waker that is being cloned keeps the task alive.
    unsafe { task.as_ref() }.state.add_reference();
    RawWaker::new(data, &WAKER)
}

unsafe fn wake(data: *const ()) {
    // SAFETY: called through `WAKER` only.
    unsafe { wake_by_ref(data) };
    // SAFETY: the waker is given up here, after `wake_by_ref` has left the
    // scheduler: the reference kept the cell and so the scheduler alive.
    unsafe { drop_waker(data) };
}

unsafe fn wake_by_ref(data: *const ()) {
    // SAFETY: called through `WAKER` only.
    let task = unsafe { task_of(data) };
    // SAFETY: the waker keeps the task alive for the call.
    unsafe { Header::wake(task) };
}

unsafe fn drop_waker(data: *const ()) {
    // SAFETY: called through `WAKER` only.
    let task = unsafe { task_of(data) };
    // SAFETY: a waker that is dropped was cloned, so it is a counted reference.
    drop(TaskRef(task));
}
