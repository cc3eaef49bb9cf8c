//! A worker: its run loop, and the order in which it looks for work that is its own;
//! where there is none, it searches (`search.rs`). Everything here runs on the worker's
//! own thread.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::ptr::NonNull;
use std::sync::Arc;

use super::deque::Injector;
use super::parker::Parker;
use super::queue::Queue;
use super::remote::Remote;
use super::running::Running;
use super::shared::Shared;
use super::threads::{Threads, home_of};
use crate::context;
use crate::memory::{self, Lists};
use crate::metrics::Counters;
#[cfg(not(virid_loom))]
use crate::monitor::record::Record;
use crate::primitives::{light_fence, needed};
use crate::rng::Rng;
use crate::task::header::{Ran, Runnable};
use crate::task::stage::Stage;
use crate::thread::runner::Runners;
use crate::unwind::AbortOnPanic;

/// Every so many tasks a worker takes one from the injector first, so that
/// tasks which queue each other locally cannot keep it waiting. Prime, as in
/// Go's scheduler, to stay out of step with regular loads.
const INJECTOR_INTERVAL: u32 = 61;

/// A worker, on its own thread.
pub(crate) struct Worker {
    shared: Arc<Shared>,
    index: usize,
    /// What others see of it. Field invariant: of `shared`, and so there as long.
    own: NonNull<Remote>,
    /// `shared.attention()` as this worker saw it last.
    attention: Cell<usize>,
    /// Its free cells.
    lists: Lists,
    threads: Threads,
    queue: Queue,
    parker: Arc<Parker>,
    rng: RefCell<Rng>,
    tick: Cell<u32>,
    /// Where it stands among those that its thread has entered.
    standing: Cell<u64>,
    /// Who monitors, as this worker saw it last.
    #[cfg(not(virid_loom))]
    pub(super) records: RefCell<Vec<Arc<Record>>>,
    /// Whether it waits in the reactor (`reactor.rs`), or for its turn there.
    #[cfg(all(feature = "time", not(virid_loom)))]
    is_in_reactor: Cell<bool>,
}

impl Worker {
    /// Makes the worker with this index on the current thread.
    pub(crate) fn new(shared: Arc<Shared>, index: usize, queue: Queue, runners: Runners) -> Self {
        let parker = Arc::new(Parker::for_current_thread());
        shared.set_parker(index, Arc::clone(&parker));
        // SAFETY: `shared` is kept, and `drop` hands in.
        let lists = unsafe { shared.lists(index) };
        Self {
            own: NonNull::from(shared.remote(index)),
            attention: Cell::new(0),
            lists,
            threads: Threads::new(Arc::clone(&shared), index, runners),
            shared,
            index,
            queue,
            parker,
            rng: RefCell::new(Rng::for_worker(index)),
            tick: Cell::new(0),
            standing: Cell::new(0),
            #[cfg(not(virid_loom))]
            records: RefCell::default(),
            #[cfg(all(feature = "time", not(virid_loom)))]
            is_in_reactor: Cell::new(false),
        }
    }

    /// This thread's worker, if it is one of `shared`.
    #[inline]
    pub(super) fn current_of(shared: &Shared) -> Option<&Worker> {
        let worker = context::worker().cast::<Worker>();
        // SAFETY: the context holds a worker's address only while that worker
        // is inside `run`, further down on this thread's stack; the caller's
        // borrow of `shared` ends before `run` does, because it is held by
        // code that runs inside it.
        let worker = unsafe { worker.as_ref() }?;
        std::ptr::eq(Arc::as_ptr(&worker.shared), shared).then_some(worker)
    }

    /// Works until the runtime ends.
    pub(crate) fn run(self) {
        let _abort = AbortOnPanic;
        let shared = Arc::as_ptr(&self.shared).cast();
        // SAFETY: this function keeps `self` where it is, and longer.
        let _installed = unsafe { memory::install(&self.lists) };
        // SAFETY: the same.
        let _installed = unsafe { self.queue.install() };
        // SAFETY: the same.
        unsafe { self.install_runners() };
        {
            let entered = context::enter_worker((&raw const self).cast(), shared);
            self.standing.set(entered.serial());
            while !self.is_over() {
                match self.next() {
                    Some(runnable) => self.run_task(runnable),
                    None => self.search_or_park(),
                }
                self.reassert();
            }
            self.end_own();
        }
        self.threads.runners.uninstall();
        self.lists.hand_in();
        if self.shared.leave(1) {
            // No worker any more, but one that must not be blocked.
            let _entered = context::enter_worker(std::ptr::null(), shared);
            let _mark = context::forbid_blocking();
            self.end_tasks();
        }
    }

    /// Between two tasks: the last may have forgotten a guard of `Handle::enter`.
    #[inline]
    pub(super) fn reassert(&self) {
        let shared = Arc::as_ptr(&self.shared).cast();
        context::reassert(self.standing.get(), (&raw const *self).cast(), shared);
    }

    /// Whether the runtime is ending. Looks at nothing else as long as nobody
    /// wants attention.
    #[inline]
    pub(super) fn is_over(&self) -> bool {
        let attention = self.shared.attention();
        attention != self.attention.get() && self.attend_cold(attention)
    }

    #[cold]
    fn attend_cold(&self, attention: usize) -> bool {
        if self.shared.is_closed() {
            return true;
        }
        #[cfg(not(virid_loom))]
        if !self.see_who_monitors() {
            // Before the next task again.
            return false;
        }
        self.lists.hand_in();
        self.threads.runners.hand_in_all();
        self.attention.set(attention);
        self.shared.has_handed_in(self.index, attention);
        false
    }

    pub(super) fn shared(&self) -> &Shared {
        &self.shared
    }

    pub(super) fn index(&self) -> usize {
        self.index
    }

    #[inline]
    pub(super) fn lists(&self) -> &Lists {
        &self.lists
    }

    #[inline]
    pub(super) fn threads(&self) -> &Threads {
        &self.threads
    }

    pub(super) fn parker(&self) -> &Parker {
        &self.parker
    }

    #[cfg(all(feature = "time", not(virid_loom)))]
    pub(super) fn is_in_reactor(&self) -> &Cell<bool> {
        &self.is_in_reactor
    }

    pub(super) fn queue(&self) -> &Queue {
        &self.queue
    }

    /// What others see of this worker.
    #[inline]
    fn own(&self) -> &Remote {
        // SAFETY: the field invariant; shared references are all there are to it.
        unsafe { self.own.as_ref() }
    }

    #[inline]
    pub(super) fn running(&self) -> &Running {
        &self.own().running
    }

    #[inline]
    pub(super) fn counters(&self) -> &Counters {
        &self.own().counters
    }

    /// Its green threads that others have woken.
    #[inline]
    pub(super) fn inbox(&self) -> &Injector<Runnable> {
        &self.own().inbox
    }

    /// A number below `bound`, from this worker's own sequence.
    pub(super) fn random_below(&self, bound: usize) -> usize {
        self.rng.borrow_mut().below(bound)
    }

    /// Counts one more look for a task.
    #[inline]
    pub(super) fn tick(&self) -> u32 {
        let tick = self.tick.get().wrapping_add(1);
        self.tick.set(tick);
        tick
    }

    /// The count of the last look.
    pub(super) fn last_tick(&self) -> u32 {
        self.tick.get()
    }

    /// The next task without searching for it.
    #[inline]
    pub(super) fn next(&self) -> Option<Runnable> {
        let tick = self.tick();
        if tick.is_multiple_of(INJECTOR_INTERVAL)
            && let Some(runnable) = self.take_injected_in_turn()
        {
            // It goes ahead of what is queued here, or came along, which somebody
            // else may have to take.
            if self.queue.len() != 0 {
                self.count_signal(self.shared.notify());
            }
            if self.shared.is_closed() {
                // Woken, perhaps, by the very task that ended the runtime.
                self.cancel(runnable);
                return None;
            }
            return Some(runnable);
        }
        if self.threads.runners.started() == 0 {
            return self.pop();
        }
        self.next_of_two_kinds(tick)
    }

    /// The oldest task of the own queue.
    #[inline]
    pub(super) fn pop(&self) -> Option<Runnable> {
        self.queue
            .pop(&self.lists, || self.count_signal(self.shared.notify()))
    }

    #[cold]
    fn spill_cold(&self) {
        self.queue.spill(&self.lists);
        self.count_signal(self.shared.notify());
    }

    /// Runs a task, and what it leads to at once.
    #[inline]
    pub(super) fn run_task(&self, runnable: Runnable) {
        let mut next = Some(runnable);
        while let Some(runnable) = next {
            next = match runnable.stage() {
                Stage::Future => {
                    self.run_future(runnable);
                    None
                }
                stage => self.run_thread(runnable, stage),
            };
        }
    }

    #[inline]
    fn run_future(&self, runnable: Runnable) {
        self.note(&runnable);
        let ran = runnable.run();
        self.running().end();
        match ran {
            Ran::Suspended => {}
            Ran::Again(again) => self.push_between(again),
            Ran::Ended(next) => {
                self.counters().finished.add(1);
                if let Some(next) = next {
                    self.push_next(next);
                }
            }
        }
    }

    /// Queues a task that has waited for the end of another.
    fn push_next(&self, next: Runnable) {
        if self.is_home_of(&next) {
            self.push_between(next);
        } else {
            next.schedule();
        }
    }

    /// Queues a task between two others that this loop runs.
    #[inline]
    fn push_between(&self, runnable: Runnable) {
        if self.threads.runners.started() != 0 {
            // A green thread may be next, and compute for long.
            return self.push(runnable);
        }
        // No signal: this loop goes on with the queue at once, and where other tasks are
        // ahead of this one somebody was told of them.
        self.push_unsignalled(runnable);
    }

    /// Whether the task is one of this runtime's.
    fn is_home_of(&self, runnable: &Runnable) -> bool {
        std::ptr::addr_eq(runnable.scheduler(), Arc::as_ptr(&self.shared))
    }

    /// Queues a task, and leaves it to the caller to signal.
    #[inline]
    pub(super) fn push_unsignalled(&self, runnable: Runnable) {
        self.queue.push(runnable);
        if Queue::is_over_limit(self.queue.back_len()) {
            self.spill_cold();
        }
    }

    /// Before a task is run.
    #[inline]
    pub(super) fn note(&self, runnable: &Runnable) {
        self.counters().polled.add(1);
        self.running().begin(runnable.origin());
    }

    /// Queues a task that was just spawned.
    #[inline]
    pub(super) fn push_new(&self, runnable: Runnable) {
        self.counters().spawned.add(1);
        self.push(runnable);
    }

    /// Suspends a task that was just spawned and is to wait first. The worker has not
    /// left, so the end of the runtime finds it.
    pub(super) fn hold_new(&self, runnable: Runnable) {
        self.counters().spawned.add(1);
        if let Some(woken) = runnable.hold() {
            self.push(woken);
        }
    }

    /// Queues a task that was suspended and is woken on this worker.
    pub(super) fn requeue(&self, runnable: Runnable) {
        #[cfg(all(feature = "time", not(virid_loom)))]
        if self.is_in_reactor.get() {
            return self.requeue_in_reactor(runnable);
        }
        match home_of(&runnable) {
            Some(home) if home == self.index => self.threads.push_woken(runnable),
            Some(home) => self.shared.send_home(home, runnable),
            None => self.push(runnable),
        }
    }

    /// Queues a task from inside a task.
    ///
    /// A signal only on the transition from empty to not empty: the thief of
    /// an earlier task looks back at the queues after a fence, and so finds
    /// this one (head of the folder).
    #[inline]
    pub(super) fn push(&self, runnable: Runnable) {
        self.queue.push(runnable);
        needed!("spawner's fence", light_fence());
        let len = self.queue.back_len();
        if needed!("length after the push", len <= 1, not false) {
            self.count_signal(self.shared.signal_one());
        } else if Queue::is_over_limit(len) {
            self.spill_cold();
        }
    }

    #[inline]
    pub(super) fn count_signal(&self, was_sent: bool) {
        if was_sent {
            self.counters().signals.add(1);
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.lists.hand_in();
    }
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker")
            .field("index", &self.index)
            .field("queue", &self.queue)
            .finish_non_exhaustive()
    }
}
