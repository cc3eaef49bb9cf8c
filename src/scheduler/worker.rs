//! A worker: the order in which it looks for work, its run loop, how it parks
//! and how it leaves.
//!
//! Everything here runs on the worker's own thread, but for [`spawn`] and the
//! implementation of [`Schedule`], which ask the context whether they do.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::Future;
use std::ptr::NonNull;
use std::sync::Arc;

use super::idle::{Retract, Searchers};
use super::parker::Parker;
use super::queue::Queue;
use super::running::Running;
use super::shared::Shared;
use crate::context;
use crate::memory::{self, Class, Lists};
use crate::metrics::Counters;
use crate::primitives::{Ordering, fence, needed, os_yield, spin_loop};
use crate::rng::Rng;
use crate::task::JoinHandle;
use crate::task::cell::TaskCell;
use crate::task::header::{Home, Runnable, Schedule};
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
    index: usize,
    /// `shared.attention()` as this worker saw it last.
    attention: Cell<usize>,
    /// Its free cells.
    lists: Lists,
    queue: Queue,
    parker: Arc<Parker>,
    rng: RefCell<Rng>,
    tick: Cell<u32>,
}

/// What the workers with these queues share.
pub(crate) fn prepare(queues: &[Queue]) -> Arc<Shared> {
    let shared = Arc::new(Shared::new(queues));
    let scheduler: *const Shared = Arc::as_ptr(&shared);
    // SAFETY: the last worker waits for every task that was suspended, and for
    // every visit, and keeps `shared` until then.
    shared.set_home(unsafe { Home::new(scheduler) });
    shared
}

/// Makes a task and queues it: on the worker's own queue if this thread is a
/// worker of `shared`, else in the injector. Where the runtime has ended, the
/// task is cancelled.
#[inline]
#[track_caller]
pub(crate) fn spawn<F>(shared: &Shared, future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    // SAFETY: the cells are this runtime's.
    let made = unsafe { TaskCell::spawn(future, |class| allocate(shared, class)) };
    let (runnable, handle) = made;
    queue(shared, runnable);
    handle
}

/// A free cell, from the worker's own lists if this thread is a worker.
#[inline]
pub(crate) fn allocate(shared: &Shared, class: Class) -> NonNull<u8> {
    match Worker::current_of(shared) {
        Some(worker) => worker.lists.allocate(class),
        None => shared.cells().allocate(class),
    }
}

/// Queues a new task.
#[inline]
pub(crate) fn queue(shared: &Shared, runnable: Runnable) {
    match Worker::current_of(shared) {
        Some(worker) => {
            worker.counters().spawned.add(1);
            worker.push(runnable);
        }
        None => queue_from_outside(shared, runnable),
    }
}

fn queue_from_outside(shared: &Shared, runnable: Runnable) {
    if let Err(runnable) = shared.inject_new(runnable) {
        let _mark = context::forbid_blocking();
        // The last line: the future's destructor may drop what keeps `shared`.
        drop(runnable);
    }
}

/// Gives back the memory of free cells, of this worker's too if the caller is
/// one. The bytes.
pub(crate) fn trim(shared: &Shared) -> usize {
    let caller = Worker::current_of(shared).map(|worker| {
        worker.lists.hand_in();
        worker.index
    });
    shared.trim(caller)
}

impl Schedule for Shared {
    fn schedule(&self, runnable: Runnable) {
        match Worker::current_of(self) {
            Some(worker) => worker.push(runnable),
            // Where the runtime is ending, its last worker waits for this
            // task: a wake does not drop the future of the woken.
            None => self.inject_woken(runnable),
        }
    }
}

impl Worker {
    /// Makes the worker with this index on the current thread.
    pub(crate) fn new(shared: Arc<Shared>, index: usize, queue: Queue) -> Self {
        let parker = Arc::new(Parker::for_current_thread());
        shared.set_parker(index, Arc::clone(&parker));
        // SAFETY: `shared` is kept, and `drop` hands in.
        let lists = unsafe { shared.lists(index) };
        Self {
            attention: Cell::new(0),
            lists,
            shared,
            index,
            queue,
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
        // SAFETY: this function keeps `self` where it is, and longer.
        let _installed = unsafe { memory::install(&self.lists) };
        {
            let worker = (&raw const self).cast();
            let entered = context::enter_worker(worker, shared);
            while !self.is_over() {
                match self.next() {
                    Some(runnable) => self.run_task(runnable),
                    None => self.search_or_park(),
                }
                // A task may have forgotten a guard of `Handle::enter`.
                entered.reassert(worker, shared);
            }
            // What the dropped futures queue comes here too.
            while let Some(runnable) = self.pop() {
                self.cancel(runnable);
            }
        }
        self.lists.hand_in();
        if self.shared.leave(1) {
            // No worker any more, but one that must not be blocked.
            let _entered = context::enter_worker(std::ptr::null(), shared);
            let _mark = context::forbid_blocking();
            self.end_tasks();
        }
    }

    /// Whether the runtime is ending. Looks at nothing else as long as nobody
    /// wants attention.
    #[inline]
    fn is_over(&self) -> bool {
        let attention = self.shared.attention();
        attention != self.attention.get() && self.attend_cold(attention)
    }

    #[cold]
    fn attend_cold(&self, attention: usize) -> bool {
        if self.shared.is_closed() {
            return true;
        }
        self.lists.hand_in();
        self.attention.set(attention);
        self.shared.has_handed_in(self.index, attention);
        false
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
        // Whoever woke one of them may still be inside `inject_woken`.
        self.shared.wait_for_visitors();
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
            if self.queue.len() != 0 {
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
        self.pop()
    }

    /// The oldest task of the own queue.
    #[inline]
    fn pop(&self) -> Option<Runnable> {
        self.queue
            .pop(&self.lists, || self.count_signal(self.shared.notify()))
    }

    #[cold]
    fn spill_cold(&self) {
        self.queue.spill(&self.lists);
        self.count_signal(self.shared.notify());
    }

    #[inline]
    fn run_task(&self, runnable: Runnable) {
        self.counters().polled.add(1);
        self.running().begin(runnable.origin());
        let again = runnable.run();
        self.running().end();
        if let Some(again) = again {
            // No signal: this loop goes on with the deque at once, and where
            // other tasks are ahead of this one somebody was told of them.
            self.queue.push(again);
            if Queue::is_over_limit(self.queue.back().len()) {
                self.spill_cold();
            }
        }
    }

    /// Queues a task from inside a task.
    ///
    /// A signal only on the transition from empty to not empty: the thief of
    /// an earlier task looks back at the deque after a fence, and so finds
    /// this one (head of the folder).
    #[inline]
    fn push(&self, runnable: Runnable) {
        self.queue.push(runnable);
        needed!("spawner's fence", fence(Ordering::SeqCst));
        let len = self.queue.back().len();
        if needed!("length after the push", len <= 1, not false) {
            self.count_signal(self.shared.signal_one());
        } else if Queue::is_over_limit(len) {
            self.spill_cold();
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
            if let Some(runnable) = self.shared.injector().steal_into(self.queue.back()) {
                // The deque was empty: what it holds now came along. (Thieves
                // may have been there already, and count what they took.)
                self.counters().injected.add(1 + self.queue.len() as u64);
                return Some(runnable);
            }
            let workers = self.shared.workers();
            let start = self.rng.borrow_mut().below(workers);
            for victim in (start..workers).chain(0..start) {
                if victim == self.index {
                    continue;
                }
                let stealer = self.shared.stealer(victim);
                if let Some(runnable) = stealer.steal_into(&self.queue, &self.lists) {
                    self.counters().stolen.add(1 + self.queue.len() as u64);
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
        // Before the announcement: who sees that this worker is parked finds
        // its free cells in the depot.
        self.lists.hand_in();
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
