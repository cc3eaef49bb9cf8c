//! Stand-ins for crossbeam-deque's queues in the models: the same interface on
//! loom's atomics.
//!
//! Small, bounded and linearizable. They order no more than the protocols rely
//! on (`src/scheduler.rs`): a push releases the task to its taker; a step of the
//! front releases what its taker did before, and a look acquires that. A look
//! orders nothing else, so that the protocols must bring their own fences. Every
//! removal is a compare-and-swap, and a thief that loses one answers `Retry`.

use std::sync::Arc;

use crate::primitives::{AtomicUsize, Ordering, UnsafeCell};

/// Tasks that one queue of a model can ever hold.
const SLOTS: usize = 6;

/// As `crossbeam_deque::Steal`.
#[derive(Debug)]
pub(crate) enum Steal<T> {
    Empty,
    Success(T),
    Retry,
}

/// A queue that never wraps round: slot `i` is written once and read once.
struct Queue<T> {
    front: AtomicUsize,
    /// Slots that pushers have reserved.
    reserved: AtomicUsize,
    /// Slots that are filled.
    back: AtomicUsize,
    slots: [UnsafeCell<Option<T>>; SLOTS],
}

// SAFETY: a slot is written by the pusher that reserved it, and read by the one
// taker that moved `front` over it.
unsafe impl<T: Send> Send for Queue<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for Queue<T> {}

impl<T> Queue<T> {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            front: AtomicUsize::new(0),
            reserved: AtomicUsize::new(0),
            back: AtomicUsize::new(0),
            slots: std::array::from_fn(|_| UnsafeCell::new(None)),
        })
    }

    fn push(&self, task: T) {
        let slot = self.reserved.fetch_add(1, Ordering::Relaxed);
        self.slots[slot].with_mut(|slot| {
            // SAFETY: the slot is reserved for this push.
            unsafe { *slot = Some(task) };
        });
        // Pushers fill in order: wait for those that reserved earlier.
        while self
            .back
            .compare_exchange(slot, slot + 1, Ordering::Release, Ordering::Relaxed)
            .is_err()
        {
            crate::primitives::os_yield();
        }
    }

    fn take(&self) -> Steal<T> {
        let front = self.front.load(Ordering::Acquire);
        let back = self.back.load(Ordering::Acquire);
        if front >= back {
            return Steal::Empty;
        }
        let moved =
            self.front
                .compare_exchange(front, front + 1, Ordering::AcqRel, Ordering::Relaxed);
        if moved.is_err() {
            return Steal::Retry;
        }
        let task = self.slots[front].with_mut(|slot| {
            // SAFETY: `front` was moved over the slot by us alone.
            unsafe { (*slot).take() }
        });
        Steal::Success(task.expect("a slot below `back` is full"))
    }

    fn len(&self) -> usize {
        let front = self.front.load(Ordering::Acquire);
        self.back.load(Ordering::Relaxed).saturating_sub(front)
    }

    /// One task for the caller, and half of the others for `own`.
    fn take_half(&self, own: &Worker<T>) -> Steal<T> {
        let taken = self.take();
        if matches!(taken, Steal::Success(_)) {
            for _ in 0..self.len() / 2 {
                if let Steal::Success(task) = self.take() {
                    own.push(task);
                }
            }
        }
        taken
    }
}

macro_rules! queue_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        pub(crate) struct $name<T>(Arc<Queue<T>>);

        impl<T> std::fmt::Debug for $name<T> {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(stringify!($name))
            }
        }
    };
}

queue_type!(
    /// As `crossbeam_deque::Worker`, first in, first out.
    Worker
);
queue_type!(
    /// As `crossbeam_deque::Stealer`.
    Stealer
);
queue_type!(
    /// As `crossbeam_deque::Injector`.
    Injector
);

impl<T> Worker<T> {
    pub(crate) fn new_fifo() -> Self {
        Self(Queue::new())
    }

    /// In what order tasks come back is no part of a protocol.
    pub(crate) fn new_lifo() -> Self {
        Self(Queue::new())
    }

    pub(crate) fn stealer(&self) -> Stealer<T> {
        Stealer(Arc::clone(&self.0))
    }

    pub(crate) fn push(&self, task: T) {
        self.0.push(task);
    }

    pub(crate) fn pop(&self) -> Option<T> {
        loop {
            match self.0.take() {
                Steal::Success(task) => return Some(task),
                Steal::Empty => return None,
                Steal::Retry => {}
            }
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

impl<T> Stealer<T> {
    pub(crate) fn steal(&self) -> Steal<T> {
        self.0.take()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.len() == 0
    }
}

impl<T> Stealer<T> {
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

impl<T> Injector<T> {
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn new() -> Self {
        Self(Queue::new())
    }

    pub(crate) fn push(&self, task: T) {
        self.0.push(task);
    }

    pub(crate) fn steal(&self) -> Steal<T> {
        self.0.take()
    }

    pub(crate) fn steal_batch_and_pop(&self, own: &Worker<T>) -> Steal<T> {
        self.0.take_half(own)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.len() == 0
    }
}
