//! A worker: the order in which it looks for work, its run loop, and how it
//! parks. Everything here runs on the worker's own thread.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::ptr::NonNull;
use std::sync::Arc;

use super::deque::Injector;
use super::idle::{Retract, Searchers};
use super::parker::Parker;
use super::queue::Queue;
use super::remote::Remote;
use super::running::Running;
use super::shared::Shared;
use super::threads::{Threads, home_of};
use crate::context;
use crate::memory::{self, Lists};
use crate::metrics::Counters;
use crate::primitives::{heavy_fence, light_fence, needed, spin_loop};
use crate::rng::Rng;
use crate::task::header::Runnable;
use crate::task::work::Stage;
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

/// Tasks that a ring holds for which a thief interrupts its owner at once. Of fewer it
/// takes some in its last round only: an owner that gets on has run them by then.
const MANY: usize = 32;

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

    #[cfg(all(feature = "time", not(virid_loom)))]
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

    /// Counts one more look for a task.
    #[inline]
    pub(super) fn tick(&self) -> u32 {
        let tick = self.tick.get().wrapping_add(1);
        self.tick.set(tick);
        tick
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
    pub(super) fn spill_cold(&self) {
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
        let again = runnable.run();
        self.running().end();
        if let Some(again) = again {
            if self.threads.runners.started() != 0 {
                // A green thread may be next, and compute for long.
                return self.push(again);
            }
            // No signal: this loop goes on with the queue at once, and where
            // other tasks are ahead of this one somebody was told of them.
            self.queue.push(again);
            if Queue::is_over_limit(self.queue.back_len()) {
                self.spill_cold();
            }
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
        if let Some(woken) = runnable.suspend() {
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

    fn search_or_park(&self) {
        if self.shared.is_closed() {
            // `next` has looked no further: what a search brings may have no room.
            return;
        }
        #[cfg(all(feature = "time", not(virid_loom)))]
        if self.shared.events().are_awaited() {
            return self.work_in_reactor();
        }
        self.start_searching();
        while !self.search_or_announce() {
            self.wait_for_signal(&self.parker);
            self.counters().unparked.add(1);
        }
    }

    pub(super) fn start_searching(&self) {
        debug_assert_eq!(self.queue.len(), 0, "who searches has nothing queued");
        self.shared.idle().start_searching(self.index);
    }

    /// Searches, and runs what it finds. Whether the worker is active then, or over;
    /// otherwise it has announced that it parks, and has to wait for a signal, which
    /// makes it search again.
    pub(super) fn search_or_announce(&self) -> bool {
        loop {
            if let Some(runnable) = self.search() {
                self.run_found(runnable);
                return true;
            }
            if self.shared.is_closed() {
                let _ = self.shared.idle().stop_searching(self.index);
                return true;
            }
            if self.announce() {
                self.counters().parked.add(1);
                return false;
            }
        }
    }

    /// The same for a searching worker in whose own queue there may be something.
    #[cfg(all(feature = "time", not(virid_loom)))]
    pub(super) fn run_own_or_search(&self) -> bool {
        let Some(runnable) = self.pop() else {
            return self.search_or_announce();
        };
        self.run_found(runnable);
        true
    }

    /// Runs what a search has found.
    fn run_found(&self, runnable: Runnable) {
        self.found_work();
        if self.shared.is_closed() {
            // Spawned, perhaps, by the very task that ended the
            // runtime: the steal acquires the push, and so `closed`.
            return self.threads.take_back(runnable, |task| self.cancel(task));
        }
        self.run_task(runnable);
    }

    /// Takes work from the injector or from another worker.
    fn search(&self) -> Option<Runnable> {
        for round in 0..SEARCH_ROUNDS {
            if round > 0 {
                (0..SPINS_PER_ROUND).for_each(|_| spin_loop());
            }
            if let Some(runnable) = self.next_thread(self.tick.get()) {
                return Some(runnable);
            }
            if let Some(runnable) = self.take_injected() {
                return Some(runnable);
            }
            let is_last = round + 1 == SEARCH_ROUNDS;
            let least = if is_last { 1 } else { MANY };
            let workers = self.shared.workers();
            let start = self.rng.borrow_mut().below(workers);
            for victim in (start..workers).chain(0..start) {
                if victim == self.index {
                    continue;
                }
                let stealer = self.shared.stealer(victim);
                if let Some(runnable) = stealer.steal_into(&self.queue, &self.lists, least) {
                    self.counters().stolen.add(1 + self.queue.len() as u64);
                    return Some(runnable);
                }
            }
        }
        None
    }

    /// Leaves the search with a task in hand. The last searcher answers for
    /// every push that saw it and signalled nobody, if anybody is parked: *stop
    /// searching; fence; look at all queues*, against the pusher's *queue; fence; look for
    /// searchers*. This is also the wake chain: what is left in the victim's
    /// queue, or was moved to this one, is for the next worker.
    fn found_work(&self) {
        if self.shared.idle().stop_searching(self.index) == Searchers::None {
            needed!("searcher's fence", heavy_fence());
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
        self.shared.has_work() || !self.inbox().is_empty()
    }

    /// Announces that a searching worker parks. Whether it has to wait for a signal;
    /// otherwise it is searching again.
    ///
    /// Of the two-fence protocol this is the sleeper: *announce; fence; look at
    /// all queues*.
    fn announce(&self) -> bool {
        // Before the announcement: who sees that this worker is parked finds
        // its free cells in the depot.
        self.lists.hand_in();
        self.threads.runners.hand_in();
        let idle = self.shared.idle();
        idle.announce(self.index);
        needed!("sleeper's fence", heavy_fence());
        let is_needed =
            needed!("sleeper's look", self.has_work(), not false) || self.shared.is_closed();
        !is_needed || idle.retract(self.index) == Retract::Claimed
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
