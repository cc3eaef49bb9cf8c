//! A shared list of batches, last in, first out: Treiber's stack ("Systems
//! programming: coping with parallelism", IBM RJ 5118, 1986).
//!
//! The classic list hands a node out twice when one that a slow taker has seen
//! as the head is taken, then put back above another second: its
//! compare-and-swap finds the head it knows, and installs a `next` that has been
//! taken long since (ABA; `tests/loom/memory.rs` has the model). Here a batch
//! that was taken out is [`Used`], only [`Clean`] ones can be put in, and what
//! lies between is a grace period that no taker sleeps through.

use std::fmt;
use std::ptr::{self, NonNull};

use super::batch::{Batch, Chain, Clean, Held, Used};
use super::epoch::Guard;
use crate::primitives::{AtomicPtr, Ordering, const_fn};

pub(crate) struct Stack {
    head: AtomicPtr<Batch>,
}

impl Stack {
    const_fn! {
        pub(crate) fn new() -> Self {
            Self {
                head: AtomicPtr::new(ptr::null_mut()),
            }
        }
    }

    /// Puts a chain in, all at once.
    pub(crate) fn push(&self, chain: Chain<Clean>) {
        let Some((first, last)) = chain.into_ends() else {
            return;
        };
        let mut head = self.head.load(Ordering::Relaxed);
        loop {
            // SAFETY: the chain was ours until the exchange below.
            let last = unsafe { last.as_ref() };
            last.next.store(head, Ordering::Relaxed);
            // Ordering: Release pairs with the Acquire in `pop` and `take_all`:
            // who takes a batch sees its content and its `next`.
            match self.head.compare_exchange_weak(
                head,
                first.as_ptr(),
                Ordering::Release,
                Ordering::Relaxed,
            ) {
                Ok(_) => return,
                Err(now) => head = now,
            }
        }
    }

    /// Takes one batch. The guard was made before, and keeps every batch that
    /// is seen here from being put in again meanwhile.
    pub(crate) fn pop(&self, _guard: &Guard) -> Option<Held<Used>> {
        // Ordering: Acquire pairs with `push`, also through the exchanges of
        // other takers, which continue its release sequence.
        let mut head = self.head.load(Ordering::Acquire);
        loop {
            let batch = NonNull::new(head)?;
            // SAFETY: batches are not freed while somebody is pinned who may
            // have seen them in a list.
            let next = unsafe { batch.as_ref() }.next.load(Ordering::Relaxed);
            match self
                .head
                .compare_exchange_weak(head, next, Ordering::Acquire, Ordering::Acquire)
            {
                // SAFETY: the exchange took it out for us alone.
                Ok(_) => return Some(unsafe { Held::of(batch) }),
                Err(now) => head = now,
            }
        }
    }

    /// Takes all there are.
    pub(crate) fn take_all(&self) -> Chain<Used> {
        // Ordering: Acquire, as in `pop`.
        let first = self.head.swap(ptr::null_mut(), Ordering::Acquire);
        // SAFETY: the swap took them out for us alone; the last one's `next`
        // is the null that it was pushed onto.
        unsafe { Chain::of_linked(first) }
    }
}

impl fmt::Debug for Stack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stack")
    }
}
