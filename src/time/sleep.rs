//! One wait, until a deadline.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use async_io::Timer;

/// What stands for a deadline beyond all that the clock can say, counted from now:
/// nobody waits for so long.
const FOR_EVER: Duration = Duration::from_secs(60 * 60 * 24 * 365 * 30);

/// The time after `start` by `duration`; far in the future where no clock can say it.
pub(super) fn after(start: Instant, duration: Duration) -> Instant {
    start.checked_add(duration).unwrap_or_else(|| {
        // A start that is itself too late to add anything to stays as it is.
        start.checked_add(FOR_EVER).unwrap_or(start)
    })
}

/// Waits for a duration, counted from this call.
///
/// A duration of zero is no wait, and one that ends later than the clock can say
/// never ends.
///
/// **Cancellation**: dropping the future ends the wait, and leaves nothing behind. To
/// wait on in the next round of a `select!`, pass it by reference.
///
/// ```
/// use std::time::{Duration, Instant};
/// use virid::time::sleep;
///
/// # virid::block_on(async {
/// let start = Instant::now();
/// sleep(Duration::from_millis(2)).await;
/// assert!(start.elapsed() >= Duration::from_millis(2));
/// # });
/// ```
///
/// # Panics
///
/// Polling it panics where the system refuses the one thread that watches timers.
pub fn sleep(duration: Duration) -> Sleep {
    sleep_until(after(Instant::now(), duration))
}

/// Waits until `deadline`; not at all where that has passed. See [`sleep`].
///
/// ```
/// use std::time::{Duration, Instant};
/// use virid::time::sleep_until;
///
/// # virid::block_on(async {
/// let deadline = Instant::now() + Duration::from_millis(2);
/// sleep_until(deadline).await;
/// sleep_until(deadline).await; // has passed
/// assert!(Instant::now() >= deadline);
/// # });
/// ```
///
/// # Panics
///
/// As [`sleep`].
pub fn sleep_until(deadline: Instant) -> Sleep {
    Sleep {
        deadline,
        timer: Timer::at(deadline),
    }
}

/// The future of [`sleep`] and [`sleep_until`]. It begins to be watched when it is
/// polled, but its time runs from the call that made it. Polled again when it is over,
/// it is over again. Dropped, it is watched no longer.
///
/// ```
/// use std::time::Duration;
/// use virid::time::{Sleep, sleep};
///
/// # virid::block_on(async {
/// let mut wait: Sleep = sleep(Duration::from_millis(1));
/// (&mut wait).await;
/// assert!(wait.is_elapsed());
/// wait.await;
/// # });
/// ```
#[derive(Debug)]
#[must_use = "a wait does nothing unless it is awaited"]
pub struct Sleep {
    deadline: Instant,
    /// Says that it will not fire once it has.
    timer: Timer,
}

impl Sleep {
    /// When the wait is over.
    ///
    /// ```
    /// use std::time::{Duration, Instant};
    ///
    /// let deadline = Instant::now() + Duration::from_secs(1);
    /// assert_eq!(virid::time::sleep_until(deadline).deadline(), deadline);
    /// ```
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Whether the deadline has passed.
    ///
    /// ```
    /// use std::time::{Duration, Instant};
    /// use virid::time::{sleep, sleep_until};
    ///
    /// assert!(sleep_until(Instant::now()).is_elapsed());
    /// assert!(!sleep(Duration::from_secs(60)).is_elapsed());
    /// ```
    pub fn is_elapsed(&self) -> bool {
        Instant::now() >= self.deadline
    }

    /// Gives the wait another deadline, whether it is over or not. Who awaits it
    /// meanwhile is woken at the new one.
    ///
    /// ```
    /// use std::time::{Duration, Instant};
    /// use virid::time::sleep;
    ///
    /// # virid::block_on(async {
    /// let mut wait = sleep(Duration::from_secs(60));
    /// wait.reset(Instant::now() + Duration::from_millis(1));
    /// wait.await;
    /// # });
    /// ```
    pub fn reset(&mut self, deadline: Instant) {
        self.deadline = deadline;
        self.timer.set_at(deadline);
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if !self.timer.will_fire() {
            return Poll::Ready(());
        }
        Pin::new(&mut self.timer).poll(cx).map(drop)
    }
}
