//! The one atomic word of a task: its layout, and every transition on it.
//!
//! | bits | name          | meaning                                                        |
//! |------|---------------|----------------------------------------------------------------|
//! | 0    | `SCHEDULED`   | a [`Runnable`] exists: in a queue, in a waker's hands, or running |
//! | 1    | `WOKEN`       | a wake came while `SCHEDULED`: poll once more before suspending; without `SCHEDULED`: held, see [`State::hold`] |
//! | 2    | `COMPLETE`    | the future is gone; the result, if anyone wants it, is in place |
//! | 3    | `CANCELLED`   | whoever holds the `Runnable` drops the future instead of polling |
//! | 4    | `HANDLE`      | the `JoinHandle` exists                                         |
//! | 5    | `JOIN_WAITER` | the join waker is in its slot                                   |
//! | 6    | `SETTLED`     | the task has been suspended: the shutdown walk looks for it     |
//! | 7    | `TOKEN`       | a green thread was unparked and has not noticed                 |
//! | 8    | `MEMBER`      | the handle is a set's: what the slot holds says whose           |
//! | 9-35 | references    | how many [`TaskRef`]s (wakers, the shutdown walk) exist         |
//! | 36-63| number        | the upper half of the task's number, for the header             |
//!
//! In a new cell the word is 0; in one that was used before it says what became of
//! the last task, `COMPLETE` at least. [`State::begin`] starts the next one.
//!
//! **Life of the cell.** The cell lives while the task is not `COMPLETE`, or
//! `HANDLE` is set, or the reference count is above zero. So a spawn writes one
//! word and no count: the runtime's own reference is the absence of `COMPLETE`,
//! the handle's is its bit. Whoever makes the last of the three false frees it.
//!
//! **Sole owner.** Without `HANDLE` and references, only the holder of the
//! `Runnable` can reach the cell, and nobody can join in (references are made
//! from references). It then needs no read-modify-write at all to finish: a
//! detached task that never handed out a waker costs one in its whole life, the
//! drop of its handle.
//!
//! **The shutdown walk** makes references from nothing but the word of a cell, of
//! which it knows no more, and only where that says `SETTLED` and not `COMPLETE`.
//! So a task that has been suspended has no sole owner: it ends by a transition,
//! which the walk's either sees or comes before.
//!
//! There is no `RUNNING` bit: a first poll would pay a read-modify-write only
//! to tell wakers apart that cannot exist yet. A wake before and a wake during
//! a poll both set `WOKEN`; [`State::start`] takes back those that came before.
//! (nexosim's executor counts wakes in the word to the same end.)
//!
//! [`Runnable`]: super::header::Runnable
//! [`TaskRef`]: super::header::TaskRef

#[cfg(not(virid_loom))]
mod green;
mod hold;
mod member;

use std::fmt;

use super::answer::{Claim, Complete, JoinSlot, Last, Start};
use crate::primitives::{AtomicU64, Ordering, needed};

const SCHEDULED: u64 = 1 << 0;
const WOKEN: u64 = 1 << 1;
const COMPLETE: u64 = 1 << 2;
const CANCELLED: u64 = 1 << 3;
const HANDLE: u64 = 1 << 4;
const JOIN_WAITER: u64 = 1 << 5;
const SETTLED: u64 = 1 << 6;
const TOKEN: u64 = 1 << 7;
const MEMBER: u64 = 1 << 8;
const REFERENCE: u64 = 1 << 9;
const REFERENCES: u64 = NUMBER - REFERENCE;
/// As much of a task's number as does not fit into the header's 32 bits.
const NUMBER: u64 = 1 << 36;
const NUMBERS: u64 = !(NUMBER - 1);

/// More references to one task than this end the process, long before the count
/// runs over: a program leaks wakers.
const MOST_REFERENCES: u64 = REFERENCES / 2;

const _: () = {
    let flags = [
        SCHEDULED,
        WOKEN,
        COMPLETE,
        CANCELLED,
        HANDLE,
        JOIN_WAITER,
        SETTLED,
        TOKEN,
        MEMBER,
        NUMBERS,
    ];
    let mut total = REFERENCES;
    let mut i = 0;
    while i < flags.len() {
        assert!(total & flags[i] == 0, "two fields of the word overlap");
        total |= flags[i];
        i += 1;
    }
    assert!(total == u64::MAX, "a bit of the word belongs to no field");
};

/// A copy of the word.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Snapshot(u64);

impl Snapshot {
    fn has(self, bits: u64) -> bool {
        self.0 & bits == bits
    }

    /// The result is in place, or the task was cancelled.
    pub(crate) fn is_complete(self) -> bool {
        self.has(COMPLETE)
    }

    /// A [`TaskRef`](super::header::TaskRef) exists somewhere.
    fn has_references(self) -> bool {
        self.0 & REFERENCES != 0
    }

    /// The upper half of the task's number.
    pub(crate) fn number(self) -> u64 {
        self.0 / NUMBER
    }

    fn is_free(self) -> bool {
        self.0 & (COMPLETE | HANDLE | REFERENCES) == COMPLETE
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot")
            .field("scheduled", &self.has(SCHEDULED))
            .field("woken", &self.has(WOKEN))
            .field("complete", &self.has(COMPLETE))
            .field("cancelled", &self.has(CANCELLED))
            .field("handle", &self.has(HANDLE))
            .field("join_waiter", &self.has(JOIN_WAITER))
            .field("settled", &self.has(SETTLED))
            .field("references", &((self.0 & REFERENCES) / REFERENCE))
            .finish()
    }
}

impl Last {
    fn of(after: Snapshot) -> Self {
        if after.is_free() { Last::Yes } else { Last::No }
    }
}

/// The word. All read-modify-writes on it are in this file and its folder: what only
/// sets and only green threads ask for has files there. `repr(transparent)`:
/// it is the atomic word that a cell begins with.
#[repr(transparent)]
pub(crate) struct State(AtomicU64);

impl State {
    /// Starts a task in a free cell: it is about to be queued, with one
    /// `Runnable` and one handle. `number` is the upper half of its number.
    ///
    /// Ordering: Relaxed. Nobody knows the task yet; who comes to know it
    /// gets it through a queue, or with the handle.
    #[inline]
    pub(crate) fn begin(&self, number: u64) {
        debug_assert!(
            number < u64::MAX / NUMBER,
            "numbers are given out one by one"
        );
        self.0
            .store(SCHEDULED | HANDLE | (number * NUMBER), Ordering::Relaxed);
    }

    /// Reads the word.
    ///
    /// Ordering: Acquire, so that who sees `COMPLETE` here sees the result
    /// that [`complete`](Self::complete) published, and who sees a bit gone
    /// sees all that its owner did before clearing it.
    #[inline]
    pub(crate) fn load(&self) -> Snapshot {
        Snapshot(self.0.load(Ordering::Acquire))
    }

    /// The one compare-and-swap loop: applies `change` until it sticks, or
    /// stops without writing where `change` answers `Err`.
    ///
    /// Ordering: AcqRel on success. Every transition hands something over (the
    /// future, the result, the waker slot, the right to free) to whoever
    /// transitions next, so all pair with all. Acquire on failure, for the
    /// answers that write nothing.
    #[inline]
    fn update<R>(&self, mut change: impl FnMut(Snapshot) -> Result<(u64, R), R>) -> R {
        let mut current = self.load();
        loop {
            let (next, answer) = match change(current) {
                Ok(next) => next,
                Err(answer) => return answer,
            };
            match self
                .0
                .compare_exchange_weak(current.0, next, Ordering::AcqRel, Ordering::Acquire)
            {
                Ok(_) => return answer,
                Err(actual) => current = Snapshot(actual),
            }
        }
    }

    /// Before a poll, by the holder of the `Runnable`. Without a wake since
    /// the task was queued this is one load.
    #[inline]
    pub(crate) fn start(&self) -> Start {
        let mut snapshot = self.load();
        if snapshot.has(WOKEN) {
            // Ordering: AcqRel, as in `update`: acquires what `wake` published.
            snapshot = Snapshot(self.0.fetch_and(!WOKEN, Ordering::AcqRel));
        }
        debug_assert!(
            snapshot.has(SCHEDULED) && !snapshot.is_complete(),
            "{snapshot:?}"
        );
        if snapshot.has(CANCELLED) {
            Start::Cancel
        } else {
            Start::Poll
        }
    }

    /// A wake, by the owner of a reference or by the running task itself.
    ///
    /// Where `WOKEN` is set already the word is still written (with the same
    /// value): the write publishes what the waker did before, and a mere load
    /// could come too early for the poll that follows.
    pub(crate) fn wake(&self) -> Claim {
        self.update(|now| {
            if now.is_complete() {
                Err(Claim::Nothing)
            } else if now.has(SCHEDULED) {
                let woken = needed!("wake of a scheduled task", WOKEN, not 0);
                Ok((now.0 | woken, Claim::Nothing))
            } else {
                let claimed = needed!("claim of a wake", SCHEDULED, not 0);
                Ok((now.0 | claimed, Claim::Runnable))
            }
        })
    }

    /// A request to end the task, by the owner of a reference.
    pub(crate) fn cancel(&self) -> Claim {
        self.update(|now| {
            if now.is_complete() {
                Err(Claim::Nothing)
            } else if now.has(SCHEDULED) {
                Ok((now.0 | CANCELLED, Claim::Nothing))
            } else {
                let claimed = needed!("claim of a cancel", SCHEDULED, not 0);
                Ok((now.0 | claimed | CANCELLED, Claim::Runnable))
            }
        })
    }

    /// Whether the holder of the `Runnable` is alone with the cell, and may
    /// end the task and free the cell without touching the word again.
    ///
    /// The Acquire of the load pairs with [`drop_handle`](Self::drop_handle)
    /// and [`drop_reference`](Self::drop_reference).
    #[inline]
    pub(crate) fn is_sole(&self) -> bool {
        let now = self.load();
        needed!("walk meets no sole owner", !now.has(SETTLED), not true)
            && needed!("handle of a sole owner", !now.has(HANDLE), not true)
            && needed!("references of a sole owner", !now.has_references(), not true)
    }

    /// Checks that nobody can reach the task; before the cell is freed.
    #[inline]
    pub(crate) fn check_free(&self) {
        if cfg!(any(debug_assertions, virid_loom)) {
            let now = self.load();
            // The handle of a complete task frees the cell itself.
            let has_handle = now.has(HANDLE) && !now.is_complete();
            assert!(!has_handle && !now.has_references(), "{now:?}");
        }
    }

    /// For the shutdown walk, which knows no more than that the word is one of a
    /// cell: a reference, where there is a task that has been suspended and
    /// is not complete. Whether it made one.
    pub(crate) fn add_reference_if_settled(&self) -> bool {
        self.update(|now| {
            if now.has(SETTLED) && !now.is_complete() {
                Ok((now.0 + REFERENCE, true))
            } else {
                Err(false)
            }
        })
    }

    /// The result is in place; publishes it to the handle, if there is one.
    #[inline]
    pub(crate) fn complete(&self) -> Complete {
        self.update(|now| {
            debug_assert!(now.has(SCHEDULED) && !now.is_complete(), "{now:?}");
            let done = (now.0 | COMPLETE) & !(SCHEDULED | WOKEN);
            if !now.has(HANDLE) {
                Err(Complete::Detached)
            } else if now.has(MEMBER) {
                // No reference: the cell stays until the set gets it from us.
                Ok((done, Complete::Member))
            } else if now.has(JOIN_WAITER) {
                let kept = needed!("reference of the completer", REFERENCE, not 0);
                Ok((done + kept, Complete::WakeJoiner))
            } else {
                Ok((done, Complete::HandedOver))
            }
        })
    }

    /// Ends a task without a handle, after its result was dropped.
    pub(crate) fn complete_detached(&self) -> Last {
        self.update(|now| {
            debug_assert!(!now.has(HANDLE), "{now:?}");
            let done = (now.0 | COMPLETE) & !(SCHEDULED | WOKEN);
            Ok((done, Last::of(Snapshot(done))))
        })
    }

    /// The handle has put a waker into its slot and publishes it.
    pub(crate) fn set_join_waiter(&self) -> JoinSlot {
        self.update(|now| {
            debug_assert!(now.has(HANDLE) && !now.has(JOIN_WAITER), "{now:?}");
            if needed!("complete before the waker came", now.is_complete(), not false) {
                Err(JoinSlot::Complete)
            } else {
                Ok((now.0 | JOIN_WAITER, JoinSlot::Changed))
            }
        })
    }

    /// The handle takes its slot back, to change the waker or to leave.
    pub(crate) fn clear_join_waiter(&self) -> JoinSlot {
        self.update(|now| {
            debug_assert!(now.has(HANDLE) && now.has(JOIN_WAITER), "{now:?}");
            if now.is_complete() {
                Err(JoinSlot::Complete)
            } else {
                Ok((now.0 & !JOIN_WAITER, JoinSlot::Changed))
            }
        })
    }

    /// Whether the handle has published a waker.
    ///
    /// Ordering: Relaxed. Only the handle itself changes the bit, and it asks.
    pub(crate) fn has_join_waiter(&self) -> bool {
        self.0.load(Ordering::Relaxed) & JOIN_WAITER != 0
    }

    /// The handle leaves a task that runs on.
    pub(crate) fn drop_handle(&self) -> JoinSlot {
        self.update(|now| {
            debug_assert!(now.has(HANDLE), "{now:?}");
            if now.is_complete() {
                Err(JoinSlot::Complete)
            } else {
                debug_assert!(!now.has(JOIN_WAITER), "{now:?}");
                Ok((now.0 & !HANDLE, JoinSlot::Changed))
            }
        })
    }

    /// The handle leaves a task that nobody else can reach until this returns: it is
    /// in a queue that only the caller can take it from. Whether it has left: not
    /// where anybody has left a trace in the word.
    ///
    /// Ordering: Acquire, for owners of references that are gone; and Release in
    /// their place, since the write ends what they have released.
    #[inline]
    pub(crate) fn drop_handle_of_unreachable(&self) -> bool {
        let now = self.load();
        let is_new = now.0 & !NUMBERS == SCHEDULED | HANDLE;
        if is_new {
            self.0.store(now.0 & !HANDLE, Ordering::Release);
        }
        is_new
    }

    /// The handle leaves a complete task, after the result was taken or
    /// dropped. Alone with the cell, it need not write.
    pub(crate) fn drop_handle_of_complete(&self) -> Last {
        let now = self.load();
        debug_assert!(now.has(COMPLETE | HANDLE), "{now:?}");
        if !now.has_references() {
            return Last::Yes;
        }
        // Ordering: AcqRel, as in `update`.
        let before = self.0.fetch_and(!HANDLE, Ordering::AcqRel);
        Last::of(Snapshot(before & !HANDLE))
    }

    /// One more reference, made from one that exists.
    ///
    /// Ordering: Relaxed. The new owner got it from the old one, and that
    /// hand-over orders it.
    #[inline]
    pub(crate) fn add_reference(&self) {
        let before = self.0.fetch_add(REFERENCE, Ordering::Relaxed);
        if before & REFERENCES > MOST_REFERENCES {
            too_many_references_cold();
        }
    }

    /// Gives a reference back.
    pub(crate) fn drop_reference(&self) -> Last {
        // Ordering: AcqRel. Release for what this owner did with the cell,
        // Acquire for what the others did, should this be the last.
        let before = Snapshot(self.0.fetch_sub(REFERENCE, Ordering::AcqRel));
        if cfg!(any(debug_assertions, virid_loom)) {
            assert!(before.has_references(), "{before:?}");
        }
        let after = Snapshot(before.0 - REFERENCE);
        needed!("last reference", Last::of(after), not Last::No)
    }
}

#[cold]
fn too_many_references_cold() -> ! {
    eprintln!(
        "virid: a task has over {} wakers and abort handles; some are leaked, aborting",
        MOST_REFERENCES / REFERENCE
    );
    std::process::abort();
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.load().fmt(f)
    }
}
