//! A task's place among the others of its key.

use std::ptr::NonNull;
use std::sync::Arc;

use super::strands::{Begin, Node, Shard};
use crate::task::after::Leave;
use crate::task::header::{Runnable, TaskRef};
use crate::unwind;

/// A place in a strand, from [`enter`](Self::enter) on, and what goes with it.
pub(super) struct Ticket<K, B> {
    /// Lives while a task has not left it.
    shard: Option<NonNull<Shard<K>>>,
    node: Node<K>,
    /// Given back when the place has been left, so that nobody who waits for that finds
    /// it taken.
    _bounds: B,
}

// SAFETY: the shard may be used by any thread, as the bound says.
unsafe impl<K: Send, B: Send> Send for Ticket<K, B> {}

impl<K, B> Ticket<K, B> {
    pub(super) fn new(bounds: B) -> Self {
        Self {
            shard: None,
            node: Node::new(),
            _bounds: bounds,
        }
    }

    /// Called once.
    ///
    /// # Safety
    ///
    /// The ticket is not moved from now on, and [left](Leave::leave) before its memory is
    /// used for anything else.
    pub(super) unsafe fn enter(
        &mut self,
        shard: &Arc<Shard<K>>,
        hash: u64,
        key: K,
        task: TaskRef,
    ) -> Begin
    where
        K: Eq,
    {
        // SAFETY: the node leaves with the ticket, and stays until then. In between nobody
        // uses it, the ticket having no other function.
        let begin = unsafe { shard.enter(hash, key, &mut self.node, task) };
        self.shard = Some(NonNull::from(&**shard));
        begin
    }
}

impl<K, B> Leave for Ticket<K, B> {
    fn leave(&mut self, next: &mut Option<Runnable>) {
        let Some(shard) = self.shard.take() else {
            return;
        };
        // SAFETY: this task has not left it.
        let shard = unsafe { shard.as_ref() };
        // SAFETY: it has entered there. The shard is used no further.
        let left = unsafe { shard.leave(&mut self.node) };
        let (wakers, rest) = (left.wakers, left.rest);
        *next = left.next;
        for (_, waker) in wakers {
            // Somebody else's, which must not pass for a panic of this task.
            unwind::contain(|| waker.wake());
        }
        // The destructor of a key is part of the task's, and may panic like that.
        drop(rest);
    }
}
