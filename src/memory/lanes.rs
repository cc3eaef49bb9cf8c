//! Free cells for threads that are no workers: a few sets of lists, each used by
//! one thread at a time.
//!
//! A thread tries the lane of its number, then the others, and waits for none:
//! where all are busy it works on lists of its own for the length of one call,
//! which takes a batch from the depot and hands the rest in.

use std::cell::Cell;
use std::fmt;
use std::ptr::NonNull;
use std::sync::Arc;

use crossbeam_utils::CachePadded;

use super::depot::Depot;
use super::lists::{Lists, Traffic};
use crate::context;
use crate::primitives::{AtomicBool, AtomicUsize, Ordering, needed, os_yield};

/// Lanes for each worker, and at most. Models have one in all.
const LANES_PER_WORKER: usize = if cfg!(virid_loom) { 0 } else { 2 };
const MOST_LANES: usize = 16;

/// In the word of those who found no lane: nobody may begin any more.
const CLOSED: usize = 1;
const VISITOR: usize = 2;

pub(crate) struct Lanes {
    depot: NonNull<Depot>,
    lanes: Box<[CachePadded<Lane>]>,
    /// How many work without a lane, and `CLOSED`.
    without: AtomicUsize,
    /// Written by several at a time, so a count may be lost.
    traffic_without: Arc<Traffic>,
}

/// Field invariant: who has set `is_busy` alone touches the rest.
struct Lane {
    is_busy: AtomicBool,
    is_closed: Cell<bool>,
    lists: Lists,
    traffic: Arc<Traffic>,
}

// SAFETY: the field invariant of `Lane`.
unsafe impl Sync for Lanes {}
// SAFETY: nothing in it belongs to a thread.
unsafe impl Send for Lanes {}

/// The lanes are closed: the runtime is gone.
#[derive(Debug)]
pub(crate) struct Closed;

impl Lanes {
    /// # Safety
    ///
    /// `depot` outlives the lanes.
    pub(crate) unsafe fn new(depot: NonNull<Depot>, workers: usize) -> Self {
        let lanes = (workers * LANES_PER_WORKER).next_power_of_two();
        let lane = |_| {
            let traffic = Arc::<Traffic>::default();
            CachePadded::new(Lane {
                is_busy: AtomicBool::new(false),
                is_closed: Cell::new(false),
                // SAFETY: as this function's contract says.
                lists: unsafe { Lists::new(depot, Arc::clone(&traffic)) },
                traffic,
            })
        };
        Self {
            depot,
            lanes: (0..lanes.min(MOST_LANES)).map(lane).collect(),
            without: AtomicUsize::new(0),
            traffic_without: Arc::default(),
        }
    }

    /// Works on some lists, unless the lanes are closed. `work` runs no code of
    /// a task.
    pub(crate) fn with<R>(&self, work: impl FnOnce(&Lists) -> R) -> Result<R, Closed> {
        let count = self.lanes.len();
        let first = context::thread_number();
        for offset in 0..count {
            let lane = &self.lanes[(first + offset) & (count - 1)];
            if lane.try_take() {
                let answer = if lane.is_closed.get() {
                    Err(Closed)
                } else {
                    Ok(work(&lane.lists))
                };
                lane.leave();
                return answer;
            }
        }
        self.without_cold(work)
    }

    #[cold]
    fn without_cold<R>(&self, work: impl FnOnce(&Lists) -> R) -> Result<R, Closed> {
        // Ordering: Acquire and Release pair with `close`: either it waits for
        // this visit, or the bit is seen here. One word decides.
        let before = self.without.fetch_add(VISITOR, Ordering::Acquire);
        let answer = if needed!("closed lanes", before & CLOSED != 0, not false) {
            Err(Closed)
        } else {
            // SAFETY: the depot outlives us.
            let lists = unsafe { Lists::new(self.depot, Arc::clone(&self.traffic_without)) };
            let answer = work(&lists);
            lists.hand_in();
            Ok(answer)
        };
        self.without.fetch_sub(VISITOR, Ordering::Release);
        answer
    }

    /// Hands in what the lanes hold.
    pub(crate) fn hand_in(&self) {
        for lane in &self.lanes {
            lane.take();
            lane.lists.hand_in();
            lane.leave();
        }
    }

    /// Hands in what the lanes hold, and lets nobody begin any more. Returns
    /// when everybody who had begun is done.
    pub(crate) fn close(&self) {
        for lane in &self.lanes {
            lane.take();
            lane.lists.hand_in();
            lane.is_closed.set(true);
            lane.leave();
        }
        // Ordering: AcqRel and Acquire pair with `without_cold`.
        self.without.fetch_or(CLOSED, Ordering::AcqRel);
        while needed!(
            "wait for those without a lane",
            self.without.load(Ordering::Acquire) >= VISITOR,
            not false
        ) {
            os_yield();
        }
    }

    /// What all of them have moved.
    pub(crate) fn traffic(&self) -> impl Iterator<Item = &Traffic> {
        let lanes = self.lanes.iter().map(|lane| &*lane.traffic);
        lanes.chain(std::iter::once(&*self.traffic_without))
    }
}

impl Lane {
    fn try_take(&self) -> bool {
        // Ordering: Acquire pairs with the Release in `leave`.
        let taken =
            self.is_busy
                .compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed);
        taken.is_ok()
    }

    /// Waits for it. Its user runs no foreign code, and is gone soon.
    fn take(&self) {
        while !self.try_take() {
            os_yield();
        }
    }

    fn leave(&self) {
        // Ordering: Release, for the next user.
        self.is_busy.store(false, Ordering::Release);
    }
}

impl fmt::Debug for Lanes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Lanes({})", self.lanes.len())
    }
}
