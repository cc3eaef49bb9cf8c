//! What a monitor can tell: read from any thread, while the workers go on.

use std::time::Duration;

use super::clock::Clock;
use super::prometheus::Text;
use super::record::Record;
use super::stats::SpawnStats;
use super::window::{Sample, Totals};
use crate::runtime::Handle;
use std::sync::Arc;

#[derive(Debug)]
pub(super) struct View {
    pub(super) record: Arc<Record>,
    pub(super) handle: Handle,
}

impl View {
    pub(super) fn stats(&self) -> SpawnStats {
        self.stats_of(&self.record.samples())
    }

    pub(super) fn workers(&self) -> Vec<SpawnStats> {
        let of = |worker| self.stats_of(&self.record.samples_of(worker));
        (0..self.record.workers()).map(of).collect()
    }

    pub(super) fn totals(&self) -> Totals {
        self.record.totals()
    }

    fn stats_of(&self, samples: &[Sample]) -> SpawnStats {
        let waits = samples.iter().map(|sample| sample.waited).collect();
        SpawnStats::of(waits, self.record.slow_after())
    }

    pub(super) fn prometheus(&self) -> String {
        let mut text = Text::new();
        let (stats, totals) = (self.stats(), self.totals());
        text.waits(&stats, totals.count, Duration::from_nanos(totals.waited));
        text.slow(totals.slow, self.record.slow_after(), &stats);
        text.clock(Clock::get());
        text.workers(&self.workers());
        text.runtime(&self.handle.metrics());
        text.finish()
    }
}
