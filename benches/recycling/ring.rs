//! A bounded queue of cells between two threads, as cheap as one can be, so that
//! it adds the same few nanoseconds to every row: an array, and two counts that
//! each side looks at only when it must, and tells the other of in steps. Told of
//! every cell, two threads of like speed fetch the counts from each other for
//! each, and that is all that would be measured.

use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

use crossbeam_utils::{Backoff, CachePadded};

/// Cells after which one end tells the other.
const STEP: usize = 64;

pub(crate) struct Ring {
    slots: Box<[AtomicPtr<u8>]>,
    pushed: CachePadded<AtomicUsize>,
    done: CachePadded<AtomicUsize>,
}

impl Ring {
    pub(crate) fn new(slots: usize) -> Self {
        Self {
            slots: (0..slots)
                .map(|_| AtomicPtr::new(ptr::null_mut()))
                .collect(),
            pushed: CachePadded::default(),
            done: CachePadded::default(),
        }
    }

    /// One end each, for one thread each.
    pub(crate) fn producer(&self) -> End<'_> {
        End {
            ring: self,
            mine: 0,
            other: 0,
            slot: 0,
        }
    }

    pub(crate) fn consumer(&self) -> End<'_> {
        self.producer()
    }
}

/// One thread's end.
pub(crate) struct End<'a> {
    ring: &'a Ring,
    /// What this end has moved, and the other when last looked.
    mine: usize,
    other: usize,
    slot: usize,
}

impl End<'_> {
    pub(crate) fn push(&mut self, cell: NonNull<u8>) {
        let Ring { slots, done, .. } = self.ring;
        if self.mine - self.other == slots.len() {
            self.tell_pushed();
            wait_until(|| {
                // Ordering: Acquire pairs with `tell_done`.
                self.other = done.load(Ordering::Acquire);
                self.mine - self.other < slots.len()
            });
        }
        slots[self.slot].store(cell.as_ptr(), Ordering::Relaxed);
        self.advance();
        if self.mine.is_multiple_of(STEP) {
            self.tell_pushed();
        }
    }

    fn tell_pushed(&self) {
        // Ordering: Release for the slots, and for what is in the cells.
        self.ring.pushed.store(self.mine, Ordering::Release);
    }

    /// The oldest cell. It is in use until the next call.
    pub(crate) fn pop(&mut self) -> NonNull<u8> {
        let Ring { slots, pushed, .. } = self.ring;
        if self.mine == self.other {
            self.tell_done();
            wait_until(|| {
                // Ordering: Acquire pairs with `tell_pushed`.
                self.other = pushed.load(Ordering::Acquire);
                self.mine != self.other
            });
        }
        if self.mine.is_multiple_of(STEP) {
            self.tell_done();
        }
        let cell = slots[self.slot].load(Ordering::Relaxed);
        self.advance();
        NonNull::new(cell).expect("a slot that was pushed holds a cell")
    }

    /// Tells the producer of all cells that were taken; those are done with.
    pub(crate) fn tell_done(&self) {
        // Ordering: Release for the slots, and for what was read of the cells.
        self.ring.done.store(self.mine, Ordering::Release);
    }

    fn advance(&mut self) {
        self.mine += 1;
        self.slot += 1;
        if self.slot == self.ring.slots.len() {
            self.slot = 0;
        }
    }

    /// Waits until all that this end has pushed is done with.
    pub(crate) fn drain(&self) {
        self.tell_pushed();
        // Ordering: Acquire pairs with `tell_done`.
        wait_until(|| self.ring.done.load(Ordering::Acquire) == self.mine);
    }
}

/// Waits, at first without leaving the core.
pub(crate) fn wait_until(mut ready: impl FnMut() -> bool) {
    let backoff = Backoff::new();
    while !ready() {
        backoff.snooze();
    }
}
