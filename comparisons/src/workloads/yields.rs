//! Taking turns: two tasks on one worker yield to each other, `n` times in all.
//! What it measures is one pass through the scheduler with nothing else to do, and
//! for threads one switch of stacks.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::{Bursts, Facts, Measured, Phase};
use crate::clock::Stopwatch;
use crate::hosts::{TaskHost, ThreadHost, wait_for};
use crate::tally::{Countdown, mix};

pub(super) static FACTS: Facts = Facts {
    name: "yield",
    describe: "two tasks on one worker yield to each other, n times in all",
    unit: "yield",
    units: "yields",
    sizes: &[1_000_000],
    quick: &[100_000],
    is_default: true,
    scales: false,
    workers: Some(1),
    asks_for_memory: false,
    phases: &[Phase::Warm],
    budget: Duration::from_secs(15),
    checksum: mix,
};

/// What the two share. One worker runs both, so plain loads and stores count
/// right; a runtime that ran them side by side would lose turns.
#[derive(Debug)]
struct Turns {
    /// How many there were, and in the lowest bit who had the last.
    taken: AtomicU64,
    /// Turns that came after one of the other's.
    switches: AtomicU64,
    playing: Countdown,
}

/// One of the two.
#[derive(Debug)]
struct Player {
    number: u64,
    switches: u64,
}

impl Turns {
    fn new() -> Arc<Self> {
        let playing = Countdown::new();
        playing.arm(2);
        Arc::new(Self {
            taken: AtomicU64::new(0),
            switches: AtomicU64::new(0),
            playing,
        })
    }

    /// A runtime that never lets the other one have its turn must not pass for a
    /// fast one. One whose turns come in the order 0, 1, 1, 0 may (Tokio resumes
    /// in reverse the tasks that yielded): each turn was a pass through its
    /// scheduler, in which half of them found the other task.
    fn finish(&self, stopwatch: Stopwatch) -> Measured {
        let elapsed = stopwatch.elapsed();
        let taken = self.taken.load(Ordering::Relaxed) >> 1;
        let switches = self.switches.load(Ordering::Relaxed);
        let is_shared = switches >= taken / 3;
        Measured::new(elapsed, if is_shared { mix(taken) } else { 0 })
    }
}

impl Player {
    fn new(number: u64) -> Self {
        Self {
            number,
            switches: 0,
        }
    }

    #[inline]
    fn take_turn(&mut self, turns: &Turns) {
        let before = turns.taken.load(Ordering::Relaxed);
        let taken = (before >> 1) + 1;
        turns
            .taken
            .store(taken << 1 | self.number, Ordering::Relaxed);
        self.switches += (before & 1) ^ self.number;
    }

    fn leave(self, turns: &Turns) {
        turns.switches.fetch_add(self.switches, Ordering::Relaxed);
        turns.playing.count_down();
    }
}

/// The two, and the turns of each.
fn shares(n: u64) -> [(Player, u64); 2] {
    [(Player::new(0), n - n / 2), (Player::new(1), n / 2)]
}

/// Measures the turns where tasks are futures.
pub(super) fn measure_tasks<H: TaskHost>(host: &H, n: u64) -> Bursts<Measured> {
    Bursts::run(|| {
        host.run(async move {
            let turns = Turns::new();
            let stopwatch = Stopwatch::start();
            for (mut player, share) in shares(n) {
                let turns = Arc::clone(&turns);
                H::spawn(async move {
                    for _ in 0..share {
                        player.take_turn(&turns);
                        H::yield_now().await;
                    }
                    player.leave(&turns);
                });
            }
            turns.playing.wait().await;
            turns.finish(stopwatch)
        })
    })
}

/// Measures the turns where tasks are threads.
pub(super) fn measure_threads<H: ThreadHost>(host: &H, n: u64) -> Bursts<Measured> {
    Bursts::run(|| {
        host.run(move || {
            let turns = Turns::new();
            let stopwatch = Stopwatch::start();
            for (mut player, share) in shares(n) {
                let turns = Arc::clone(&turns);
                H::spawn(move || {
                    for _ in 0..share {
                        player.take_turn(&turns);
                        H::yield_now();
                    }
                    player.leave(&turns);
                });
            }
            wait_for::<H>(turns.playing.wait());
            turns.finish(stopwatch)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn play(order: impl Iterator<Item = usize>) -> u64 {
        let turns = Turns::new();
        let mut players = [Player::new(0), Player::new(1)];
        order.for_each(|player| players[player].take_turn(&turns));
        for player in players {
            player.leave(&turns);
        }
        turns.finish(Stopwatch::start()).checksum
    }

    #[test]
    fn only_who_takes_turns_arrives_at_the_answer() {
        assert_eq!(play((0..1000).map(|i| i % 2)), mix(1000));
        assert_eq!(play((0..1000_usize).map(|i| i.div_ceil(2) % 2)), mix(1000));
        assert_eq!(play((0..1000).map(|i| i / 500)), 0);
    }

    #[test]
    fn shares_add_up() {
        for n in 0..5 {
            assert_eq!(shares(n).map(|(_, share)| share).iter().sum::<u64>(), n);
        }
    }
}
