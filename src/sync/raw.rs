//! One word that is a lock: for one writer, or for many readers. A mutex is one that
//! nobody reads.
//!
//! Own code, because no kept library is both: `parking_lot_core` stops the threads of
//! the system that wait, and `async-lock`, which does not, gives a lock back with a fence
//! and a look for who waits, though nobody does. Where nobody waits that is 2.7 times the
//! time of std's for its mutex, 2.8 for reading and 5.5 for writing, before there is any
//! poisoning; this one takes 1.1 times each (`benches/sync.rs` has the latter; medians of
//! 31 rounds taken in turn on an AMD EPYC, Rust 1.95, async-lock 3.5.0).
//!
//! Who finds it free takes it with one compare-and-swap, and gives it back with one.
//! All others wait for an event of `event-listener`, one for writers and one for
//! readers, and the word says that they do:
//!
//! - **To wait is to listen, then to say so in the word, then to sleep.** Both ends of
//!   a wait meet in the word, each with a read-modify-write: either the waiter's comes
//!   first, and who gives the lock back sees the bit and calls; or it comes second,
//!   and the waiter sees a free lock and takes it. Who sees the bit also sees the
//!   listener, which is in the event's list since before (Release and Acquire on the
//!   word). So no fence is needed, and nobody is called where nobody waits.
//! - **Who clears a bit calls**: one writer, or all readers, and they look again. Each
//!   of them takes the lock, or says in the word again that it waits, or leaves. A
//!   writer that was called takes the lock with its bit set, for those behind it.
//! - **A bit may be about nobody**: that writer may be the last, and who leaves without
//!   having been called lets its bit stand. So who calls and is not heard goes on to
//!   those who wait for the other use, whom the bit may have kept out.
//! - **Who leaves without the lock** (its thread is cancelled, its future dropped) and
//!   was called passes the call on. A writer does so also where its bit keeps readers
//!   out of a lock that others read.
//! - **Phases.** A writer leaves to readers first, the last reader to a writer; readers
//!   that come while a writer waits wait too. So neither keeps out the other.
//! - **Newcomers may overtake**, as with std's locks: the thread that has just given a
//!   lock back takes it again without a switch. Who was called in vain `PATIENCE` times
//!   sets `STARVED`, which keeps newcomers out until the next of those who wait has the
//!   lock. On one worker a loop that holds the lock over each of its waits would else
//!   never let anybody in. The bit is set only while who has set it waits: it is cleared
//!   when that one takes the lock or leaves.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::event::{Event, EventListener, Listener};
use crate::primitives::{AtomicUsize, Ordering, const_fn, needed};

/// A writer has the lock.
const WRITER: usize = 1;
/// Readers wait, and writers.
const READERS_WAIT: usize = 1 << 1;
const WRITERS_WAIT: usize = 1 << 2;
/// Somebody has waited for long; see the head of this file.
const STARVED: usize = 1 << 3;
/// One reader that has the lock; the bits from here on count them.
const READER: usize = 1 << 4;

/// How often a waiter is called in vain before it keeps newcomers out. Models are
/// too small for more than once.
const PATIENCE: u8 = if cfg!(virid_loom) { 1 } else { 4 };

pub(crate) struct Raw {
    word: AtomicUsize,
    readers: Event,
    writers: Event,
}

/// What the lock is wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    Read,
    Write,
}

impl Use {
    /// What the lock adds to its word for it.
    fn unit(self) -> usize {
        match self {
            Self::Read => READER,
            Self::Write => WRITER,
        }
    }

    fn waits(self) -> usize {
        match self {
            Self::Read => READERS_WAIT,
            Self::Write => WRITERS_WAIT,
        }
    }

    /// Whether the lock is held in a way that does not go with it.
    fn conflicts(self, word: usize) -> bool {
        match self {
            Self::Read => word & WRITER != 0,
            Self::Write => word & WRITER != 0 || word >= READER,
        }
    }

    /// What keeps a newcomer out that could have the lock.
    fn queue_before(self) -> usize {
        match self {
            Self::Read => WRITERS_WAIT | STARVED,
            Self::Write => STARVED,
        }
    }
}

impl Raw {
    const_fn! {
        pub(crate) fn new() -> Self {
            Self {
                word: AtomicUsize::new(0),
                readers: Event::new(),
                writers: Event::new(),
            }
        }
    }

    /// Takes the lock where nobody has it and nobody waits.
    #[inline]
    pub(crate) fn write_at_once(&self) -> bool {
        // Ordering: Acquire pairs with the Release of who gave it back.
        let acquire = needed!("taking of a lock", Ordering::Acquire, not Ordering::Relaxed);
        self.word
            .compare_exchange(0, WRITER, acquire, Ordering::Relaxed)
            .is_ok()
    }

    /// The same for reading, beside other readers.
    #[inline]
    pub(crate) fn read_at_once(&self) -> bool {
        // Ordering: Relaxed, because the exchange decides.
        let word = self.word.load(Ordering::Relaxed);
        // A number of readers that is near its end is for `take` to refuse.
        word & (WRITER | WRITERS_WAIT | STARVED) == 0
            && word < usize::MAX / 2
            && self
                .word
                .compare_exchange(word, word + READER, Ordering::Acquire, Ordering::Relaxed)
                .is_ok()
    }

    /// Takes the lock if it is free, whoever waits.
    pub(crate) fn try_take(&self, wanted: Use) -> bool {
        self.take(wanted, 0, 0, 0, 0)
    }

    /// The lock, when its turn has come. Dropped before, it leaves no trace.
    pub(crate) fn wait_for(&self, wanted: Use) -> Waiting<'_> {
        Waiting {
            lock: self,
            wanted,
            listener: None,
            has_waited: false,
            in_vain: 0,
            has_lock: false,
        }
    }

    /// Takes the lock unless it is held, or any of `kept_out_by` is set, adding
    /// `setting` and without `clearing`. Else, unless it is 0, adds `refused`.
    fn take(
        &self,
        wanted: Use,
        kept_out_by: usize,
        setting: usize,
        clearing: usize,
        refused: usize,
    ) -> bool {
        // Ordering: Relaxed, because the exchange decides.
        let mut word = self.word.load(Ordering::Relaxed);
        loop {
            let may = !wanted.conflicts(word) && word & kept_out_by == 0;
            let next = if may {
                assert!(word < usize::MAX / 2, "too many readers of one lock");
                // It is not held for writing, so either unit can be added.
                ((word | setting) & !clearing) + wanted.unit()
            } else if refused == 0 {
                return false;
            } else {
                word | refused
            };
            // Ordering: Acquire as in `write_at_once`; Release so that who sees our
            // bit sees our listener (pairs with the Acquire in `give_back_cold`).
            match self
                .word
                .compare_exchange_weak(word, next, Ordering::AcqRel, Ordering::Relaxed)
            {
                Ok(_) => return may,
                Err(now) => word = now,
            }
        }
    }

    /// Gives it back.
    ///
    /// # Safety
    ///
    /// The caller has it for writing, and no more from here on.
    #[inline]
    pub(crate) unsafe fn end_write(&self) {
        // Ordering: Release pairs with the Acquire of who takes it next.
        let release = needed!("giving back of a lock", Ordering::Release, not Ordering::Relaxed);
        let left = self
            .word
            .compare_exchange(WRITER, 0, release, Ordering::Relaxed);
        if left.is_err() {
            self.end_write_cold();
        }
    }

    #[cold]
    fn end_write_cold(&self) {
        self.update(|word| word & !WRITER);
        if !self.call(Use::Read, 0) {
            self.call_writers_first();
        }
    }

    /// Gives it back.
    ///
    /// # Safety
    ///
    /// The caller has it for reading, and no more from here on.
    #[inline]
    pub(crate) unsafe fn end_read(&self) {
        // Ordering: as in `end_write`.
        let release = needed!("giving back by a reader", Ordering::Release, not Ordering::Relaxed);
        let before = self.word.fetch_sub(READER, release);
        if before < 2 * READER && before & (READERS_WAIT | WRITERS_WAIT) != 0 {
            self.call_writers_first();
        }
    }

    /// Makes a writer a reader, and lets those in who wait to read.
    ///
    /// # Safety
    ///
    /// The caller has it for writing, and from here on for reading.
    pub(crate) unsafe fn downgrade(&self) {
        self.update(|word| (word & !WRITER) + READER);
        self.call(Use::Read, 0);
    }

    #[cold]
    fn call_writers_first(&self) {
        if !self.call(Use::Write, 0) {
            // Those whom a bit about nobody has kept out; not by a writer that has come.
            needed!("call of those kept out by nobody", {
                self.call(Use::Read, WRITERS_WAIT);
            });
        }
    }

    /// Calls those who wait for this, where they could have the lock and none of
    /// `kept_out_by` is set. Whether somebody was called.
    fn call(&self, wanted: Use, kept_out_by: usize) -> bool {
        // Who has it now sees the bit when it gives it back.
        let may = |word| !wanted.conflicts(word) && word & kept_out_by == 0;
        let before = self.update(|word| {
            if may(word) {
                word & !wanted.waits()
            } else {
                word
            }
        });
        may(before) && before & wanted.waits() != 0 && self.notify(wanted) > 0
    }

    /// Tells all readers, or one writer unless one has been told that has not looked yet.
    /// How many were told.
    fn notify(&self, wanted: Use) -> usize {
        match wanted {
            Use::Read => needed!("readers' call", self.readers.notify_relaxed(usize::MAX), not 0),
            Use::Write => needed!("writer's call", self.writers.notify_relaxed(1), not 0),
        }
    }

    /// Where somebody leaves who has waited, and perhaps was called.
    fn leave(&self, wanted: Use, was_called: bool, starved: usize) {
        if wanted == Use::Read {
            // Other readers were called too, and writers come next.
            if was_called || starved != 0 {
                self.update(|word| word & !starved);
                needed!("call by a reader who leaves", self.call_writers_first());
            }
            return;
        }
        // A writer that has the lock sees the bit when it gives it back.
        let ends = |word| was_called || word & WRITER == 0;
        let before = self.update(|word| {
            let bit = if ends(word) { WRITERS_WAIT } else { 0 };
            word & !(starved | bit)
        });
        // The next one looks, and says again that it waits.
        if ends(before) && self.notify(Use::Write) == 0 {
            needed!("readers' call by a writer who leaves", {
                self.call(Use::Read, WRITERS_WAIT);
            });
        }
    }

    /// Changes the word. What it was before.
    fn update(&self, change: impl Fn(usize) -> usize) -> usize {
        let mut word = self.word.load(Ordering::Relaxed);
        loop {
            // Ordering: Release as in `end_write`, Acquire as `take` says. Also where
            // nothing changes: what we have seen is then what is there.
            match self.word.compare_exchange_weak(
                word,
                change(word),
                Ordering::AcqRel,
                Ordering::Relaxed,
            ) {
                Ok(_) => return word,
                Err(now) => word = now,
            }
        }
    }

    fn event(&self, wanted: Use) -> &Event {
        match wanted {
            Use::Read => &self.readers,
            Use::Write => &self.writers,
        }
    }
}

impl fmt::Debug for Raw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Raw({:#x})", self.word.load(Ordering::Relaxed))
    }
}

/// Somebody who waits for the lock; ready when that one has it.
pub(crate) struct Waiting<'a> {
    lock: &'a Raw,
    wanted: Use,
    listener: Option<EventListener>,
    /// It was in the list once.
    has_waited: bool,
    in_vain: u8,
    has_lock: bool,
}

impl Waiting<'_> {
    /// The bit that this one may have set.
    fn starved(&self) -> usize {
        if self.in_vain >= PATIENCE { STARVED } else { 0 }
    }

    /// Takes the lock, or says in the word that this one waits, where `refused` is so.
    fn take(&mut self, refused: usize) -> bool {
        let wanted = self.wanted;
        let (kept_out_by, setting) = if !self.has_waited {
            (wanted.queue_before(), 0)
        } else if wanted == Use::Write {
            // For those behind.
            (
                0,
                needed!("bit of a writer who was called", WRITERS_WAIT, not 0),
            )
        } else {
            (0, 0)
        };
        let clearing = needed!("end of a long wait", self.starved(), not 0);
        self.has_lock = self
            .lock
            .take(wanted, kept_out_by, setting, clearing, refused);
        self.has_lock
    }
}

impl Future for Waiting<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        debug_assert!(!this.has_lock, "a lock that was taken was polled again");
        loop {
            if let Some(listener) = &mut this.listener {
                ready!(Pin::new(listener).poll(context));
                this.listener = None;
                this.has_waited = true;
                if this.take(0) {
                    return Poll::Ready(());
                }
                this.in_vain = this.in_vain.saturating_add(1);
            } else if this.take(0) {
                // Another has come or gone in the moment of the first look.
                return Poll::Ready(());
            }
            this.listener = Some(this.lock.event(this.wanted).listen());
            if this.take(needed!("bit of who waits", this.wanted.waits() | this.starved(), not 0)) {
                // A notification that came meanwhile goes to the next.
                this.listener = None;
                return Poll::Ready(());
            }
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if self.has_lock {
            return;
        }
        if let Some(listener) = self.listener.take() {
            let was_called = listener.discard();
            let starved = needed!("long wait of who leaves", self.starved(), not 0);
            needed!(
                "look of those behind who leaves",
                self.lock.leave(self.wanted, was_called, starved)
            );
        }
    }
}

impl fmt::Debug for Waiting<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Waiting({:?})", self.wanted)
    }
}
