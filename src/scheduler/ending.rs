//! How a worker leaves: what becomes of the tasks when a runtime ends.

use super::threads::home_of;
use super::worker::Worker;
use crate::primitives::os_yield;
use crate::task::header::Runnable;

/// After so many rounds a worker whose green threads have not ended looks for what
/// they may be waiting for; then after twice as many, and so on.
const FIRST_WALK: u32 = 16;

/// But never after more than this.
const MOST_ROUNDS_BETWEEN_WALKS: u32 = 1 << 16;

impl Worker {
    /// At the end of the runtime: cancels what is queued here or for the blocking
    /// pool, and ends the green threads that have started here, which nobody else can.
    ///
    /// They are told, and go on until they have ended: a scope waits for its
    /// children, and what they wake is cancelled as it comes.
    pub(super) fn end_own(&self) {
        while let Some(runnable) = self.shared().blocking().next_queued() {
            self.cancel(runnable);
        }
        let runners = &self.threads().runners;
        for task in runners.tasks() {
            if let Some(runnable) = task.cancel() {
                self.requeue(runnable);
            }
        }
        let mut rounds = 0_u32;
        loop {
            let tick = self.tick();
            rounds = rounds.wrapping_add(1);
            // Also while threads of this worker go on: they may do so by yielding
            // until a task has ended that nobody wakes any more.
            let is_time = rounds.is_power_of_two() && rounds >= FIRST_WALK
                || rounds.is_multiple_of(MOST_ROUNDS_BETWEEN_WALKS);
            if is_time {
                self.cancel_suspended();
            }
            while let Some(runnable) = self.pop() {
                self.cancel(runnable);
            }
            if runners.started() == 0 {
                return;
            }
            while let Some(runnable) = self.shared().next_injected() {
                self.cancel(runnable);
            }
            match self.next_thread(tick) {
                Some(runnable) => {
                    self.run_task(runnable);
                    // What is dropped next is none of that thread's.
                    self.reassert();
                }
                None => os_yield(),
            }
        }
    }

    /// Cancels what is suspended anywhere: a green thread of this worker may be
    /// waiting for it, in a destructor.
    fn cancel_suspended(&self) {
        for task in self.shared().suspended() {
            if let Some(runnable) = task.cancel() {
                self.cancel(runnable);
            }
        }
    }

    /// Ends a task at the end of the runtime: at once, or where it is a green
    /// thread that has started, by its worker.
    pub(super) fn cancel(&self, runnable: Runnable) {
        if home_of(&runnable).is_some() {
            return self.requeue(runnable);
        }
        self.running().begin(runnable.origin());
        drop(runnable);
        self.running().end();
        self.counters().finished.add(1);
    }

    /// After the last worker has left its loop: ends every task that is left.
    ///
    /// Those in the injector, and the suspended ones. A waker on another thread
    /// may have made one of these runnable and not have queued it yet; it is
    /// waited for, so that no future is left when the runtime is gone, and none
    /// is dropped inside somebody's call of `wake`.
    pub(super) fn end_tasks(&self) {
        self.shared().watch().end();
        let cancel_injected = || {
            while let Some(runnable) = self.shared().next_injected() {
                self.cancel(runnable);
            }
        };
        self.shared().wait_for_visitors();
        cancel_injected();
        let mut suspended = self.shared().suspended();
        for task in &suspended {
            if let Some(runnable) = task.cancel() {
                self.cancel(runnable);
            }
        }
        while !suspended.is_empty() {
            cancel_injected();
            suspended.retain(|task| !task.is_complete());
            os_yield();
        }
        // Whoever woke one of them may still be inside `inject_woken`.
        self.shared().wait_for_visitors();
    }
}
