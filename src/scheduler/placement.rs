//! Where green threads begin. Children run hot on the worker of their parent, but
//! they stay where they have begun: one worker that begins all that ever wait, as
//! that of a loop which accepts connections would, has all the work later.
//!
//! So a worker with so many more started threads than another leaves those that
//! have not begun to the others: it moves them from its queue to the injector, and
//! looks there itself only after the others had a chance. It does look: who is idle
//! runs what can be run.

use super::worker::Worker;
use crate::primitives::os_yield;
use crate::task::header::Runnable;
use crate::task::stage::Stage;

/// How many more started threads than the least loaded has a worker may have, besides
/// a quarter more.
const FREE: u64 = 64;

/// How often an idle worker with too many yields to one that has fewer, before it
/// takes a thread itself: to one that is inside a task, and to one that is not, and
/// only has to wake up or to be given a processor.
const PATIENCE: u32 = 16;
const MOST_PATIENCE: u32 = 1_000;

/// How many threads a worker takes that has waited for others in vain, before it
/// waits again.
const TAKEN_WITHOUT: u32 = 16;

impl Worker {
    /// Whether others shall begin the next threads.
    #[inline]
    pub(super) fn has_too_many(&self) -> bool {
        let own = self.threads().runners.started() as u64;
        own > FREE && self.has_too_many_cold(own)
    }

    #[cold]
    fn has_too_many_cold(&self, own: u64) -> bool {
        (0..self.shared().workers()).any(|worker| self.exceeds(own, worker))
    }

    /// Whether so many are too many beside those of another worker.
    fn exceeds(&self, own: u64, other: usize) -> bool {
        let other = self.shared().counters(other).started_threads.get();
        own > other + other / 4 + FREE
    }

    /// Whether a worker with fewer threads is inside no task.
    fn other_is_free(&self) -> bool {
        let shared = self.shared();
        let own = self.threads().runners.started() as u64;
        (0..shared.workers())
            .any(|other| self.exceeds(own, other) && shared.running(other).get().is_none())
    }

    /// Signals a parked worker with fewer threads: who queued the task has signalled
    /// any, perhaps this one, and nobody does while this one searches.
    fn signal_other(&self) {
        let shared = self.shared();
        let own = self.threads().runners.started() as u64;
        let has_signalled = (0..shared.workers())
            .any(|other| self.exceeds(own, other) && shared.signal_worker(other));
        self.count_signal(has_signalled);
    }

    /// The oldest task of the own queue that this worker may run.
    #[inline]
    pub(super) fn pop_placed(&self) -> Option<Runnable> {
        let oldest = self.pop();
        if self.has_too_many() {
            return self.place_cold(oldest);
        }
        oldest
    }

    /// Leaves threads that have not begun to others, up to the first other task.
    #[cold]
    fn place_cold(&self, mut oldest: Option<Runnable>) -> Option<Runnable> {
        while let Some(task) = oldest {
            if !matches!(task.stage(), Stage::New(_)) || !self.has_too_many() {
                return Some(task);
            }
            self.shared().injector().push(task);
            self.count_signal(self.shared().notify());
            oldest = self.pop();
        }
        None
    }

    /// Takes from the injector where nothing else is to do.
    pub(super) fn take_injected(&self) -> Option<Runnable> {
        let injector = self.shared().injector();
        if !self.has_too_many() {
            let first = self.queue().take_from(injector)?;
            // The queue was empty: what it holds now came along. (Thieves
            // may have been there already, and count what they took.)
            self.counters().injected.add(1 + self.queue().len() as u64);
            return Some(first);
        }
        if injector.is_empty() || self.leaves_to_others() {
            return None;
        }
        let first = injector.steal_one()?;
        self.counters().injected.add(1);
        Some(first)
    }

    /// Takes from the injector though there is something else to do: as many as in
    /// a search where none is queued here, but green threads that yield keep the
    /// worker from searching. The caller notifies.
    pub(super) fn take_injected_in_turn(&self) -> Option<Runnable> {
        let injector = self.shared().injector();
        let is_short = self.queue().len() == 0 && !self.has_too_many();
        let first = if is_short {
            self.queue().take_from(injector)
        } else {
            injector.steal_one()
        }?;
        let along = if is_short { self.queue().len() } else { 0 };
        self.counters().injected.add(1 + along as u64);
        Some(first)
    }

    /// Waits a moment for others to take what is in the injector. Whether they did.
    fn leaves_to_others(&self) -> bool {
        let impatience = &self.threads().impatience;
        if impatience.get() > 0 {
            impatience.set(impatience.get() - 1);
            return false;
        }
        self.signal_other();
        for round in 0..MOST_PATIENCE {
            if round >= PATIENCE && !self.other_is_free() {
                break;
            }
            os_yield();
            if self.shared().injector().is_empty() {
                return true;
            }
        }
        impatience.set(TAKEN_WITHOUT);
        false
    }
}
