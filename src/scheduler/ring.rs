//! A worker's private ring: a short queue, first in, first out, whose owner pushes
//! and pops with plain loads and stores, and that is open to thieves all the same.
//!
//! ```text
//!   owner pops                          thief takes the older half
//!     busy := true                        thieves += 1
//!     light fence                         heavy fence
//!     thieves = 0?                        wait until not busy
//!       yes: front := front + 1           compare-and-swap front
//!       no:  compare-and-swap front       thieves -= 1
//!     busy := false
//! ```
//!
//! *Either the owner sees the thief, or the thief sees that the owner is busy*: that
//! is what the two fences are for. A thief that has waited once knows that the owner
//! sees it from then on, and as long as it stays both remove tasks by
//! compare-and-swap, as in any deque: `front` only grows, so who loses one has read
//! tasks that are no longer there, and tries again. The owner never waits. A thief
//! that meets an owner whose processor was taken away between its two stores gives
//! up, and comes back.
//!
//! A push needs neither: only the owner moves `back`, and it finds room by a `front`
//! that may be old, which makes the room look smaller.
//!
//! A full fence, or a compare-and-swap, of the owner's would drain its store buffer
//! for every task. Here the thief pays, once for half of a queue, what an interrupt
//! of all processors of the program costs; it does so where the owner does not get on
//! by itself (`Worker::search`).
//!
//! The idea is that of Dijkstra's mutual exclusion in Cilk's deque (Frigo, Leiserson
//! and Randall, "The implementation of the Cilk-5 multithreaded language", PLDI 1998),
//! with the fence moved to the thief (Dice, Huang and Yang, "Asymmetric Dekker
//! synchronization", 2001); what differs is that neither side takes a lock after a
//! conflict.

use std::cell::Cell;
use std::fmt;
use std::mem::MaybeUninit;
use std::ptr::{self, NonNull};
use std::sync::Arc;

use crossbeam_utils::CachePadded;

use crate::primitives::{
    AtomicBool, AtomicPtr, AtomicUsize, Ordering, heavy_fence, light_fence, needed, spin_loop,
    thread_local_const,
};

/// Tasks that a thief takes at most.
const MOST_STOLEN: usize = 128;

/// Room for tasks that are taken at once.
pub(crate) type Several = [MaybeUninit<NonNull<u8>>; MOST_STOLEN];

/// Such room.
pub(crate) fn several() -> Several {
    [MaybeUninit::uninit(); MOST_STOLEN]
}

/// How often a thief looks whether the owner is still busy: three stores take it less
/// time than one of these looks. In models somebody else runs between two.
const PATIENCE: u32 = if cfg!(virid_loom) { u32::MAX } else { 64 };

/// Tasks, as the addresses of their cells.
struct Slots<const SLOTS: usize> {
    ends: CachePadded<Ends>,
    tasks: [AtomicPtr<u8>; SLOTS],
}

struct Ends {
    /// How many tasks were ever taken. Field invariant: only grows.
    front: AtomicUsize,
    /// How many were ever pushed. Field invariant: the owner's to write.
    back: AtomicUsize,
    /// The owner is between two stores. Field invariant: the owner's to write.
    busy: AtomicBool,
    /// Thieves that are here.
    thieves: AtomicUsize,
}

impl<const SLOTS: usize> Slots<SLOTS> {
    /// What the ring looks like. The front first: who sees a task gone sees what was
    /// pushed before it was taken.
    ///
    /// Ordering: Acquire pairs with the Release of whoever moved the front, and of
    /// the push.
    fn ends(&self) -> (usize, usize) {
        let front = self.ends.front.load(Ordering::Acquire);
        let back = self.ends.back.load(Ordering::Acquire);
        (front, back)
    }

    fn len(&self) -> usize {
        let (front, back) = self.ends();
        back - front
    }

    /// The slot of the task with this number.
    #[inline]
    fn slot(&self, number: usize) -> &AtomicPtr<u8> {
        &self.tasks[number % SLOTS]
    }

    /// Reads the oldest tasks, as many as `count` says of those there are, and takes
    /// them if nobody else was faster.
    fn take<'a, C: Fn(usize) -> usize>(
        &self,
        count: C,
        into: &'a mut Several,
    ) -> impl ExactSizeIterator<Item = NonNull<u8>> + use<'a, SLOTS, C> {
        let taken = loop {
            let (front, back) = self.ends();
            let count = count(back - front);
            if count == 0 {
                break 0;
            }
            for number in front..front + count {
                // Ordering: Relaxed; the Acquire of `back` has seen the push, and
                // where the slot is filled anew the exchange fails.
                let task = self.slot(number).load(Ordering::Relaxed);
                into[number - front].write(NonNull::new(task).expect("a task was pushed"));
            }
            // Ordering: Release, for looks, which acquire it (`ends`): what this
            // taker did before. Relaxed on failure: the loop reads anew.
            let taken = self.ends.front.compare_exchange(
                front,
                front + count,
                Ordering::AcqRel,
                Ordering::Relaxed,
            );
            if needed!("one taker of a task", taken.is_ok(), not true) {
                break count;
            }
            spin_loop();
        };
        let taken = into[..taken].iter();
        // SAFETY: so many were written above.
        taken.map(|task| unsafe { task.assume_init() })
    }
}

/// The owner's side.
pub(crate) struct Ring<const SLOTS: usize> {
    slots: Arc<Slots<SLOTS>>,
    /// Stays with its owner.
    _unshared: std::marker::PhantomData<Cell<()>>,
}

/// Tasks on their way into a ring.
pub(crate) struct Filling<'a, const SLOTS: usize> {
    slots: &'a Slots<SLOTS>,
    /// Where the others see the back.
    begin: usize,
    back: usize,
    /// How far the back may go.
    end: usize,
}

impl<const SLOTS: usize> Filling<'_, SLOTS> {
    /// Adds a task, which the ring has room for.
    #[inline]
    pub(crate) fn push(&mut self, task: NonNull<u8>) {
        assert!(self.back < self.end, "the ring is full");
        let slot = self.slots.slot(self.back);
        // Ordering: Relaxed, published by `drop`.
        slot.store(task.as_ptr(), Ordering::Relaxed);
        self.back += 1;
    }
}

impl<const SLOTS: usize> Drop for Filling<'_, SLOTS> {
    #[inline]
    fn drop(&mut self) {
        // A thief that has found nothing does not write the line that others read.
        if self.back != self.begin {
            // Ordering: Release pairs with `ends`: who sees a task sees what was done
            // before.
            self.slots.ends.back.store(self.back, Ordering::Release);
        }
    }
}

/// The thieves' side.
pub(crate) struct RingStealer<const SLOTS: usize>(Arc<Slots<SLOTS>>);

impl<const SLOTS: usize> Ring<SLOTS> {
    pub(crate) fn new() -> Self {
        const { assert!(SLOTS.is_power_of_two(), "an index wraps round with it") };
        let slots = Slots {
            ends: CachePadded::new(Ends {
                front: AtomicUsize::new(0),
                back: AtomicUsize::new(0),
                busy: AtomicBool::new(false),
                thieves: AtomicUsize::new(0),
            }),
            tasks: std::array::from_fn(|_| AtomicPtr::new(ptr::null_mut())),
        };
        Self {
            slots: Arc::new(slots),
            _unshared: std::marker::PhantomData,
        }
    }

    pub(crate) fn stealer(&self) -> RingStealer<SLOTS> {
        RingStealer(Arc::clone(&self.slots))
    }

    /// Adds a task, which the ring has room for.
    #[inline]
    pub(crate) fn push(&self, task: NonNull<u8>) {
        self.fill().push(task);
    }

    /// Adds several tasks, which others see all at once when the answer is dropped.
    #[inline]
    pub(crate) fn fill(&self) -> Filling<'_, SLOTS> {
        let slots = &*self.slots;
        // Ordering: Relaxed, the owner's own. The front with Acquire: a slot is filled
        // anew after whoever took its last task.
        let back = slots.ends.back.load(Ordering::Relaxed);
        let end = slots.ends.front.load(Ordering::Acquire) + SLOTS;
        Filling {
            slots,
            begin: back,
            back,
            end,
        }
    }

    /// Takes the oldest tasks, so many at most. One read-modify-write for all, which
    /// needs no look for thieves.
    pub(crate) fn take_oldest<'a>(
        &self,
        most: usize,
        into: &'a mut Several,
    ) -> impl ExactSizeIterator<Item = NonNull<u8>> + use<'a, SLOTS> {
        self.slots.take(move |len| len.min(most), into)
    }

    /// Takes the oldest task.
    #[inline]
    pub(crate) fn pop(&self) -> Option<NonNull<u8>> {
        let slots = &*self.slots;
        if self.len() == 0 {
            return None;
        }
        let alone = self.alone(|| {
            // Ordering: Relaxed; no thief is here, and `alone` has acquired what the
            // last one did.
            let front = slots.ends.front.load(Ordering::Relaxed);
            if front == slots.ends.back.load(Ordering::Relaxed) {
                return None;
            }
            let task = slots.slot(front).load(Ordering::Relaxed);
            // Ordering: Release pairs with `ends`, as in `take`.
            slots.ends.front.store(front + 1, Ordering::Release);
            NonNull::new(task)
        });
        alone.unwrap_or_else(|| self.pop_among_thieves_cold())
    }

    #[cold]
    fn pop_among_thieves_cold(&self) -> Option<NonNull<u8>> {
        self.take_oldest(1, &mut several()).next()
    }

    /// Runs `change` while no thief can take anything, unless one is here already.
    #[inline]
    fn alone<R>(&self, change: impl FnOnce() -> R) -> Option<R> {
        let ends = &self.slots.ends;
        // Ordering: Relaxed, ordered by the fence: *busy; fence; thieves?* against
        // *thieves; fence; busy?* in `steal_half`.
        ends.busy.store(true, Ordering::Relaxed);
        needed!("owner's fence", light_fence());
        // Ordering: Acquire pairs with the Release with which a thief leaves: the
        // front is as it has left it.
        let is_alone = ends.thieves.load(Ordering::Acquire) == 0;
        let answer = needed!("look for thieves", is_alone, not true).then(change);
        // Ordering: Release pairs with the Acquire of a thief that waits.
        ends.busy.store(false, Ordering::Release);
        answer
    }

    /// Runs `change` on the task that was pushed last, if it is `task`, nobody has
    /// taken it, and nobody can meanwhile. What it answers; else false.
    #[inline]
    fn with_newest(&self, task: NonNull<u8>, change: impl FnOnce() -> bool) -> bool {
        let slots = &*self.slots;
        // Ordering: Relaxed, the owner's own.
        let back = slots.ends.back.load(Ordering::Relaxed);
        let newest = slots.slot(back.wrapping_sub(1)).load(Ordering::Relaxed);
        if newest != task.as_ptr() {
            return false;
        }
        let answer = self.alone(|| {
            // Ordering: Relaxed, as in `pop`.
            let is_here = slots.ends.front.load(Ordering::Relaxed) != back;
            needed!("newest is still here", is_here, not true) && change()
        });
        answer.unwrap_or(false)
    }

    /// Exact for the owner's pushes and pops; thieves may take meanwhile.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        // Ordering: Relaxed, the owner's own. The front with Acquire, as in `ends`.
        let back = self.slots.ends.back.load(Ordering::Relaxed);
        back - self.slots.ends.front.load(Ordering::Acquire)
    }
}

impl<const SLOTS: usize> RingStealer<SLOTS> {
    /// Takes the older half and hands it to `each`, oldest first. Whether there was
    /// anything to take.
    pub(crate) fn steal_half(&self, each: impl FnMut(NonNull<u8>)) -> bool {
        let slots = &*self.0;
        if slots.len() == 0 {
            return false;
        }
        // Ordering: Relaxed, ordered by the fence; see `Ring::alone`.
        slots.ends.thieves.fetch_add(1, Ordering::Relaxed);
        needed!("thief's fence", heavy_fence());
        let mut stolen = several();
        let may_take = self.waits_for_owner();
        let half = |len: usize| len.div_ceil(2).min(MOST_STOLEN);
        let stolen = slots.take(|len| if may_take { half(len) } else { 0 }, &mut stolen);
        // Ordering: Release pairs with the Acquire in `Ring::alone`.
        slots.ends.thieves.fetch_sub(1, Ordering::Release);
        let is_any = stolen.len() != 0;
        stolen.for_each(each);
        is_any
    }

    /// Until the owner is not busy any more, or for too long. Whether it has ended:
    /// it sees this thief from then on.
    fn waits_for_owner(&self) -> bool {
        for _ in 0..PATIENCE {
            // Ordering: Acquire pairs with the Release in `Ring::alone`.
            let is_busy = self.0.ends.busy.load(Ordering::Acquire);
            if !needed!("wait for a busy owner", is_busy, not false) {
                return true;
            }
            spin_loop();
        }
        false
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

/// Tasks that the ring of new tasks has room for. Models use few.
pub(crate) const NEW: usize = if cfg!(virid_loom) { 4 } else { 256 };

thread_local_const! {
    /// The ring that this thread owns and pushes new tasks to.
    static OWN: Cell<*const Ring<NEW>> = Cell::new(ptr::null());
}

/// Takes the thread's ring away again.
pub(crate) struct Installed(());

/// Makes `ring` the one that [`with_newest`] asks on this thread.
///
/// # Safety
///
/// It stays where it is until the answer is dropped.
pub(crate) unsafe fn install(ring: &Ring<NEW>) -> Installed {
    OWN.with(|own| own.set(ring));
    Installed(())
}

impl Drop for Installed {
    fn drop(&mut self) {
        OWN.with(|own| own.set(ptr::null()));
    }
}

/// Runs `change` where nobody but the caller can reach `task` meanwhile, because it
/// was pushed last to the caller's own ring and waits there. What it answers, or
/// false: it was not called.
#[inline]
pub(crate) fn with_newest(task: NonNull<u8>, change: impl FnOnce() -> bool) -> bool {
    let own = OWN.with(Cell::get);
    // SAFETY: an installed ring is there, as `install` asks.
    let ring = unsafe { own.as_ref() };
    ring.is_some_and(|ring| ring.with_newest(task, change))
}

impl<const SLOTS: usize> fmt::Debug for Ring<SLOTS> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ring({} tasks)", self.len())
    }
}

impl<const SLOTS: usize> fmt::Debug for RingStealer<SLOTS> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RingStealer({} tasks)", self.len())
    }
}
