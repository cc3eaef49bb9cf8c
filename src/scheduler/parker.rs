//! One thread's token: it waits here, others unpark it.
//!
//! Built on `std::thread::park`, whose own token user code shares; so a flag
//! says whether the unpark was ours, and a foreign one is only a spurious wake.

use std::sync::{Arc, OnceLock};
use std::task::{Wake, Waker};
use std::time::Instant;

use crate::forked;
use crate::primitives::{AtomicBool, Ordering, Thread, current_thread, park, park_timeout};

/// The token of the thread that made it. Only that thread may
/// [`park`](Parker::park); any thread may [`unpark`](Parker::unpark).
#[derive(Debug)]
pub(crate) struct Parker {
    unparked: AtomicBool,
    thread: Thread,
    /// What is woken in place of the thread.
    waker: OnceLock<Waker>,
}

impl Parker {
    pub(crate) fn for_current_thread() -> Self {
        Self {
            unparked: AtomicBool::new(false),
            thread: current_thread(),
            waker: OnceLock::new(),
        }
    }

    /// Waits until somebody unparks this thread; returns at once where that
    /// has happened since the last call.
    ///
    /// # Panics
    ///
    /// Where it would have to wait in a forked process, which has nobody to unpark it.
    pub(crate) fn park(&self) {
        // Ordering: Acquire pairs with the Release in `unpark`: what the
        // unparker did before is seen after.
        while !self.unparked.swap(false, Ordering::Acquire) {
            forked::assert_not_forked();
            park();
        }
    }

    /// As [`park`](Self::park), until `deadline` at the latest if there is one.
    /// Whether the thread was unparked.
    pub(crate) fn park_until(&self, deadline: Option<Instant>) -> bool {
        let Some(deadline) = deadline else {
            self.park();
            return true;
        };
        // Ordering: as in `park`.
        while !self.unparked.swap(false, Ordering::Acquire) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            park_timeout(left);
        }
        true
    }

    /// From now on `waker` is woken where somebody unparks this thread, which looks by
    /// [`take`](Self::take). Only the first counts.
    #[cfg(all(feature = "time", not(virid_loom)))]
    pub(crate) fn wake_by(&self, waker: &Waker) {
        self.waker.get_or_init(|| waker.clone());
    }

    /// Whether this thread was unparked since the last call.
    #[cfg(all(feature = "time", not(virid_loom)))]
    pub(crate) fn take(&self) -> bool {
        // Ordering: as in `park`.
        self.unparked.swap(false, Ordering::Acquire)
    }

    pub(crate) fn unpark(&self) {
        // Ordering: Release pairs with the Acquire in `park`. A token that is
        // set already need not be set again, but the swap still publishes.
        if !self.unparked.swap(true, Ordering::Release) {
            match self.waker.get() {
                Some(waker) => waker.wake_by_ref(),
                None => self.thread.unpark(),
            }
        }
    }
}

/// The waker of a future that a plain thread drives.
impl Wake for Parker {
    fn wake(self: Arc<Self>) {
        self.unpark();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.unpark();
    }
}
