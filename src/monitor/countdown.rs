//! Which of a thread's spawns are samples.
//!
//! A thread takes numbers for its tasks in blocks, and looks up when a block is used
//! up: a comparison that each spawn makes in any case. Where spawns are sampled, the
//! thread is told to look up earlier, at the next sample. So a spawn costs the same
//! whether anybody monitors or not, and one that is no sample costs what it always did.
//!
//! Of every so many spawns of a thread one is a sample, and which one of them is left
//! to chance: a load that comes in rounds is not seen at the same point of each.

use std::cell::Cell;

use crate::primitives::Count;
#[cfg(not(virid_loom))]
use crate::primitives::Mutex;

/// How many task numbers a thread takes at once: one shared write per block,
/// and none between.
pub(crate) const BLOCK: u64 = 1 << 12;

/// So many spawns of each thread are all samples, where a monitor has asked for no
/// rate: who looks at a program that has spawned but little sees something.
pub(crate) const DENSE: u32 = 1_000;

/// What all monitors of the process together want of every thread. Read by threads
/// that look up; one that sees it late samples a little later.
static WANTED: Count = Count::new(0);

/// In [`WANTED`]: one of so many spawns; 0 for none.
const EVERY: u64 = u32::MAX as u64;
/// That each thread begins with [`DENSE`] samples one after another.
const BEGINS_DENSE: u64 = 1 << 32;
/// And above, how often it was changed.
#[cfg(not(virid_loom))]
const CHANGE: u64 = 1 << 33;

/// What a sample stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weight {
    /// One of the first of its thread, which are all samples.
    Dense,
    /// One of so many spawns.
    OneOf(u32),
}

/// How often a monitor wants samples.
#[cfg(not(virid_loom))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rate {
    /// One of so many; never 0.
    pub(crate) every: u32,
    /// All of the first [`DENSE`] of each thread.
    pub(crate) begins_dense: bool,
}

/// The rates of all monitors that are attached.
#[cfg(not(virid_loom))]
static RATES: Mutex<Vec<Rate>> = Mutex::new(Vec::new());

/// One more monitor wants samples.
#[cfg(not(virid_loom))]
pub(crate) fn want(rate: Rate) {
    let mut rates = RATES.lock();
    rates.push(rate);
    show(&rates);
}

/// One that has wanted such samples wants no more.
#[cfg(not(virid_loom))]
pub(crate) fn want_no_more(rate: Rate) {
    let mut rates = RATES.lock();
    let at = rates.iter().position(|&other| other == rate);
    rates.swap_remove(at.expect("the monitor was attached"));
    show(&rates);
}

/// Called under the lock.
#[cfg(not(virid_loom))]
fn show(rates: &[Rate]) {
    let change = WANTED.get() / CHANGE + 1;
    let every = rates.iter().map(|rate| rate.every).min().unwrap_or(0);
    let is_dense = rates.iter().any(|rate| rate.begins_dense);
    let dense = if is_dense { BEGINS_DENSE } else { 0 };
    WANTED.set(change.wrapping_mul(CHANGE) | dense | u64::from(every));
}

/// Where one thread looks up.
pub(crate) struct Countdown {
    /// The first number that is not the thread's any more.
    end: Cell<u64>,
    /// The number whose task is the next sample, if there are samples.
    due: Cell<u64>,
    /// The first of the numbers from which the sample after that is chosen.
    next: Cell<u64>,
    /// How many more are samples without a choice.
    dense: Cell<u32>,
    /// What the thread has seen of [`WANTED`].
    seen: Cell<u64>,
}

/// What a thread finds that looks up.
pub(crate) struct Look {
    /// The number for the task at hand.
    pub(crate) number: u64,
    /// The number at which to look up again.
    pub(crate) again: u64,
    /// What the task stands for, if it is a sample.
    pub(crate) sample: Option<Weight>,
}

impl Countdown {
    pub(crate) const fn new() -> Self {
        Self {
            end: Cell::new(0),
            due: Cell::new(0),
            next: Cell::new(0),
            dense: Cell::new(0),
            seen: Cell::new(0),
        }
    }

    /// Whether the thread has yet to see what is wanted.
    #[cfg(not(virid_loom))]
    pub(crate) fn is_stale(&self) -> bool {
        self.seen.get() != WANTED.get()
    }

    /// Looks up, with the next number that the thread has. Where it has none left,
    /// `take_block` says where the next block begins.
    pub(crate) fn look_up(&self, number: u64, take_block: impl FnOnce() -> u64) -> Look {
        let number = if number == self.end.get() {
            self.enter_block(take_block())
        } else {
            number
        };
        let wanted = WANTED.get();
        if self.seen.replace(wanted) != wanted {
            self.begin(number, wanted);
        }
        let every = (wanted & EVERY) as u32;
        if every == 0 {
            return Look {
                number,
                again: self.end.get(),
                sample: None,
            };
        }
        let sample = (number == self.due.get()).then(|| self.take(number, every));
        Look {
            number,
            again: self.end.get().min(self.due.get()),
            sample,
        }
    }

    /// Goes on in another block: what is so many spawns ahead stays so many ahead.
    fn enter_block(&self, first: u64) -> u64 {
        let skipped = first.wrapping_sub(self.end.get());
        self.due.set(self.due.get().wrapping_add(skipped));
        self.next.set(self.next.get().wrapping_add(skipped));
        self.end.set(first + BLOCK);
        first
    }

    /// Begins to sample as is wanted, with the task of this number.
    fn begin(&self, number: u64, wanted: u64) {
        self.next.set(number);
        if wanted & BEGINS_DENSE != 0 {
            self.dense.set(DENSE);
            self.due.set(number);
        } else {
            self.dense.set(0);
            self.choose((wanted & EVERY).max(1));
        }
    }

    /// Takes the sample that is due, and says which is the next.
    fn take(&self, number: u64, every: u32) -> Weight {
        let Some(left) = self.dense.get().checked_sub(1) else {
            self.choose(u64::from(every));
            return Weight::OneOf(every);
        };
        self.dense.set(left);
        self.next.set(number + 1);
        if left == 0 {
            self.choose(u64::from(every));
        } else {
            self.due.set(number + 1);
        }
        Weight::Dense
    }

    /// Chooses one of the next `every` numbers.
    fn choose(&self, every: u64) {
        let first = self.next.get();
        // Fibonacci hashing: numbers in a row go all over the range.
        let spread = first.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
        self.due.set(first + ((spread * every) >> 32));
        self.next.set(first + every);
    }
}
