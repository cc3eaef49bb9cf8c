//! How a worker that has nothing to do takes work from others, and parks where there is
//! none: its side of the idle protocol (head of the folder).

use super::idle::{Retract, Searchers};
use super::worker::Worker;
use crate::forked;
use crate::primitives::{heavy_fence, needed, spin_loop};
use crate::task::header::Runnable;

/// How often a searcher goes round before it parks. A spawner that is slower
/// than its thieves would otherwise pay a signal for every task.
const SEARCH_ROUNDS: u32 = if cfg!(virid_loom) { 1 } else { 4 };
const SPINS_PER_ROUND: u32 = 32;

/// Tasks that a ring holds for which a thief interrupts its owner at once. Of fewer it
/// takes some in its last round only: an owner that gets on has run them by then.
const MANY: usize = 32;

impl Worker {
    /// Where the worker has nothing to do: searches, parks meanwhile, and runs what it
    /// finds.
    pub(super) fn search_or_park(&self) {
        if self.shared().is_closed() {
            // `next` has looked no further: what a search brings may have no room.
            return;
        }
        #[cfg(all(feature = "time", not(virid_loom)))]
        if self.shared().events().are_awaited() {
            return self.work_in_reactor();
        }
        self.start_searching();
        while !self.search_or_announce() {
            self.wait_for_signal(self.parker());
            self.counters().unparked.add(1);
        }
    }

    /// From active to searching.
    pub(super) fn start_searching(&self) {
        debug_assert_eq!(self.queue().len(), 0, "who searches has nothing queued");
        self.shared().idle().start_searching(self.index());
    }

    /// Searches, and runs what it finds. Whether the worker is active then, or over;
    /// otherwise it has announced that it parks, and has to wait for a signal, which
    /// makes it search again.
    pub(super) fn search_or_announce(&self) -> bool {
        // Aborts, as any panic of a worker.
        forked::assert_not_forked();
        loop {
            if let Some(runnable) = self.search() {
                self.run_found(runnable);
                return true;
            }
            if self.shared().is_closed() {
                let _ = self.shared().idle().stop_searching(self.index());
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
        if self.is_over() {
            // Spawned, perhaps, by the very task that ended the
            // runtime: the steal acquires the push, and so `closed`.
            return self.threads().take_back(runnable, |task| self.cancel(task));
        }
        self.run_task(runnable);
    }

    /// Takes work from the injector or from another worker.
    fn search(&self) -> Option<Runnable> {
        for round in 0..SEARCH_ROUNDS {
            if round > 0 {
                (0..SPINS_PER_ROUND).for_each(|_| spin_loop());
            }
            if let Some(runnable) = self.next_thread(self.last_tick()) {
                return Some(runnable);
            }
            if let Some(runnable) = self.take_injected() {
                return Some(runnable);
            }
            let is_last = round + 1 == SEARCH_ROUNDS;
            let least = if is_last { 1 } else { MANY };
            let workers = self.shared().workers();
            let start = self.random_below(workers);
            for victim in (start..workers).chain(0..start) {
                if victim == self.index() {
                    continue;
                }
                let stealer = self.shared().stealer(victim);
                if let Some(runnable) = stealer.steal_into(self.queue(), self.lists(), least) {
                    self.counters().stolen.add(1 + self.queue().len() as u64);
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
        if self.shared().idle().stop_searching(self.index()) == Searchers::None {
            needed!("searcher's fence", heavy_fence());
            needed!(
                "wake chain",
                if self.shared().has_work() {
                    self.count_signal(self.shared().signal_one());
                }
            );
        }
    }

    /// Whether there is anything for this worker to do.
    fn has_work(&self) -> bool {
        self.shared().has_work() || !self.inbox().is_empty()
    }

    /// Announces that a searching worker parks. Whether it has to wait for a signal;
    /// otherwise it is searching again.
    ///
    /// Of the two-fence protocol this is the sleeper: *announce; fence; look at
    /// all queues*.
    fn announce(&self) -> bool {
        // Before the announcement: who sees that this worker is parked finds
        // its free cells in the depot.
        self.lists().hand_in();
        self.threads().runners.hand_in();
        let idle = self.shared().idle();
        idle.announce(self.index());
        needed!("sleeper's fence", heavy_fence());
        let is_needed =
            needed!("sleeper's look", self.has_work(), not false) || self.shared().is_closed();
        !is_needed || idle.retract(self.index()) == Retract::Claimed
    }
}
