//! Numbers about the samples of a window.

use std::fmt;
use std::time::Duration;

/// How long the last samples waited from their spawn to their first run; from
/// [`SpawnMonitor::stats`](super::SpawnMonitor::stats).
///
/// All fields are about the same samples: those in the monitor's window. Without any,
/// all are zero. Percentiles are nearest ranks, so each is the wait of some task, and
/// that of `p99` rests on the hundredth part of `count`: of ten samples it is the
/// largest.
///
/// ```
/// let runtime = virid::Runtime::new()?;
/// let monitor = virid::monitor::SpawnMonitor::attach(&runtime);
/// assert_eq!(monitor.stats(), virid::monitor::SpawnStats::default());
/// runtime.spawn(async {}).join().unwrap();
/// let stats = monitor.stats();
/// assert_eq!(stats.count, 1);
/// assert_eq!(stats.max, stats.mean);
/// println!("{stats}");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SpawnStats {
    /// How many samples are in the window.
    pub count: u64,
    /// Their mean wait.
    pub mean: Duration,
    /// Half of them waited no longer.
    pub p50: Duration,
    /// Of a hundred, 95 waited no longer.
    pub p95: Duration,
    /// Of a hundred, 99 waited no longer.
    pub p99: Duration,
    /// The longest wait.
    pub max: Duration,
    /// How many waited as long as the
    /// [threshold](super::Builder::slow_threshold), or longer.
    pub slow: u64,
}

impl SpawnStats {
    /// Of waits in nanoseconds, in any order.
    pub(crate) fn of(mut waits: Vec<u64>, slow_after: Duration) -> Self {
        waits.sort_unstable();
        let Some(&max) = waits.last() else {
            return Self::default();
        };
        let rank = |percent: usize| {
            let rank = (waits.len() * percent).div_ceil(100);
            Duration::from_nanos(waits[rank - 1])
        };
        let sum: u128 = waits.iter().map(|&wait| u128::from(wait)).sum();
        let mean = sum / waits.len() as u128;
        let is_slow = |wait: &u64| Duration::from_nanos(*wait) >= slow_after;
        let fast = waits.partition_point(|wait| !is_slow(wait));
        Self {
            count: waits.len() as u64,
            // No more than the largest.
            mean: Duration::from_nanos(mean as u64),
            p50: rank(50),
            p95: rank(95),
            p99: rank(99),
            max: Duration::from_nanos(max),
            slow: (waits.len() - fast) as u64,
        }
    }
}

impl fmt::Display for SpawnStats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            count,
            mean,
            p50,
            p95,
            p99,
            max,
            slow,
        } = self;
        write!(
            f,
            "spawn to first run: mean {mean:.1?}, p50 {p50:.1?}, p95 {p95:.1?}, p99 {p99:.1?}, \
             max {max:.1?}; {slow} slow of {count}"
        )
    }
}
