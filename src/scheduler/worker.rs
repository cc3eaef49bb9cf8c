//! A worker: the order in which it looks for work, its run loop, how it parks
//! and how it leaves.
//!
//! Everything here runs on the worker's own thread, but for [`spawn`] and the
//! implementation of [`Schedule`], which ask the context whether they do.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::sync::Arc;

use super::deque::Deque;
use super::idle::{Retract, Searchers};
use super::parker::Parker;
use super::running::Running;
use super::shared::Shared;
use crate::context;
use crate::memory::Living;
use crate::metrics::Counters;
use crate::primitives::{Ordering, fence, needed, os_yield, spin_loop};
use crate::rng::Rng;
use crate::task::header::{Runnable, Schedule};
use crate::unwind::AbortOnPanic;

/// Every so many tasks a worker takes one from the injector first, so that
/// tasks which queue each other locally cannot keep it waiting. Prime, as in
/// Go's scheduler, to stay out of step with regular loads.
const INJECTOR_INTERVAL: u32 = 61;

/// How often a searcher goes round before it parks. A spawner that is slower
/// than its thieves would otherwise pay a signal for every task.
const SEARCH_ROUNDS: u32 = if cfg!(virid_loom) { 1 } else { 4 };
const SPINS_PER_ROUND: u32 = 32;

/// A worker, on its own thread.
pub(crate) struct Worker {
    shared: Arc<Shared>,
    /// `shared` again, as the tasks know it.
    scheduler: Arc<dyn Schedule>,
    index: usize,
    deque: Deque<Runnable>,
    parker: Arc<Parker>,
    rng: RefCell<Rng>,
    tick: Cell<u32>,
}

/// Queues a task that was just spawned: on the worker's own deque if this
/// thread is a worker of `shared`, else in the injector. Where the runtime
/// has ended, the task is cancelled.
#[inline]
pub(crate) fn spawn(shared: &Shared, runnable: Runnable) {
    match Worker::current_of(shared) {
        Some(worker) => {
            worker.counters().spawned.add(1);
            worker.push(runnable);
        }
        None => spawn_from_outside(shared, runnable),
    }
}

fn spawn_from_outside(shared: &Shared, runnable: Runnable) {
    if let Err(runnable) = shared.inject_new(runnable) {
        let _mark = context::forbid_blocking();
        // The last line: the future's destructor may drop what keeps `shared`.
        drop(runnable);
    }
}

impl Schedule for Shared {
    fn schedule(&self, runnable: Runnable) {
        match Worker::current_of(self) {
            Some(worker) => worker.push(runnable),
            // Where the runtime is ending, its last worker waits for this
            // task: a wake does not drop the future of the woken.
            None => self.inject(runnable),
        }
    }

    fn living(&self) -> &Living {
        Shared::living(self)
    }
}

impl Worker {
    /// Makes the worker with this index on the current thread.
    pub(crate) fn new(shared: Arc<Shared>, index: usize, deque: Deque<Runnable>) -> Self {
        let parker = Arc::new(Parker::for_current_thread());
        shared.set_parker(index, Arc::clone(&parker));
        Self {
            scheduler: Arc::clone(&shared) as Arc<dyn Schedule>,
            shared,
            index,
            deque,
            parker,
            rng: RefCell::new(Rng::for_worker(index)),
            tick: Cell::new(0),
        }
    }

    /// This thread's worker, if it is one of `shared`.
    #[inline]
    fn current_of(shared: &Shared) -> Option<&Worker> {
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
        {
            let worker = (&raw const self).cast();
            let entered = context::enter_worker(worker, shared);
            while !self.shared.is_closed() {
                match self.next() {
                    Some(runnable) => self.run_task(runnable),
                    None => self.search_or_park(),
                }
                // A task may have forgotten a guard of `Handle::enter`.
                entered.reassert(worker, shared);
            }
            // What the dropped futures queue comes here too.
            while let Some(runnable) = self.deque.pop() {
                self.cancel(runnable);
            }
        }
        if self.shared.leave(1) {
            // No worker any more, but one that must not be blocked.
            let _entered = context::enter_worker(std::ptr::null(), shared);
            let _mark = context::forbid_blocking();
            self.end_tasks();
        }
    }

    /// Ends a task at the end of the runtime.
    fn cancel(&self, runnable: Runnable) {
        self.running().begin(runnable.origin());
        drop(runnable);
        self.running().end();
    }

    /// After the last worker has left its loop: ends every task that is left.
    ///
    /// Those in the injector, and the suspended ones. A waker on another thread
    /// may have made one of these runnable and not have queued it yet; it is
    /// waited for, so that no future is left when the runtime is gone, and none
    /// is dropped inside somebody's call of `wake`.
    fn end_tasks(&self) {
        let cancel_injected = || {
            while let Some(runnable) = self.shared.next_injected() {
                self.cancel(runnable);
            }
        };
        self.shared.wait_for_visitors();
        cancel_injected();
        let mut suspended = self.shared.suspended();
        for task in &suspended {
            if let Some(runnable) = task.cancel() {
                self.cancel(runnable);
            }
        }
        while !suspended.is_empty() {
            cancel_injected();
            suspended.retain(|task| !task.is_complete());
            os_yield();
        }
    }

    fn running(&self) -> &Running {
        self.shared.running(self.index)
    }

    fn counters(&self) -> &Counters {
        self.shared.counters(self.index)
    }

    /// The next task without searching for it.
    #[inline]
    fn next(&self) -> Option<Runnable> {
        let tick = self.tick.get().wrapping_add(1);
        self.tick.set(tick);
        if tick.is_multiple_of(INJECTOR_INTERVAL)
            && let Some(runnable) = self.shared.injector().steal_one()
        {
            // It goes ahead of what is queued here, which somebody else may
            // have to take.
            if self.deque.len() != 0 {
                self.count_signal(self.shared.notify());
            }
            self.counters().injected.add(1);
            if self.shared.is_closed() {
                // Woken, perhaps, by the very task that ended the runtime.
                self.cancel(runnable);
                return None;
            }
            return Some(runnable);
        }
        self.deque.pop()
    }

    #[inline]
    fn run_task(&self, runnable: Runnable) {
        self.counters().polled.add(1);
        self.running().begin(runnable.origin());
        let again = runnable.run(&self.scheduler);
        self.running().end();
        if let Some(again) = again {
            // No signal: this loop goes on with the deque at once, and where
            // other tasks are ahead of this one somebody was told of them.
            self.deque.push(again);
        }
    }

    /// Queues a task from inside a task.
    ///
    /// A signal only on the transition from empty to not empty: the thief of
    /// an earlier task looks back at the deque after a fence, and so finds
    /// this one (head of the folder).
    #[inline]
    fn push(&self, runnable: Runnable) {
        self.deque.push(runnable);
        needed!("spawner's fence", fence(Ordering::SeqCst));
        if needed!("length after the push", self.deque.len() <= 1, not false) {
            self.count_signal(self.shared.signal_one());
        }
    }

    #[inline]
    fn count_signal(&self, was_sent: bool) {
        if was_sent {
            self.counters().signals.add(1);
        }
    }

    fn search_or_park(&self) {
        self.shared.idle().start_searching(self.index);
        loop {
            if let Some(runnable) = self.search() {
                self.found_work();
                if self.shared.is_closed() {
                    // Spawned, perhaps, by the very task that ended the
                    // runtime: the steal acquires the push, and so `closed`.
                    return self.cancel(runnable);
                }
                return self.run_task(runnable);
            }
            if self.shared.is_closed() {
                let _ = self.shared.idle().stop_searching(self.index);
                return;
            }
            self.park();
        }
    }

    /// Takes work from the injector or from another worker.
    fn search(&self) -> Option<Runnable> {
        for round in 0..SEARCH_ROUNDS {
            if round > 0 {
                (0..SPINS_PER_ROUND).for_each(|_| spin_loop());
            }
            if let Some(runnable) = self.shared.injector().steal_into(&self.deque) {
                // The deque was empty: what it holds now came along. (Thieves
                // may have been there already, and count what they took.)
                self.counters().injected.add(1 + self.deque.len() as u64);
                return Some(runnable);
            }
            let workers = self.shared.workers();
            let start = self.rng.borrow_mut().below(workers);
            for victim in (start..workers).chain(0..start) {
                if victim == self.index {
                    continue;
                }
                if let Some(runnable) = self.shared.stealer(victim).steal_into(&self.deque) {
                    self.counters().stolen.add(1 + self.deque.len() as u64);
                    return Some(runnable);
                }
            }
        }
        None
    }

    /// Leaves the search with a task in hand. The last searcher answers for
    /// every push that saw it and signalled nobody: *stop searching; fence;
    /// look at all queues*, against the pusher's *queue; fence; look for
    /// searchers*. This is also the wake chain: what is left in the victim's
    /// deque, or was moved to this one, is for the next worker.
    fn found_work(&self) {
        if self.shared.idle().stop_searching(self.index) == Searchers::None {
            needed!("searcher's fence", fence(Ordering::SeqCst));
            needed!(
                "wake chain",
                if self.shared.has_work() {
                    self.count_signal(self.shared.signal_one());
                }
            );
        }
    }

    /// Parks a searching worker, and returns with it searching again.
    ///
    /// Of the two-fence protocol this is the sleeper: *announce; fence; look at
    /// all queues*.
    fn park(&self) {
        let idle = self.shared.idle();
        idle.announce(self.index);
        needed!("sleeper's fence", fence(Ordering::SeqCst));
        let is_needed =
            needed!("sleeper's look", self.shared.has_work(), not false) || self.shared.is_closed();
        if is_needed && idle.retract(self.index) == Retract::Searching {
            return;
        }
        self.counters().parked.add(1);
        self.parker.park();
        self.counters().unparked.add(1);
    }
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker")
            .field("index", &self.index)
            .field("queued", &self.deque.len())
            .finish_non_exhaustive()
    }
}
