//! How many may run at once: the limit of groups, sets and scopes. Who spawns takes a
//! permit first, so that nothing is allocated for what waits, and the child keeps it until
//! its future or closure has been dropped.
//!
//! It is the semaphore of `sync`, with the counts of an owner: no protocol of its own.
//! `tests/loom/limit.rs` has models of both: who leaves the line while a permit comes
//! leaves no hole in it.

use std::fmt;
use std::sync::Arc;

#[cfg(not(virid_loom))]
use crate::drive::drive;
use crate::metrics::{OwnerCounts, OwnerMetrics};
use crate::primitives::needed;
use crate::sync::Semaphore;

/// A limit, shared by all who spawn under it.
#[derive(Clone)]
pub(crate) struct Limit(Arc<State>);

struct State {
    semaphore: Semaphore,
    counts: OwnerCounts,
}

impl Limit {
    /// # Panics
    ///
    /// For a limit of 0.
    #[track_caller]
    pub(crate) fn new(most: usize) -> Self {
        assert!(
            most > 0,
            "under a limit of 0 every spawn would wait for ever; use 1 or more"
        );
        Self(Arc::new(State {
            semaphore: Semaphore::new(most.min(Semaphore::MAX_PERMITS)),
            counts: OwnerCounts::new(),
        }))
    }

    /// A permit, when there is one: first come, first served. Dropped before, it leaves
    /// the line to the others.
    pub(crate) async fn permit(&self) -> Permit {
        if let Some(permit) = self.permit_at_once() {
            return permit;
        }
        let _waits = self.0.counts.wait();
        let permit = self.0.semaphore.acquire().await;
        permit.expect("nobody closes a limit").forget();
        Permit::new(&self.0)
    }

    /// The same for green and plain threads; `call` and `instead` are for the message
    /// where these may not wait.
    ///
    /// # Panics
    ///
    /// As [`drive`].
    #[cfg(not(virid_loom))]
    #[track_caller]
    pub(crate) fn blocking_permit(&self, call: &str, instead: &str) -> Permit {
        drive(self.permit(), call, instead)
    }

    /// A permit, if there is one and nobody waits.
    pub(crate) fn permit_at_once(&self) -> Option<Permit> {
        self.0.semaphore.try_acquire().ok()?.forget();
        Some(Permit::new(&self.0))
    }

    pub(crate) fn metrics(&self) -> OwnerMetrics {
        self.0.counts.read()
    }
}

/// The right to run under a limit, which gets it back when this is dropped.
pub(crate) struct Permit(Arc<State>);

impl Permit {
    /// Of a permit that was taken from the semaphore.
    fn new(state: &Arc<State>) -> Self {
        state.counts.begin();
        Self(state.clone())
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.counts.end();
        needed!("permit of a child", self.0.semaphore.add_permits(1));
    }
}

impl fmt::Debug for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Limit")
            .field("metrics", &self.metrics())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").finish_non_exhaustive()
    }
}
