//! Who has begun and who is over: a slot for each life of a round.

use super::watch::{self, fail};
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

const MADE: u32 = 1;
const RUNNING: u32 = 2;
const OVER: u32 = 3;
const STATE: u32 = 3;
const HAS_OUTPUT: u32 = 1 << 6;
const OUTPUT_IS_GONE: u32 = 1 << 7;

/// What a life is, for the dump.
#[derive(Clone, Copy, Debug)]
#[repr(u32)]
pub(crate) enum Kind {
    Task = 1,
    Thread,
    Blocking,
    Tiny,
    Large,
}

/// How the lives of a round, or of many, were over.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Totals {
    pub(crate) lives: usize,
    ended: usize,
    panicked: usize,
    /// Dropped before their end: cancelled, aborted, or in a panic of their children's.
    cut: usize,
}

impl Totals {
    pub(crate) fn add(&mut self, more: Totals) {
        self.lives += more.lives;
        self.ended += more.ended;
        self.panicked += more.panicked;
        self.cut += more.cut;
    }
}

/// A slot holds a state in two bits, what the life is in four, whether there is an output
/// or was, and above them the step that the life took last.
pub(crate) struct Ledger {
    slots: Box<[AtomicU32]>,
    opened: AtomicUsize,
    ended: AtomicUsize,
    panicked: AtomicUsize,
    cut: AtomicUsize,
    outputs_gone: AtomicUsize,
}

impl Ledger {
    pub(crate) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self {
            slots: (0..most).map(|_| AtomicU32::new(0)).collect(),
            opened: AtomicUsize::new(0),
            ended: AtomicUsize::new(0),
            panicked: AtomicUsize::new(0),
            cut: AtomicUsize::new(0),
            outputs_gone: AtomicUsize::new(0),
        })
    }

    /// A life more, as long as the round has room for one.
    pub(crate) fn open(self: &Arc<Self>, kind: Kind) -> Option<Life> {
        if self.opened.load(Ordering::Relaxed) >= self.slots.len() {
            return None;
        }
        let number = self.opened.fetch_add(1, Ordering::SeqCst);
        let before = self
            .slots
            .get(number)?
            .swap(MADE | (kind as u32) << 2, Ordering::SeqCst);
        if before != 0 {
            fail(&format!("life {number} was there before"));
        }
        Some(Life {
            ledger: self.clone(),
            number,
            ends: false,
        })
    }

    fn lives(&self) -> usize {
        self.opened.load(Ordering::SeqCst).min(self.slots.len())
    }

    pub(crate) fn totals(&self) -> Totals {
        Totals {
            lives: self.lives(),
            ended: self.ended.load(Ordering::SeqCst),
            panicked: self.panicked.load(Ordering::SeqCst),
            cut: self.cut.load(Ordering::SeqCst),
        }
    }

    /// Whether every life is over and every output gone.
    pub(crate) fn is_settled(&self) -> bool {
        let totals = self.totals();
        let outputs = totals.ended + totals.panicked;
        let are_over = outputs + totals.cut == totals.lives;
        are_over
            && self.outputs_gone.load(Ordering::SeqCst) == outputs
            && self.open_lives().next().is_none()
    }

    /// Whether every life is over that has been opened by now.
    pub(crate) fn is_over(&self) -> bool {
        let totals = self.totals();
        totals.ended + totals.panicked + totals.cut == totals.lives
    }

    pub(crate) fn check(&self) {
        if !self.is_settled() {
            fail("the round is at its end and not all is over");
        }
    }

    /// Those that are not over, and those whose output is still there.
    pub(crate) fn open_lives(&self) -> impl Iterator<Item = String> + '_ {
        let words = self.slots.iter().map(|slot| slot.load(Ordering::SeqCst));
        let open = words.enumerate().take(self.lives());
        let has_output = |word| word & (HAS_OUTPUT | OUTPUT_IS_GONE) == HAS_OUTPUT;
        open.filter(move |(_, word)| word & STATE != OVER || has_output(*word))
            .map(|(number, word)| {
                let state = ["not made", "made", "running", "over"][(word & STATE) as usize];
                let kind = ["?", "task", "thread", "blocking", "tiny", "large"];
                let kind = kind.get((word >> 2 & 15) as usize).unwrap_or(&"?");
                format!("life {number}: {kind}, {state}, step {}", word >> 8)
            })
    }
}

/// One task, green thread or closure, owned by its future or closure: what drops it
/// without an end has cut it.
#[derive(Debug)]
pub(crate) struct Life {
    ledger: Arc<Ledger>,
    number: usize,
    ends: bool,
}

impl std::fmt::Debug for Ledger {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.totals().fmt(formatter)
    }
}

impl Life {
    pub(crate) fn number(&self) -> usize {
        self.number
    }

    fn slot(&self) -> &AtomicU32 {
        &self.ledger.slots[self.number]
    }

    pub(crate) fn begin(&self) {
        watch::step();
        // Made, so running now.
        let before = self.slot().fetch_add(RUNNING - MADE, Ordering::SeqCst);
        if before & STATE != MADE {
            fail(&format!("life {} begins twice", self.number));
        }
    }

    /// Says in the dump what the life does now.
    pub(crate) fn step(&self, step: u64) {
        watch::step();
        let word = self.slot().load(Ordering::Relaxed);
        let word = word & 255 | (step as u32) << 8;
        self.slot().store(word, Ordering::Relaxed);
    }

    fn output(&self) -> Output {
        self.slot().fetch_or(HAS_OUTPUT, Ordering::SeqCst);
        Output(self.ledger.clone(), self.number)
    }

    pub(crate) fn end(mut self) -> Output {
        self.ends = true;
        self.ledger.ended.fetch_add(1, Ordering::SeqCst);
        self.output()
    }

    /// Its payload is an output too.
    pub(crate) fn panic(mut self) -> ! {
        self.ends = true;
        self.ledger.panicked.fetch_add(1, Ordering::SeqCst);
        let payload = self.output();
        drop(self);
        resume_unwind(Box::new(payload))
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        watch::step();
        let before = self.slot().fetch_or(OVER, Ordering::SeqCst);
        if before & STATE == OVER || before == 0 {
            fail(&format!("life {} is over twice", self.number));
        }
        if !self.ends {
            self.ledger.cut.fetch_add(1, Ordering::SeqCst);
        }
    }
}

/// What a life that has ended leaves, or the payload of its panic.
#[derive(Debug)]
pub(crate) struct Output(Arc<Ledger>, usize);

impl Drop for Output {
    fn drop(&mut self) {
        let before = self.0.slots[self.1].fetch_or(OUTPUT_IS_GONE, Ordering::SeqCst);
        if before & (HAS_OUTPUT | OUTPUT_IS_GONE) != HAS_OUTPUT {
            fail(&format!("the output of life {} is dropped twice", self.1));
        }
        self.0.outputs_gone.fetch_add(1, Ordering::SeqCst);
    }
}
