//! A task's place among the others of its key.

use std::ptr::NonNull;
use std::sync::Arc;

use super::strands::{Begin, Left, Node, Shard};
use crate::task::header::TaskRef;
use crate::unwind;

/// A place in a strand, from [`enter`](Self::enter) on. Dropping it leaves the place, and
/// queues who has the turn then.
pub(super) struct Ticket<K> {
    /// Lives while a task has not left it.
    shard: Option<NonNull<Shard<K>>>,
    node: Node,
}

// SAFETY: the shard may be used by any thread, as the bound says.
unsafe impl<K: Send> Send for Ticket<K> {}

impl<K> Ticket<K> {
    pub(super) fn new() -> Self {
        Self {
            shard: None,
            node: Node::new(),
        }
    }

    /// Called once.
    ///
    /// # Safety
    ///
    /// The ticket is not moved from now on, and is dropped before its memory is used for
    /// anything else.
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
        // SAFETY: the node leaves when the ticket is dropped, and stays until then. In
        // between nobody uses it, the ticket having no other function.
        let begin = unsafe { shard.enter(hash, key, &mut self.node, task) };
        self.shard = Some(NonNull::from(&**shard));
        begin
    }
}

impl<K> Drop for Ticket<K> {
    fn drop(&mut self) {
        let Some(shard) = self.shard else {
            return;
        };
        // SAFETY: this task has not left it.
        let shard = unsafe { shard.as_ref() };
        // SAFETY: it has entered there. The shard is used no further.
        let left = unsafe { shard.leave(&mut self.node) };
        let Left { next, wakers, rest } = left;
        if let Some(next) = next {
            next.schedule();
        }
        for (_, waker) in wakers {
            // Somebody else's, which must not pass for a panic of this task.
            unwind::contain(|| waker.wake());
        }
        // The destructor of a key is part of the task's, and may panic like that.
        drop(rest);
    }
}
