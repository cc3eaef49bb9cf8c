//! When memory that others may still read can be used again: epoch-based
//! reclamation (Fraser, "Practical lock-freedom", 2004), by crossbeam-epoch.
//!
//! The collector is virid's own. On crossbeam's global one, a guard that some
//! other crate holds while it sleeps would stop every reuse here.
//!
//! Under the loom cfg a stand-in reclaims at the earliest moment that the
//! contract allows, so that models find who looks too late.

#[cfg(virid_loom)]
pub(crate) use stand_in::{Guard, pin};
#[cfg(not(virid_loom))]
pub(crate) use with_crossbeam::{Guard, pin};

/// How often [`settle`] tries to get past a thread that is pinned.
const ROUNDS: usize = if cfg!(virid_loom) { 1 } else { 16 };

/// Has deferred work done, as far as other threads' guards allow it now.
pub(crate) fn settle() {
    for _ in 0..ROUNDS {
        pin().flush();
    }
}

#[cfg(not(virid_loom))]
mod with_crossbeam {
    use crossbeam_epoch::{Collector, LocalHandle};
    use std::sync::OnceLock;

    /// While it lives, what was reachable when it was made is not reused.
    #[derive(Debug)]
    pub(crate) struct Guard(crossbeam_epoch::Guard);

    static COLLECTOR: OnceLock<Collector> = OnceLock::new();

    thread_local! {
        static LOCAL: LocalHandle = register();
    }

    fn register() -> LocalHandle {
        COLLECTOR.get_or_init(Collector::new).register()
    }

    pub(crate) fn pin() -> Guard {
        #[cfg(test)]
        crate::primitives::count();
        let guard = LOCAL.try_with(LocalHandle::pin);
        // A destructor of another thread-local, after this one's.
        Guard(guard.unwrap_or_else(|_| register().pin()))
    }

    impl Guard {
        /// Calls `f` once nobody is pinned who was pinned at this moment: on
        /// any thread, at some later pin, perhaps never.
        ///
        /// # Safety
        ///
        /// `f` may run on any thread, and what it uses lives until then.
        pub(crate) unsafe fn defer(&self, f: impl FnOnce()) {
            // SAFETY: as this function's contract says.
            unsafe { self.0.defer_unchecked(f) };
        }

        pub(crate) fn flush(&self) {
            self.0.flush();
        }
    }
}

#[cfg(virid_loom)]
#[path = "../../tests/loom/epoch.rs"]
mod stand_in;
