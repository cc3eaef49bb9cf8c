//! From running to suspended, and from new to held.

use super::{CANCELLED, SCHEDULED, SETTLED, State, WOKEN};
use crate::primitives::needed;
use crate::task::answer::Suspend;

/// In place of `SCHEDULED`: the task has not begun, and waits for its turn. Whoever
/// claims it sets that bit, and `start` takes this one away.
pub(super) const HELD: u64 = WOKEN;

impl State {
    /// After a poll that was `Pending`, by the holder of the `Runnable`.
    pub(crate) fn suspend(&self) -> Suspend {
        self.suspend_with(0)
    }

    /// As [`suspend`](Self::suspend), before the task has begun, which it does when its
    /// turn has come: it is held.
    pub(crate) fn hold(&self) -> Suspend {
        self.suspend_with(HELD)
    }

    #[inline]
    fn suspend_with(&self, held: u64) -> Suspend {
        self.update(|now| {
            debug_assert!(now.has(SCHEDULED) && !now.is_complete(), "{now:?}");
            if needed!("cancelled while running", now.has(CANCELLED), not false) {
                Err(Suspend::Cancelled)
            } else if needed!("woken while running", now.has(WOKEN), not false) {
                Ok((now.0 & !WOKEN, Suspend::Woken))
            } else {
                let settled = needed!("settled when suspended", SETTLED, not 0);
                Ok((now.0 & !SCHEDULED | settled | held, Suspend::Suspended))
            }
        })
    }
}
