//! Tasks that are suspended without a poll of their own asking for it: a green thread
//! that waits, and a task that is made before its turn has come.

use super::answer::{Claim, Suspend};
use super::header::{Runnable, TaskRef};
use super::state::State;

impl Runnable {
    /// Suspends the task, with the right to run it. Hands that back where the task was
    /// woken or asked to end meanwhile: it goes to a queue then.
    #[cfg(not(virid_loom))]
    #[inline]
    pub(crate) fn suspend(self) -> Option<Self> {
        self.suspend_by(State::suspend)
    }

    /// Suspends a task that has not begun, in the same way: an unpark does not let it
    /// begin.
    pub(crate) fn hold(self) -> Option<Self> {
        self.suspend_by(State::hold)
    }

    #[inline]
    fn suspend_by(self, transition: impl FnOnce(&State) -> Suspend) -> Option<Self> {
        let task = self.into_task();
        // SAFETY: the task lives while its `Runnable` does.
        match transition(unsafe { &task.as_ref().state }) {
            Suspend::Suspended => None,
            // SAFETY: the word still says `SCHEDULED`, and the right was ours. What
            // the task is asked it is told when it goes on.
            Suspend::Woken | Suspend::Cancelled => Some(unsafe { Self::new(task) }),
        }
    }
}

impl TaskRef {
    /// Wakes the task. Where it is suspended the caller gets the `Runnable`, to
    /// [`schedule`](Runnable::schedule) it.
    pub(crate) fn claim(&self) -> Option<Runnable> {
        let task = self.task();
        // SAFETY: `self` is a reference.
        let claim = unsafe { task.as_ref() }.state.wake();
        // SAFETY: the word says `SCHEDULED` since the claim, and a task is `Send`.
        (claim == Claim::Runnable).then(|| unsafe { Runnable::new(task) })
    }
}
