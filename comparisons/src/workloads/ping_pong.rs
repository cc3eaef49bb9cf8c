//! Ping-pong: two tasks wake each other in turn, `n` times there and back.
//!
//! Each wakes the other by the cheapest means its runtime has: threads by `unpark`,
//! tasks by the other's waker, Go by a channel. A runtime may run both on one worker
//! or each on one of its own; where they stay is its choice and part of the result.

use std::future::poll_fn;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Poll, Waker};
use std::time::Duration;

use crossbeam_utils::CachePadded;

use super::{Bursts, Facts, Measured, Phase};
use crate::clock::Stopwatch;
use crate::hosts::{TaskHost, ThreadHost, wait_for};
use crate::tally::{Countdown, expected_checksum, mix};

pub(super) const FACTS: Facts = Facts {
    name: "ping-pong",
    describe: "two tasks wake each other in turn, n round trips",
    unit: "trip",
    units: "round trips",
    sizes: &[50_000],
    quick: &[10_000],
    is_default: true,
    scales: false,
    workers: None,
    asks_for_memory: false,
    phases: &[Phase::Warm],
    budget: Duration::from_secs(25),
    checksum: |trips| expected_checksum(2 * trips),
};

/// A turn that never comes.
const BEFORE_THE_FIRST: u64 = u64::MAX;

/// The table, where `T` wakes a player.
#[derive(Debug)]
pub(super) struct Table<T> {
    /// Whose turn it is: even ones are the first player's.
    turn: CachePadded<AtomicU64>,
    turns: u64,
    players: [OnceLock<T>; 2],
    pub(super) seating: Countdown,
    pub(super) playing: Countdown,
    sum: AtomicU64,
}

impl<T> Table<T> {
    pub(super) fn new(trips: u64) -> Arc<Self> {
        let [seating, playing] = [Countdown::new(), Countdown::new()];
        seating.arm(2);
        playing.arm(2);
        Arc::new(Self {
            turn: CachePadded::new(AtomicU64::new(BEFORE_THE_FIRST)),
            turns: 2 * trips,
            players: [OnceLock::new(), OnceLock::new()],
            seating,
            playing,
            sum: AtomicU64::new(0),
        })
    }

    fn sit_down(&self, player: usize, wakes_it: T) {
        assert!(self.players[player].set(wakes_it).is_ok(), "two on a seat");
        self.seating.count_down();
    }

    /// After both have sat down. The caller then wakes the first.
    pub(super) fn begin(&self) -> &T {
        self.turn.store(0, Ordering::Release);
        self.player(0)
    }

    fn player(&self, player: usize) -> &T {
        self.players[player].get().expect("both have sat down")
    }

    #[inline]
    fn is_turn(&self, turn: u64) -> bool {
        self.turn.load(Ordering::Acquire) == turn
    }

    #[inline]
    fn end_turn(&self, turn: u64) {
        self.turn.store(turn + 1, Ordering::Release);
    }

    /// The turns of one player, who is waited for by `turn % 2`.
    fn turns_of(&self, player: usize) -> impl Iterator<Item = u64> + use<T> {
        (player as u64..self.turns).step_by(2)
    }

    fn leave(&self, sum: u64) {
        self.sum.fetch_add(sum, Ordering::Relaxed);
        self.playing.count_down();
    }

    pub(super) fn finish(&self, stopwatch: Stopwatch) -> Measured {
        Measured::new(stopwatch.elapsed(), self.sum.load(Ordering::Relaxed))
    }
}

/// Measures the trips where tasks are futures.
pub(super) fn measure_tasks<H: TaskHost>(host: &H, n: u64) -> Bursts<Measured> {
    Bursts::run(|| {
        host.run(async move {
            let table = Table::new(n);
            for player in 0..2 {
                H::spawn(play_task(Arc::clone(&table), player));
            }
            table.seating.wait().await;
            let stopwatch = Stopwatch::start();
            table.begin().wake_by_ref();
            table.playing.wait().await;
            table.finish(stopwatch)
        })
    })
}

pub(super) async fn play_task(table: Arc<Table<Waker>>, player: usize) {
    // A task keeps its waker for life in every runtime here, so one clone serves
    // for all its turns.
    let waker = poll_fn(|context| Poll::Ready(context.waker().clone())).await;
    table.sit_down(player, waker);
    let mut sum = 0_u64;
    for turn in table.turns_of(player) {
        poll_fn(|_| match table.is_turn(turn) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        })
        .await;
        sum = sum.wrapping_add(mix(turn));
        table.end_turn(turn);
        table.player(1 - player).wake_by_ref();
    }
    table.leave(sum);
}

/// Measures the trips where tasks are threads.
pub(super) fn measure_threads<H: ThreadHost>(host: &H, n: u64) -> Bursts<Measured> {
    Bursts::run(|| {
        host.run(move || {
            let table = Table::new(n);
            for player in 0..2 {
                let table = Arc::clone(&table);
                H::spawn(move || play_thread::<H>(&table, player));
            }
            wait_for::<H>(table.seating.wait());
            let stopwatch = Stopwatch::start();
            H::unpark(table.begin());
            wait_for::<H>(table.playing.wait());
            table.finish(stopwatch)
        })
    })
}

pub(super) fn play_thread<H: ThreadHost>(table: &Table<H::Handle>, player: usize) {
    table.sit_down(player, H::current());
    let mut sum = 0_u64;
    for turn in table.turns_of(player) {
        while !table.is_turn(turn) {
            H::park();
        }
        sum = sum.wrapping_add(mix(turn));
        table.end_turn(turn);
        H::unpark(table.player(1 - player));
    }
    table.leave(sum);
}
