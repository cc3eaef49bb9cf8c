//! Who is in a group: how many run, that no more come in when it is closed, and whom to
//! abort then.
//!
//! The count is one word with a bit that says closed, so that a child that comes in and the
//! end of the group meet in one place. The tasks stand in a list under a lock, which who
//! spawns takes once, and who ends does not: the list is swept, of those that have ended,
//! whenever it has doubled. So there are never more in it than twice as many as run, and a
//! few.
//!
//! The owner leaves its waker before it looks at the count, both under the lock; the last
//! child takes itself off the count before it takes the lock to look for the waker. Whoever
//! has the lock second sees what the other has done.

use std::task::{Poll, Waker};

use crate::primitives::{AtomicUsize, Mutex, Ordering, needed};

/// No child comes in any more.
const CLOSED: usize = 1;
const ONE: usize = 2;

/// So many are in the list before it is swept for the first time.
const FEW: usize = 64;

pub(crate) struct Roll<T> {
    word: AtomicUsize,
    state: Mutex<State<T>>,
}

struct State<T> {
    tasks: Vec<T>,
    /// The length at which the list is swept.
    sweep_at: usize,
    added: u64,
    is_closed: bool,
    /// While the owner waits.
    owner: Option<Waker>,
}

impl<T> Roll<T> {
    pub(crate) fn new() -> Self {
        Self {
            word: AtomicUsize::new(0),
            state: Mutex::new(State {
                tasks: Vec::new(),
                sweep_at: FEW,
                added: 0,
                is_closed: false,
                owner: None,
            }),
        }
    }

    /// Counts a child that is to come in, until it [leaves](Self::leave). `false`: the
    /// group is closed.
    pub(crate) fn enter(&self) -> bool {
        // Ordering: Relaxed. What the word guards is the word.
        let before = self.word.fetch_add(ONE, Ordering::Relaxed);
        if before & CLOSED != 0 {
            // The owner may have seen it counted.
            wake(self.leave());
            return false;
        }
        true
    }

    /// A child has ended. Who is to be woken for that.
    #[must_use]
    pub(crate) fn leave(&self) -> Option<Waker> {
        // Ordering: Release pairs with the Acquire in `poll_left`: what the children did is
        // seen by who waits for them. Each is, because all change the word in one step.
        let order = needed!("release of a child", Ordering::Release, not Ordering::Relaxed);
        if self.word.fetch_sub(ONE, order) / ONE != 1 {
            return None;
        }
        needed!("wake by the last child", self.state.lock().owner.take(), not None)
    }

    /// Says which task it is that came in, to whoever closes. Gives it back where that has
    /// happened already.
    pub(crate) fn add(&self, task: T, has_ended: impl Fn(&T) -> bool) -> Option<T> {
        let mut swept = Vec::new();
        {
            let mut state = self.state.lock();
            if needed!("look of who adds", state.is_closed, not false) {
                return Some(task);
            }
            state.added += 1;
            if state.tasks.len() >= state.sweep_at {
                swept = state.sweep(has_ended);
            }
            state.tasks.push(task);
        }
        drop(swept);
        None
    }

    /// Lets no more in. The tasks to abort; some may have ended.
    pub(crate) fn close(&self) -> Vec<T> {
        // Ordering: Relaxed, as in `enter`.
        self.word.fetch_or(CLOSED, Ordering::Relaxed);
        let mut state = self.state.lock();
        state.is_closed = true;
        std::mem::take(&mut state.tasks)
    }

    /// Whether it was closed. It may say so late.
    pub(crate) fn is_closed(&self) -> bool {
        // Ordering: Relaxed. `add` decides, under the lock.
        self.word.load(Ordering::Relaxed) & CLOSED != 0
    }

    /// Ready when all have left; it is closed then. Who polls is woken for it, and by
    /// [`take_owner`](Self::take_owner).
    pub(crate) fn poll_left(&self, waker: &Waker) -> Poll<()> {
        let before = self.register(waker);
        drop(before);
        // So that none comes in who would not be waited for.
        let after = needed!("close by who waits", CLOSED, not 0);
        // Ordering: Acquire pairs with the Release in `leave`.
        let swapped = self
            .word
            .compare_exchange(0, after, Ordering::Acquire, Ordering::Acquire);
        match swapped {
            Ok(_) | Err(CLOSED) => Poll::Ready(()),
            Err(_) => Poll::Pending,
        }
    }

    /// Leaves the waker of the owner. The one before is for the caller to drop.
    pub(crate) fn register(&self, waker: &Waker) -> Option<Waker> {
        let waker = waker.clone();
        self.state.lock().owner.replace(waker)
    }

    /// Who waits, to be woken for another reason.
    #[cfg(not(virid_loom))]
    pub(crate) fn take_owner(&self) -> Option<Waker> {
        self.state.lock().owner.take()
    }

    /// How many were added, and how many run. (Those that come in now may count as running
    /// already.)
    #[cfg(not(virid_loom))]
    pub(crate) fn numbers(&self) -> (u64, usize) {
        let added = self.state.lock().added;
        (added, self.word.load(Ordering::Relaxed) / ONE)
    }
}

impl<T> State<T> {
    /// Takes those out that have ended.
    fn sweep(&mut self, has_ended: impl Fn(&T) -> bool) -> Vec<T> {
        let swept = self.tasks.extract_if(.., |task| has_ended(task)).collect();
        self.sweep_at = FEW.max(2 * self.tasks.len());
        swept
    }
}

pub(crate) fn wake(owner: Option<Waker>) {
    if let Some(owner) = owner {
        crate::unwind::contain(|| owner.wake());
    }
}
