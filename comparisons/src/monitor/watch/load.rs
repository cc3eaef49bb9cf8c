//! A load to look at: requests that come at a rate of their own, whether the runtime
//! keeps up or not.
//!
//! Each request knows when it was due. What it waited from then on holds also the time
//! in which nobody got to spawn it; the wait from its spawn does not, and looks better
//! the worse things are (coordinated omission). Both are shown.

use std::collections::VecDeque;
use std::hint::black_box;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use clap::ValueEnum;
use virid::monitor::SpawnMonitor;
use virid::{Handle, Runtime, spawn};

/// Requests come so often, so many at a time.
const EVERY: Duration = Duration::from_millis(2);
const AT_A_TIME: u64 = 10;

/// Of a load that blocks, one task does so after so long, for so long.
const BLOCKS_EVERY: Duration = Duration::from_millis(200);
const BLOCKS_FOR: Duration = Duration::from_millis(30);

/// Requests whose wait since they were due is kept.
const KEPT: usize = 1_000;

/// What the load is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// Five thousand requests a second, each with two tasks and 20 us of work
    Steady,
    /// The same, and tasks that block their workers for 30 ms, five times a second
    Blocked,
}

pub(crate) struct Load {
    monitor: SpawnMonitor,
    since_due: Arc<Mutex<VecDeque<Duration>>>,
    ends: Arc<AtomicBool>,
    driver: Option<thread::JoinHandle<()>>,
    _runtime: Runtime,
}

impl Load {
    pub(crate) fn start(kind: Kind, slow_after: Duration, window: usize) -> io::Result<Self> {
        let runtime = Runtime::new()?;
        let monitor = SpawnMonitor::builder()
            .sampling(1)
            .window(window)
            .slow_threshold(slow_after)
            .attach(&runtime);
        let since_due = Arc::default();
        let ends = Arc::new(AtomicBool::new(false));
        let driver = {
            let (handle, since_due) = (runtime.handle().clone(), Arc::clone(&since_due));
            let ends = Arc::clone(&ends);
            thread::spawn(move || drive(kind, &handle, &since_due, &ends))
        };
        Ok(Self {
            monitor,
            since_due,
            ends,
            driver: Some(driver),
            _runtime: runtime,
        })
    }

    pub(crate) fn text(&self) -> String {
        self.monitor.prometheus()
    }

    /// What of a hundred requests 99 waited at most, from when they were due to their
    /// first run, in nanoseconds.
    pub(crate) fn p99_since_due(&self) -> f64 {
        let kept = self
            .since_due
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let mut waits: Vec<_> = kept.iter().copied().collect();
        drop(kept);
        waits.sort_unstable();
        let rank = (waits.len() * 99).div_ceil(100).saturating_sub(1);
        waits.get(rank).map_or(0.0, |wait| wait.as_nanos() as f64)
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
        if let Some(driver) = self.driver.take() {
            let _ = driver.join();
        }
    }
}

/// Spawns what is due, and all of it where it comes late.
fn drive(
    kind: Kind,
    handle: &Handle,
    since_due: &Arc<Mutex<VecDeque<Duration>>>,
    ends: &AtomicBool,
) {
    let mut due = Instant::now();
    let mut blocks = due + BLOCKS_EVERY;
    while !ends.load(Ordering::Relaxed) {
        if kind == Kind::Blocked && due >= blocks {
            blocks += BLOCKS_EVERY;
            drop(handle.spawn(async { thread::sleep(BLOCKS_FOR) }));
        }
        for number in 0..AT_A_TIME {
            let since_due = Arc::clone(since_due);
            drop(handle.spawn(async move {
                keep(&since_due, due.elapsed());
                request(number).await;
            }));
        }
        due += EVERY;
        thread::sleep(due.saturating_duration_since(Instant::now()));
    }
}

/// Keeps the last ones.
fn keep(since_due: &Mutex<VecDeque<Duration>>, waited: Duration) {
    let mut kept = since_due.lock().unwrap_or_else(PoisonError::into_inner);
    kept.truncate(KEPT - 1);
    kept.push_front(waited);
}

async fn request(number: u64) {
    let part = |seed| spawn(async move { work(seed) });
    let (one, other) = (part(number), part(number + 1));
    // A load goes on without a part that failed.
    let _ = (one.await, other.await);
}

/// Some ten microseconds.
fn work(seed: u64) -> u64 {
    let mix = |sum: u64, n: u64| {
        (sum ^ n)
            .wrapping_mul(0x9E37_79B9_7F4A_7C15)
            .rotate_left(31)
    };
    (0..black_box(8_000)).fold(seed, mix)
}
