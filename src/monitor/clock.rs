//! What the clock itself costs, and how fine it is.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// How often the clock is read to learn that.
const READS: u32 = 1_000;

/// The clock that samples are measured with, on this machine; from
/// [`SpawnMonitor::clock`](super::SpawnMonitor::clock).
///
/// ```
/// let runtime = virid::Runtime::new()?;
/// let clock = virid::monitor::SpawnMonitor::attach(&runtime).clock();
/// println!("in steps of {:?}, {:?} for a look", clock.step, clock.cost);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clock {
    /// The smallest difference between two looks that was not zero: what is below it,
    /// and a difference of a few of these, says nothing.
    pub step: Duration,
    /// What a look costs. One of the two looks of each sample is part of its wait; it
    /// is never subtracted.
    pub cost: Duration,
}

impl Clock {
    /// Measured once in a process, in some thirty microseconds.
    pub(crate) fn get() -> Self {
        static CLOCK: OnceLock<Clock> = OnceLock::new();
        *CLOCK.get_or_init(Self::measure)
    }

    fn measure() -> Self {
        let began = Instant::now();
        let mut last = began;
        let mut step = Duration::MAX;
        for _ in 0..READS {
            let now = Instant::now();
            if now > last {
                step = step.min(now - last);
            }
            last = now;
        }
        Self {
            step: step.min(last - began),
            cost: (last - began) / READS,
        }
    }
}
