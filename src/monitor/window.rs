//! The last samples of one worker: written by that worker without a read-modify-write,
//! read by anybody at any time.
//!
//! A ring whose writer never waits. A reader copies it and drops from the copy what was
//! written over meanwhile: *copy; fence; look at the count* there, against *count;
//! fence; write over* here. So who sees any part of a newer sample sees the count that
//! says so.

use std::panic::Location;
use std::time::{Duration, Instant};

use super::countdown::Weight;
use crate::primitives::{AtomicU64, Count, Ordering, fence};

/// More places than samples that count, so that a reader seldom loses any.
const SPARE: usize = 64;

/// A task that is a sample, at its first run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Begun {
    /// Where it was spawned.
    pub(crate) place: &'static Location<'static>,
    pub(crate) now: Instant,
    /// Since the spawn.
    pub(crate) waited: Duration,
    pub(crate) weight: Weight,
}

/// One sample, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Sample {
    /// When the task first ran, since some moment that all samples of a monitor share.
    pub(crate) at: u64,
    /// How long it waited for that.
    pub(crate) waited: u64,
}

#[derive(Debug)]
struct Place {
    at: AtomicU64,
    waited: AtomicU64,
}

#[derive(Debug)]
pub(crate) struct Window {
    places: Box<[Place]>,
    /// How many samples were ever written.
    written: AtomicU64,
    /// Of all of them: nanoseconds that they waited, and how many were slow.
    waited: Count,
    slow: Count,
}

/// Of all samples that there ever were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) count: u64,
    pub(crate) waited: u64,
    pub(crate) slow: u64,
}

impl Window {
    /// For so many samples.
    pub(crate) fn new(size: usize) -> Self {
        let place = |_| Place {
            at: AtomicU64::new(0),
            waited: AtomicU64::new(0),
        };
        Self {
            places: (0..size + SPARE).map(place).collect(),
            written: AtomicU64::new(0),
            waited: Count::default(),
            slow: Count::default(),
        }
    }

    fn size(&self) -> usize {
        self.places.len() - SPARE
    }

    /// Adds a sample. Called by the one writer.
    pub(crate) fn push(&self, sample: Sample, is_slow: bool) {
        self.waited.add(sample.waited);
        self.slow.add(u64::from(is_slow));
        // Ordering: Relaxed, the writer's own.
        let written = self.written.load(Ordering::Relaxed);
        // Pairs with the fence in `copy`: who sees one of the two stores below sees the
        // count before them.
        fence(Ordering::Release);
        let place = &self.places[(written % self.places.len() as u64) as usize];
        // Ordering: Relaxed, published below.
        place.at.store(sample.at, Ordering::Relaxed);
        place.waited.store(sample.waited, Ordering::Relaxed);
        // Ordering: Release pairs with the Acquire in `copy`.
        self.written.store(written + 1, Ordering::Release);
    }

    /// Adds the last samples, as many as the window is for, to `to`.
    pub(crate) fn copy(&self, to: &mut Vec<Sample>) {
        let len = self.places.len() as u64;
        // Ordering: Acquire pairs with the Release in `push`: the samples are there.
        let written = self.written.load(Ordering::Acquire);
        let first = written.saturating_sub(self.size() as u64);
        let start = to.len();
        for number in first..written {
            let place = &self.places[(number % len) as usize];
            // Ordering: Relaxed; what is written over meanwhile is dropped below.
            to.push(Sample {
                at: place.at.load(Ordering::Relaxed),
                waited: place.waited.load(Ordering::Relaxed),
            });
        }
        // Pairs with the fence in `push`.
        fence(Ordering::Acquire);
        let now = self.written.load(Ordering::Relaxed);
        // The writer may be inside the place of the next sample.
        let oldest = (now + 1).saturating_sub(len);
        let lost = oldest.saturating_sub(first).min(written - first);
        to.drain(start..start + lost as usize);
    }

    pub(crate) fn totals(&self) -> Totals {
        // The count last: it is never ahead of the other two.
        let (waited, slow) = (self.waited.get(), self.slow.get());
        // Ordering: Acquire, as in `copy`.
        let count = self.written.load(Ordering::Acquire);
        Totals {
            count,
            waited,
            slow,
        }
    }
}
