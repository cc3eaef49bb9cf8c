//! What the workers of a runtime have done so far: numbers to read.
//!
//! Every worker counts for itself, in plain numbers that only it writes, so
//! counting adds no write that workers share. A snapshot reads them one after
//! another while the workers go on: each number is exact for some moment, the
//! numbers of one snapshot are not of the same moment. The workers' counts never
//! fall; queue depths, [`running`](WorkerMetrics::running), numbers of green threads, [`cell_memory`](RuntimeMetrics::cell_memory) and
//! [`cells_recycled`](RuntimeMetrics::cells_recycled) may.
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
//!
//! How much waits, runs and has finished is told for each worker by its
//! [`queue_depth`](WorkerMetrics::queue_depth), [`running`](WorkerMetrics::running) and
//! [`finished`](WorkerMetrics::finished); and in [`OwnerMetrics`] for each owner of tasks:
//! for groups, scopes, sets, maps, [`Keyed`](crate::task::Keyed), and for the limits and
//! bounds of each.

mod owner;

use std::fmt;

#[cfg(feature = "sync")]
pub(crate) use owner::OwnerCounts;
pub use owner::OwnerMetrics;

use crate::memory::Traffic;
use crate::primitives::Count;

/// One worker's counters. Written by that worker only.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) spawned: Count,
    pub(crate) polled: Count,
    pub(crate) finished: Count,
    pub(crate) stolen: Count,
    pub(crate) injected: Count,
    pub(crate) parked: Count,
    pub(crate) unparked: Count,
    pub(crate) signals: Count,
    /// These two fall again.
    pub(crate) started_threads: Count,
    pub(crate) waiting_threads: Count,
}

impl Counters {
    pub(crate) fn snapshot(
        &self,
        queue_depth: usize,
        is_running: bool,
        traffic: &Traffic,
    ) -> WorkerMetrics {
        // Before what they follow, so that they are never the larger.
        let unparked = self.unparked.get();
        let finished = self.finished.get();
        WorkerMetrics {
            spawned: self.spawned.get(),
            polled: self.polled.get(),
            finished,
            running: is_running.into(),
            stolen: self.stolen.get(),
            injected: self.injected.get(),
            parked: self.parked.get(),
            unparked,
            signals: self.signals.get(),
            queue_depth,
            started_threads: self.started_threads.get() as usize,
            waiting_threads: self.waiting_threads.get() as usize,
            cells_fresh: traffic.fresh.get(),
            magazines_put: traffic.put.get(),
            magazines_taken: traffic.taken.get(),
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
    finished: u64,
    running: usize,
    stolen: u64,
    injected: u64,
    parked: u64,
    unparked: u64,
    signals: u64,
    queue_depth: usize,
    started_threads: usize,
    waiting_threads: usize,
    cells_fresh: u64,
    magazines_put: u64,
    magazines_taken: u64,
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
        /// Tasks that have ended on this worker, however: by a result, a panic or an
        /// abort. (Not those that it spawned and others ran.)
        finished: u64,
        /// Whether this worker is inside of a task, for a sum over workers: 1 or 0.
        running: usize,
        /// Tasks that this worker took from another worker's queue. A task that
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
        /// Tasks that wait in this worker's queue now.
        queue_depth: usize,
        /// Green threads that have waited on this worker, stay on it therefore, and
        /// have not ended.
        started_threads: usize,
        /// Those of them that wait to be woken now.
        waiting_threads: usize,
        /// Cells that were carved from new memory for this worker, 62 at a time.
        cells_fresh: u64,
        /// Batches of up to 62 free cells that this worker handed in for others.
        magazines_put: u64,
        /// Batches of up to 62 free cells that this worker took over from others.
        magazines_taken: u64,
    }
}

/// What threads that are no workers have done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outside {
    signals: u64,
    spawned: u64,
    cells_fresh: u64,
    magazines_put: u64,
    magazines_taken: u64,
}

impl Outside {
    pub(crate) fn new<'a>(signals: u64, lists: impl Iterator<Item = &'a Traffic>) -> Self {
        let mut outside = Self {
            signals,
            ..Self::default()
        };
        for traffic in lists {
            outside.spawned += traffic.allocated.get();
            outside.cells_fresh += traffic.fresh.get();
            outside.magazines_put += traffic.put.get();
            outside.magazines_taken += traffic.taken.get();
        }
        outside
    }
}

/// The blocking pool, now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Blocking {
    pub(crate) threads: usize,
    pub(crate) idle: usize,
    pub(crate) queued: usize,
}

/// What a runtime has done; from [`Runtime::metrics`](crate::Runtime::metrics).
///
/// `Display` prints one line a worker, under a heading, then the injector's
/// depth, the memory of the tasks, and the blocking pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuntimeMetrics {
    workers: Vec<WorkerMetrics>,
    injector_depth: usize,
    outside: Outside,
    cell_memory: usize,
    blocking: Blocking,
}

impl RuntimeMetrics {
    pub(crate) fn new(
        workers: Vec<WorkerMetrics>,
        injector_depth: usize,
        outside: Outside,
        cell_memory: usize,
        blocking: Blocking,
    ) -> Self {
        Self {
            workers,
            injector_depth,
            outside,
            cell_memory,
            blocking,
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
        self.outside.signals + self.sum(WorkerMetrics::signals)
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

    /// Tasks that have ended on the workers.
    ///
    /// ```
    /// let runtime = virid::Runtime::builder().worker_threads(1).build()?;
    /// let task = runtime.spawn(async {});
    /// runtime.block_on(runtime.spawn(async {})).unwrap();
    /// assert!(runtime.metrics().finished() >= 1); // the second may not be counted yet
    /// task.join().unwrap();
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn finished(&self) -> u64 {
        self.sum(WorkerMetrics::finished)
    }

    /// Bytes of cells that were carved from memory and not given back to the
    /// operating system: those of tasks, and those that wait for the next.
    ///
    /// ```
    /// let runtime = virid::Runtime::new()?;
    /// runtime.spawn(async {}).join().unwrap();
    /// assert!(runtime.metrics().cell_memory() >= 64);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn cell_memory(&self) -> usize {
        self.cell_memory
    }

    /// Cells that were carved from new memory, 62 at a time, for workers and
    /// other threads.
    ///
    /// ```
    /// let runtime = virid::Runtime::new()?;
    /// runtime.spawn(async {}).join().unwrap();
    /// assert!(runtime.metrics().cells_fresh() >= 1);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn cells_fresh(&self) -> u64 {
        self.outside.cells_fresh + self.sum(WorkerMetrics::cells_fresh)
    }

    /// A lower bound of the tasks that got a cell which another had used: tasks
    /// spawned, less cells carved; and those are carved 62 at a time.
    ///
    /// ```
    /// let runtime = virid::Runtime::builder().worker_threads(1).build()?;
    /// for _ in 0..1_000 {
    ///     runtime.spawn(async {}).join().unwrap();
    /// }
    /// assert!(runtime.metrics().cells_recycled() > 500);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn cells_recycled(&self) -> u64 {
        let spawned = self.outside.spawned + self.sum(WorkerMetrics::spawned);
        spawned.saturating_sub(self.cells_fresh())
    }

    /// Batches of up to 62 free cells that were handed in for others.
    ///
    /// ```
    /// let runtime = virid::Runtime::new()?;
    /// let _ = runtime.metrics().magazines_put();
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn magazines_put(&self) -> u64 {
        self.outside.magazines_put + self.sum(WorkerMetrics::magazines_put)
    }

    /// Batches of up to 62 free cells that were taken over from others.
    ///
    /// ```
    /// let runtime = virid::Runtime::new()?;
    /// let _ = runtime.metrics().magazines_taken();
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn magazines_taken(&self) -> u64 {
        self.outside.magazines_taken + self.sum(WorkerMetrics::magazines_taken)
    }

    /// Threads that run what blocks, now; see
    /// [`spawn_blocking`](crate::task::spawn_blocking).
    ///
    /// ```
    /// let runtime = virid::Runtime::new()?;
    /// assert_eq!(runtime.metrics().blocking_threads(), 0);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn blocking_threads(&self) -> usize {
        self.blocking.threads
    }

    /// Those of them that wait for something to run.
    ///
    /// ```
    /// let runtime = virid::Runtime::new()?;
    /// assert_eq!(runtime.metrics().idle_blocking_threads(), 0);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn idle_blocking_threads(&self) -> usize {
        self.blocking.idle
    }

    /// Closures that no such thread has taken yet.
    ///
    /// ```
    /// let runtime = virid::Runtime::new()?;
    /// assert_eq!(runtime.metrics().blocking_queue_depth(), 0);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn blocking_queue_depth(&self) -> usize {
        self.blocking.queued
    }

    fn sum(&self, of: impl Fn(&WorkerMetrics) -> u64) -> u64 {
        self.workers.iter().map(of).sum()
    }
}

impl fmt::Display for RuntimeMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let heading = [
            "worker", "spawned", "polled", "finished", "stolen", "injected", "parked", "unparked",
            "signals", "queued",
        ];
        for (column, name) in heading.iter().enumerate() {
            let width = if column == 0 { 6 } else { 9 };
            write!(f, "{name:>width$}")?;
        }
        writeln!(f)?;
        for (index, worker) in self.workers.iter().enumerate() {
            writeln!(
                f,
                "{index:>6} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8}",
                worker.spawned,
                worker.polled,
                worker.finished,
                worker.stolen,
                worker.injected,
                worker.parked,
                worker.unparked,
                worker.signals,
                worker.queue_depth,
            )?;
        }
        writeln!(
            f,
            "injector: {} queued; from other threads: {} spawned, {} signals",
            self.injector_depth, self.outside.spawned, self.outside.signals
        )?;
        write!(
            f,
            "cells: {} KiB now; {} made, {} or more used again\n\
             batches of free cells: {} handed in, {} taken over\n\
             blocking threads: {}, of which {} idle; {} queued",
            self.cell_memory.div_ceil(1024),
            self.cells_fresh(),
            self.cells_recycled(),
            self.magazines_put(),
            self.magazines_taken(),
            self.blocking.threads,
            self.blocking.idle,
            self.blocking.queued,
        )
    }
}
