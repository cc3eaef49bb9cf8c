//! The wake of a parked worker: a thread outside the runtime wakes a task `n` times, and
//! each time all workers have parked before. A wake takes from before the call to the
//! first thing that the task does, and each burst says one percentile of its wakes
//! instead of their mean. One file, and a workload for each of the two percentiles.
//!
//! A green thread of virid that has started waits for its own worker, so that its row is
//! also the one for the wake of a green thread of another worker.
//!
//! Go does not take part, because each of its threads belongs to its runtime; rayon's
//! tasks cannot wait. The row `std` is what the kernel takes by itself.

use std::future::poll_fn;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use futures_lite::future::block_on;

use super::{Bursts, Facts, Measured, Phase};
use crate::clock::{Elapsed, Stopwatch};
use crate::hosts::{JoinHost, ThreadHost};
use crate::tally::{Countdown, expected_checksum, mix};

pub(super) const MEDIAN: Facts = Facts {
    name: "wake",
    describe: "a thread wakes a task, all workers parked, n times; the median",
    unit: "wake",
    units: "wakes",
    sizes: &[1_000],
    quick: &[200],
    is_default: true,
    scales: false,
    workers: None,
    asks_for_memory: false,
    phases: &[Phase::Warm],
    budget: Duration::from_secs(5),
    checksum: expected_checksum,
};

pub(super) const TAIL: Facts = Facts {
    name: "wake-p99",
    describe: "the same, and how long the slowest in a hundred take",
    is_default: false,
    budget: Duration::from_secs(15),
    ..MEDIAN
};

/// Long enough for every worker here to have looked around and parked.
const PAUSE: Duration = Duration::from_micros(200);

/// What the two share, where `T` wakes the task.
struct Line<T> {
    begun: Instant,
    waiter: OnceLock<T>,
    /// How many wakes there were.
    woken: AtomicU64,
    /// When the task saw the last of them, in nanoseconds since `begun`.
    seen: AtomicU64,
    answering: Countdown,
    sum: AtomicU64,
}

impl<T> Line<T> {
    fn new() -> Arc<Self> {
        let answering = Countdown::new();
        answering.arm(1);
        Arc::new(Self {
            begun: Instant::now(),
            waiter: OnceLock::new(),
            woken: AtomicU64::new(0),
            seen: AtomicU64::new(0),
            answering,
            sum: AtomicU64::new(0),
        })
    }

    /// Says who waits; once, before the first wake.
    fn wait(&self, waiter: T) {
        assert!(self.waiter.set(waiter).is_ok(), "one waits");
        self.answering.count_down();
    }

    #[inline]
    fn is_woken(&self, turn: u64) -> bool {
        self.woken.load(Ordering::Acquire) > turn
    }

    /// What the task does when it is woken.
    fn answer(&self, turn: u64) {
        let seen = nanos(self.begun.elapsed());
        self.seen.store(seen, Ordering::Relaxed);
        self.sum.fetch_add(mix(turn), Ordering::Relaxed);
        self.answering.count_down();
    }

    /// Wakes `n` times; `percent` of the wakes took no longer than the time returned.
    fn wake(&self, n: u64, percent: u64, wake: impl Fn(&T)) -> Measured {
        block_on(self.answering.wait());
        let waiter = self.waiter.get().expect("it has said so");
        let stopwatch = Stopwatch::start();
        let wakes = (0..n).map(|turn| {
            thread::sleep(PAUSE);
            self.answering.arm(1);
            let before = nanos(self.begun.elapsed());
            self.woken.store(turn + 1, Ordering::Release);
            wake(waiter);
            block_on(self.answering.wait());
            self.seen.load(Ordering::Relaxed).saturating_sub(before)
        });
        let mut wakes: Vec<u64> = wakes.collect();
        let elapsed = Elapsed {
            // Reports divide by the number of wakes.
            wall: Duration::from_nanos(percentile(&mut wakes, percent) * n),
            ..stopwatch.elapsed()
        };
        Measured::new(elapsed, self.sum.load(Ordering::Relaxed))
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// The smallest of the times that `percent` of them do not exceed.
fn percentile(times: &mut [u64], percent: u64) -> u64 {
    times.sort_unstable();
    let rank = (times.len() as u64 * percent).div_ceil(100).max(1);
    times[rank as usize - 1]
}

/// Measures the wakes where tasks are futures.
pub(super) fn measure_tasks<H: JoinHost>(host: &H, n: u64, percent: u64) -> Bursts<Measured> {
    Bursts::run(|| {
        let line = Line::<Waker>::new();
        host.spawn_from_outside(wait_in_task(Arc::clone(&line), n));
        line.wake(n, percent, Waker::wake_by_ref)
    })
}

async fn wait_in_task(line: Arc<Line<Waker>>, n: u64) {
    // A task keeps its waker for life in every runtime here.
    let waker = poll_fn(|context| Poll::Ready(context.waker().clone())).await;
    line.wait(waker);
    for turn in 0..n {
        poll_fn(|_| match line.is_woken(turn) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        })
        .await;
        line.answer(turn);
    }
}

/// Measures the wakes where tasks are threads.
pub(super) fn measure_threads<H: ThreadHost>(host: &H, n: u64, percent: u64) -> Bursts<Measured> {
    Bursts::run(|| {
        let line = Line::<H::Handle>::new();
        let waiting = Arc::clone(&line);
        host.spawn_from_outside(move || {
            waiting.wait(H::current());
            for turn in 0..n {
                while !waiting.is_woken(turn) {
                    H::park();
                }
                waiting.answer(turn);
            }
        });
        line.wake(n, percent, H::unpark)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_times_that_were_measured() {
        let times = || (1..=200).rev().collect::<Vec<u64>>();
        assert_eq!(percentile(&mut times(), 50), 100);
        assert_eq!(percentile(&mut times(), 99), 198);
        assert_eq!(percentile(&mut [7], 99), 7);
    }
}
