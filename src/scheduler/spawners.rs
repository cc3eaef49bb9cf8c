//! The green threads of one worker that are suspended in a spawn, until its queue has
//! run short. Used by that worker only; the watchdog is shown the first of them.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::sync::Arc;

use super::shared::Shared;
use super::watchdog;
use crate::task::header::Runnable;

pub(super) struct Spawners {
    queue: RefCell<VecDeque<Runnable>>,
    shared: Arc<Shared>,
    worker: usize,
    /// Whether the watchdog can read this worker's clock, once it was tried.
    can_watch: Cell<Option<bool>>,
}

impl Spawners {
    pub(super) fn new(shared: Arc<Shared>, worker: usize) -> Self {
        Self {
            queue: RefCell::default(),
            shared,
            worker,
            can_watch: Cell::new(None),
        }
    }

    /// Cold, as what it calls: a thread that spawns waits once in 500 spawns.
    #[cfg_attr(virid_loom, expect(dead_code, reason = "models know no green threads"))]
    #[cold]
    pub(super) fn push(&self, spawner: Runnable) {
        let mut queue = self.queue.borrow_mut();
        queue.push_back(spawner);
        if queue.len() == 1 {
            self.show(queue.front());
        }
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.queue.borrow().len()
    }

    /// The one that has waited longest.
    #[inline]
    pub(super) fn pop(&self) -> Option<Runnable> {
        if self.queue.borrow().is_empty() {
            return None;
        }
        self.pop_cold()
    }

    #[cold]
    fn pop_cold(&self) -> Option<Runnable> {
        let mut queue = self.queue.borrow_mut();
        let first = queue.pop_front()?;
        self.show(queue.front());
        Some(first)
    }

    fn show(&self, first: Option<&Runnable>) {
        let watched = self.shared.watched(self.worker);
        watched.show(first);
        if first.is_some() {
            let can_watch = self.can_watch.get().unwrap_or_else(|| watched.register());
            self.can_watch.set(Some(can_watch));
            watchdog::wake(&self.shared, can_watch);
        }
    }
}

impl Drop for Spawners {
    fn drop(&mut self) {
        if self.can_watch.get() == Some(true) {
            self.shared.watched(self.worker).unregister();
        }
    }
}
