//! A worker's own queue: first in, first out up to 255 tasks, without a bound, and
//! open to thieves from one end to the other.
//!
//! ```text
//!   pop <- front <- a batch - recent  <- a batch - back <- push
//!                     ^          |
//!                     +---- overflow
//! ```
//!
//! As long as the *back* has room, the other parts stay empty and the queue is
//! one ring. A batch that is too much goes from the back to the recent ones, of
//! too many of those the oldest to the overflow, and when its turn comes, to the
//! front: mostly the newest batch, and the oldest every [`OLDEST_INTERVAL`] times,
//! so that none waits for ever. Only the owner does that. Tasks that it
//! moves are in no part of the queue for a moment, so after every move it
//! notifies.

use std::cell::Cell;
use std::fmt;
use std::sync::Arc;

use super::deque::{Deque, Injector};
use super::overflow::Overflow;
use super::recent::{Recent, RecentStealer, run_or_push};
use super::ring::{self, Ring, RingStealer};
use crate::memory::{BATCH, Lists};
use crate::primitives::needed;
use crate::task::header::Runnable;

/// Tasks that the back keeps: one fewer than it has room for.
const BACK_LIMIT: usize = ring::NEW - 1;
const _: () = assert!(BATCH < ring::NEW, "a batch fits into an empty back");

/// Tasks that the front has room for: a batch.
const FRONT: usize = if cfg!(virid_loom) { 4 } else { 64 };
const _: () = assert!(BATCH <= FRONT);

/// Every so many batches the oldest has its turn.
const OLDEST_INTERVAL: u32 = 8;

/// The owner's side.
pub(crate) struct Queue {
    front: Ring<FRONT>,
    recent: Recent,
    overflow: Arc<Overflow>,
    back: Ring<{ ring::NEW }>,
    /// Where tasks from the injector come to, one moment before they are at the back.
    landing: Deque<Runnable>,
    /// There may be tasks in front of the back.
    has_older: Cell<bool>,
    /// Batches that were added, less those that the owner took: no fewer than there
    /// are.
    batches: Cell<usize>,
    /// Batches that came to the front.
    turns: Cell<u32>,
}

/// The thieves' side.
#[derive(Debug)]
pub(crate) struct QueueStealer {
    front: RingStealer<FRONT>,
    recent: RecentStealer,
    overflow: Arc<Overflow>,
    back: RingStealer<{ ring::NEW }>,
}

impl Queue {
    pub(crate) fn new() -> Self {
        Self {
            front: Ring::new(),
            recent: Recent::new(),
            overflow: Arc::new(Overflow::new()),
            back: Ring::new(),
            landing: Deque::new(),
            has_older: Cell::new(false),
            batches: Cell::new(0),
            turns: Cell::new(0),
        }
    }

    pub(crate) fn stealer(&self) -> QueueStealer {
        QueueStealer {
            front: self.front.stealer(),
            recent: self.recent.stealer(),
            overflow: Arc::clone(&self.overflow),
            back: self.back.stealer(),
        }
    }

    /// Queues a task behind all others.
    #[inline]
    pub(crate) fn push(&self, task: Runnable) {
        self.back.push(task.into_cell());
    }

    /// Lets the calling thread detach what it has queued last without a
    /// read-modify-write.
    ///
    /// # Safety
    ///
    /// The queue is its own, and stays where it is until the answer is dropped.
    pub(crate) unsafe fn install(&self) -> ring::Installed {
        // SAFETY: the same.
        unsafe { ring::install(&self.back) }
    }

    /// How many tasks are at the back.
    #[inline]
    pub(crate) fn back_len(&self) -> usize {
        self.back.len()
    }

    /// Takes several tasks from the injector: one to run, the others to the back,
    /// which is empty.
    pub(crate) fn take_from(&self, injector: &Injector<Runnable>) -> Option<Runnable> {
        let first = injector.steal_into(&self.landing);
        let mut back = self.back.fill();
        while let Some(task) = self.landing.pop() {
            back.push(task.into_cell());
        }
        first
    }

    /// Whether the back holds more than it has room for: time to
    /// [`spill`](Self::spill).
    #[inline]
    pub(crate) fn is_over_limit(len: usize) -> bool {
        len > BACK_LIMIT
    }

    /// Moves the oldest tasks of the back out of the way. The caller notifies.
    /// `lists` are the owner's.
    #[cold]
    pub(crate) fn spill(&self, lists: &Lists) {
        let mut oldest = ring::several();
        let oldest = self.back.take_oldest(BATCH, &mut oldest);
        if oldest.len() == 0 {
            return;
        }
        // SAFETY: what is pushed here comes from a `Runnable`, and only we take it.
        let too_many = unsafe { self.recent.push(oldest, lists) };
        if let Some(batch) = too_many {
            // SAFETY: the overflow and the lists are the owner's.
            unsafe { self.overflow.push(batch, lists) };
        }
        self.has_older.set(true);
        self.batches.set(self.batches.get() + 1);
    }

    /// Takes the oldest task. Calls `moved` after it has moved others from one
    /// part of the queue to another, for the caller to notify.
    #[inline]
    pub(crate) fn pop(&self, lists: &Lists, moved: impl FnOnce()) -> Option<Runnable> {
        if self.has_older.get() {
            let older = pop(&self.front).or_else(|| self.next_batch_cold(lists, moved));
            if older.is_some() {
                return older;
            }
        }
        pop(&self.back)
    }

    #[cold]
    fn next_batch_cold(&self, lists: &Lists, moved: impl FnOnce()) -> Option<Runnable> {
        let oldest = || {
            take_batch(&self.overflow, &self.front, lists)
                .or_else(|| self.recent.take_oldest(&self.front, lists))
        };
        let turn = self.turns.get().wrapping_add(1);
        self.turns.set(turn);
        let first = if turn.is_multiple_of(OLDEST_INTERVAL) {
            oldest()
        } else {
            let newest = self.recent.take_newest(&self.front, lists);
            newest.or_else(oldest)
        };
        if first.is_some() {
            self.batches.set(self.batches.get().saturating_sub(1));
            moved();
        } else {
            self.batches.set(0);
            self.has_older.set(false);
        }
        first
    }

    /// Whether nothing is in it, as far as one look tells.
    #[inline]
    pub(crate) fn looks_empty(&self) -> bool {
        !self.has_older.get() && self.back.len() == 0
    }

    /// Whether it holds more tasks than this, about. Mostly the back alone tells.
    #[inline]
    pub(crate) fn is_longer_than(&self, bound: usize) -> bool {
        let back = self.back.len();
        back > bound
            || back + self.batches.get() * BATCH + FRONT > bound && self.is_longer_cold(bound)
    }

    #[cold]
    fn is_longer_cold(&self, bound: usize) -> bool {
        let in_batches = self.recent.len() + self.overflow.len();
        self.batches.set(in_batches.div_ceil(BATCH));
        self.len() + in_batches > bound
    }

    /// How many tasks it holds, but for those in batches.
    pub(crate) fn len(&self) -> usize {
        self.front.len() + self.back.len()
    }
}

impl QueueStealer {
    /// Takes several of the oldest tasks: one to run, the others into the
    /// thief's own queue. Of a ring only where that holds `least`.
    pub(crate) fn steal_into(&self, own: &Queue, lists: &Lists, least: usize) -> Option<Runnable> {
        take_batch(&self.overflow, &own.back, lists)
            .or_else(|| self.recent.take(&own.back, lists))
            .or_else(|| steal_half(&self.front, &own.back, least))
            .or_else(|| steal_half(&self.back, &own.back, least))
    }

    /// Looks from the front to the back: a task that yields goes to the back
    /// without a signal, and then its worker takes another, from the front
    /// perhaps. Who sees that one gone sees the yielding one. (Tasks that go the
    /// other way may be overlooked, and for them the owner notifies.)
    pub(crate) fn is_empty(&self) -> bool {
        if needed!("look from front to back", true, not false) {
            self.front.is_empty() && self.has_no_batch() && self.back.is_empty()
        } else {
            self.back.is_empty() && self.has_no_batch() && self.front.is_empty()
        }
    }

    fn has_no_batch(&self) -> bool {
        self.recent.is_empty() && self.overflow.is_empty()
    }

    /// How many tasks the queue holds, about.
    pub(crate) fn len(&self) -> usize {
        self.front.len() + self.recent.len() + self.overflow.len() + self.back.len()
    }
}

/// Takes the oldest batch: one task to run, the others into `rest`.
fn take_batch<const SLOTS: usize>(
    from: &Overflow,
    rest: &Ring<SLOTS>,
    lists: &Lists,
) -> Option<Runnable> {
    let (mut first, mut rest) = (None, rest.fill());
    from.take(lists, |task| run_or_push(&mut first, &mut rest, task));
    first
}

/// Takes the older half of somebody's ring, the same.
fn steal_half<const SLOTS: usize>(
    from: &RingStealer<SLOTS>,
    rest: &Ring<{ ring::NEW }>,
    least: usize,
) -> Option<Runnable> {
    if from.len() < least {
        return None;
    }
    let (mut first, mut rest) = (None, rest.fill());
    from.steal_half(|cell| {
        // SAFETY: it was pushed as a `Runnable`, and only we take it.
        let task = unsafe { Runnable::from_cell(cell) };
        run_or_push(&mut first, &mut rest, task);
    });
    first
}

/// The oldest task of a ring.
#[inline]
fn pop<const SLOTS: usize>(ring: &Ring<SLOTS>) -> Option<Runnable> {
    // SAFETY: what is pushed here comes from a `Runnable`, and only we take it.
    ring.pop().map(|cell| unsafe { Runnable::from_cell(cell) })
}

impl Drop for Queue {
    fn drop(&mut self) {
        while let Some(task) = pop(&self.front).or_else(|| pop(&self.back)) {
            drop(task);
        }
    }
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue")
            .field("front", &self.front.len())
            .field("overflow", &self.overflow)
            .field("back", &self.back.len())
            .finish()
    }
}
