//! What the threads of one runtime share of its memory: the free cells that
//! nobody holds, in batches, and the slabs.

use std::fmt;
use std::ptr::{self, NonNull};

use super::batch::{BATCH, Chain, Clean, Held, Used};
use super::carver::Carver;
use super::class::{CLASSES, Class};
use super::epoch::{self, Guard};
use super::slab::{Carved, Slab};
use super::spares;
use super::stack::Stack;
use crate::primitives::{AtomicUsize, Ordering};

/// The free cells of one runtime that nobody holds.
pub(crate) struct Depot {
    shelves: [Shelf; CLASSES],
    /// Bytes that were carved and not given back.
    resident: AtomicUsize,
}

/// One class of a depot.
#[derive(Debug)]
struct Shelf {
    /// Batches of free cells.
    full: Stack,
    /// Batches of free cells whose pages were given back: taken when nothing
    /// else is left, before new cells are carved.
    cold: Stack,
    carver: Carver,
}

/// What [`Depot::take`] found.
#[derive(Debug)]
pub(crate) enum Taken {
    /// A batch of cells. The taker retires it when it has them.
    Batch(Held<Used>),
    /// Cells that are new.
    Carved(Carved),
}

impl Depot {
    pub(crate) fn new() -> Self {
        let mut classes = Class::all();
        Self {
            shelves: std::array::from_fn(|_| Shelf {
                full: Stack::new(),
                cold: Stack::new(),
                carver: Carver::new(classes.next().expect("one for each shelf")),
            }),
            resident: AtomicUsize::new(0),
        }
    }

    /// The address that slabs know it by.
    pub(crate) fn address(&self) -> *const () {
        ptr::from_ref(self).cast()
    }

    fn shelf(&self, class: Class) -> &Shelf {
        &self.shelves[class.index()]
    }

    /// A batch of free cells, or new ones.
    pub(crate) fn take(&self, class: Class, guard: &Guard) -> Taken {
        let shelf = self.shelf(class);
        if let Some(batch) = shelf.full.pop(guard) {
            return Taken::Batch(batch);
        }
        if let Some(batch) = shelf.cold.pop(guard) {
            let mut bytes = 0;
            batch.drain(|cell| {
                // SAFETY: free cells keep their slab mapped.
                bytes += unsafe { Slab::of(cell) }.touch(cell);
            });
            self.resident.fetch_add(bytes, Ordering::Relaxed);
            return Taken::Batch(batch);
        }
        let carved = shelf.carver.carve(self.address(), BATCH as u32, guard);
        // Ordering: Relaxed, a number to read.
        self.resident.fetch_add(carved.bytes(), Ordering::Relaxed);
        Taken::Carved(carved)
    }

    /// Takes over batches of free cells.
    pub(crate) fn put(&self, class: Class, batches: Chain<Clean>) {
        self.shelf(class).full.push(batches);
    }

    /// Bytes that were carved and not given back.
    pub(crate) fn resident(&self) -> usize {
        self.resident.load(Ordering::Relaxed)
    }

    /// Visits every cell that was ever carved. For the owner, with trims kept
    /// away.
    pub(crate) fn visit_carved(&self, mut visit: impl FnMut(NonNull<u8>)) {
        for shelf in &self.shelves {
            for slab in shelf.carver.slabs() {
                // SAFETY: slabs are taken out by trims only.
                unsafe { slab.as_ref() }.visit_carved(&mut visit);
            }
        }
    }

    /// Gives back what is free and in nobody's hands: whole slabs, and the pages
    /// of others where `pages` says so. One at a time. The bytes given back, and
    /// how many carved cells were not found here: in use, or in somebody's hands.
    pub(crate) fn trim(&self, pages: bool) -> (usize, usize) {
        let (mut bytes, mut elsewhere) = (0, 0);
        for shelf in &self.shelves {
            let (given_back, missing) = self.trim_shelf(shelf, pages);
            bytes += given_back;
            elsewhere += missing;
        }
        (bytes, elsewhere)
    }

    fn trim_shelf(&self, shelf: &Shelf, pages: bool) -> (usize, usize) {
        shelf.carver.begin_tally();
        let mut held = Vec::new();
        for mut chain in [shelf.full.take_all(), shelf.cold.take_all()] {
            while let Some(batch) = chain.pop() {
                // SAFETY: free cells keep their slab mapped.
                batch.drain(|cell| unsafe { Slab::of(cell) }.count(cell));
                held.push(batch);
            }
        }
        shelf.carver.end_tally();
        let (mut missing, mut bytes) = (0, 0);
        for slab in shelf.carver.slabs() {
            // SAFETY: slabs are taken out below only.
            let slab = unsafe { slab.as_ref() };
            missing += (slab.carved() - slab.counted()) as usize;
            if pages && !slab.goes() {
                // SAFETY: the cells that were counted are ours.
                bytes += unsafe { slab.give_back_free_pages() };
            }
        }
        put_back(shelf, held);
        // SAFETY: all cells of these slabs were counted, so they are ours.
        bytes += unsafe { shelf.carver.retire(&epoch::pin()) };
        // Ordering: Relaxed, a number to read.
        self.resident.fetch_sub(bytes, Ordering::Relaxed);
        (bytes, missing)
    }

    /// Gives all memory back.
    ///
    /// # Safety
    ///
    /// Nobody uses the depot or a cell of it any more.
    pub(crate) unsafe fn unmap_all(&self, guard: &Guard) {
        for shelf in &self.shelves {
            spares::retire(guard, shelf.full.take_all());
            spares::retire(guard, shelf.cold.take_all());
            // SAFETY: as this function's contract says.
            unsafe { shelf.carver.unmap_all() };
        }
    }
}

/// Batches that are emptied between two attempts to have them for reuse.
const EMPTIED_AT_ONCE: usize = 64;

/// Puts back the cells of slabs that stay, in other batches. Never pinned for
/// long, so that the emptied ones can serve again soon.
fn put_back(shelf: &Shelf, held: Vec<Held<Used>>) {
    let (mut full, mut cold) = (Refill::new(&shelf.full), Refill::new(&shelf.cold));
    let mut emptied = Chain::default();
    for batch in held {
        batch.drain(|cell| {
            // SAFETY: slabs that go are unmapped later.
            let slab = unsafe { Slab::of(cell) };
            match slab.goes() {
                true => {}
                false if slab.is_away(cell) => cold.push(cell),
                false => full.push(cell),
            }
        });
        emptied.push(batch);
        if emptied.len() == EMPTIED_AT_ONCE {
            let guard = epoch::pin();
            spares::retire(&guard, std::mem::take(&mut emptied));
            guard.flush();
        }
    }
    full.finish();
    cold.finish();
    spares::retire(&epoch::pin(), emptied);
}

/// Collects cells into batches and puts those into a list.
struct Refill<'a> {
    list: &'a Stack,
    cells: [NonNull<u8>; BATCH],
    len: usize,
    batches: Chain<Clean>,
}

impl<'a> Refill<'a> {
    fn new(list: &'a Stack) -> Self {
        Self {
            list,
            cells: [NonNull::dangling(); BATCH],
            len: 0,
            batches: Chain::default(),
        }
    }

    fn push(&mut self, cell: NonNull<u8>) {
        self.cells[self.len] = cell;
        self.len += 1;
        if self.len == BATCH {
            self.close();
        }
    }

    fn close(&mut self) {
        let batch = spares::take(&epoch::pin());
        batch.fill(self.cells[..self.len].iter().copied());
        self.batches.push(batch);
        self.len = 0;
    }

    fn finish(mut self) {
        if self.len > 0 {
            self.close();
        }
        self.list.push(self.batches);
    }
}

impl fmt::Debug for Depot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Depot({} bytes)", self.resident())
    }
}
