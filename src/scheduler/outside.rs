//! How tasks come from threads that are no workers of the runtime, also while it ends.
//! Each is a visit (`visitors.rs`): the last worker waits until nobody is inside of one.

use super::shared::Shared;
#[cfg(not(virid_loom))]
use crate::context;
use crate::primitives::{light_fence, needed};
use crate::task::header::Runnable;

impl Shared {
    /// Queues a task that comes from a thread which is no worker of this
    /// runtime.
    pub(crate) fn inject(&self, runnable: Runnable) {
        self.injector().push(runnable);
        if let Some(worker) = self.claim_for_pusher() {
            self.signal_from_outside(worker);
        }
    }

    /// As [`inject`](Self::inject), for a task that is new: hands it back where
    /// the runtime is ending. (A task that was suspended is waited for by name.)
    ///
    /// Either this finds `closed` after the visitor's fence, or the last worker
    /// waits for the visit, and finds the task: what is in the injector is the
    /// workers' to run or to drop, and nobody else's.
    pub(crate) fn inject_new(&self, runnable: Runnable) -> Result<(), Runnable> {
        let _visit = self.visitors().enter();
        if self.wants_attention() && self.attend_from_outside_cold() {
            return Err(runnable);
        }
        self.inject(runnable);
        Ok(())
    }

    /// For a thread that may not have seen who monitors. Whether the runtime is ending.
    #[cold]
    fn attend_from_outside_cold(&self) -> bool {
        #[cfg(not(virid_loom))]
        context::look_up_soon();
        self.is_closed()
    }

    /// As [`inject_new`](Self::inject_new), for a task that waits first: suspends it, so
    /// that the last worker finds it if the runtime is ending. Hands it back where
    /// that may have looked already.
    pub(crate) fn hold_new(&self, runnable: Runnable) -> Result<(), Runnable> {
        let _visit = self.visitors().enter();
        if needed!("end before a task is held", self.is_closed(), not false) {
            return Err(runnable);
        }
        if let Some(woken) = runnable.hold() {
            self.inject(woken);
        }
        Ok(())
    }

    /// As [`inject`](Self::inject), for a task that was suspended, and that the
    /// last worker waits for if the runtime is ending. It may end as soon as it
    /// is queued, and the runtime with it, but for this visit.
    pub(crate) fn inject_woken(&self, runnable: Runnable) {
        let _visit = needed!("visit of a waker", Some(self.visitors().enter()), not None);
        self.inject(runnable);
    }

    /// Queues a started green thread for its worker, which is not the caller.
    ///
    /// As [`notify`](Self::notify), but of one worker: it looks into its inbox
    /// before it parks, behind the same fence.
    pub(crate) fn send_home(&self, worker: usize, runnable: Runnable) {
        // As in `inject_woken`: the thread may end, and the runtime with it.
        let _visit = self.visitors().enter();
        self.remote(worker).inbox.push(runnable);
        // Pairs with the sleeper's, in `Worker::announce`.
        needed!("sender's fence", light_fence());
        if self.idle().claim(worker) {
            self.signal_from_outside(worker);
        }
    }

    /// Called by the last worker: waits until nothing new can be injected, or
    /// nobody is left who has injected.
    pub(crate) fn wait_for_visitors(&self) {
        self.visitors().wait_until_gone();
    }

    /// Takes one task from the injector, to run or to cancel.
    pub(crate) fn next_injected(&self) -> Option<Runnable> {
        self.injector().steal_one()
    }
}
