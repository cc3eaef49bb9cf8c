//! What the clock itself costs, and how fine it is.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// The clock is read so often to learn that, and the quickest batch counts: the system
/// may stop the thread in any of them.
const BATCHES: u32 = 10;
const READS: u32 = 100;

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
    /// The smallest difference between two looks, one right after the other, that was
    /// not zero: waits that differ by a few of these do not differ.
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
        let mut step = Duration::MAX;
        let mut batch = || {
            let began = Instant::now();
            let mut last = began;
            for _ in 0..READS {
                let now = Instant::now();
                if now > last {
                    step = step.min(now - last);
                }
                last = now;
            }
            last - began
        };
        let quickest = (0..BATCHES).map(|_| batch()).min().unwrap_or_default();
        Self {
            // A clock so coarse that it stood still.
            step: if step == Duration::MAX {
                quickest
            } else {
                step
            },
            cost: quickest / READS,
        }
    }
}
