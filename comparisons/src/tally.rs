//! The part of a workload that is the same on every runtime: what a task
//! computes, where it leaves its result, and how the last one reports.

use std::future::Future;
use std::hint::black_box;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use crossbeam_utils::CachePadded;

/// Number of result cells. A task chooses its cell by its number and not by its
/// worker, because not every runtime tells a task where it runs.
const SHARDS: usize = 64;

/// The work of one task: the finalizer of SplitMix64.
///
/// Kept out of line and its input opaque, so that no compiler can fold a whole
/// burst into one loop; the Go program says `//go:noinline` for the same reason.
#[inline(never)]
pub(crate) fn mix(i: u64) -> u64 {
    let mut z = black_box(i).wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// About `US` microseconds of them, on a processor of 2026.
#[inline]
pub(crate) fn work<const US: u64>(i: u64) {
    const ROUNDS: u64 = 250;
    if US > 0 {
        black_box((0..US * ROUNDS).fold(i, |sum, _| mix(sum)));
    }
}

/// The checksum of `n` tasks.
///
/// A wrapping sum and not an exclusive or: Go has an atomic add but no atomic
/// xor, and a task that ran twice would cancel itself out of an xor.
pub(crate) fn expected_checksum(n: u64) -> u64 {
    (0..n).fold(0, |sum, i| sum.wrapping_add(mix(i)))
}

/// Result cells of one burst.
#[derive(Debug)]
pub(crate) struct Shards([CachePadded<AtomicU64>; SHARDS]);

impl Shards {
    /// All cells zero.
    pub(crate) const fn new() -> Self {
        Self([const { CachePadded::new(AtomicU64::new(0)) }; SHARDS])
    }

    /// Adds the result of task `i`.
    #[inline]
    pub(crate) fn add(&self, i: u64) {
        self.0[i as usize % SHARDS].fetch_add(mix(i), Ordering::Relaxed);
    }

    /// Returns the checksum and sets all cells back to zero. The caller has
    /// waited for every task, which orders their additions before this.
    pub(crate) fn take(&self) -> u64 {
        self.0.iter().fold(0, |sum, cell| {
            sum.wrapping_add(cell.swap(0, Ordering::Relaxed))
        })
    }
}

/// Counts tasks down and wakes one waiter when the last has finished.
///
/// The number is set up front, so a task pays for one atomic decrement, as with
/// a `sync.WaitGroup` whose `Add(n)` came first.
#[derive(Debug)]
pub(crate) struct Countdown {
    left: CachePadded<AtomicU64>,
    waiter: Mutex<Option<Waker>>,
}

impl Countdown {
    /// A countdown that is already over.
    pub(crate) const fn new() -> Self {
        Self {
            left: CachePadded::new(AtomicU64::new(0)),
            waiter: Mutex::new(None),
        }
    }

    /// Sets the number of tasks to wait for.
    pub(crate) fn arm(&self, n: u64) {
        self.left.store(n, Ordering::Relaxed);
    }

    /// Whether so many have yet to count.
    pub(crate) fn is_at(&self, n: u64) -> bool {
        self.left.load(Ordering::Relaxed) == n
    }

    /// Counts one task.
    #[inline]
    pub(crate) fn count_down(&self) {
        // Release for the results of this task, Acquire so that the last task
        // hands the results of all of them to the waiter.
        if self.left.fetch_sub(1, Ordering::AcqRel) == 1 {
            let waiter = self.waiter().take();
            if let Some(waker) = waiter {
                waker.wake();
            }
        }
    }

    /// Completes when every task has counted.
    pub(crate) fn wait(&self) -> Wait<'_> {
        Wait(self)
    }

    fn waiter(&self) -> MutexGuard<'_, Option<Waker>> {
        self.waiter.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Future of [`Countdown::wait`].
#[derive(Debug)]
pub(crate) struct Wait<'a>(&'a Countdown);

impl Future for Wait<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.0.left.load(Ordering::Acquire) == 0 {
            return Poll::Ready(());
        }
        *self.0.waiter() = Some(cx.waker().clone());
        // The last task may have looked for a waiter just before.
        if self.0.left.load(Ordering::Acquire) == 0 {
            self.0.waiter().take();
            return Poll::Ready(());
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_add_up_to_the_expected_checksum_and_reset() {
        let shards = Shards::new();
        (0..1000).rev().for_each(|i| shards.add(i));
        assert_eq!(shards.take(), expected_checksum(1000));
        assert_eq!(shards.take(), 0);
    }

    #[test]
    fn mix_matches_the_published_first_output_of_splitmix64() {
        assert_eq!(mix(0), 0xe220_a839_7b1d_cdaf);
    }

    #[test]
    fn countdown_wakes_a_waiter_on_another_thread() {
        static COUNTDOWN: Countdown = Countdown::new();
        COUNTDOWN.arm(2);
        let counter = std::thread::spawn(|| {
            COUNTDOWN.count_down();
            COUNTDOWN.count_down();
        });
        futures_lite::future::block_on(COUNTDOWN.wait());
        counter.join().unwrap();
    }
}
