//! A task whose handle a set has: what the set, and the list of those that have ended,
//! do with it.

use std::mem::MaybeUninit;
use std::ptr::NonNull;

use super::answer::JoinSlot;
use super::error::JoinError;
use super::header::{Header, TaskRef};
use super::id::Id;
use super::joiner::Membership;

/// The handle of a task, of unknown type. Copied freely: who says so has the handle, and
/// the functions that give it up are unsafe.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Member(NonNull<Header>);

impl Member {
    /// # Safety
    ///
    /// `task` is alive and its handle becomes this one.
    pub(super) unsafe fn new(task: NonNull<Header>) -> Self {
        Self(task)
    }

    fn header(&self) -> &Header {
        // SAFETY: the handle keeps the task, and who has given it up keeps no copy.
        unsafe { self.0.as_ref() }
    }

    fn membership(self) -> Membership {
        self.header().join_waker.with(|slot| {
            // SAFETY: of a member the slot holds this (rule 3).
            unsafe { *slot.cast::<Membership>() }
        })
    }

    /// Says whose member a task becomes, by its handle.
    pub(super) fn join(self, list: NonNull<()>, number: usize) {
        let membership = Membership {
            list: list.as_ptr(),
            number,
        };
        self.header().join_waker.with_mut(|slot| {
            // SAFETY: rule 3: the task is not a member yet, and nobody waits for it.
            unsafe { slot.cast::<Membership>().write(membership) };
        });
    }

    /// Makes it a member, before it is queued; a reference for its abort handle.
    #[inline]
    pub(super) fn enlist_new(self) -> TaskRef {
        self.header().state.enlist_new();
        // SAFETY: the line above has counted it.
        unsafe { TaskRef::adopt(self.0) }
    }

    /// Makes it a member, at any time.
    pub(super) fn enlist(self) -> JoinSlot {
        self.header().state.enlist()
    }

    /// Its number in its set, by the owner.
    pub(crate) fn number(self) -> usize {
        self.membership().number
    }

    pub(crate) fn id(self) -> Id {
        self.header().id()
    }

    pub(crate) fn is_complete(self) -> bool {
        // SAFETY: a member keeps its task.
        unsafe { self.0.as_ref() }.state.load().is_complete()
    }

    pub(crate) fn abort(self) {
        // SAFETY: the handle keeps the task.
        unsafe { Header::abort(self.0) };
    }

    /// Gives up the handle, unless the task is complete: then it is handed over by who
    /// has completed it.
    pub(crate) fn leave(self) -> JoinSlot {
        self.header().state.leave_set()
    }

    /// Gives the result and the handle up, by their owner, of a task that is complete.
    ///
    /// # Safety
    ///
    /// The result is a `T`, and this is the last use of the member.
    pub(crate) unsafe fn take<T>(self) -> Result<T, JoinError> {
        let mut result = MaybeUninit::<Result<T, JoinError>>::uninit();
        // SAFETY: the task is complete, the result is the caller's, and fits.
        unsafe { (self.header().vtable().take_result)(self.0, result.as_mut_ptr().cast()) };
        // SAFETY: the result is gone, and the handle the caller's.
        unsafe { self.give_up() };
        // SAFETY: `take_result` has filled it.
        unsafe { result.assume_init() }
    }

    /// The same without looking at the result.
    ///
    /// # Safety
    ///
    /// As of [`take`](Self::take).
    pub(crate) unsafe fn drop_complete(self) {
        // SAFETY: the task is complete, and the result the caller's.
        unsafe { (self.header().vtable().drop_result)(self.0) };
        // SAFETY: the result is gone, and the handle the caller's.
        unsafe { self.give_up() };
    }

    /// # Safety
    ///
    /// The task is complete, its result is gone, and this is the last use.
    unsafe fn give_up(self) {
        let last = self.header().state.drop_handle_of_complete();
        // SAFETY: `last` comes from this task.
        unsafe { Header::free_if(self.0, last) };
    }

    /// The list that the member of a set goes to once it is complete, before it does.
    pub(super) fn list(self) -> *mut () {
        self.membership().list
    }

    pub(super) fn address(self) -> *mut () {
        self.0.as_ptr().cast()
    }

    /// # Safety
    ///
    /// The address is null, or comes from [`address`](Self::address) of a member that
    /// still has its handle.
    pub(super) unsafe fn from_address(address: *mut ()) -> Option<Self> {
        NonNull::new(address.cast()).map(Self)
    }

    /// The member behind it in the list of those that have ended.
    pub(super) fn next(self) -> *mut () {
        self.membership().list
    }

    /// Links it with another, in the hands of who has completed it, or has taken it
    /// from the list.
    pub(super) fn set_next(self, next: *mut ()) {
        self.header().join_waker.with_mut(|slot| {
            // SAFETY: rule 3: the task is complete, and in one hand.
            unsafe { (*slot.cast::<Membership>()).list = next };
        });
    }
}
