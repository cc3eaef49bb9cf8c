//! The batches that left a worker's ring last: the worker takes the newest of
//! them, which is in its cache and of the smallest subtree; thieves take the oldest.
//! So a tree of tasks is walked depth first, batch by batch, and few of them wait at
//! a time, where a queue would hold half of all.
//!
//! A deque of batches, of Chase and Lev's kind, and bounded as
//! they are: of more batches the oldest goes to the overflow.

use std::fmt;
use std::ptr::NonNull;

use super::deque::{Deque, Stealer};
use super::ring::{Filling, Ring};
use crate::memory::{BATCH, Batch, Clean, Held, Lists};
use crate::task::header::Runnable;

/// Batches that are kept here: crossbeam's smallest buffer holds one more. Models
/// keep one, to reach the overflow.
const MOST: usize = if cfg!(virid_loom) { 1 } else { 63 };

/// A batch of `Runnable`s that a queue holds. Never in a shared list of batches, so
/// who takes it out of the queue holds it, and clean.
struct Packed(NonNull<Batch>);

// SAFETY: the tasks may go to any thread, and the batch with them.
unsafe impl Send for Packed {}

impl Packed {
    fn unpack(self) -> Held<Clean> {
        // SAFETY: the type's promise.
        unsafe { Held::of(self.0) }
    }
}

/// The owner's side.
pub(super) struct Recent {
    batches: Deque<Packed>,
    oldest: Stealer<Packed>,
}

/// The thieves' side.
pub(super) struct RecentStealer(Stealer<Packed>);

impl Recent {
    pub(super) fn new() -> Self {
        let batches = Deque::new_lifo();
        Self {
            oldest: batches.stealer(),
            batches,
        }
    }

    pub(super) fn stealer(&self) -> RecentStealer {
        RecentStealer(self.batches.stealer())
    }

    /// Adds tasks as the newest batch. What is too many: the oldest one.
    ///
    /// # Safety
    ///
    /// The addresses come from [`Runnable::into_cell`], and are the queue's now.
    pub(super) unsafe fn push(
        &self,
        tasks: impl ExactSizeIterator<Item = NonNull<u8>>,
        lists: &Lists,
    ) -> Option<Held<Clean>> {
        let too_many = if self.batches.len() < MOST {
            None
        } else {
            self.oldest.steal_one().map(Packed::unpack)
        };
        let batch = lists.take_batch();
        batch.fill(tasks);
        self.batches.push(Packed(batch.into_batch()));
        too_many
    }

    /// Takes the newest batch: one task to run, the others into `rest`.
    pub(super) fn take_newest<const SLOTS: usize>(
        &self,
        rest: &Ring<SLOTS>,
        lists: &Lists,
    ) -> Option<Runnable> {
        unpack(self.batches.pop()?, rest, lists)
    }

    /// Takes the oldest.
    pub(super) fn take_oldest<const SLOTS: usize>(
        &self,
        rest: &Ring<SLOTS>,
        lists: &Lists,
    ) -> Option<Runnable> {
        unpack(self.oldest.steal_one()?, rest, lists)
    }

    /// How many tasks it holds, about.
    pub(super) fn len(&self) -> usize {
        self.batches.len() * BATCH
    }
}

impl Drop for Recent {
    fn drop(&mut self) {
        debug_assert!(self.batches.len() == 0, "the worker takes what is left");
    }
}

impl RecentStealer {
    /// Takes the oldest batch: one task to run, the others into `rest`. `lists` are
    /// the thief's.
    pub(super) fn take<const SLOTS: usize>(
        &self,
        rest: &Ring<SLOTS>,
        lists: &Lists,
    ) -> Option<Runnable> {
        unpack(self.0.steal_one()?, rest, lists)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many tasks it holds, about.
    pub(super) fn len(&self) -> usize {
        self.0.len() * BATCH
    }
}

fn unpack<const SLOTS: usize>(
    batch: Packed,
    rest: &Ring<SLOTS>,
    lists: &Lists,
) -> Option<Runnable> {
    let batch = batch.unpack();
    let (mut first, mut rest) = (None, rest.fill());
    batch.drain(|cell| {
        // SAFETY: `push` was given it, and only we take it.
        let task = unsafe { Runnable::from_cell(cell) };
        run_or_push(&mut first, &mut rest, task);
    });
    lists.keep_clean(batch);
    first
}

/// Of several tasks that were taken: the `first` is to run, the others go to `rest`.
#[inline]
pub(super) fn run_or_push<const SLOTS: usize>(
    first: &mut Option<Runnable>,
    rest: &mut Filling<'_, SLOTS>,
    task: Runnable,
) {
    if first.is_none() {
        *first = Some(task);
    } else {
        rest.push(task.into_cell());
    }
}

impl fmt::Debug for RecentStealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RecentStealer({} tasks)", self.len())
    }
}
