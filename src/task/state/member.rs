//! What only sets ask of their members' words. A member's handle is its set's, which
//! never publishes a waker for it: who completes the task hands it to the set.

use super::{COMPLETE, HANDLE, JOIN_WAITER, MEMBER, REFERENCE, State};
use crate::primitives::{Ordering, needed};
use crate::task::answer::JoinSlot;

impl State {
    /// Makes a new task a member, with a reference for its abort handle. Before it is
    /// queued, when nobody else knows the cell.
    ///
    /// Ordering: Relaxed, as in [`begin`](State::begin).
    #[inline]
    pub(crate) fn enlist_new(&self) {
        let now = self.0.load(Ordering::Relaxed);
        debug_assert!(now & (COMPLETE | JOIN_WAITER | MEMBER) == 0, "{self:?}");
        self.0.store((now | MEMBER) + REFERENCE, Ordering::Relaxed);
    }

    /// Makes a task a member that may be running already, by its handle.
    pub(crate) fn enlist(&self) -> JoinSlot {
        self.update(|now| {
            debug_assert!(now.has(HANDLE) && !now.has(JOIN_WAITER), "{now:?}");
            if needed!("complete before it was enlisted", now.is_complete(), not false) {
                Err(JoinSlot::Complete)
            } else {
                Ok((now.0 | MEMBER, JoinSlot::Changed))
            }
        })
    }

    /// The set lets go of a member: the task runs on, detached. Where it is complete,
    /// nothing is changed: who has completed it hands it to the set.
    pub(crate) fn leave_set(&self) -> JoinSlot {
        self.update(|now| {
            debug_assert!(now.has(HANDLE | MEMBER), "{now:?}");
            if needed!("complete before the set left", now.is_complete(), not false) {
                Err(JoinSlot::Complete)
            } else {
                Ok((now.0 & !(HANDLE | MEMBER), JoinSlot::Changed))
            }
        })
    }
}
