//! Tasks with a key: one task spawns `n` of about a microsecond each, over 100 keys, and
//! those of a key run one at a time. What it measures is what it costs to keep them
//! apart, and how much of the second worker is left.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::{Bursts, Facts, Measured, Phase};
use crate::clock::Stopwatch;
use crate::hosts::KeyedHost;
use crate::tally::{Countdown, Shards, expected_checksum, work};

pub(super) static FACTS: Facts = Facts {
    name: "keyed",
    describe: "n tasks of about 1 us over 100 keys, one at a time of each key",
    unit: "task",
    units: "tasks",
    sizes: &[1_000_000],
    quick: &[20_000],
    is_default: true,
    scales: true,
    workers: None,
    asks_for_memory: false,
    phases: &[Phase::Warm],
    budget: Duration::from_secs(30),
    checksum: expected_checksum,
};

const KEYS: usize = 100;

static RESULTS: Shards = Shards::new();
static RUNNING: Countdown = Countdown::new();

/// How many tasks of each key have run. Read and written apart, so that two at a time
/// would lose one.
struct Turns([AtomicU64; KEYS]);

impl Turns {
    fn new() -> Arc<Self> {
        Arc::new(Self([const { AtomicU64::new(0) }; KEYS]))
    }

    fn total(&self) -> u64 {
        self.0
            .iter()
            .map(|turns| turns.load(Ordering::Relaxed))
            .sum()
    }
}

fn task(turns: &Turns, i: u64, is_in_order: bool) {
    let of_key = &turns.0[i as usize % KEYS];
    let before = of_key.load(Ordering::Relaxed);
    work::<1>(i);
    // A task out of its turn leaves no result.
    if !is_in_order || before == i / KEYS as u64 {
        RESULTS.add(i);
    }
    of_key.store(before + 1, Ordering::Relaxed);
    RUNNING.count_down();
}

/// Measures the burst where tasks are futures.
pub(crate) fn measure<H: KeyedHost>(host: &H, n: u64) -> Bursts<Measured> {
    Bursts::run(|| host.run(burst::<H>(n)))
}

async fn burst<H: KeyedHost>(n: u64) -> Measured {
    let (keys, turns) = (H::keys(KEYS), Turns::new());
    let stopwatch = Stopwatch::start();
    RUNNING.arm(n);
    for i in 0..n {
        let turns = Arc::clone(&turns);
        let of_key = async move { task(&turns, i, H::IS_IN_ORDER) };
        H::spawn_with_key(&keys, i as usize % KEYS, of_key);
    }
    RUNNING.wait().await;
    let elapsed = stopwatch.elapsed();
    let checksum = RESULTS.take();
    let is_one_at_a_time = turns.total() == n;
    Measured::new(
        elapsed,
        if is_one_at_a_time {
            checksum
        } else {
            !checksum
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tally::mix;

    #[test]
    fn only_in_its_turn_a_task_arrives_at_the_answer() {
        RUNNING.arm(u64::MAX);
        let turns = Turns::new();
        (0..300).for_each(|i| task(&turns, i, true));
        assert_eq!(
            (RESULTS.take(), turns.total()),
            (expected_checksum(300), 300)
        );
        task(&turns, 0, true);
        assert_eq!(RESULTS.take(), 0);
        task(&turns, 0, false);
        assert_eq!(RESULTS.take(), mix(0));
    }
}
