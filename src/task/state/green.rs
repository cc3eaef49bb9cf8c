//! Transitions that only green threads ask for.

use super::hold::HELD;
use super::{CANCELLED, SCHEDULED, State, TOKEN};
use crate::primitives::Ordering;

impl State {
    /// The request to end was passed on to the thread: it may suspend again.
    pub(crate) fn take_cancel(&self) {
        // Ordering: AcqRel, as in `update`.
        self.0.fetch_and(!CANCELLED, Ordering::AcqRel);
    }

    /// Whether the task is asked to end.
    ///
    /// Ordering: Relaxed, a hint to the running task; the request is passed on by
    /// [`start`](Self::start).
    #[inline]
    pub(crate) fn is_cancel_asked(&self) -> bool {
        self.0.load(Ordering::Relaxed) & CANCELLED != 0
    }

    /// Leaves the token of an unpark, by the owner of a reference. Whether the thread
    /// is to be woken as well: not where it is held. One word decides: who claims it
    /// later lets it begin, and it finds the token when it parks.
    pub(crate) fn set_token(&self) -> bool {
        // Ordering: Release pairs with the Acquire in `take_token`: the unparked
        // sees what was done before.
        let before = self.0.fetch_or(TOKEN, Ordering::Release);
        before & (SCHEDULED | HELD) != HELD
    }

    /// Takes the token, by the running task itself. Whether there was one.
    pub(crate) fn take_token(&self) -> bool {
        self.0.fetch_and(!TOKEN, Ordering::Acquire) & TOKEN != 0
    }
}
