//! How a worker leaves: what becomes of the tasks when a runtime ends.

use super::worker::Worker;
use crate::primitives::os_yield;
use crate::task::header::Runnable;
use crate::task::waker::task_behind;

impl Worker {
    /// At the end of the runtime: cancels what is queued here, and ends the green
    /// threads that have started here, which nobody else can.
    ///
    /// They are told, and go on until they have ended: a scope waits for its
    /// children, and what they wake is cancelled as it comes.
    pub(super) fn end_own(&self) {
        for waker in self.runners().wakers() {
            // SAFETY: a started thread that has not ended is alive.
            let task = unsafe { task_behind(&waker) };
            if let Some(runnable) = task.cancel() {
                self.requeue(runnable);
            }
        }
        loop {
            while let Some(runnable) = self.pop() {
                self.cancel(runnable);
            }
            if self.runners().started() == 0 {
                return;
            }
            match self.next_pinned() {
                Some(runnable) => self.run_task(runnable),
                None => {
                    while let Some(runnable) = self.shared().next_injected() {
                        self.cancel(runnable);
                    }
                    os_yield();
                }
            }
        }
    }

    /// Ends a task at the end of the runtime.
    pub(super) fn cancel(&self, runnable: Runnable) {
        self.running().begin(runnable.origin());
        drop(runnable);
        self.running().end();
    }

    /// After the last worker has left its loop: ends every task that is left.
    ///
    /// Those in the injector, and the suspended ones. A waker on another thread
    /// may have made one of these runnable and not have queued it yet; it is
    /// waited for, so that no future is left when the runtime is gone, and none
    /// is dropped inside somebody's call of `wake`.
    pub(super) fn end_tasks(&self) {
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
