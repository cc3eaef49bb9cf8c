//! Where a worker's tasks wait that its ring has no room for: batches in the
//! order in which they left the ring, for the worker itself and for thieves.
//!
//! A first-in, first-out list with one producer: Michael and Scott's queue
//! ("Simple, fast, and practical non-blocking and blocking concurrent queue
//! algorithms", PODC 1996), whose first node is the one that was taken last. One
//! compare-and-swap takes a whole batch, so ten million tasks cost some eight
//! bytes each and no copy of a growing buffer.
//!
//! Rejected: *letting a deque grow*, which copies all of it at every doubling
//! and keeps its largest size; *appending every task to a shared batch*, which
//! is a read-modify-write for each, as much as a push and a pop.

use std::cell::Cell;
use std::fmt;
use std::ptr::{self, NonNull};

use crate::memory::{Batch, Clean, Guard, Held, Lists, Used, pin};
use crate::primitives::{AtomicPtr, Count, Counter, Ordering, needed};
use crate::task::header::Runnable;

pub(crate) struct Overflow {
    /// The batch that was taken last, or null before the first push.
    head: AtomicPtr<Batch>,
    /// The batch that was pushed last. Field invariant: the owner's alone.
    tail: Cell<*mut Batch>,
    /// Tasks pushed, and taken: numbers to read.
    pushed: Count,
    taken: Counter,
}

// SAFETY: the field invariant of `tail`; the tasks may go to any thread.
unsafe impl Sync for Overflow {}
// SAFETY: the same.
unsafe impl Send for Overflow {}

impl Overflow {
    pub(crate) fn new() -> Self {
        Self {
            head: AtomicPtr::new(ptr::null_mut()),
            tail: Cell::new(ptr::null_mut()),
            pushed: Count::default(),
            taken: Counter::new(0),
        }
    }

    /// Queues a batch of tasks behind all others, for its owner. The caller
    /// notifies.
    ///
    /// # Safety
    ///
    /// Called by the owner only, with its lists. The addresses in the batch come
    /// from [`Runnable::into_cell`], and are the queue's now.
    pub(crate) unsafe fn push(&self, batch: Held<Clean>, lists: &Lists) {
        self.pushed.add(batch.len() as u64);
        // Ordering: Relaxed, published below.
        batch.next.store(ptr::null_mut(), Ordering::Relaxed);
        let batch = batch.into_batch().as_ptr();
        let mut tail = self.tail.replace(batch);
        if tail.is_null() {
            let first = lists.take_batch();
            first.next.store(ptr::null_mut(), Ordering::Relaxed);
            tail = first.into_batch().as_ptr();
            // Ordering: Release pairs with the Acquire in `take`.
            self.head.store(tail, Ordering::Release);
        }
        // SAFETY: the last batch stays until another is behind it.
        let tail = unsafe { &*tail };
        // Ordering: Release pairs with the Acquire in `take`: who sees the batch
        // sees its tasks.
        tail.next.store(batch, Ordering::Release);
    }

    /// Takes the oldest batch and hands its tasks to `each`. Whether there was
    /// one. `lists` are the taker's.
    pub(crate) fn take(&self, lists: &Lists, mut each: impl FnMut(Runnable)) -> bool {
        if self.head.load(Ordering::Relaxed).is_null() {
            return false;
        }
        let guard = pin();
        let Some((last, batch)) = self.advance(&guard) else {
            return false;
        };
        // SAFETY: the exchange made its content ours; it is not reused before
        // the guard is gone.
        let batch = unsafe { batch.as_ref() };
        self.taken.fetch_add(batch.len() as u64);
        // SAFETY: `push` made the address from a `Runnable`, and only we take it.
        batch.drain(|cell| each(unsafe { Runnable::from_cell(cell) }));
        lists.retire(last, &guard);
        true
    }

    /// Moves the head one batch on: the one before, which is ours now, and the
    /// one whose tasks are.
    fn advance(&self, _guard: &Guard) -> Option<(Held<Used>, NonNull<Batch>)> {
        // Ordering: Acquire pairs with `push`, also through the exchanges of
        // other takers.
        let mut head = self.head.load(Ordering::Acquire);
        loop {
            let last = NonNull::new(head)?;
            // SAFETY: batches are not freed while somebody is pinned who may
            // have seen them in a list.
            let next = unsafe { last.as_ref() }.next.load(Ordering::Acquire);
            let Some(batch) = NonNull::new(next) else {
                // A batch that was taken and retired has a null there too.
                // Ordering: Acquire. Who reads that null has acquired the
                // exchange before it (`Chain::push`), and sees the head moved.
                let now = self.head.load(Ordering::Acquire);
                if needed!("taker's second look", now == head, not true) {
                    return None;
                }
                head = now;
                continue;
            };
            // Ordering: AcqRel. Release hands on what was acquired of `next`;
            // Acquire, and that on failure, as above.
            match self
                .head
                .compare_exchange_weak(head, next, Ordering::AcqRel, Ordering::Acquire)
            {
                // SAFETY: the exchange took it out for us alone.
                Ok(_) => return Some((unsafe { Held::of(last) }, batch)),
                Err(now) => head = now,
            }
        }
    }

    /// Whether no batch is queued.
    pub(crate) fn is_empty(&self) -> bool {
        // The fast answer, for runtimes that never had one.
        // Ordering: Acquire, as in `advance`.
        if self.head.load(Ordering::Acquire).is_null() {
            return true;
        }
        let _guard = pin();
        let mut head = self.head.load(Ordering::Acquire);
        loop {
            // SAFETY: not null, by the look above; and as in `advance`.
            let next = unsafe { &(*head).next };
            if !next.load(Ordering::Acquire).is_null() {
                return false;
            }
            // As in `advance`.
            let now = self.head.load(Ordering::Acquire);
            if now == head {
                return true;
            }
            head = now;
        }
    }

    /// Tasks that are queued, about.
    pub(crate) fn len(&self) -> usize {
        let taken = self.taken.get();
        self.pushed.get().saturating_sub(taken) as usize
    }
}

impl Drop for Overflow {
    fn drop(&mut self) {
        debug_assert!(self.is_empty(), "the worker takes what is left");
        if let Some(last) = NonNull::new(self.head.load(Ordering::Relaxed)) {
            // SAFETY: nobody else uses the queue any more.
            crate::memory::retire_batch(unsafe { Held::of(last) });
        }
    }
}

impl fmt::Debug for Overflow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Overflow({} tasks)", self.len())
    }
}
