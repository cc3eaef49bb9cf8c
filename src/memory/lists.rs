//! One thread's free cells: plain memory, no atomic operation.
//!
//! Per class a list of two batches' length, last in, first out, and behind it a
//! hoard of full batches. What a thread frees it takes again while the cell is
//! still in its cache; only a batch too many, or one too few, goes to or comes
//! from the depot.

use std::cell::Cell;
use std::fmt;
use std::ptr::{self, NonNull};
use std::sync::Arc;

use super::batch::{BATCH, Chain, Clean, Held, Used};
use super::class::{CLASSES, Class};
use super::depot::{Depot, Taken};
use super::epoch::{self, Guard};
use super::slab::Slab;
use super::spares;
use crate::primitives::Count;

/// Bytes of each class that a worker keeps for itself until it parks.
pub(crate) const HOARD_BYTES: usize = 1 << 20;

/// Batches in limbo that are retired together.
const RETIRED_AT_ONCE: usize = if cfg!(virid_loom) { 1 } else { 64 };

/// Empty batches that are kept for the next full one.
const MOST_CLEAN: usize = 8;

const LIST: usize = 2 * BATCH;

/// What one thread's lists have moved. Written by that thread only.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    /// Cells that were handed out; of lanes only, because a worker's are the
    /// tasks that it has spawned.
    pub(crate) allocated: Count,
    /// Cells that were carved.
    pub(crate) fresh: Count,
    /// Batches that went to the depot, and that came from it.
    pub(crate) put: Count,
    pub(crate) taken: Count,
}

/// One thread's free cells.
///
/// Field invariant: every address in it is a free cell of `depot`, of the class
/// it is listed under, that nobody else knows.
pub(crate) struct Lists {
    depot: NonNull<Depot>,
    traffic: Arc<Traffic>,
    lists: [List; CLASSES],
    /// The lists' places, one class after another. On the heap, because a worker's
    /// stack may be small.
    places: Box<[Cell<*mut u8>; LIST * CLASSES]>,
    /// Empty batches that may be filled, and such that may not yet.
    clean: Cell<Chain<Clean>>,
    limbo: Cell<Chain<Used>>,
}

struct List {
    len: Cell<usize>,
    hoard: Cell<Chain<Clean>>,
}

// SAFETY: the lists are one thread's at a time; the cells are nobody's, and the
// depot may be used from any thread.
unsafe impl Send for Lists {}

impl Lists {
    /// # Safety
    ///
    /// `depot` outlives the lists.
    pub(crate) unsafe fn new(depot: NonNull<Depot>, traffic: Arc<Traffic>) -> Self {
        Self {
            depot,
            traffic,
            lists: std::array::from_fn(|_| List {
                len: Cell::new(0),
                hoard: Cell::default(),
            }),
            places: (0..LIST * CLASSES)
                .map(|_| Cell::new(ptr::null_mut()))
                .collect::<Box<[_]>>()
                .try_into()
                .expect("there are as many"),
            clean: Cell::default(),
            limbo: Cell::default(),
        }
    }

    pub(crate) fn traffic(&self) -> &Traffic {
        &self.traffic
    }

    #[inline]
    fn places(&self, class: Class) -> &[Cell<*mut u8>; LIST] {
        let first = class.index() * LIST;
        self.places[first..first + LIST]
            .try_into()
            .expect("it is as long")
    }

    fn depot(&self) -> &Depot {
        // SAFETY: it outlives us, as `new` asks.
        unsafe { self.depot.as_ref() }
    }

    /// Whether a cell of this slab belongs here.
    #[inline]
    pub(crate) fn owns(&self, slab: &Slab) -> bool {
        ptr::eq(slab.owner(), self.depot.as_ptr().cast())
    }

    /// A free cell.
    #[inline]
    pub(crate) fn allocate(&self, class: Class) -> NonNull<u8> {
        let len = self.lists[class.index()].len.get();
        if len == 0 {
            return self.refill_cold(class);
        }
        self.take(class, len)
    }

    /// The last of `len` cells.
    #[inline]
    fn take(&self, class: Class, len: usize) -> NonNull<u8> {
        self.lists[class.index()].len.set(len - 1);
        NonNull::new(self.places(class)[len - 1].get()).expect("a list holds addresses")
    }

    /// Takes back a cell.
    ///
    /// # Safety
    ///
    /// The cell came from these lists' depot, of this class, and nobody can
    /// reach it any more.
    #[inline]
    pub(crate) unsafe fn free(&self, class: Class, cell: NonNull<u8>) {
        let len = self.lists[class.index()].len.get();
        if len == LIST {
            return self.spill_cold(class, cell);
        }
        self.keep(class, cell, len);
    }

    /// Adds to `len` cells.
    #[inline]
    fn keep(&self, class: Class, cell: NonNull<u8>, len: usize) {
        self.places(class)[len].set(cell.as_ptr());
        self.lists[class.index()].len.set(len + 1);
    }

    /// Fills an empty list, and takes one. Apart from `allocate`, as what spills is
    /// from `free`, down to the last line: so those two call nothing.
    #[cold]
    fn refill_cold(&self, class: Class) -> NonNull<u8> {
        let len = self.refill(class);
        self.take(class, len)
    }

    /// Fills an empty list. Its new length.
    fn refill(&self, class: Class) -> usize {
        let (list, places) = (&self.lists[class.index()], self.places(class));
        if let Some(batch) = with(&list.hoard, Chain::pop) {
            let len = append(places, &batch);
            self.keep_clean(batch);
            return len;
        }
        let guard = epoch::pin();
        match self.depot().take(class, &guard) {
            Taken::Batch(batch) => {
                self.traffic.taken.add(1);
                let len = append(places, &batch);
                self.retire(batch, &guard);
                len
            }
            Taken::Carved(carved) => {
                self.traffic.fresh.add(u64::from(carved.len));
                let mut len = 0;
                for cell in carved.into_cells() {
                    places[len].set(cell.as_ptr());
                    len += 1;
                }
                len
            }
        }
    }

    /// Makes room in a full list for one more: the older half leaves it.
    #[cold]
    fn spill_cold(&self, class: Class, cell: NonNull<u8>) {
        let (list, places) = (&self.lists[class.index()], self.places(class));
        let batch = self.batch_of(&places[..BATCH]);
        let hoarded = with(&list.hoard, |hoard| hoard.len());
        if hoarded < HOARD_BYTES / (class.bytes() * BATCH) {
            with(&list.hoard, |hoard| hoard.push(batch));
        } else {
            self.put(class, batch);
        }
        for at in 0..BATCH {
            places[at].set(places[at + BATCH].get());
        }
        self.keep(class, cell, BATCH);
    }

    fn put(&self, class: Class, batch: Held<Clean>) {
        let mut chain = Chain::default();
        chain.push(batch);
        self.traffic.put.add(1);
        self.depot().put(class, chain);
    }

    /// A batch of these cells.
    fn batch_of(&self, cells: &[Cell<*mut u8>]) -> Held<Clean> {
        let batch = self.take_batch();
        let address = |cell: &Cell<*mut u8>| NonNull::new(cell.get());
        batch.fill(
            cells
                .iter()
                .map(|cell| address(cell).expect("a list holds addresses")),
        );
        batch
    }

    /// A batch to fill.
    pub(crate) fn take_batch(&self) -> Held<Clean> {
        with(&self.clean, Chain::pop).unwrap_or_else(|| spares::take(&epoch::pin()))
    }

    /// Hands in everything: all free cells to the depot, all batches to be used
    /// again.
    pub(crate) fn hand_in(&self) {
        for class in Class::all() {
            self.hand_in_class(class);
        }
        let mut clean = self.clean.take();
        while let Some(batch) = clean.pop() {
            // To wait for a grace period once more is harmless.
            // SAFETY: it is ours, and used is the weaker kind.
            let batch = unsafe { Held::of(batch.into_batch()) };
            with(&self.limbo, |limbo| limbo.push(batch));
        }
        if with(&self.limbo, |limbo| limbo.len()) > 0 {
            self.retire_limbo(&epoch::pin());
        }
    }

    fn hand_in_class(&self, class: Class) {
        let list = &self.lists[class.index()];
        let mut chain = list.hoard.take();
        let len = list.len.replace(0);
        for cells in self.places(class)[..len].chunks(BATCH) {
            chain.push(self.batch_of(cells));
        }
        if chain.len() > 0 {
            self.traffic.put.add(chain.len() as u64);
            self.depot().put(class, chain);
        }
    }

    /// Keeps an emptied batch that nobody else has seen, or gives it away.
    pub(crate) fn keep_clean(&self, batch: Held<Clean>) {
        let kept = with(&self.clean, |clean| clean.len());
        if kept < MOST_CLEAN {
            with(&self.clean, |clean| clean.push(batch));
        } else {
            // SAFETY: it is ours, and used is the weaker kind.
            let batch = unsafe { Held::of(batch.into_batch()) };
            self.retire(batch, &epoch::pin());
        }
    }

    /// Gives an emptied batch away, together with others.
    pub(crate) fn retire(&self, batch: Held<Used>, guard: &Guard) {
        let waiting = with(&self.limbo, |limbo| {
            limbo.push(batch);
            limbo.len()
        });
        if waiting >= RETIRED_AT_ONCE {
            self.retire_limbo(guard);
        }
    }

    fn retire_limbo(&self, guard: &Guard) {
        spares::retire(guard, self.limbo.take());
    }
}

/// Puts a batch's cells into an empty list. Its length then.
fn append<K>(places: &[Cell<*mut u8>], batch: &Held<K>) -> usize {
    let mut len = 0;
    batch.drain(|cell| {
        places[len].set(cell.as_ptr());
        len += 1;
    });
    len
}

/// Works on what a `Cell` holds.
fn with<T: Default, R>(cell: &Cell<T>, work: impl FnOnce(&mut T) -> R) -> R {
    let mut value = cell.take();
    let answer = work(&mut value);
    cell.set(value);
    answer
}

impl fmt::Debug for Lists {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lists").finish_non_exhaustive()
    }
}
