//! The barrier: a count under a lock that nobody holds for long, and an event.

use std::fmt;

use event_listener::{Event, EventListener};

use crate::drive::drive;
use crate::primitives::{AtomicU64, Mutex, Ordering};

/// Where a number of threads wait for each other, as [`std::sync::Barrier`]. Can be
/// used again and again.
///
/// ```
/// use std::sync::Arc;
/// use virid::{sync::Barrier, thread};
///
/// virid::run(|| {
///     let barrier = Arc::new(Barrier::new(10));
///     let threads: Vec<_> = (0..10)
///         .map(|_| {
///             let barrier = barrier.clone();
///             thread::spawn(move || barrier.wait().is_leader())
///         })
///         .collect();
///     let leaders = threads.into_iter().filter_map(|thread| thread.join().unwrap().then_some(()));
///     assert_eq!(leaders.count(), 1);
/// });
/// ```
pub struct Barrier {
    /// How many are here.
    count: Mutex<usize>,
    /// How often all have met. Written with `count` locked.
    round: AtomicU64,
    met: Event,
    size: usize,
}

/// Whether the thread is the one that a barrier has picked; as
/// [`std::sync::BarrierWaitResult`], which nobody but std can make.
pub struct BarrierWaitResult(bool);

impl BarrierWaitResult {
    /// Whether it is the last one that came, of which there is one in each round.
    ///
    /// ```
    /// assert!(virid::sync::Barrier::new(1).wait().is_leader());
    /// ```
    #[must_use]
    pub fn is_leader(&self) -> bool {
        self.0
    }
}

/// One who has come and waits for the others. Dropped before they are there, it was
/// never here.
struct Place<'a> {
    barrier: &'a Barrier,
    round: u64,
}

impl Place<'_> {
    fn is_over(&self) -> bool {
        // Ordering: Acquire pairs with the Release in `come`: what the others did
        // before they came is seen by who passes.
        self.barrier.round.load(Ordering::Acquire) != self.round
    }

    /// Nothing where all have met.
    fn listen_again(&self) -> Option<EventListener> {
        if self.is_over() {
            return None;
        }
        let _count = self.barrier.count.lock();
        (!self.is_over()).then(|| self.barrier.met.listen())
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if self.is_over() {
            return;
        }
        let mut count = self.barrier.count.lock();
        if !self.is_over() {
            *count -= 1;
        }
    }
}

impl Barrier {
    /// A barrier for `n` threads. 0 is as 1: nobody waits.
    ///
    /// ```
    /// static ALL: virid::sync::Barrier = virid::sync::Barrier::new(1);
    /// ALL.wait();
    /// ```
    pub const fn new(n: usize) -> Self {
        Self {
            count: Mutex::new(0),
            round: AtomicU64::new(0),
            met: Event::new(),
            size: n,
        }
    }

    /// Waits until as many threads have come as the barrier is for.
    ///
    /// A cancellation point: a thread that is cancelled there is not counted any more,
    /// and another one has to come in its place.
    ///
    /// ```
    /// let barrier = virid::sync::Barrier::new(2);
    /// virid::thread::scope(|scope| {
    ///     scope.spawn(|| barrier.wait());
    ///     barrier.wait();
    /// });
    /// ```
    ///
    /// # Panics
    ///
    /// Inside an async task: use [`wait_async`](Self::wait_async) there. And inside
    /// [`no_suspend`](crate::thread::no_suspend), for all but the last one.
    #[track_caller]
    pub fn wait(&self) -> BarrierWaitResult {
        drive(self.wait_async(), "Barrier::wait", "`wait_async().await`")
    }

    /// [`wait`](Self::wait) for async tasks. To drop the future before it is ready is
    /// not to have come.
    ///
    /// ```
    /// # virid::block_on(async {
    /// assert!(virid::sync::Barrier::new(1).wait_async().await.is_leader());
    /// # });
    /// ```
    pub async fn wait_async(&self) -> BarrierWaitResult {
        let Some((place, mut met)) = self.come() else {
            return BarrierWaitResult(true);
        };
        loop {
            met.await;
            // It may be a notification of the last round, from who has left in this.
            match place.listen_again() {
                Some(again) => met = again,
                None => return BarrierWaitResult(false),
            }
        }
    }

    /// Comes to the barrier. Nothing for who is the last, and lets the others go on.
    fn come(&self) -> Option<(Place<'_>, EventListener)> {
        let mut count = self.count.lock();
        // Ordering: Relaxed, because it is written under the lock.
        let round = self.round.load(Ordering::Relaxed);
        *count += 1;
        if *count < self.size {
            let place = Place {
                barrier: self,
                round,
            };
            // Under the lock, as the change of the round is: no notification is missed.
            return Some((place, self.met.listen()));
        }
        *count = 0;
        // Ordering: Release pairs with the Acquire in `is_over`; what the others did
        // is ours through the lock.
        self.round.store(round + 1, Ordering::Release);
        drop(count);
        // Who comes meanwhile hears of it too, looks, and listens again.
        self.met.notify_additional(usize::MAX);
        None
    }
}

impl fmt::Debug for Barrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Barrier").finish_non_exhaustive()
    }
}

impl fmt::Debug for BarrierWaitResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BarrierWaitResult")
            .field("is_leader", &self.0)
            .finish()
    }
}
