//! How a worker runs green threads: those that have not begun come from its queue
//! like any task; those that have are its own (`threads.rs`).

#[cfg(not(virid_loom))]
use std::time::Instant;

use super::parker::Parker;
use super::worker::Worker;
use crate::task::header::Runnable;
use crate::task::stage::Stage;
#[cfg(not(virid_loom))]
use crate::thread::current::Turn;
#[cfg(not(virid_loom))]
use crate::thread::runner::Seat;
#[cfg(not(virid_loom))]
use crate::thread::stack;

/// Tasks in a worker's queue past which a green thread that spawns waits.
const SPAWN_BOUND: usize = 1_000;

/// Threads of a worker that wait so at most. Where more spawn than that, as in a
/// tree of threads, their children take less memory in the queue than they
/// themselves would on their stacks.
#[cfg(not(virid_loom))]
const MOST_SPAWNERS: usize = 16;

/// Every so many tasks one that waits so goes on, however long the queue is.
const SPAWNER_INTERVAL: u32 = 4_096;

/// So many turns of threads that yield to each other come one after another, before
/// the worker looks for anything else.
#[cfg(not(virid_loom))]
const QUICK_TURNS: u32 = 8;

/// Every so many tasks the inbox comes before the worker's own green threads, and
/// once between two such a thread that waits in a spawn. Odd, because those have
/// their turn at odd numbers only.
const INBOX_INTERVAL: u32 = 15;

impl Worker {
    /// The next task where green threads have started here: in turn, so that no
    /// kind waits for ever for another.
    #[inline]
    pub(super) fn next_of_two_kinds(&self, tick: u32) -> Option<Runnable> {
        if tick.is_multiple_of(SPAWNER_INTERVAL)
            && let Some(spawner) = self.threads().spawners.pop()
        {
            return Some(spawner);
        }
        let is_queues_turn = tick.is_multiple_of(2);
        if !is_queues_turn && let Some(thread) = self.next_thread(tick) {
            return Some(thread);
        }
        let queued = self.pop_placed();
        if queued.is_none() && is_queues_turn {
            return self.next_thread(tick);
        }
        queued
    }

    /// A green thread of this worker that can go on.
    #[inline]
    pub(super) fn next_thread(&self, tick: u32) -> Option<Runnable> {
        let threads = self.threads();
        if threads.runners.started() == 0 {
            return None;
        }
        // As it mostly is: nothing to do with threads, or nothing but one that waits
        // in a spawn, while the queue is long.
        let none_is_ready = threads.none_is_ready() && self.inbox().is_empty();
        let none_spawns = threads.spawners.len() == 0
            || tick % INBOX_INTERVAL != 1 && !self.queue().looks_empty();
        if none_is_ready && none_spawns {
            return None;
        }
        self.next_thread_cold(tick)
    }

    #[cold]
    fn next_thread_cold(&self, tick: u32) -> Option<Runnable> {
        let threads = self.threads();
        let own = || threads.pop();
        let sent = || {
            let inbox = self.inbox();
            // A look first: an attempt to take costs a fence.
            if inbox.is_empty() {
                return None;
            }
            let woken = inbox.steal_one()?;
            threads.waiting.set(threads.waiting.get() - 1);
            Some(woken)
        };
        // Threads that yield to each other do not keep out what others wake.
        // Nor one that waits in a spawn, where the queue has run short: that is asked
        // now and then, and where there is nothing at its ends.
        if tick % INBOX_INTERVAL == 1
            && let Some(spawner) = self.next_spawner()
        {
            return Some(spawner);
        }
        let next = if tick.is_multiple_of(INBOX_INTERVAL) {
            sent().or_else(own)
        } else {
            own().or_else(sent)
        };
        if next.is_some() || self.queue().len() != 0 {
            return next;
        }
        self.next_spawner()
    }

    /// A thread that waits in a spawn, where the queue has run short.
    fn next_spawner(&self) -> Option<Runnable> {
        let spawners = &self.threads().spawners;
        if spawners.len() == 0 || self.queue().is_longer_than(SPAWN_BOUND / 2) {
            return None;
        }
        spawners.pop()
    }
}

#[cfg(virid_loom)]
impl Worker {
    pub(super) fn run_thread(&self, _: Runnable, _: Stage) -> Option<Runnable> {
        unreachable!("models know no green threads")
    }

    /// # Safety
    ///
    /// None.
    pub(super) unsafe fn install_runners(&self) {}

    pub(super) fn wait_for_signal(&self, parker: &Parker) {
        parker.park();
    }
}

#[cfg(not(virid_loom))]
impl Worker {
    /// Whether a green thread that spawns should let others run first.
    #[inline]
    pub(super) fn has_many_queued(&self) -> bool {
        self.threads().spawners.len() < MOST_SPAWNERS
            && self.threads().runners.spawn_yields()
            && self.queue().is_longer_than(SPAWN_BOUND)
    }

    /// Goes on with a green thread, or begins one, from the worker's own stack. The
    /// task that it has come to after the thread's end.
    #[inline]
    pub(super) fn run_thread(&self, thread: Runnable, stage: Stage) -> Option<Runnable> {
        let runners = &self.threads().runners;
        let turn = match stage {
            Stage::Future => unreachable!("a future is no green thread"),
            Stage::New(size) => runners.begin(thread, size),
            Stage::Started(stack) => {
                self.note(&thread);
                let is_asked_to_end = thread.resume();
                runners.resume(stack, is_asked_to_end)
            }
        };
        self.running().end();
        match turn {
            Turn::Waits(thread) => {
                let threads = self.threads();
                match thread.suspend() {
                    Some(again) => threads.push(again),
                    None => threads.waiting.set(threads.waiting.get() + 1),
                }
                self.count_threads();
                None
            }
            Turn::Yields(thread) => {
                self.threads().push(thread);
                self.count_started();
                self.next_that_yields()
            }
            Turn::Spawns(thread) => {
                self.threads().spawners.push(thread);
                self.count_started();
                None
            }
            Turn::Free(next) => {
                self.count_threads();
                next
            }
        }
    }

    /// The next of threads that yield to each other, where nothing else is to do
    /// and nothing else has its turn.
    #[inline]
    fn next_that_yields(&self) -> Option<Runnable> {
        if self.is_over() || !self.queue().looks_empty() || self.has_other_turn() {
            return None;
        }
        self.threads().pop()
    }

    /// Counts one more look, unless that is one at something that comes at
    /// intervals.
    #[inline]
    fn has_other_turn(&self) -> bool {
        let left = &self.threads().quick_turns;
        let Some(less) = left.get().checked_sub(1) else {
            left.set(QUICK_TURNS);
            return true;
        };
        left.set(less);
        false
    }

    /// The same where no thread waits more or less than before, and mostly none has
    /// started or ended.
    #[inline]
    fn count_started(&self) {
        let started = self.threads().runners.started() as u64;
        if started != self.counters().started_threads.get() {
            self.count_threads();
        }
    }

    /// Says how many green threads there are, for metrics and other workers.
    fn count_threads(&self) {
        let threads = self.threads();
        let counters = self.counters();
        counters
            .started_threads
            .set(threads.runners.started() as u64);
        counters.waiting_threads.set(threads.waiting.get());
    }

    /// Parks until a signal comes. Free stacks may have pages that were used lately:
    /// those go if the worker waits for long and nobody else uses them, and so it
    /// looks up a few times before it waits for good.
    pub(super) fn wait_for_signal(&self, parker: &Parker) {
        while stack::any_is_warm() {
            if parker.park_until(Some(Instant::now() + stack::COOLING)) {
                return;
            }
            while stack::cool() {
                // The signal may have come.
                if parker.park_until(Some(Instant::now())) {
                    return;
                }
            }
        }
        parker.park();
    }

    /// Installs the runners of this worker on its thread.
    ///
    /// # Safety
    ///
    /// The worker stays where it is until they are uninstalled.
    pub(super) unsafe fn install_runners(&self) {
        // SAFETY: as this function's contract says; `run_threads` is for it.
        unsafe {
            self.threads()
                .runners
                .install((&raw const *self).cast(), run_threads)
        };
    }
}

/// The worker's loop on a runner: runs a thread that has not begun, and those that
/// come next in the queue. The task at which it had to stop.
///
/// # Safety
///
/// `worker` is a [`Worker`], on its own thread and inside its `run`.
#[cfg(not(virid_loom))]
unsafe fn run_threads(
    worker: *const (),
    seat: &Seat<'_>,
    mut thread: Runnable,
) -> Option<Runnable> {
    // SAFETY: as this function's contract says.
    let worker = unsafe { &*worker.cast::<Worker>() };
    loop {
        worker.note(&thread);
        seat.run(thread);
        worker.running().end();
        worker.counters().finished.add(1);
        worker.count_started();
        worker.reassert();
        if worker.is_over() {
            return None;
        }
        let next = worker.next()?;
        match next.stage() {
            Stage::New(size) if seat.fits(size) => thread = next,
            _ => return Some(next),
        }
    }
}
