//! The green threads of one worker that have started: they wait here for their
//! turn. Used by that worker only.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::sync::Arc;

use super::shared::Shared;
use super::spawners::Spawners;
use crate::task::header::Runnable;
use crate::task::stage::Stage;
use crate::thread::runner::Runners;

/// The green threads of a worker.
pub(super) struct Threads {
    /// Its stacks, and the threads that have started here.
    pub(super) runners: Runners,
    /// Those of them that can go on.
    ready: RefCell<VecDeque<Runnable>>,
    /// Those that wait for the queue to run short, suspended in a spawn.
    pub(super) spawners: Spawners,
    /// How many started threads wait to be woken.
    pub(super) waiting: Cell<u64>,
    /// How many threads that yield have their turn without another look.
    #[cfg(not(virid_loom))]
    pub(super) quick_turns: Cell<u32>,
    /// How many threads this worker takes without another wait for others to take
    /// them (`placement.rs`).
    pub(super) impatience: Cell<u32>,
}

impl Threads {
    pub(super) fn new(shared: Arc<Shared>, worker: usize, runners: Runners) -> Self {
        Self {
            runners,
            ready: RefCell::default(),
            spawners: Spawners::new(shared, worker),
            waiting: Cell::new(0),
            #[cfg(not(virid_loom))]
            quick_turns: Cell::new(0),
            impatience: Cell::new(0),
        }
    }

    /// Queues one that can go on.
    #[inline]
    pub(super) fn push(&self, thread: Runnable) {
        self.ready.borrow_mut().push_back(thread);
    }

    /// The one that has been ready longest.
    #[inline]
    pub(super) fn pop(&self) -> Option<Runnable> {
        self.ready.borrow_mut().pop_front()
    }

    /// Whether no thread is queued.
    #[inline]
    pub(super) fn none_is_ready(&self) -> bool {
        self.ready.borrow().is_empty()
    }

    /// Queues a thread of this worker that was about to go on; what is none goes
    /// to `other`.
    pub(super) fn take_back(&self, task: Runnable, other: impl FnOnce(Runnable)) {
        match task.stage() {
            Stage::Started(_) => self.push(task),
            Stage::Future | Stage::New(_) => other(task),
        }
    }

    /// Queues one that was woken on this worker.
    pub(super) fn push_woken(&self, thread: Runnable) {
        self.waiting.set(self.waiting.get() - 1);
        self.push(thread);
    }
}

/// Which worker alone may run a task: that of a green thread which has started.
pub(super) fn home_of(runnable: &Runnable) -> Option<usize> {
    match runnable.stage() {
        Stage::Started(stack) => Some(Runners::home_of(stack)),
        Stage::Future | Stage::New(_) => None,
    }
}
