//! A worker: the order in which it looks for work, its run loop, and how it
//! parks. Everything here runs on the worker's own thread.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use super::idle::{Retract, Searchers};
use super::parker::Parker;
use super::queue::Queue;
use super::running::Running;
use super::shared::Shared;
use crate::context;
use crate::memory::{self, Lists};
use crate::metrics::Counters;
use crate::primitives::{Ordering, fence, needed, spin_loop};
use crate::rng::Rng;
use crate::task::header::Runnable;
use crate::thread::runner::Runners;
use crate::unwind::AbortOnPanic;

/// Every so many tasks a worker takes one from the injector first, so that
/// tasks which queue each other locally cannot keep it waiting. Prime, as in
/// Go's scheduler, to stay out of step with regular loads.
const INJECTOR_INTERVAL: u32 = 61;

/// How often a searcher goes round before it parks. A spawner that is slower
/// than its thieves would otherwise pay a signal for every task.
const SEARCH_ROUNDS: u32 = if cfg!(virid_loom) { 1 } else { 4 };
const SPINS_PER_ROUND: u32 = 32;

/// Tasks in a worker's queue past which a green thread that spawns waits.
const SPAWN_BOUND: usize = 1_000;

/// Every so many tasks one that waits so goes on, however long the queue is.
const SPAWNER_INTERVAL: u32 = 4_096;

/// Every so many tasks the inbox comes before the worker's own green threads. Odd,
/// because those have their turn at odd numbers only.
const INBOX_INTERVAL: u32 = 15;

/// A worker, on its own thread.
pub(crate) struct Worker {
    shared: Arc<Shared>,
    index: usize,
    /// `shared.attention()` as this worker saw it last.
    attention: Cell<usize>,
    /// Its free cells.
    lists: Lists,
    /// Its stacks, and the green threads that have started here.
    runners: Runners,
    /// Those of them that can go on.
    pinned: RefCell<VecDeque<Runnable>>,
    /// Those that wait for the queue to run short, suspended in a spawn.
    spawners: RefCell<VecDeque<Runnable>>,
    /// The thread that is being suspended is one of them.
    is_spawner: Cell<bool>,
    queue: Queue,
    parker: Arc<Parker>,
    rng: RefCell<Rng>,
    tick: Cell<u32>,
}

impl Worker {
    /// Makes the worker with this index on the current thread.
    pub(crate) fn new(shared: Arc<Shared>, index: usize, queue: Queue, runners: Runners) -> Self {
        let parker = Arc::new(Parker::for_current_thread());
        shared.set_parker(index, Arc::clone(&parker));
        // SAFETY: `shared` is kept, and `drop` hands in.
        let lists = unsafe { shared.lists(index) };
        Self {
            attention: Cell::new(0),
            lists,
            runners,
            pinned: RefCell::default(),
            spawners: RefCell::default(),
            is_spawner: Cell::new(false),
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
        unsafe { self.runners.install() };
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
            self.end_own();
        }
        self.runners.uninstall();
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

    pub(super) fn runners(&self) -> &Runners {
        &self.runners
    }

    /// Whether a green thread that spawns should let others run first.
    #[cfg(not(virid_loom))]
    pub(super) fn has_many_queued(&self) -> bool {
        self.runners.spawn_yields() && self.queue.backlog() > SPAWN_BOUND
    }

    /// Says that the green thread which is about to be suspended waits for others
    /// to run.
    #[cfg(not(virid_loom))]
    pub(super) fn mark_spawner(&self) {
        self.is_spawner.set(true);
    }

    pub(super) fn running(&self) -> &Running {
        self.shared.running(self.index)
    }

    fn counters(&self) -> &Counters {
        self.shared.counters(self.index)
    }

    /// Counts one more look for a task.
    #[inline]
    pub(super) fn tick(&self) -> u32 {
        let tick = self.tick.get().wrapping_add(1);
        self.tick.set(tick);
        tick
    }

    /// The next task without searching for it.
    #[inline]
    fn next(&self) -> Option<Runnable> {
        let tick = self.tick();
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
        if self.runners.started() == 0 {
            return self.pop();
        }
        // In turn, so that no kind waits for ever for another.
        if tick.is_multiple_of(SPAWNER_INTERVAL)
            && let Some(spawner) = self.spawners.borrow_mut().pop_front()
        {
            return Some(spawner);
        }
        if tick.is_multiple_of(2) {
            self.pop().or_else(|| self.next_pinned())
        } else {
            self.next_pinned().or_else(|| self.pop())
        }
    }

    /// A green thread of this worker that can go on.
    pub(super) fn next_pinned(&self) -> Option<Runnable> {
        if self.runners.started() == 0 {
            return None;
        }
        let own = || self.pinned.borrow_mut().pop_front();
        let sent = || self.shared.inbox(self.index).steal_one();
        // Threads that yield to each other do not keep out what others wake.
        let next = if self.tick.get().is_multiple_of(INBOX_INTERVAL) {
            sent().or_else(own)
        } else {
            own().or_else(sent)
        };
        next.or_else(|| self.next_spawner())
    }

    /// A thread that waits in a spawn, where the queue has run short.
    fn next_spawner(&self) -> Option<Runnable> {
        if self.queue.backlog() > SPAWN_BOUND / 2 {
            return None;
        }
        self.spawners.borrow_mut().pop_front()
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

    #[inline]
    pub(super) fn run_task(&self, runnable: Runnable) {
        self.counters().polled.add(1);
        self.running().begin(runnable.origin());
        let again = runnable.run();
        self.running().end();
        if let Some(again) = again {
            if again.home().is_some() {
                let ready = if self.is_spawner.take() {
                    &self.spawners
                } else {
                    &self.pinned
                };
                ready.borrow_mut().push_back(again);
                return;
            }
            // No signal: this loop goes on with the deque at once, and where
            // other tasks are ahead of this one somebody was told of them.
            self.queue.push(again);
            if Queue::is_over_limit(self.queue.back().len()) {
                self.spill_cold();
            }
        }
    }

    /// Queues a task that was just spawned.
    #[inline]
    pub(super) fn push_new(&self, runnable: Runnable) {
        self.counters().spawned.add(1);
        self.push(runnable);
    }

    /// Queues a task that was suspended and is woken on this worker.
    pub(super) fn requeue(&self, runnable: Runnable) {
        match runnable.home() {
            Some(home) if home == self.index => self.pinned.borrow_mut().push_back(runnable),
            Some(home) => self.shared.send_home(home, runnable),
            None => self.push(runnable),
        }
    }

    /// Queues a task from inside a task.
    ///
    /// A signal only on the transition from empty to not empty: the thief of
    /// an earlier task looks back at the deque after a fence, and so finds
    /// this one (head of the folder).
    #[inline]
    pub(super) fn push(&self, runnable: Runnable) {
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
            if let Some(runnable) = self.next_pinned() {
                return Some(runnable);
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

    /// Whether there is anything for this worker to do.
    fn has_work(&self) -> bool {
        self.shared.has_work() || !self.shared.inbox(self.index).is_empty()
    }

    /// Parks a searching worker, and returns with it searching again.
    ///
    /// Of the two-fence protocol this is the sleeper: *announce; fence; look at
    /// all queues*.
    fn park(&self) {
        // Before the announcement: who sees that this worker is parked finds
        // its free cells in the depot.
        self.lists.hand_in();
        self.runners.hand_in();
        let idle = self.shared.idle();
        idle.announce(self.index);
        needed!("sleeper's fence", fence(Ordering::SeqCst));
        let is_needed =
            needed!("sleeper's look", self.has_work(), not false) || self.shared.is_closed();
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
