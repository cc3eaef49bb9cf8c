//! What an owner of tasks or green threads counts: the same for all kinds of owners, and for
//! limits.

#[cfg(feature = "sync")]
use crate::primitives::{AtomicUsize, Counter, Ordering};

/// How much waits, runs and has finished of the tasks or green threads of an owner; from the
/// `metrics` of groups, scopes, sets, maps and [`Keyed`](crate::task::Keyed), and of what
/// `limit` and the bounds of a `Keyed` give. The numbers are read one after another while
/// others go on.
///
/// ```
/// # #[cfg(feature = "sync")]
/// # {
/// let group = virid::block_on(virid::task::group(|group| async move {
///     group.spawn(async {});
///     group
/// }));
/// let metrics = group.metrics();
/// assert_eq!((metrics.waiting(), metrics.running(), metrics.finished()), (0, 0, 1));
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct OwnerMetrics {
    waiting: usize,
    running: usize,
    finished: u64,
}

/// Declares accessors with a doc line and one example for all of them.
macro_rules! accessors {
    ($($(#[$doc:meta])* $name:ident: $type:ty,)+) => {
        $(
            $(#[$doc])*
            ///
            /// ```
            #[doc = concat!("assert_eq!(virid::metrics::OwnerMetrics::default().", stringify!($name), "(), 0);")]
            /// ```
            pub fn $name(&self) -> $type {
                self.$name
            }
        )+
    };
}

impl OwnerMetrics {
    accessors! {
        /// Those that may not begin yet. Where a limit is reached their callers wait, and
        /// nothing is spawned; of a [`Keyed`](crate::task::Keyed) also the tasks that wait
        /// for their turn.
        waiting: usize,
        /// Those that were spawned and have not ended; of a `Keyed`, those that have their
        /// turn.
        running: usize,
        /// Those that have ended, however.
        finished: u64,
    }

    /// The same, of an owner that counts by other means.
    pub(crate) fn new(waiting: usize, running: usize, finished: u64) -> Self {
        Self {
            waiting,
            running,
            finished,
        }
    }
}

/// The counters behind them.
///
/// Ordering: Relaxed throughout. They are numbers to read, and nothing is decided by them.
#[cfg(feature = "sync")]
#[derive(Debug)]
pub(crate) struct OwnerCounts {
    waiting: AtomicUsize,
    running: AtomicUsize,
    finished: Counter,
}

#[cfg(feature = "sync")]
impl OwnerCounts {
    pub(crate) fn new() -> Self {
        Self {
            waiting: AtomicUsize::new(0),
            running: AtomicUsize::new(0),
            finished: Counter::new(0),
        }
    }

    /// Counts a caller that waits, while the answer lives.
    pub(crate) fn wait(&self) -> Waiting<'_> {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        Waiting(self)
    }

    pub(crate) fn begin(&self) {
        self.running.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn end(&self) {
        self.finished.fetch_add(1);
        self.running.fetch_sub(1, Ordering::Relaxed);
    }

    pub(crate) fn read(&self) -> OwnerMetrics {
        OwnerMetrics::new(
            self.waiting.load(Ordering::Relaxed),
            self.running.load(Ordering::Relaxed),
            self.finished.get(),
        )
    }
}

/// One who waits.
#[cfg(feature = "sync")]
#[derive(Debug)]
pub(crate) struct Waiting<'a>(&'a OwnerCounts);

#[cfg(feature = "sync")]
impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}
