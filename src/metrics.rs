//! What the workers of a runtime have done so far: numbers to read.
//!
//! Every worker counts for itself, in plain numbers that only it writes, so
//! counting adds no write that workers share. A snapshot reads them one after
//! another while the workers go on: each number is exact for some moment, the
//! numbers of one snapshot are not of the same moment. None ever falls, but for
//! the queue depths.
//!
//! ```
//! let runtime = virid::Runtime::builder().worker_threads(2).build()?;
//! runtime.block_on(async {
//!     for task in (0..100).map(|_| virid::spawn(async {})).collect::<Vec<_>>() {
//!         task.await.unwrap();
//!     }
//! });
//! let metrics = runtime.metrics();
//! assert_eq!(metrics.workers().len(), 2);
//! assert_eq!(metrics.polled(), 100);
//! println!("{metrics}");
//! # Ok::<(), std::io::Error>(())
//! ```

use std::fmt;

use crate::primitives::Count;

/// One worker's counters. Written by that worker only.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) spawned: Count,
    pub(crate) polled: Count,
    pub(crate) stolen: Count,
    pub(crate) injected: Count,
    pub(crate) parked: Count,
    pub(crate) unparked: Count,
    pub(crate) signals: Count,
}

impl Counters {
    pub(crate) fn snapshot(&self, queue_depth: usize) -> WorkerMetrics {
        // Before `parked`, so that it is never the larger.
        let unparked = self.unparked.get();
        WorkerMetrics {
            spawned: self.spawned.get(),
            polled: self.polled.get(),
            stolen: self.stolen.get(),
            injected: self.injected.get(),
            parked: self.parked.get(),
            unparked,
            signals: self.signals.get(),
            queue_depth,
        }
    }
}

/// What one worker has done; from [`RuntimeMetrics::workers`].
///
/// ```
/// let runtime = virid::Runtime::builder().worker_threads(1).build()?;
/// runtime.spawn(async {}).join().unwrap();
/// assert_eq!(runtime.metrics().workers()[0].polled(), 1);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorkerMetrics {
    spawned: u64,
    polled: u64,
    stolen: u64,
    injected: u64,
    parked: u64,
    unparked: u64,
    signals: u64,
    queue_depth: usize,
}

/// Declares accessors with a doc line and one example for all of them.
macro_rules! accessors {
    ($($(#[$doc:meta])* $name:ident: $type:ty,)+) => {
        $(
            $(#[$doc])*
            ///
            /// ```
            /// let runtime = virid::Runtime::builder().worker_threads(1).build()?;
            #[doc = concat!("let _ = runtime.metrics().workers()[0].", stringify!($name), "();")]
            /// # Ok::<(), std::io::Error>(())
            /// ```
            pub fn $name(&self) -> $type {
                self.$name
            }
        )+
    };
}

impl WorkerMetrics {
    accessors! {
        /// Tasks that were spawned by the tasks that this worker ran. (Those
        /// spawned from outside count as [`injected`](Self::injected).)
        spawned: u64,
        /// Polls of tasks, and drops of aborted tasks in place of one.
        polled: u64,
        /// Tasks that this worker took from another worker's deque. A task that
        /// is stolen twice may count twice.
        stolen: u64,
        /// Tasks that this worker took from the injector: spawned, or woken, by
        /// threads that are no workers. A task that a thief takes at once may
        /// count as [`stolen`](Self::stolen) only.
        injected: u64,
        /// How often this worker parked for want of work.
        parked: u64,
        /// How often this worker was unparked: `parked`, or one less while it is
        /// parked.
        unparked: u64,
        /// Signals that this worker sent to parked workers.
        signals: u64,
        /// Tasks in this worker's deque now.
        queue_depth: usize,
    }
}

/// What a runtime has done; from [`Runtime::metrics`](crate::Runtime::metrics).
///
/// `Display` prints one line a worker, under a heading, and the injector's
/// depth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuntimeMetrics {
    workers: Vec<WorkerMetrics>,
    injector_depth: usize,
    signals_from_outside: u64,
}

impl RuntimeMetrics {
    pub(crate) fn new(
        workers: Vec<WorkerMetrics>,
        injector_depth: usize,
        signals_from_outside: u64,
    ) -> Self {
        Self {
            workers,
            injector_depth,
            signals_from_outside,
        }
    }

    /// One entry for each worker, in their order.
    ///
    /// ```
    /// let runtime = virid::Runtime::builder().worker_threads(3).build()?;
    /// assert_eq!(runtime.metrics().workers().len(), 3);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn workers(&self) -> &[WorkerMetrics] {
        &self.workers
    }

    /// Tasks in the injector now, which no worker has taken yet.
    ///
    /// ```
    /// let runtime = virid::Runtime::new()?;
    /// assert_eq!(runtime.metrics().injector_depth(), 0);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn injector_depth(&self) -> usize {
        self.injector_depth
    }

    /// Signals to parked workers, from workers and other threads.
    ///
    /// ```
    /// let runtime = virid::Runtime::new()?;
    /// runtime.spawn(async {}).join().unwrap();
    /// let _ = runtime.metrics().signals();
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn signals(&self) -> u64 {
        self.signals_from_outside + self.sum(WorkerMetrics::signals)
    }

    /// Polls of all workers.
    ///
    /// ```
    /// let runtime = virid::Runtime::new()?;
    /// runtime.spawn(async {}).join().unwrap();
    /// assert_eq!(runtime.metrics().polled(), 1);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn polled(&self) -> u64 {
        self.sum(WorkerMetrics::polled)
    }

    fn sum(&self, of: impl Fn(&WorkerMetrics) -> u64) -> u64 {
        self.workers.iter().map(of).sum()
    }
}

impl fmt::Display for RuntimeMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let heading = [
            "worker", "spawned", "polled", "stolen", "injected", "parked", "unparked", "signals",
            "queued",
        ];
        for (column, name) in heading.iter().enumerate() {
            let width = if column == 0 { 6 } else { 9 };
            write!(f, "{name:>width$}")?;
        }
        writeln!(f)?;
        for (index, worker) in self.workers.iter().enumerate() {
            writeln!(
                f,
                "{index:>6} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8}",
                worker.spawned,
                worker.polled,
                worker.stolen,
                worker.injected,
                worker.parked,
                worker.unparked,
                worker.signals,
                worker.queue_depth,
            )?;
        }
        write!(
            f,
            "injector: {} queued; {} signals from other threads",
            self.injector_depth, self.signals_from_outside
        )
    }
}
