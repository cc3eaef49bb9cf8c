//! A monitor that is attached to a runtime.

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::builder::Builder;
use super::clock::Clock;
use super::export::Export;
use super::record::{OnSlow, Record};
use super::stats::SpawnStats;
use super::view::View;
use crate::primitives::Mutex;
use crate::runtime::Handle;

/// Measures how long the tasks of a runtime wait from their spawn to their first run.
/// What it sees and costs, and what to make of it, stands in the
/// [module](crate::monitor).
///
/// ```
/// use virid::monitor::SpawnMonitor;
///
/// let runtime = virid::Runtime::new()?;
/// let monitor = SpawnMonitor::attach(&runtime);
/// for n in 0..100 {
///     runtime.spawn(async move { n * n }).join().unwrap();
/// }
/// let stats = monitor.stats();
/// assert_eq!(stats.count, 100);
/// assert!(stats.p50 <= stats.p99 && stats.p99 <= stats.max);
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// A runtime may have several, each with its own settings and its own numbers; they
/// share the samples of the one that wants most.
///
/// # Drop
///
/// Dropping the monitor detaches it, and waits for no worker: one that is just calling
/// [`on_slow`](Builder::on_slow) goes on with that. A file of
/// [`export_to`](Self::export_to) is written once more, for which it does wait.
///
/// A runtime may end before its monitor, which then keeps what it has seen. Like a
/// [`Handle`], a monitor keeps the runtime's memory and not its workers.
pub struct SpawnMonitor {
    view: Arc<View>,
    /// The one that keeps it.
    on_slow: Option<Arc<OnSlow>>,
    export: Mutex<Option<Export>>,
}

impl SpawnMonitor {
    /// Begins to monitor a runtime, with the settings that a [`Builder`] has where
    /// nothing is said. Takes a [`Runtime`](crate::Runtime) or a [`Handle`].
    ///
    /// ```
    /// use virid::monitor::SpawnMonitor;
    ///
    /// // The default runtime, from one of its green threads.
    /// virid::run(|| {
    ///     let monitor = SpawnMonitor::attach(virid::Handle::current());
    ///     virid::spawn(async {}).join().unwrap();
    ///     assert_eq!(monitor.stats().count, 1);
    /// });
    /// ```
    pub fn attach(runtime: impl AsRef<Handle>) -> Self {
        Self::builder().attach(runtime)
    }

    /// The settings, to choose others.
    ///
    /// ```
    /// let runtime = virid::Runtime::new()?;
    /// let builder = virid::monitor::SpawnMonitor::builder().sampling(1);
    /// let monitor = builder.attach(&runtime);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn builder() -> Builder {
        Builder::new()
    }

    pub(super) fn new(handle: Handle, record: Record, on_slow: Option<Arc<OnSlow>>) -> Self {
        let record = Arc::new(record);
        handle.shared().attach(Arc::clone(&record));
        Self {
            view: Arc::new(View { record, handle }),
            on_slow,
            export: Mutex::new(None),
        }
    }

    /// Numbers about the samples in the window: the last ones, of all workers.
    ///
    /// Reads while the workers go on and keeps none of them; to sort a window of 1,000
    /// takes some twenty microseconds.
    ///
    /// ```
    /// let runtime = virid::Runtime::new()?;
    /// let monitor = virid::monitor::SpawnMonitor::attach(&runtime);
    /// println!("{}", monitor.stats());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn stats(&self) -> SpawnStats {
        self.view.stats()
    }

    /// The same for each worker, in their order: about the samples that first ran on
    /// it, with a window for each.
    ///
    /// ```
    /// let runtime = virid::Runtime::builder().worker_threads(2).build()?;
    /// let monitor = virid::monitor::SpawnMonitor::attach(&runtime);
    /// runtime.spawn(async {}).join().unwrap();
    /// let counts: Vec<u64> = monitor.workers().iter().map(|stats| stats.count).collect();
    /// assert_eq!(counts.len(), 2);
    /// assert_eq!(counts.iter().sum::<u64>(), 1);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn workers(&self) -> Vec<SpawnStats> {
        self.view.workers()
    }

    /// How many samples there ever were. Never falls.
    ///
    /// ```
    /// let runtime = virid::Runtime::new()?;
    /// let monitor = virid::monitor::SpawnMonitor::attach(&runtime);
    /// runtime.spawn(async {}).join().unwrap();
    /// assert_eq!(monitor.samples(), 1);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn samples(&self) -> u64 {
        self.view.totals().count
    }

    /// How many of those were slow: what to alert on, because none falls out of it.
    /// Never falls.
    ///
    /// ```
    /// let runtime = virid::Runtime::new()?;
    /// let monitor = virid::monitor::SpawnMonitor::attach(&runtime);
    /// assert_eq!(monitor.slow_samples(), 0);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn slow_samples(&self) -> u64 {
        self.view.totals().slow
    }

    /// How fine the clock is, and what a look at it costs: every wait holds one, which
    /// is not subtracted.
    ///
    /// ```
    /// let runtime = virid::Runtime::new()?;
    /// let clock = virid::monitor::SpawnMonitor::attach(&runtime).clock();
    /// println!("{clock:?}");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn clock(&self) -> Clock {
        Clock::get()
    }

    /// All of it, and the runtime's [`metrics`](crate::metrics), in the text format of
    /// Prometheus (version 0.0.4): what an HTTP handler answers under `/metrics`.
    ///
    /// ```
    /// let runtime = virid::Runtime::new()?;
    /// let monitor = virid::monitor::SpawnMonitor::attach(&runtime);
    /// runtime.spawn(async {}).join().unwrap();
    /// assert!(monitor.prometheus().contains("\nvirid_spawn_wait_seconds_count 1\n"));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn prometheus(&self) -> String {
        self.view.prometheus()
    }

    /// Writes [`prometheus`](Self::prometheus) to a file, now and after every
    /// `interval`, which is 10 ms at least, from a thread of its own; and once more when
    /// the monitor is dropped. Each time the file is replaced as a whole, so that who
    /// reads it never sees half of it: the textfile collector of the node exporter can,
    /// and so can `comparisons monitor watch`. Another call ends the export of the one
    /// before.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let path = std::env::temp_dir().join(format!("virid-{}.prom", std::process::id()));
    /// let runtime = virid::Runtime::new()?;
    /// let monitor = virid::monitor::SpawnMonitor::attach(&runtime);
    /// monitor.export_to(&path, Duration::from_millis(250))?;
    /// assert!(std::fs::read_to_string(&path)?.starts_with("# HELP virid_"));
    /// drop(monitor);
    /// std::fs::remove_file(&path)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// What the system says of the first file, or of the thread. A later file that cannot
    /// be written is left out, and the next one is tried.
    pub fn export_to(&self, path: impl AsRef<Path>, interval: Duration) -> io::Result<()> {
        let before = self.export.lock().take();
        drop(before);
        let export = Export::begin(Arc::clone(&self.view), path.as_ref(), interval)?;
        let other = self.export.lock().replace(export);
        drop(other);
        Ok(())
    }
}

impl Drop for SpawnMonitor {
    fn drop(&mut self) {
        self.view.handle.shared().detach(&self.view.record);
    }
}

impl fmt::Debug for SpawnMonitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpawnMonitor")
            .field("view", &self.view)
            .field("on_slow", &self.on_slow.is_some())
            .finish_non_exhaustive()
    }
}
