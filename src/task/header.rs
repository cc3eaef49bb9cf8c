//! The erased task: what every cell begins with, the table of what depends on
//! the future's type, and the pointers that own a task.
//!
//! | pointer      | stands for                                  | how many         |
//! |--------------|---------------------------------------------|------------------|
//! | [`Runnable`] | the right, and the duty, to run the task once | one at most    |
//! | [`TaskRef`]  | one count in the state word                 | any number       |
//! | `Waker`      | a [`TaskRef`] that can wake                 | any number       |
//! | `JoinHandle` | the `HANDLE` bit (`join.rs`), or             | one at most      |
//! | a set        | the same bit, of a member (`finished.rs`)     | in its place     |
//!
//! An `AbortHandle` is a [`TaskRef`] in public.
//!
//! Who may touch which field:
//!
//! 1. The holder of the `Runnable` owns the payload.
//! 2. After `COMPLETE` the handle owns the payload; there is none otherwise.
//! 3. The handle owns `join_waker` while `JOIN_WAITER` is clear. While it is
//!    set both sides may read the slot; when `COMPLETE` is set over it, whoever
//!    completes moves the waker out, and nobody looks at the slot again.
//!    Of a member the slot holds whose it is ([`Membership`](super::joiner::Membership)): written before
//!    `MEMBER` is set, then read by whoever completes the task, who writes the link
//!    of the set's list in there, and has no part in it once the set has the task.
//! 4. The other fields are written by whoever makes the task, before anybody else
//!    knows of it, and only read from then on.
//!
//! [`Schedule`] cuts the knot between tasks and the scheduler: a task knows
//! where to go when it is woken, by its cell's [`Home`], and nothing else about
//! workers.

use std::fmt;
use std::mem::{ManuallyDrop, offset_of};
use std::num::NonZero;
use std::ops::Deref;
use std::panic::Location;
use std::ptr::NonNull;

use super::answer::{Claim, Last};
use super::id::Id;
use super::joiner::Joiner;
use super::place::Place;
use super::stage::Stage;
use super::state::State;
use crate::memory;
#[cfg(not(virid_loom))]
use crate::monitor::window::Begun;
use crate::primitives::{Ordering, UnsafeCell, UnseenPtr};

/// Where tasks go: the scheduler, as seen from a task.
pub(crate) trait Schedule: Send + Sync {
    /// Puts a woken task into a queue. Called from any thread; must not run
    /// code of a task. After the task is queued it may end at any time, and the
    /// scheduler's memory with it, unless the scheduler itself sees to that.
    fn schedule(&self, runnable: Runnable);

    /// Whether anybody wants samples (`sample.rs`) of the tasks that come here.
    #[cfg(not(virid_loom))]
    fn wants_samples(&self) -> bool {
        false
    }

    /// A sample is about to run for the first time, on the calling worker.
    #[cfg(not(virid_loom))]
    fn begins(&self, begun: Begun) {
        let _ = begun;
    }
}

/// The scheduler of the tasks in one runtime's cells: what
/// [`memory::home_of`] leads to.
pub(crate) struct Home(*const dyn Schedule);

// SAFETY: the scheduler may be used by any thread.
unsafe impl Send for Home {}
// SAFETY: the same.
unsafe impl Sync for Home {}

impl Home {
    /// # Safety
    ///
    /// The scheduler lives until every task has ended that was ever suspended
    /// there, and until every call of `schedule` for one has returned.
    pub(crate) unsafe fn new(scheduler: *const dyn Schedule) -> Self {
        Self(scheduler)
    }

    pub(super) fn scheduler(&self) -> *const dyn Schedule {
        self.0
    }
}

/// What depends on the type of the future.
///
/// All take the header of a cell that was made for the same future.
pub(crate) struct VTable {
    /// Runs the task once. Contract: the caller holds the `Runnable`, and gives it up.
    pub(super) run: unsafe fn(NonNull<Header>) -> Ran,
    /// Of a green thread, how to go on with it. Contract: the caller holds the
    /// `Runnable`.
    pub(super) stage: Option<unsafe fn(NonNull<Header>) -> Stage>,
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
    /// Whether this is the table of one sample.
    #[cfg_attr(virid_loom, expect(dead_code, reason = "models have no samples"))]
    pub(super) is_sample: bool,
}

/// The front of every cell: forty bytes, so that the smallest has three words
/// for the future and later the result.
#[repr(C)]
pub(crate) struct Header {
    pub(super) state: State,
    fields: Fields,
}

/// What a header has besides the word that outlives its task.
#[repr(C)]
pub(crate) struct Fields {
    /// Lives while it stands here. Of a sample (`sample.rs`), changed before it first
    /// runs by the holder of the `Runnable`; nobody else reads it before the task has
    /// been suspended or has completed.
    pub(super) vtable: UnseenPtr<VTable>,
    /// The lower half of the task's number; the upper one is in the state word.
    number: u32,
    /// Where the task was spawned.
    place: Place,
    /// The waker of whoever awaits the handle, or of which set the task is a member;
    /// see rule 3. Moved in and out by hand, so never dropped with the cell.
    pub(super) join_waker: UnsafeCell<Joiner>,
    /// Stands for the payload behind the header, so that models check who
    /// touches it.
    pub(super) payload: UnsafeCell<()>,
}

const _: () = assert!(
    cfg!(virid_loom)
        || !cfg!(target_pointer_width = "64")
        || offset_of!(Header, state) == 0
            && offset_of!(Header, fields.vtable) == 8
            && offset_of!(Header, fields.number) == 16
            && offset_of!(Header, fields.place) == 20
            && offset_of!(Header, fields.join_waker) == 24
            && size_of::<Header>() == 40,
    "the header has grown, or its fields have moved"
);

impl Deref for Header {
    type Target = Fields;

    #[inline]
    fn deref(&self) -> &Fields {
        &self.fields
    }
}

impl Header {
    /// Makes the header of a new task in a free cell.
    ///
    /// # Safety
    ///
    /// `cell` is a free cell of its runtime, and the caller's. The table lives while it
    /// is the task's.
    #[inline]
    #[track_caller]
    pub(super) unsafe fn begin(cell: NonNull<u8>, id: Id, vtable: *const VTable) -> NonNull<Self> {
        // The state is not written over, because the shutdown walk may read it.
        // SAFETY: a cell begins with an atomic word, which a `State` is.
        let state = unsafe { cell.cast::<State>().as_ref() };
        state.begin(id.number() >> u32::BITS);
        let fields = Fields {
            vtable: UnseenPtr::new(vtable.cast_mut()),
            // The cast keeps the lower half.
            number: id.number() as u32,
            place: Place::of(Location::caller()),
            join_waker: UnsafeCell::new(Joiner::EMPTY),
            payload: UnsafeCell::new(()),
        };
        // SAFETY: a cell is larger than a header.
        let to = unsafe { cell.add(offset_of!(Header, fields)) };
        // SAFETY: the cell is the caller's but for its first word.
        unsafe { to.cast().write(fields) };
        cell.cast()
    }

    #[inline]
    pub(super) fn vtable(&self) -> &VTable {
        // Ordering: Relaxed. Who got the right to be here from whoever changed the
        // table has acquired what that one did.
        // SAFETY: the field's comment says who may be here, and that it lives.
        unsafe { &*self.vtable.load(Ordering::Relaxed) }
    }

    /// The task's number.
    #[inline]
    pub(super) fn id(&self) -> Id {
        let upper = self.state.load().number() << u32::BITS;
        let number = NonZero::new(upper | u64::from(self.number));
        Id::from_number(number.expect("a task has a number"))
    }

    /// The task's number, and where it was spawned.
    #[inline]
    pub(super) fn origin(&self) -> (Id, &'static Location<'static>) {
        (self.id(), self.place.get())
    }

    /// Frees the cell, if the caller was the last to reach it.
    ///
    /// # Safety
    ///
    /// `last` comes from the state word of `task`.
    pub(super) unsafe fn free_if(task: NonNull<Header>, last: Last) {
        if last == Last::Yes {
            // SAFETY: `last` says that nobody else can reach the cell.
            let free = unsafe { task.as_ref() }.vtable().free;
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
    pub(super) unsafe fn wake(task: NonNull<Header>) {
        // SAFETY: the task is alive.
        let header = unsafe { task.as_ref() };
        if header.state.wake() == Claim::Runnable {
            Runnable(task).schedule();
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
            Runnable(task).schedule();
        }
    }
}

/// What came of running a task once.
#[derive(Debug)]
#[must_use = "a task may have to be queued"]
pub(crate) enum Ran {
    /// It waits to be woken.
    Suspended,
    /// It was woken meanwhile: to be queued again.
    Again(Runnable),
    /// It has ended. Who has waited for that, a task of any runtime, is to be queued.
    Ended(Option<Runnable>),
}

impl Ran {
    /// For what has one poll: queues who has waited for its end.
    pub(crate) fn queue_next(self) {
        match self {
            Self::Ended(None) => {}
            Self::Ended(Some(next)) => next.schedule(),
            other => unreachable!("it has no second poll: {other:?}"),
        }
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

    /// Polls the task, or cancels it where that was asked for.
    #[inline]
    pub(crate) fn run(self) -> Ran {
        let task = self.into_task();
        // SAFETY: the task lives while its `Runnable` does.
        let run = unsafe { task.as_ref() }.vtable().run;
        // SAFETY: `self` is the `Runnable`, and is given up here.
        unsafe { run(task) }
    }

    /// The scheduler that it goes to.
    #[inline]
    pub(crate) fn scheduler(&self) -> *const dyn Schedule {
        // SAFETY: a task that can be run is in its cell.
        let home = unsafe { memory::home_of(self.0.cast()) }.cast::<Home>();
        // SAFETY: the home was set before the first task was made, and lives as long
        // as its scheduler.
        unsafe { &*home }.scheduler()
    }

    /// Queues the task, which was suspended until the caller claimed it.
    pub(crate) fn schedule(self) {
        let scheduler = self.scheduler();
        // SAFETY: the task was suspended and has not ended, so the scheduler lives,
        // and sees to it that it does until the call returns.
        unsafe { &*scheduler }.schedule(self);
    }

    /// The task's number, and where it was spawned.
    #[inline]
    pub(crate) fn origin(&self) -> (Id, &'static Location<'static>) {
        // SAFETY: the task lives while its `Runnable` does.
        unsafe { self.0.as_ref() }.origin()
    }

    /// How a worker goes on with it.
    #[inline]
    pub(crate) fn stage(&self) -> Stage {
        // SAFETY: the task lives while its `Runnable` does.
        match unsafe { self.0.as_ref() }.vtable().stage {
            // SAFETY: `self` is the `Runnable`.
            Some(stage) => unsafe { stage(self.0) },
            None => Stage::Future,
        }
    }

    /// The task's cell, for queues that hold addresses. The caller takes over
    /// the right and the duty.
    pub(crate) fn into_cell(self) -> NonNull<u8> {
        self.into_task().cast()
    }

    /// The task alone: the caller takes over the right and the duty.
    pub(super) fn into_task(self) -> NonNull<Header> {
        ManuallyDrop::new(self).0
    }

    /// The task, which is still the holder's.
    pub(super) fn task(&self) -> NonNull<Header> {
        self.0
    }

    /// # Safety
    ///
    /// `cell` comes from [`into_cell`](Self::into_cell), once.
    pub(crate) unsafe fn from_cell(cell: NonNull<u8>) -> Self {
        Self(cell.cast())
    }
}

impl Drop for Runnable {
    fn drop(&mut self) {
        // SAFETY: the task lives while its `Runnable` does.
        let cancel = unsafe { self.0.as_ref() }.vtable().cancel;
        // SAFETY: `self` is the `Runnable`, and is given up here.
        unsafe { cancel(self.0) };
    }
}

impl fmt::Debug for Runnable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // SAFETY: the task lives while its `Runnable` does.
        let header = unsafe { self.0.as_ref() };
        write!(f, "Runnable({}, {:?})", header.id(), header.state)
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

    /// A reference to the task in this cell, if there is one that has been
    /// suspended and not completed.
    ///
    /// # Safety
    ///
    /// `cell` was carved, and its slab is mapped.
    pub(crate) unsafe fn of_cell(cell: NonNull<u8>) -> Option<Self> {
        // SAFETY: a cell begins with an atomic word, which a `State` is.
        let state = unsafe { cell.cast::<State>().as_ref() };
        let task = cell.cast();
        state.add_reference_if_settled().then(|| Self(task))
    }

    pub(super) fn task(&self) -> NonNull<Header> {
        self.0
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
    pub(crate) fn abort(&self) {
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
