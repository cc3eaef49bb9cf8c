//! What all workers of a runtime see, and the pushing half of the idle
//! protocol: [`Shared::notify`].

use std::fmt;
use std::panic::Location;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Instant;

use crossbeam_utils::CachePadded;

use super::blocking::{Pool, Settings};
use super::deque::Injector;
#[cfg(all(feature = "time", not(virid_loom)))]
use super::events::Events;
use super::idle::Idle;
use super::parker::Parker;
use super::queue::{Queue, QueueStealer};
use super::remote::Remote;
use super::running::Running;
use super::visitors::Visitors;
use super::watched::{Watch, Watched};
use crate::context;
use crate::memory::{Cells, Lists};
use crate::metrics::{Counters, Outside, RuntimeMetrics};
#[cfg(not(virid_loom))]
use crate::monitor::record::Record;
#[cfg(not(virid_loom))]
use crate::primitives::Mutex;
use crate::primitives::{
    AtomicUsize, Counter, Ordering, light_fence, needed, os_yield, prepare_fences,
};
use crate::task::header::{Home, Runnable, TaskRef};
use crate::task::id::Id;

/// One runtime, as its workers, handles and suspended tasks know it.
pub(crate) struct Shared {
    /// One for each worker.
    remotes: Box<[CachePadded<Remote>]>,
    injector: Injector<Runnable>,
    idle: Idle,
    /// Whether its tasks wait for sockets and timers.
    #[cfg(all(feature = "time", not(virid_loom)))]
    events: Events,
    /// What workers look at before every task: [`CLOSED`], [`MONITORED`], and in units
    /// of [`LOOK`] how often they were asked to hand in their free cells, and to see
    /// who monitors.
    pub(super) attention: AtomicUsize,
    /// Who monitors its spawns.
    #[cfg(not(virid_loom))]
    pub(super) records: Mutex<Vec<Arc<Record>>>,
    /// Who is queueing from outside.
    visitors: Visitors,
    /// Workers that have not left their loop.
    workers_left: AtomicUsize,
    /// Threads that have not ended, and who waits for the last.
    threads_left: AtomicUsize,
    ending: OnceLock<Arc<Parker>>,
    /// Signals from threads that are no workers, and for green threads of others.
    signals_from_outside: Counter,
    /// The thread that finds workers which hang.
    watch: Watch,
    /// Runs what blocks.
    blocking: Pool,
    /// Itself, for threads that are to keep it.
    me: Weak<Self>,
    /// What the tasks know of this runtime.
    home: OnceLock<Home>,
    /// Dropped last: what the queues hold is freed before.
    cells: Cells,
}

/// In `attention`: the runtime is ending, and no poll begins any more.
const CLOSED: usize = 1;
/// And: somebody monitors its spawns.
pub(super) const MONITORED: usize = 2;
pub(super) const LOOK: usize = 4;

/// How often a trim yields to a worker before it takes the task that it is
/// inside of for one that takes long.
const PATIENCE: u32 = 16;

/// How often it yields to a worker at all: one that does not get to run cannot
/// hold it up.
const MOST_PATIENCE: u32 = 10_000;

/// Threads that wait and are named as what keeps the runtime from ending.
#[cfg(not(virid_loom))]
const MOST_NAMED: usize = 16;

impl Shared {
    /// A runtime with a worker for each of `queues`, which `me` will lead to.
    pub(crate) fn new(queues: &[Queue], blocking: Settings, me: Weak<Self>) -> Self {
        prepare_fences();
        let remote = |queue: &Queue| CachePadded::new(Remote::new(queue));
        Self {
            remotes: queues.iter().map(remote).collect(),
            injector: Injector::new(),
            idle: Idle::new(queues.len()),
            #[cfg(all(feature = "time", not(virid_loom)))]
            events: Events::new(),
            attention: AtomicUsize::new(0),
            #[cfg(not(virid_loom))]
            records: Mutex::new(Vec::new()),
            visitors: Visitors::new(),
            workers_left: AtomicUsize::new(queues.len()),
            threads_left: AtomicUsize::new(queues.len()),
            ending: OnceLock::new(),
            signals_from_outside: Counter::new(0),
            watch: Watch::new(),
            blocking: Pool::new(blocking),
            me,
            home: OnceLock::new(),
            cells: Cells::new(queues.len()),
        }
    }

    /// Says what the tasks are to know of this runtime; called once, before the
    /// first task.
    pub(crate) fn set_home(&self, home: Home) {
        let home: *const Home = self.home.get_or_init(|| home);
        self.cells.set_home(home.cast());
    }

    pub(crate) fn workers(&self) -> usize {
        self.remotes.len()
    }

    pub(crate) fn stealer(&self, worker: usize) -> &QueueStealer {
        &self.remotes[worker].stealer
    }

    pub(crate) fn injector(&self) -> &Injector<Runnable> {
        &self.injector
    }

    pub(crate) fn idle(&self) -> &Idle {
        &self.idle
    }

    #[cfg(all(feature = "time", not(virid_loom)))]
    #[inline]
    pub(crate) fn events(&self) -> &Events {
        &self.events
    }

    pub(super) fn visitors(&self) -> &Visitors {
        &self.visitors
    }

    pub(crate) fn cells(&self) -> &Cells {
        &self.cells
    }

    /// The lists of a worker, for it to use.
    ///
    /// # Safety
    ///
    /// They are dropped before `self`, handed in.
    pub(crate) unsafe fn lists(&self, worker: usize) -> Lists {
        let traffic = Arc::clone(&self.remotes[worker].traffic);
        // SAFETY: as this function's contract says.
        unsafe { self.cells.lists(traffic) }
    }

    /// The counters of a worker, for it to write.
    pub(crate) fn counters(&self, worker: usize) -> &Counters {
        &self.remotes[worker].counters
    }

    /// What a worker runs, for it to write.
    pub(crate) fn running(&self, worker: usize) -> &Running {
        &self.remotes[worker].running
    }

    /// What a worker shows to the watchdog, for it to write.
    pub(crate) fn watched(&self, worker: usize) -> &Watched {
        &self.remotes[worker].watched
    }

    pub(crate) fn watch(&self) -> &Watch {
        &self.watch
    }

    pub(crate) fn blocking(&self) -> &Pool {
        &self.blocking
    }

    /// Itself, to keep.
    pub(crate) fn kept(&self) -> Arc<Self> {
        self.me.upgrade().expect("it is in use")
    }

    pub(crate) fn metrics(&self) -> RuntimeMetrics {
        let worker = |remote: &CachePadded<Remote>| {
            let counters = &remote.counters;
            let is_running = remote.running.get().is_some();
            counters.snapshot(remote.stealer.len(), is_running, &remote.traffic)
        };
        RuntimeMetrics::new(
            self.remotes.iter().map(worker).collect(),
            self.injector.len(),
            Outside::new(
                self.signals_from_outside.get(),
                self.cells.outside_traffic(),
            ),
            self.cells.resident(),
            self.blocking.metrics(),
        )
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
    /// `Worker::announce` and `Worker::found_work`.
    ///
    /// Whether a signal was sent, for the caller to count.
    #[inline]
    pub(crate) fn notify(&self) -> bool {
        self.signal(self.claim_for_pusher())
    }

    #[inline]
    pub(super) fn claim_for_pusher(&self) -> Option<usize> {
        needed!("pusher's fence", light_fence());
        self.idle.claim_one()
    }

    /// [`notify`](Self::notify) after a fence that the caller has paid.
    #[inline]
    pub(crate) fn signal_one(&self) -> bool {
        self.signal(self.idle.claim_one())
    }

    #[inline]
    fn signal(&self, claimed: Option<usize>) -> bool {
        if let Some(worker) = claimed {
            self.signal_cold(worker);
        }
        claimed.is_some()
    }

    /// Signals a claimed worker, on a thread that need not be one. Counts first, because
    /// the system may stop such a thread for long: where as many signals as unparks were
    /// counted, none is on its way. (A worker counts its own before it parks.)
    pub(super) fn signal_from_outside(&self, worker: usize) {
        self.signals_from_outside.fetch_add(1);
        self.signal_cold(worker);
    }

    #[cold]
    fn signal_cold(&self, worker: usize) {
        self.remotes[worker]
            .parker
            .get()
            .expect("a parked worker has set its parker")
            .unpark();
    }

    /// Signals this very worker, if it is parked. Whether it was, for the caller to
    /// count.
    pub(crate) fn signal_worker(&self, worker: usize) -> bool {
        self.signal(self.idle.claim(worker).then_some(worker))
    }

    /// What others see of a worker.
    #[inline]
    pub(super) fn remote(&self, worker: usize) -> &Remote {
        &self.remotes[worker]
    }

    /// Whether any queue holds a task.
    pub(crate) fn has_work(&self) -> bool {
        !self.injector.is_empty() || self.remotes.iter().any(|r| !r.stealer.is_empty())
    }

    /// Whether this thread is one of the runtime's own, in a task or not.
    pub(crate) fn is_own_thread(self: &Arc<Self>) -> bool {
        context::belongs_to(Arc::as_ptr(self).cast())
    }

    /// Ordering: Relaxed. A worker that sees it late polls a few tasks more; a
    /// parking worker and a spawner look after their fences.
    #[inline]
    pub(crate) fn is_closed(&self) -> bool {
        self.attention() & CLOSED != 0
    }

    /// Whether the runtime is closed or monitored. Ordering as there.
    #[inline]
    pub(super) fn wants_attention(&self) -> bool {
        self.attention() & (CLOSED | MONITORED) != 0
    }

    /// Changes when workers are to look up from their work.
    #[inline]
    pub(crate) fn attention(&self) -> usize {
        self.attention.load(Ordering::Relaxed)
    }

    /// Called by a worker that has handed in its free cells after it saw
    /// `attention`.
    pub(crate) fn has_handed_in(&self, worker: usize, attention: usize) {
        // Ordering: Release pairs with the Acquire in `trim`.
        self.remotes[worker]
            .handed_in
            .store(attention / LOOK, Ordering::Release);
    }

    /// Gives back the memory of free cells. The bytes. `caller` is the calling
    /// worker, which has handed in its own.
    pub(crate) fn trim(&self, caller: Option<usize>) -> usize {
        // Ordering: Relaxed. Only the number matters.
        let wanted = self.attention.fetch_add(LOOK, Ordering::Relaxed) / LOOK + 1;
        for worker in (0..self.workers()).filter(|&worker| Some(worker) != caller) {
            self.wait_for_hand_in(worker, wanted);
        }
        self.cells.trim()
    }

    /// Waits for a worker that is between two tasks. One that is parked has
    /// handed in before, and one inside a long task does so after it.
    fn wait_for_hand_in(&self, worker: usize, wanted: usize) {
        let remote = &self.remotes[worker];
        let mut inside = remote.running.get();
        let mut patience = PATIENCE;
        for _ in 0..MOST_PATIENCE {
            // Ordering: Acquire pairs with the Release in `has_handed_in`.
            if remote.handed_in.load(Ordering::Acquire) >= wanted
                || self.idle.is_parked(worker)
                || self.is_closed()
                || remote.parker.get().is_none()
            {
                return;
            }
            os_yield();
            let now = remote.running.get();
            if now.is_none() || now != inside {
                inside = now;
                patience = PATIENCE;
                continue;
            }
            patience -= 1;
            if patience == 0 {
                return;
            }
        }
    }

    /// Begins the end: every worker leaves after the poll it is in.
    pub(crate) fn close(&self) {
        // First: what is queued there is dropped by workers that see `CLOSED`.
        self.blocking.close();
        self.attention.fetch_or(CLOSED, Ordering::Relaxed);
        // Pairs with the fence in `Worker::announce`: a worker that does not see
        // `CLOSED` after it is parked for the claim below.
        needed!("closer's fence", light_fence());
        self.idle.claim_all(|worker| self.signal_cold(worker));
    }

    /// `count` workers have left, or never started. Whether they were the last.
    pub(crate) fn leave(&self, count: usize) -> bool {
        // Ordering: AcqRel. Release for what this worker did, Acquire for what
        // the others did, should this be the last.
        self.workers_left.fetch_sub(count, Ordering::AcqRel) == count
    }

    /// One more thread is about to start, before the end has begun.
    ///
    /// Ordering: Relaxed. The workers have not ended, so the count is not about to be
    /// zero.
    pub(crate) fn thread_starts(&self) {
        self.threads_left.fetch_add(1, Ordering::Relaxed);
    }

    /// `count` threads have ended, or were never started. The last unparks
    /// whoever waits in [`wait_for_threads`](Self::wait_for_threads).
    pub(crate) fn threads_ended(&self, count: usize) {
        // Ordering: AcqRel. Release for what the thread did, Acquire so that
        // the last one sees the waiter, which comes before the waiter's look.
        if self.threads_left.fetch_sub(count, Ordering::AcqRel) == count
            && let Some(waiter) = self.ending.get()
        {
            waiter.unpark();
        }
    }

    /// Waits for the last thread to end, until `deadline` at the latest
    /// if there is one. Whether it has. Called once.
    pub(crate) fn wait_for_threads(&self, deadline: Option<Instant>) -> bool {
        let waiter = Arc::new(Parker::for_current_thread());
        let is_first = self.ending.set(Arc::clone(&waiter)).is_ok();
        debug_assert!(is_first, "a runtime ends once");
        // Ordering: AcqRel, a read-modify-write that changes nothing: either
        // the last thread's comes later and sees the waiter, or this one sees
        // that there is none left.
        self.threads_left.fetch_add(0, Ordering::AcqRel) == 0 || waiter.park_until(deadline)
    }

    /// The tasks that threads are inside of, or just about to leave. Where there are
    /// none, some of the green threads that wait, in a destructor perhaps.
    pub(crate) fn still_running(&self) -> Vec<(Id, &'static Location<'static>)> {
        let of = |remote: &CachePadded<Remote>| remote.running.get();
        let mut running: Vec<_> = self.remotes.iter().filter_map(of).collect();
        running.append(&mut self.blocking.running());
        #[cfg(not(virid_loom))]
        if running.is_empty() {
            let waiting = self.suspended();
            let threads = waiting.iter().filter_map(TaskRef::origin_of_thread);
            return threads.take(MOST_NAMED).collect();
        }
        running
    }

    /// References to all tasks that have been suspended and have not ended. While the
    /// runtime ends; by the last worker when nobody can be suspended any more.
    pub(crate) fn suspended(&self) -> Vec<TaskRef> {
        let mut tasks = Vec::new();
        self.cells.visit(|cell| {
            // SAFETY: the cell was carved, and its slab stays during the visit.
            tasks.extend(unsafe { TaskRef::of_cell(cell) });
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
