//! Who is parked and how many search: *decides* whom to signal, signals nobody.
//!
//! A worker is *active* (it has work), *searching* (it looks for work to take)
//! or *parked*. One word holds what a decision needs, so that every transition
//! is one read-modify-write:
//!
//! | bits  | field     | meaning                            |
//! |-------|-----------|------------------------------------|
//! | 0-47  | parked    | one bit for each worker of a group |
//! | 48-63 | searching | how many of the group search       |
//!
//! Forty-eight workers make a group; a larger runtime has several words and
//! takes any searcher of any group for an answer.
//!
//! ```text
//!            start_searching              announce
//!   active ------------------> searching -----------> parked
//!          <------------------           <-----------
//!            stop_searching                retract (by itself)
//!                                          claim   (by a notifier)
//! ```
//!
//! The fences that make these words a protocol stand with the callers, in
//! `shared.rs` and `worker.rs`; the proof in the head of the folder.

use crossbeam_utils::CachePadded;

use crate::primitives::{AtomicU64, Ordering, needed};

/// Workers in one word. Models use two, so that three workers need two words.
const GROUP: usize = if cfg!(virid_loom) { 2 } else { 48 };
const SEARCHER: u64 = 1 << 48;
const PARKED: u64 = SEARCHER - 1;

const _: () = assert!(GROUP <= 48, "the parked bits end where the searchers begin");

/// Whether a searcher that stopped was the only one of its group.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Searchers {
    /// Somebody else goes on searching.
    Left,
    /// Nobody of this group searches any more, and somebody is parked, or may be:
    /// the caller looks after work that pushers and other searchers left to it.
    None,
    /// Nobody searches any more, and nobody is parked whom work that was left could
    /// be waiting for. Who parks later looks for itself.
    AllActive,
}

/// What a worker finds when it takes back its announcement.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Retract {
    /// It searches again.
    Searching,
    /// A notifier was faster: the worker searches again, and its parker will
    /// be unparked, if it has not been yet.
    Claimed,
}

#[derive(Debug)]
pub(crate) struct Idle {
    groups: Box<[CachePadded<AtomicU64>]>,
}

impl Idle {
    /// All workers start out active.
    pub(crate) fn new(workers: usize) -> Self {
        Self {
            groups: (0..workers.div_ceil(GROUP))
                .map(|_| CachePadded::new(AtomicU64::new(0)))
                .collect(),
        }
    }

    /// Active to searching.
    pub(crate) fn start_searching(&self, worker: usize) {
        let (group, _) = self.place(worker);
        // Ordering: Relaxed, as all accesses here but two hand-overs
        // (`stop_searching`, `announce`): the callers' SeqCst fences order the
        // word against the queues.
        group.fetch_add(SEARCHER, Ordering::Relaxed);
    }

    /// Searching to active.
    pub(crate) fn stop_searching(&self, worker: usize) -> Searchers {
        let (group, _) = self.place(worker);
        // Ordering: Release pairs with the fence after the read-modify-write of
        // any later searcher (`announce`, this one). Where others go on
        // searching the caller looks at no queue again: what it moved to its
        // own queue is seen by the last of them.
        let release = needed!("searcher's release", Ordering::Release, not Ordering::Relaxed);
        let before = group.fetch_sub(SEARCHER, release);
        debug_assert!(before >= SEARCHER, "a worker stopped searching twice");
        let is_parked = before & PARKED != 0;
        if before - SEARCHER >= SEARCHER {
            Searchers::Left
        } else if needed!("parked when the last searcher left", is_parked, not false)
            || self.groups.len() > 1
        {
            Searchers::None
        } else {
            Searchers::AllActive
        }
    }

    /// Searching to parked.
    pub(crate) fn announce(&self, worker: usize) {
        let (group, bit) = self.place(worker);
        // Ordering: Release pairs with the Acquire in `claim_one`: a notifier
        // that sees the bit sees the worker's parker in its place.
        let before = group.fetch_sub(SEARCHER - bit, Ordering::Release);
        debug_assert!(before >= SEARCHER && before & bit == 0, "{before:#x}");
    }

    /// Whether the worker is parked, or about to be.
    ///
    /// Ordering: Acquire pairs with the Release in `announce`: what it handed in
    /// before is seen.
    pub(crate) fn is_parked(&self, worker: usize) -> bool {
        let (group, bit) = self.place(worker);
        group.load(Ordering::Acquire) & bit != 0
    }

    /// Parked to searching, by the worker itself.
    pub(crate) fn retract(&self, worker: usize) -> Retract {
        let (group, bit) = self.place(worker);
        let taken = group.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |now| {
            (now & bit != 0).then(|| now - bit + SEARCHER)
        });
        match taken {
            Ok(_) => Retract::Searching,
            Err(_) => Retract::Claimed,
        }
    }

    /// Parked to searching, by a notifier: chooses one worker, unless somebody
    /// searches already. The caller unparks the one it gets.
    pub(crate) fn claim_one(&self) -> Option<usize> {
        // The common answers, "nobody is parked" and "somebody searches", cost
        // one load for each group and no write.
        let mut candidate = None;
        for (index, group) in self.groups.iter().enumerate() {
            let now = group.load(Ordering::Relaxed);
            if now >= SEARCHER {
                return None;
            }
            if now != 0 && candidate.is_none() {
                candidate = Some(index);
            }
        }
        candidate.and_then(|first| self.claim_from_cold(first))
    }

    #[cold]
    fn claim_from_cold(&self, first: usize) -> Option<usize> {
        for index in first..self.groups.len() {
            // Ordering: Acquire pairs with the Release in `announce`.
            let taken =
                self.groups[index].fetch_update(Ordering::Acquire, Ordering::Relaxed, |now| {
                    let lowest = now & now.wrapping_neg();
                    (now < SEARCHER && now != 0).then(|| now - lowest + SEARCHER)
                });
            match taken {
                Ok(before) => return Some(index * GROUP + before.trailing_zeros() as usize),
                Err(now) if now >= SEARCHER => return None,
                Err(_) => {}
            }
        }
        None
    }

    /// Parked to searching, by a notifier that needs this very worker. Whether it
    /// was parked; the caller unparks it then.
    pub(crate) fn claim(&self, worker: usize) -> bool {
        let (group, bit) = self.place(worker);
        // Ordering: Acquire, as in `claim_one`. A load first: a worker that is
        // not parked costs no write.
        group.load(Ordering::Relaxed) & bit != 0
            && group
                .fetch_update(Ordering::Acquire, Ordering::Relaxed, |now| {
                    (now & bit != 0).then(|| now - bit + SEARCHER)
                })
                .is_ok()
    }

    /// All parked workers to searching, for the end of the runtime.
    pub(crate) fn claim_all(&self, mut unpark: impl FnMut(usize)) {
        for (index, group) in self.groups.iter().enumerate() {
            // Ordering: Acquire, as in `claim_one`.
            let before = group
                .fetch_update(Ordering::Acquire, Ordering::Relaxed, |now| {
                    let parked = now & PARKED;
                    Some(now - parked + u64::from(parked.count_ones()) * SEARCHER)
                })
                .unwrap_or_else(|now| now);
            let mut parked = before & PARKED;
            while parked != 0 {
                unpark(index * GROUP + parked.trailing_zeros() as usize);
                parked &= parked - 1;
            }
        }
    }

    fn place(&self, worker: usize) -> (&AtomicU64, u64) {
        (&self.groups[worker / GROUP], 1 << (worker % GROUP))
    }
}
