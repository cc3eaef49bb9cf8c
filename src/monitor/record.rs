//! What one monitor has recorded of one runtime: a window for each worker.

use std::fmt;
use std::panic::Location;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use crossbeam_utils::CachePadded;

use super::countdown::{Rate, Weight};
use super::window::{Begun, Sample, Totals, Window};
use crate::primitives::Count;

/// Called for a slow spawn: where it was, and how long the task waited.
pub(crate) type OnSlow = dyn Fn(&'static Location<'static>, Duration) + Send + Sync;

pub(crate) struct Record {
    rate: Rate,
    slow_after: Duration,
    /// The monitor's own, so that it goes with the monitor, whichever worker still has
    /// this record.
    on_slow: Option<Weak<OnSlow>>,
    began: Instant,
    window: usize,
    workers: Box<[CachePadded<Own>]>,
}

/// Written by one worker.
struct Own {
    window: Window,
    /// Spawns that went by without a sample for this monitor, where another wants more.
    passed: Count,
}

impl Record {
    pub(crate) fn new(
        workers: usize,
        window: usize,
        rate: Rate,
        slow_after: Duration,
        on_slow: Option<Weak<OnSlow>>,
    ) -> Self {
        let own = |_| {
            CachePadded::new(Own {
                window: Window::new(window),
                passed: Count::default(),
            })
        };
        Self {
            rate,
            slow_after,
            on_slow,
            began: Instant::now(),
            window,
            workers: (0..workers).map(own).collect(),
        }
    }

    pub(crate) fn rate(&self) -> Rate {
        self.rate
    }

    pub(crate) fn slow_after(&self) -> Duration {
        self.slow_after
    }

    pub(crate) fn workers(&self) -> usize {
        self.workers.len()
    }

    /// Adds a sample, unless it is one that only others want. Whom to tell that it was
    /// slow. Called by the worker with this index.
    pub(crate) fn add(&self, worker: usize, begun: Begun) -> Option<Arc<OnSlow>> {
        let own = &self.workers[worker];
        if !self.is_wanted(own, begun.weight) {
            return None;
        }
        let is_slow = begun.waited >= self.slow_after;
        let sample = Sample {
            at: nanos(begun.now.saturating_duration_since(self.began)),
            waited: nanos(begun.waited),
        };
        own.window.push(sample, is_slow);
        if is_slow {
            return self.on_slow.as_ref().and_then(Weak::upgrade);
        }
        None
    }

    /// Each monitor gets as many as it wants, though the samples are as many as the
    /// most demanding wants.
    fn is_wanted(&self, own: &Own, weight: Weight) -> bool {
        let passed = match weight {
            Weight::Dense if self.rate.begins_dense => return true,
            Weight::Dense => 1,
            Weight::OneOf(every) => u64::from(every),
        };
        let passed = own.passed.get() + passed;
        let every = u64::from(self.rate.every);
        own.passed.set(passed % every);
        passed >= every
    }

    /// The last samples of one worker, oldest first.
    pub(crate) fn samples_of(&self, worker: usize) -> Vec<Sample> {
        let mut samples = Vec::with_capacity(self.window);
        self.workers[worker].window.copy(&mut samples);
        samples
    }

    /// The last samples of all workers, as many as the window is for.
    pub(crate) fn samples(&self) -> Vec<Sample> {
        let mut samples = Vec::new();
        for own in &self.workers {
            own.window.copy(&mut samples);
        }
        samples.sort_unstable();
        samples.drain(..samples.len().saturating_sub(self.window));
        samples
    }

    /// Of all samples that there ever were.
    pub(crate) fn totals(&self) -> Totals {
        let mut sum = Totals::default();
        for own in &self.workers {
            let totals = own.window.totals();
            sum.count += totals.count;
            sum.waited += totals.waited;
            sum.slow += totals.slow;
        }
        sum
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record")
            .field("window", &self.window)
            .field("rate", &self.rate)
            .field("slow_after", &self.slow_after)
            .finish_non_exhaustive()
    }
}
