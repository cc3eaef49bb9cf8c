//! The queues of single tasks: a worker's own deque, the thieves' side of it, and the shared
//! entry queue, from crossbeam-deque.
//!
//! crossbeam's queues are not visible to loom, so a model that ran them would
//! prove nothing. Under the loom cfg small queues on modelled atomics stand in;
//! they order no more than crossbeam's documentation promises.

#[cfg(not(virid_loom))]
use crossbeam_deque as queue;
#[cfg(virid_loom)]
#[path = "../../tests/loom/queues.rs"]
mod queue;

use queue::Steal;

/// Tries again where another thief was faster. How many tasks a batch has is
/// crossbeam's choice: half of the queue, and no more than 32.
fn until_decided<T>(mut attempt: impl FnMut() -> Steal<T>) -> Option<T> {
    loop {
        match attempt() {
            Steal::Success(task) => return Some(task),
            Steal::Empty => return None,
            // Another thief was faster: there may be more.
            Steal::Retry => {}
        }
    }
}

/// A worker's own queue; its owner pushes and pops.
#[derive(Debug)]
pub(crate) struct Deque<T>(queue::Worker<T>);

impl<T> Deque<T> {
    pub(crate) fn new() -> Self {
        Self(queue::Worker::new_fifo())
    }

    /// One whose owner takes what it has pushed last.
    pub(crate) fn new_lifo() -> Self {
        Self(queue::Worker::new_lifo())
    }

    pub(crate) fn stealer(&self) -> Stealer<T> {
        Stealer(self.0.stealer())
    }

    /// Release: a thief that sees the task sees what was done before.
    #[inline]
    pub(crate) fn push(&self, task: T) {
        self.0.push(task);
    }

    #[inline]
    pub(crate) fn pop(&self) -> Option<T> {
        self.0.pop()
    }

    /// Exact for the owner's pushes and pops; thieves may take meanwhile.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

/// A thief's side of a [`Deque`].
#[derive(Debug)]
pub(crate) struct Stealer<T>(queue::Stealer<T>);

impl<T> Stealer<T> {
    /// Takes the oldest.
    pub(crate) fn steal_one(&self) -> Option<T> {
        until_decided(|| self.0.steal())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

/// The queue of tasks that come from threads which are no workers.
#[derive(Debug)]
pub(crate) struct Injector<T>(queue::Injector<T>);

impl<T> Injector<T> {
    pub(crate) fn new() -> Self {
        Self(queue::Injector::new())
    }

    pub(crate) fn push(&self, task: T) {
        self.0.push(task);
    }

    /// Takes one task.
    pub(crate) fn steal_one(&self) -> Option<T> {
        until_decided(|| self.0.steal())
    }

    /// Takes several: one task to run, the rest into `own`.
    pub(crate) fn steal_into(&self, own: &Deque<T>) -> Option<T> {
        until_decided(|| self.0.steal_batch_and_pop(&own.0))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}
