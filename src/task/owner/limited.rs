//! An owner that spawns under a limit.

use super::limit::Limit;
use crate::metrics::OwnerMetrics;

/// An owner that spawns no more than so many at once; from the `limit` of groups and
/// scopes.
///
/// Its spawn *waits first*, while so many that were spawned by it run, and makes the task
/// afterwards. So what waits takes no memory but the caller's own, and a loop that spawns
/// millions keeps a few. Those who wait are served in the order in which they came. One
/// that leaves, aborted or timed out, takes no turn. The turn of a child comes back when
/// its future or closure has been dropped.
///
/// Clones have the limit in common; another call of `limit` makes another one. The owner
/// itself goes on to spawn without one.
///
/// ```
/// use virid::task;
///
/// virid::block_on(task::group(|group| async move {
///     let few = group.limit(4);
///     for n in 0..1_000 {
///         few.spawn(async move { n }).await; // until one of four has ended
///         assert!(few.metrics().running() <= 4);
///     }
/// }));
/// ```
#[derive(Clone, Debug)]
pub struct Limited<S> {
    pub(crate) spawner: S,
    pub(crate) limit: Limit,
}

impl<S> Limited<S> {
    /// # Panics
    ///
    /// For a limit of 0.
    #[track_caller]
    pub(crate) fn new(spawner: S, most: usize) -> Self {
        Self {
            spawner,
            limit: Limit::new(most),
        }
    }

    /// How many wait for their turn, run, and have ended under this limit.
    ///
    /// ```
    /// use virid::task;
    ///
    /// virid::block_on(task::group(|group| async move {
    ///     let few = group.limit(4);
    ///     few.spawn(async {}).await;
    ///     let metrics = few.metrics();
    ///     assert_eq!(metrics.waiting(), 0);
    ///     assert_eq!(metrics.running() as u64 + metrics.finished(), 1);
    /// }));
    /// ```
    pub fn metrics(&self) -> OwnerMetrics {
        self.limit.metrics()
    }
}
