//! The settings of a monitor.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use super::attached::SpawnMonitor;
use super::countdown::Rate;
use super::record::{OnSlow, Record};
use crate::runtime::Handle;

/// One of so many spawns is a sample where nothing else is asked for.
const EVERY: u32 = 64;

/// Samples that a window may be for.
const LARGEST_WINDOW: usize = 1 << 20;

/// The settings of a [`SpawnMonitor`]; from [`SpawnMonitor::builder`].
///
/// ```
/// use std::time::Duration;
/// use virid::monitor::SpawnMonitor;
///
/// let runtime = virid::Runtime::new()?;
/// let monitor = SpawnMonitor::builder()
///     .window(10_000)
///     .sampling(1_024)
///     .slow_threshold(Duration::from_millis(2))
///     .on_slow(|place, waited| eprintln!("a task of {place} waited for {waited:?}"))
///     .attach(&runtime);
/// # drop(monitor);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone)]
#[must_use = "a monitor is nothing until it is attached"]
pub struct Builder {
    window: usize,
    rate: Rate,
    slow_after: Duration,
    on_slow: Option<Arc<OnSlow>>,
}

impl Builder {
    pub(super) fn new() -> Self {
        Self {
            window: 1_000,
            rate: Rate {
                every: EVERY,
                begins_dense: true,
            },
            slow_after: Duration::from_millis(10),
            on_slow: None,
        }
    }

    /// How many samples [`stats`](SpawnMonitor::stats) are about, the last ones; 1,000
    /// where nothing is said. Each worker has room for as many, of 16 bytes each. With
    /// 0 there are no statistics, only totals and what is called for slow spawns.
    ///
    /// ```
    /// let runtime = virid::Runtime::new()?;
    /// let monitor = virid::monitor::SpawnMonitor::builder().window(10).attach(&runtime);
    /// for _ in 0..100 {
    ///     runtime.spawn(async {}).join().unwrap();
    /// }
    /// assert_eq!(monitor.stats().count, 10);
    /// assert_eq!(monitor.samples(), 100);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Panics
    ///
    /// With more than 1,048,576.
    #[track_caller]
    pub fn window(mut self, samples: usize) -> Self {
        assert!(
            samples <= LARGEST_WINDOW,
            "a window for {samples} samples is too large; {LARGEST_WINDOW} are possible"
        );
        self.window = samples;
        self
    }

    /// One of so many spawns of each thread is a sample: 1 for every spawn. Which one
    /// of them is left to chance, so that a load which comes in rounds is seen at all
    /// of its points.
    ///
    /// Where nothing is said, the first 1,000 spawns of each thread are samples, and
    /// one of 64 from then on: a small program is seen at once, and a large one costs
    /// little.
    ///
    /// ```
    /// let runtime = virid::Runtime::new()?;
    /// let monitor = virid::monitor::SpawnMonitor::builder().sampling(10).attach(&runtime);
    /// for _ in 0..100 {
    ///     runtime.spawn(async {}).join().unwrap();
    /// }
    /// assert_eq!(monitor.samples(), 10);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Panics
    ///
    /// With 0.
    #[track_caller]
    pub fn sampling(mut self, one_in: u32) -> Self {
        assert!(
            one_in != 0,
            "one of 0 spawns cannot be a sample; 1 samples every spawn, and dropping the \
             monitor ends it"
        );
        self.rate = Rate {
            every: one_in,
            begins_dense: false,
        };
        self
    }

    /// From which wait on a spawn is slow: 10 ms where nothing is said.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let runtime = virid::Runtime::new()?;
    /// let builder = virid::monitor::SpawnMonitor::builder();
    /// let monitor = builder.slow_threshold(Duration::ZERO).attach(&runtime);
    /// runtime.spawn(async {}).join().unwrap();
    /// assert_eq!(monitor.stats().slow, 1);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn slow_threshold(mut self, wait: Duration) -> Self {
        self.slow_after = wait;
        self
    }

    /// What is called for each sample that was slow, with the place of its spawn and
    /// how long it waited.
    ///
    /// The worker that is about to run the task calls it, before the task begins: keep
    /// it short. It may spawn, and not wait: `block_on` and `join` panic in it. A panic
    /// is reported by the panic hook and otherwise ignored. It is dropped with the
    /// monitor, or by a worker that is inside of it then.
    ///
    /// ```
    /// use std::sync::mpsc::channel;
    /// use std::time::Duration;
    ///
    /// let (send, receive) = channel();
    /// let runtime = virid::Runtime::new()?;
    /// let monitor = virid::monitor::SpawnMonitor::builder()
    ///     .slow_threshold(Duration::ZERO)
    ///     .on_slow(move |place, waited| send.send((place.line(), waited)).unwrap())
    ///     .attach(&runtime);
    /// let line = line!() + 1;
    /// runtime.spawn(async {}).join().unwrap();
    /// assert_eq!(receive.recv().unwrap().0, line);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn on_slow(
        mut self,
        f: impl Fn(&'static Location<'static>, Duration) + Send + Sync + 'static,
    ) -> Self {
        self.on_slow = Some(Arc::new(f));
        self
    }

    /// Begins to monitor a runtime; see [`SpawnMonitor::attach`].
    ///
    /// ```
    /// let runtime = virid::Runtime::new()?;
    /// let monitor = virid::monitor::SpawnMonitor::builder().attach(runtime.handle());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn attach(self, runtime: impl AsRef<Handle>) -> SpawnMonitor {
        let handle = runtime.as_ref().clone();
        let record = Record::new(
            handle.shared().workers(),
            self.window,
            self.rate,
            self.slow_after,
            self.on_slow.as_ref().map(Arc::downgrade),
        );
        SpawnMonitor::new(handle, record, self.on_slow)
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("window", &self.window)
            .field("rate", &self.rate)
            .field("slow_threshold", &self.slow_after)
            .field("on_slow", &self.on_slow.is_some())
            .finish()
    }
}
