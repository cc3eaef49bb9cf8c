//! Whether this process was forked from one in which a runtime had been built.
//!
//! Of all threads only the one that called `fork` is in the child. No worker is there to
//! run anything; a lock that another thread held at that moment is held for ever; and the
//! reactor's descriptors are still the parent's. So nothing of virid works in such a
//! child, a new runtime neither, and what would hang says so instead: a spawn from outside
//! and a wait of a plain thread panic, [`build`](crate::Builder::build) fails, dropping a
//! runtime does nothing, a wake of a task leaves it as it is, and a worker that forked and
//! then comes back to its loop aborts the child before it parks or looks for events, which
//! are the parent's: the tasks in its queue are that too. A thread of the blocking pool
//! aborts it when its closure returns, and the end of a scope panics.
//!
//! What the child does before `exec` or `_exit` may not come by here at all, so nothing is
//! done in the child but to count. Looked at in slow paths only.

use crate::primitives::Counter;

static FORKS: Counter = Counter::new(0);

/// Counts from now on. Before the first thread of a runtime.
#[cfg(all(target_os = "linux", not(virid_loom)))]
pub(crate) fn prepare() {
    extern "C" fn count() {
        FORKS.fetch_add(1);
    }
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        // SAFETY: the function may be called in a child: it adds to a number. Where there
        // is no memory for the entry, forks are not seen.
        let _ = unsafe { libc::pthread_atfork(None, None, Some(count)) };
    });
}

#[cfg(not(all(target_os = "linux", not(virid_loom))))]
pub(crate) fn prepare() {}

#[inline]
pub(crate) fn is_forked() -> bool {
    FORKS.get() != 0
}

/// What all messages say.
pub(crate) const MESSAGE: &str = "this process was forked from one in which a virid runtime \
     had been built: its threads are not here; fork before the first runtime, or `exec` in \
     the child";

/// # Panics
///
/// In a child.
#[inline]
#[track_caller]
pub(crate) fn assert_not_forked() {
    assert!(!is_forked(), "{MESSAGE}");
}
