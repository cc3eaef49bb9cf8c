//! The same wait again and again.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use super::sleep::{Sleep, after, sleep_until};

/// How late a tick is when the time between ticks is thought over. Tokio's number:
/// below it no timer of a busy system can be said to have missed anything.
const LATE: Duration = Duration::from_millis(5);

/// Ticks again and again, `period` apart; the first tick is at once.
///
/// The ticks are a schedule: what the program does between two of them does not delay
/// the third. What happens when it takes longer than that, [`MissedTickBehavior`] says;
/// unless told otherwise, the ticks that were missed come at once, one after another.
///
/// ```
/// use std::time::Duration;
/// use virid::time::interval;
///
/// # virid::block_on(async {
/// let mut ticks = interval(Duration::from_millis(2));
/// let first = ticks.tick().await; // at once
/// assert_eq!(ticks.tick().await, first + Duration::from_millis(2));
/// # });
/// ```
///
/// # Panics
///
/// Where `period` is zero: await [`yield_now`](crate::yield_now) instead.
#[track_caller]
pub fn interval(period: Duration) -> Interval {
    interval_at(Instant::now(), period)
}

/// As [`interval`], with the first tick at `start`, at once where that has passed.
///
/// ```
/// use std::time::{Duration, Instant};
/// use virid::time::interval_at;
///
/// # virid::block_on(async {
/// let start = Instant::now() + Duration::from_millis(2);
/// let mut ticks = interval_at(start, Duration::from_millis(1));
/// assert_eq!(ticks.tick().await, start);
/// # });
/// ```
///
/// # Panics
///
/// As [`interval`].
#[track_caller]
pub fn interval_at(start: Instant, period: Duration) -> Interval {
    assert!(
        !period.is_zero(),
        "an interval without a length would tick for ever; await yield_now instead"
    );
    Interval {
        sleep: sleep_until(start),
        period,
        missed: MissedTickBehavior::default(),
    }
}

/// What an [`Interval`] does when a tick comes more than 5 ms late: because nobody
/// awaited it, or because its task did not get to run. (Less is not looked at.)
///
/// With a period of 50 ms, where the program is busy from 60 to 170 ms and so awaits
/// the tick of 100 ms too late:
///
/// | behaviour | ticks at                        |
/// |-----------|---------------------------------|
/// | `Burst`   | 0, 50, 170, 170, 200, 250 ms    |
/// | `Delay`   | 0, 50, 170, 220, 270 ms         |
/// | `Skip`    | 0, 50, 170, 200, 250 ms         |
///
/// ```
/// use std::time::Duration;
/// use virid::time::{MissedTickBehavior, interval};
///
/// let mut ticks = interval(Duration::from_secs(1));
/// assert_eq!(ticks.missed_tick_behavior(), MissedTickBehavior::Burst);
/// ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MissedTickBehavior {
    /// Ticks that were missed come at once, one after another, until the schedule is
    /// kept again: there are as many ticks as without the delay.
    #[default]
    Burst,
    /// The next tick is a period after the late one: there are never two within a
    /// period, and the schedule is a new one.
    Delay,
    /// Ticks that were missed are left out: the next one is the next of the schedule.
    Skip,
}

impl MissedTickBehavior {
    /// The tick after one that was for `due` and came `now`, too late.
    fn next(self, due: Instant, now: Instant, period: Duration) -> Instant {
        match self {
            Self::Burst => after(due, period),
            Self::Delay => after(now, period),
            Self::Skip => {
                let late = now.saturating_duration_since(due).as_nanos();
                let since_last = late % period.as_nanos();
                // Less than a period, of which the largest has 94 bits.
                let seconds = (since_last / 1_000_000_000) as u64;
                let since_last = Duration::new(seconds, (since_last % 1_000_000_000) as u32);
                after(now, period - since_last)
            }
        }
    }
}

/// Ticks again and again; from [`interval`] and [`interval_at`]. Dropping it ends that.
///
/// ```
/// use std::time::Duration;
/// use virid::time::interval;
///
/// virid::spawn(async {
///     let mut ticks = interval(Duration::from_millis(1));
///     for _ in 0..3 {
///         ticks.tick().await;
///     }
/// })
/// .join()
/// .unwrap();
/// ```
#[derive(Debug)]
pub struct Interval {
    sleep: Sleep,
    period: Duration,
    missed: MissedTickBehavior,
}

impl Interval {
    /// Waits for the next tick, and says for when it was due.
    ///
    /// **Cancellation**: dropping the future loses no tick.
    ///
    /// ```
    /// use std::time::{Duration, Instant};
    ///
    /// # virid::block_on(async {
    /// let mut ticks = virid::time::interval(Duration::from_secs(1));
    /// assert!(ticks.tick().await <= Instant::now());
    /// # });
    /// ```
    ///
    /// # Panics
    ///
    /// As [`sleep`](super::sleep()).
    pub async fn tick(&mut self) -> Instant {
        poll_fn(|cx| self.poll_tick(cx)).await
    }

    /// [`tick`](Self::tick), for a future that is written by hand: the task is woken
    /// when the next tick is due.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// # virid::block_on(async {
    /// let mut ticks = virid::time::interval(Duration::from_secs(1));
    /// std::future::poll_fn(|cx| ticks.poll_tick(cx)).await;
    /// # });
    /// ```
    ///
    /// # Panics
    ///
    /// As [`tick`](Self::tick).
    pub fn poll_tick(&mut self, cx: &mut Context<'_>) -> Poll<Instant> {
        ready!(Pin::new(&mut self.sleep).poll(cx));
        let (due, now) = (self.sleep.deadline(), Instant::now());
        let next = if now.saturating_duration_since(due) > LATE {
            self.missed.next(due, now, self.period)
        } else {
            after(due, self.period)
        };
        self.sleep.reset(next);
        Poll::Ready(due)
    }

    /// Begins anew: the next tick is a period from now.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # virid::block_on(async {
    /// let mut ticks = virid::time::interval(Duration::from_millis(2));
    /// ticks.reset(); // the first tick is no longer at once
    /// ticks.tick().await;
    /// # });
    /// ```
    pub fn reset(&mut self) {
        self.reset_after(self.period);
    }

    /// Begins anew with a tick at once.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # virid::block_on(async {
    /// let mut ticks = virid::time::interval(Duration::from_secs(3_600));
    /// ticks.tick().await;
    /// ticks.reset_immediately();
    /// ticks.tick().await;
    /// # });
    /// ```
    pub fn reset_immediately(&mut self) {
        self.reset_at(Instant::now());
    }

    /// Begins anew: the next tick is so long from now, and those that follow a period
    /// apart.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # virid::block_on(async {
    /// let mut ticks = virid::time::interval(Duration::from_secs(3_600));
    /// ticks.reset_after(Duration::from_millis(1));
    /// ticks.tick().await;
    /// # });
    /// ```
    pub fn reset_after(&mut self, duration: Duration) {
        self.reset_at(after(Instant::now(), duration));
    }

    /// Begins anew: the next tick is at `deadline`, and those that follow a period
    /// apart.
    ///
    /// ```
    /// # use std::time::{Duration, Instant};
    /// # virid::block_on(async {
    /// let mut ticks = virid::time::interval(Duration::from_secs(3_600));
    /// let deadline = Instant::now() + Duration::from_millis(1);
    /// ticks.reset_at(deadline);
    /// assert_eq!(ticks.tick().await, deadline);
    /// # });
    /// ```
    pub fn reset_at(&mut self, deadline: Instant) {
        self.sleep.reset(deadline);
    }

    /// What it does about ticks that come too late.
    ///
    /// ```
    /// # use std::time::Duration;
    /// use virid::time::{MissedTickBehavior, interval};
    ///
    /// let ticks = interval(Duration::from_secs(1));
    /// assert_eq!(ticks.missed_tick_behavior(), MissedTickBehavior::Burst);
    /// ```
    pub fn missed_tick_behavior(&self) -> MissedTickBehavior {
        self.missed
    }

    /// Says what to do about ticks that come too late.
    ///
    /// ```
    /// # use std::time::Duration;
    /// use virid::time::{MissedTickBehavior, interval};
    ///
    /// interval(Duration::from_secs(1)).set_missed_tick_behavior(MissedTickBehavior::Delay);
    /// ```
    pub fn set_missed_tick_behavior(&mut self, behavior: MissedTickBehavior) {
        self.missed = behavior;
    }

    /// The time between ticks.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let second = Duration::from_secs(1);
    /// assert_eq!(virid::time::interval(second).period(), second);
    /// ```
    pub fn period(&self) -> Duration {
        self.period
    }
}
