//! A worker's own queue: first in, first out up to 63 tasks, without a bound, and
//! open to thieves from one end to the other.
//!
//! ```text
//!   pop <- front <- a batch - recent  <- a batch - back <- push
//!                     ^          |
//!                     +---- overflow
//! ```
//!
//! As long as the *back* has room, the other parts stay empty and the queue is
//! one deque. A batch that is too much goes from the back to the recent ones, of
//! too many of those the oldest to the overflow, and when its turn comes, to the
//! front: mostly the newest batch, and the oldest every [`OLDEST_INTERVAL`] times,
//! so that none waits for ever. Only the owner does that. Tasks that it
//! moves are in no part of the queue for a moment, so after every move it
//! notifies.

use std::cell::Cell;
use std::fmt;
use std::ptr::NonNull;
use std::sync::Arc;

use super::deque::{Deque, Stealer};
use super::overflow::Overflow;
use super::recent::{Recent, RecentStealer};
use crate::memory::{BATCH, Lists};
use crate::primitives::needed;
use crate::task::header::Runnable;

/// Tasks that the back has room for. With one more, crossbeam's deque would
/// double its buffer, and halve it again when it has been emptied: two
/// allocations for every burst.
const BACK_LIMIT: usize = if cfg!(virid_loom) { BATCH } else { 63 };

/// Every so many batches the oldest has its turn.
const OLDEST_INTERVAL: u32 = 8;

/// The owner's side.
pub(crate) struct Queue {
    front: Deque<Runnable>,
    recent: Recent,
    overflow: Arc<Overflow>,
    back: Deque<Runnable>,
    /// There may be tasks in front of the back.
    has_older: Cell<bool>,
    /// Batches that came to the front.
    turns: Cell<u32>,
}

/// The thieves' side.
#[derive(Debug)]
pub(crate) struct QueueStealer {
    front: Stealer<Runnable>,
    recent: RecentStealer,
    overflow: Arc<Overflow>,
    back: Stealer<Runnable>,
}

impl Queue {
    pub(crate) fn new() -> Self {
        Self {
            front: Deque::new(),
            recent: Recent::new(),
            overflow: Arc::new(Overflow::new()),
            back: Deque::new(),
            has_older: Cell::new(false),
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
        self.back.push(task);
    }

    /// The deque that tasks are pushed to, for what thieves bring along.
    #[inline]
    pub(crate) fn back(&self) -> &Deque<Runnable> {
        &self.back
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
        let mut oldest = [NonNull::dangling(); BATCH];
        let mut len = 0;
        while len < BATCH
            && let Some(task) = self.back.pop()
        {
            oldest[len] = task.into_cell();
            len += 1;
        }
        if len == 0 {
            return;
        }
        // SAFETY: these are `Runnable`s.
        let too_many = unsafe { self.recent.push(&oldest[..len], lists) };
        if let Some(batch) = too_many {
            // SAFETY: the overflow and the lists are the owner's.
            unsafe { self.overflow.push(batch, lists) };
        }
        self.has_older.set(true);
    }

    /// Takes the oldest task. Calls `moved` after it has moved others from one
    /// part of the queue to another, for the caller to notify.
    #[inline]
    pub(crate) fn pop(&self, lists: &Lists, moved: impl FnOnce()) -> Option<Runnable> {
        if self.has_older.get()
            && let Some(task) = self.pop_older_cold(lists, moved)
        {
            return Some(task);
        }
        self.back.pop()
    }

    #[cold]
    fn pop_older_cold(&self, lists: &Lists, moved: impl FnOnce()) -> Option<Runnable> {
        if let Some(task) = self.front.pop() {
            return Some(task);
        }
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
            moved();
        } else {
            self.has_older.set(false);
        }
        first
    }

    /// Whether nothing is in it, as far as one look tells.
    #[cfg(not(virid_loom))]
    #[inline]
    pub(crate) fn looks_empty(&self) -> bool {
        !self.has_older.get() && self.back.len() == 0
    }

    /// How many tasks it holds, about.
    #[inline]
    pub(crate) fn backlog(&self) -> usize {
        if self.has_older.get() {
            self.len() + self.recent.len() + self.overflow.len()
        } else {
            self.back.len()
        }
    }

    /// How many tasks it holds, but for those in batches.
    pub(crate) fn len(&self) -> usize {
        self.front.len() + self.back.len()
    }
}

impl QueueStealer {
    /// Takes several of the oldest tasks: one to run, the others into the
    /// thief's own queue.
    pub(crate) fn steal_into(&self, own: &Queue, lists: &Lists) -> Option<Runnable> {
        take_batch(&self.overflow, &own.back, lists)
            .or_else(|| self.recent.take(&own.back, lists))
            .or_else(|| self.front.steal_into(&own.back))
            .or_else(|| self.back.steal_into(&own.back))
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
fn take_batch(from: &Overflow, rest: &Deque<Runnable>, lists: &Lists) -> Option<Runnable> {
    let mut first = None;
    from.take(lists, |task| {
        if first.is_none() {
            first = Some(task);
        } else {
            rest.push(task);
        }
    });
    first
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
