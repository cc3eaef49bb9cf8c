//! What all workers of a runtime see, and the pushing half of the idle
//! protocol: [`Shared::notify`].

use std::fmt;
use std::sync::{Arc, OnceLock};

use crossbeam_utils::CachePadded;

use super::deque::{Deque, Injector, Stealer};
use super::idle::Idle;
use super::parker::Parker;
use crate::memory::Living;
use crate::primitives::{AtomicBool, AtomicUsize, Ordering, fence, needed};
use crate::task::header::{Runnable, TaskRef};

/// One runtime, as its workers, handles and suspended tasks know it.
pub(crate) struct Shared {
    /// One for each worker.
    remotes: Box<[CachePadded<Remote>]>,
    injector: Injector<Runnable>,
    idle: Idle,
    living: Living,
    /// The runtime is ending: no task is polled any more.
    closed: AtomicBool,
    /// Workers that have not left.
    workers_left: AtomicUsize,
}

/// What others see of a worker.
struct Remote {
    stealer: Stealer<Runnable>,
    /// Set by the worker before it announces itself for the first time.
    parker: OnceLock<Arc<Parker>>,
}

impl Shared {
    /// A runtime with a worker for each of `deques`.
    pub(crate) fn new(deques: &[Deque<Runnable>]) -> Self {
        let remote = |deque: &Deque<Runnable>| {
            CachePadded::new(Remote {
                stealer: deque.stealer(),
                parker: OnceLock::new(),
            })
        };
        Self {
            remotes: deques.iter().map(remote).collect(),
            injector: Injector::new(),
            idle: Idle::new(deques.len()),
            living: Living::new(deques.len()),
            closed: AtomicBool::new(false),
            workers_left: AtomicUsize::new(deques.len()),
        }
    }

    pub(crate) fn workers(&self) -> usize {
        self.remotes.len()
    }

    pub(crate) fn stealer(&self, worker: usize) -> &Stealer<Runnable> {
        &self.remotes[worker].stealer
    }

    pub(crate) fn injector(&self) -> &Injector<Runnable> {
        &self.injector
    }

    pub(crate) fn idle(&self) -> &Idle {
        &self.idle
    }

    pub(crate) fn living(&self) -> &Living {
        &self.living
    }

    /// Says how to unpark a worker; called by it, once, before it searches.
    pub(crate) fn set_parker(&self, worker: usize, parker: Arc<Parker>) {
        let is_first = self.remotes[worker].parker.set(parker).is_ok();
        debug_assert!(is_first, "worker {worker} started twice");
    }

    /// After work was queued where the caller's own run loop will not come by
    /// at once: signals a parked worker, unless somebody searches already.
    ///
    /// Of the two-fence protocol (head of the folder) this is the pusher:
    /// *queue; fence; look for parked workers*. The other side is
    /// `Worker::park` and `Worker::found_work`.
    #[inline]
    pub(crate) fn notify(&self) {
        needed!("pusher's fence", fence(Ordering::SeqCst));
        self.signal_one();
    }

    /// [`notify`](Self::notify) after a fence that the caller has paid.
    #[inline]
    pub(crate) fn signal_one(&self) {
        if let Some(worker) = self.idle.claim_one() {
            self.signal_cold(worker);
        }
    }

    #[cold]
    fn signal_cold(&self, worker: usize) {
        self.remotes[worker]
            .parker
            .get()
            .expect("a parked worker has set its parker")
            .unpark();
    }

    /// Queues a task that comes from a thread which is no worker of this
    /// runtime. Where the runtime has ended the task is stuck in the queue:
    /// see [`cancel_if_closed`](Self::cancel_if_closed).
    pub(crate) fn inject(&self, runnable: Runnable) {
        self.injector.push(runnable);
        self.notify();
    }

    /// After a spawn by [`inject`](Self::inject): cancels what nobody will run.
    ///
    /// Either the spawner's fence (in `notify`) comes first, and the last
    /// worker finds the task when it empties the queue; or the last worker's
    /// fence (in `end_tasks`) comes first, and the spawner finds `closed`, which
    /// that worker had seen.
    pub(crate) fn cancel_if_closed(&self) {
        if self.is_closed() {
            self.cancel_injected();
        }
    }

    /// Drops the future of every task in the shared queue.
    pub(crate) fn cancel_injected(&self) {
        while let Some(runnable) = self.injector.steal_one() {
            drop(runnable);
        }
    }

    /// Whether any queue holds a task.
    pub(crate) fn has_work(&self) -> bool {
        !self.injector.is_empty() || self.remotes.iter().any(|r| !r.stealer.is_empty())
    }

    /// Ordering: Relaxed. A worker that sees it late polls a few tasks more; a
    /// parking worker and a spawner look after their fences.
    #[inline]
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    /// Begins the end: every worker leaves after the poll it is in.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
        // Pairs with the fence in `Worker::park`: a worker that does not see
        // `closed` after it is parked for the claim below.
        needed!("closer's fence", fence(Ordering::SeqCst));
        self.idle.claim_all(|worker| self.signal_cold(worker));
    }

    /// `count` workers have left, or never started. Whether they were the last.
    pub(crate) fn leave(&self, count: usize) -> bool {
        // Ordering: AcqRel. Release for what this worker did, Acquire for what
        // the others did, should this be the last.
        self.workers_left.fetch_sub(count, Ordering::AcqRel) == count
    }

    /// References to all suspended tasks. Called after the workers have left,
    /// when no task is suspended any more.
    pub(crate) fn suspended(&self) -> Vec<TaskRef> {
        let mut tasks = Vec::new();
        self.living.walk(|cell| {
            // SAFETY: `Living` holds headers of tasks, and a task leaves it
            // before it completes.
            tasks.push(unsafe { TaskRef::new(cell) });
        });
        tasks
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("workers", &self.workers())
            .field("closed", &self.is_closed())
            .finish_non_exhaustive()
    }
}
