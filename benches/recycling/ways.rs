//! Ways to get and to free cells of 64 bytes.
//!
//! All but [`Boxed`] carve their new cells from the crate's slabs, sixty-two at a
//! time, so that they differ in nothing but what happens to a free cell. The first
//! word of a cell is the lists', for a link; its user has the others.

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use crate::memory::batch::BATCH;
use crate::memory::carver::Carver;
use crate::memory::class::Class;
use crate::memory::depot::Depot;
use crate::memory::epoch::pin;
use crate::memory::lists::Lists;
use crate::memory::mapping::{self, SLAB_BYTES};
use crate::memory::slab::Slab;

const CLASS: Class = Class::of(64);

/// What the threads of a measurement share. Never dropped: a measurement is a
/// process, and cells, and what waits for a grace period, may outlast a thread.
pub(crate) trait Way: Sync + Sized + 'static {
    type Side: Side;

    fn new() -> Self;

    /// One thread's side, in a measurement with at most `most` cells in use.
    fn side(&'static self, most: usize) -> Self::Side;
}

pub(crate) trait Side {
    fn get(&mut self) -> NonNull<u8>;

    /// # Safety
    ///
    /// The cell came from a side of the same way, and its user is done with it.
    unsafe fn free(&mut self, cell: NonNull<u8>);
}

/// Where lists take cells that nobody has had.
struct Fresh(Carver);

impl Fresh {
    fn new() -> Self {
        Self(Carver::new(CLASS))
    }

    #[cold]
    fn get_cold(&self, carved: &mut Vec<NonNull<u8>>) -> NonNull<u8> {
        if carved.is_empty() {
            let cells = self.0.carve(ptr::null(), BATCH as u32, &pin());
            carved.extend(cells.into_cells());
        }
        carved.pop().expect("at least one cell is carved")
    }
}

/// The link in a cell.
fn link<'a>(cell: NonNull<u8>) -> &'a AtomicPtr<u8> {
    // SAFETY: every cell is aligned, is never unmapped here, and has its first
    // word accessed as an atomic only.
    unsafe { AtomicPtr::from_ptr(cell.cast().as_ptr()) }
}

/// No list: cells that are there, taken in turn. What the pattern itself costs.
pub(crate) struct Ready(Fresh);

pub(crate) struct ReadySide {
    cells: Vec<NonNull<u8>>,
    next: usize,
}

impl Way for Ready {
    type Side = ReadySide;

    fn new() -> Self {
        Self(Fresh::new())
    }

    fn side(&'static self, most: usize) -> ReadySide {
        let mut carved = Vec::new();
        // A cell that is as good as freed is still in its user's hands.
        let cells = (0..most + 2).map(|_| self.0.get_cold(&mut carved));
        ReadySide {
            cells: cells.collect(),
            next: 0,
        }
    }
}

/// As [`Ready`], in slabs that are advised before anything is written to them.
pub(crate) struct Advised;

impl Way for Advised {
    type Side = ReadySide;

    fn new() -> Self {
        Self
    }

    fn side(&'static self, most: usize) -> ReadySide {
        let mut cells = Vec::with_capacity(most);
        while cells.len() < most {
            let slab = mapping::map().expect("there is memory for a slab");
            mapping::prefer_huge_pages(slab);
            let left = most - cells.len();
            for offset in (0..SLAB_BYTES).step_by(CLASS.bytes()).take(left) {
                // SAFETY: the offset is inside the slab.
                cells.push(unsafe { slab.add(offset) });
            }
        }
        ReadySide { cells, next: 0 }
    }
}

impl Side for ReadySide {
    fn get(&mut self) -> NonNull<u8> {
        let cell = self.cells[self.next];
        self.next += 1;
        if self.next == self.cells.len() {
            self.next = 0;
        }
        cell
    }

    unsafe fn free(&mut self, _: NonNull<u8>) {}
}

/// An allocation for each cell, aligned as most types are.
pub(crate) struct Boxed;

const BOX: Layout = match Layout::from_size_align(64, 16) {
    Ok(layout) => layout,
    Err(_) => unreachable!(),
};

impl Way for Boxed {
    type Side = Self;

    fn new() -> Self {
        Self
    }

    fn side(&'static self, _: usize) -> Self {
        Self
    }
}

impl Side for Boxed {
    fn get(&mut self) -> NonNull<u8> {
        // SAFETY: the size is not zero.
        let cell = unsafe { alloc(BOX) };
        NonNull::new(cell).unwrap_or_else(|| handle_alloc_error(BOX))
    }

    unsafe fn free(&mut self, cell: NonNull<u8>) {
        // SAFETY: it came from `get`.
        unsafe { dealloc(cell.as_ptr(), BOX) };
    }
}

/// A list that its threads lock.
pub(crate) struct Locked {
    first: Mutex<AtomicPtr<u8>>,
    fresh: Fresh,
}

/// A thread's side of a shared list.
pub(crate) struct Sharer<W: 'static> {
    list: &'static W,
    carved: Vec<NonNull<u8>>,
}

fn sharer<W>(list: &'static W) -> Sharer<W> {
    Sharer {
        list,
        carved: Vec::with_capacity(BATCH),
    }
}

impl Way for Locked {
    type Side = Sharer<Self>;

    fn new() -> Self {
        Self {
            first: Mutex::new(AtomicPtr::new(ptr::null_mut())),
            fresh: Fresh::new(),
        }
    }

    fn side(&'static self, _: usize) -> Sharer<Self> {
        sharer(self)
    }
}

impl Side for Sharer<Locked> {
    fn get(&mut self) -> NonNull<u8> {
        let mut first = self.list.first.lock().expect("no thread has panicked");
        if let Some(cell) = NonNull::new(*first.get_mut()) {
            *first.get_mut() = link(cell).load(Ordering::Relaxed);
            return cell;
        }
        drop(first);
        self.list.fresh.get_cold(&mut self.carved)
    }

    unsafe fn free(&mut self, cell: NonNull<u8>) {
        let mut first = self.list.first.lock().expect("no thread has panicked");
        link(cell).store(*first.get_mut(), Ordering::Relaxed);
        *first.get_mut() = cell.as_ptr();
    }
}

/// A list of one thread: two moves to get, two to free. Shared it would be wrong,
/// with a compare-and-swap in place of the moves too (ABA).
pub(crate) struct Alone(Fresh);

pub(crate) struct AloneSide {
    first: *mut u8,
    fresh: Sharer<Alone>,
}

impl Way for Alone {
    type Side = AloneSide;

    fn new() -> Self {
        Self(Fresh::new())
    }

    fn side(&'static self, _: usize) -> AloneSide {
        AloneSide {
            first: ptr::null_mut(),
            fresh: sharer(self),
        }
    }
}

impl Side for AloneSide {
    fn get(&mut self) -> NonNull<u8> {
        let Some(cell) = NonNull::new(self.first) else {
            return self.fresh.list.0.get_cold(&mut self.fresh.carved);
        };
        self.first = link(cell).load(Ordering::Relaxed);
        cell
    }

    unsafe fn free(&mut self, cell: NonNull<u8>) {
        link(cell).store(self.first, Ordering::Relaxed);
        self.first = cell.as_ptr();
    }
}

/// Treiber's list with sixteen bits in the head that every change changes: ABA
/// needs 65,536 changes while one thread is slow. Cells are never unmapped here;
/// a runtime that gives memory back could not read a link like this.
pub(crate) struct Tagged {
    head: AtomicU64,
    fresh: Fresh,
}

const TAG_BITS: u32 = 16;

fn tagged(cell: *mut u8, tag: u64) -> u64 {
    let address = cell.expose_provenance() as u64;
    debug_assert!(address >> (64 - TAG_BITS) == 0, "a tag does not fit");
    address << TAG_BITS | tag & ((1 << TAG_BITS) - 1)
}

fn untagged(head: u64) -> *mut u8 {
    ptr::with_exposed_provenance_mut((head >> TAG_BITS) as usize)
}

impl Way for Tagged {
    type Side = Sharer<Self>;

    fn new() -> Self {
        Self {
            head: AtomicU64::new(0),
            fresh: Fresh::new(),
        }
    }

    fn side(&'static self, _: usize) -> Sharer<Self> {
        sharer(self)
    }
}

impl Side for Sharer<Tagged> {
    fn get(&mut self) -> NonNull<u8> {
        let shared = &self.list.head;
        let mut head = shared.load(Ordering::Acquire);
        while let Some(cell) = NonNull::new(untagged(head)) {
            let next = tagged(link(cell).load(Ordering::Relaxed), head + 1);
            match shared.compare_exchange_weak(head, next, Ordering::Acquire, Ordering::Acquire) {
                Ok(_) => return cell,
                Err(now) => head = now,
            }
        }
        self.list.fresh.get_cold(&mut self.carved)
    }

    unsafe fn free(&mut self, cell: NonNull<u8>) {
        let shared = &self.list.head;
        let mut head = shared.load(Ordering::Relaxed);
        loop {
            link(cell).store(untagged(head), Ordering::Relaxed);
            let next = tagged(cell.as_ptr(), head + 1);
            match shared.compare_exchange_weak(head, next, Ordering::Release, Ordering::Relaxed) {
                Ok(_) => return,
                Err(now) => head = now,
            }
        }
    }
}

/// Treiber's list of single cells, each of which waits for a grace period of the
/// crate's own collector before it is put in again.
pub(crate) struct Deferred {
    head: AtomicPtr<u8>,
    fresh: Fresh,
}

impl Deferred {
    fn push(&self, cell: NonNull<u8>) {
        let mut head = self.head.load(Ordering::Relaxed);
        loop {
            link(cell).store(head, Ordering::Relaxed);
            let next = cell.as_ptr();
            let put =
                self.head
                    .compare_exchange_weak(head, next, Ordering::Release, Ordering::Relaxed);
            match put {
                Ok(_) => return,
                Err(now) => head = now,
            }
        }
    }
}

impl Way for Deferred {
    type Side = Sharer<Self>;

    fn new() -> Self {
        Self {
            head: AtomicPtr::new(ptr::null_mut()),
            fresh: Fresh::new(),
        }
    }

    fn side(&'static self, _: usize) -> Sharer<Self> {
        sharer(self)
    }
}

impl Side for Sharer<Deferred> {
    fn get(&mut self) -> NonNull<u8> {
        let _guard = pin();
        let shared = &self.list.head;
        let mut head = shared.load(Ordering::Acquire);
        while let Some(cell) = NonNull::new(head) {
            let next = link(cell).load(Ordering::Relaxed);
            match shared.compare_exchange_weak(head, next, Ordering::Acquire, Ordering::Acquire) {
                Ok(_) => return cell,
                Err(now) => head = now,
            }
        }
        self.list.fresh.get_cold(&mut self.carved)
    }

    unsafe fn free(&mut self, cell: NonNull<u8>) {
        let list = self.list;
        // SAFETY: the list lives for ever, and a cell belongs to no thread.
        unsafe { pin().defer(move || list.push(cell)) };
    }
}

/// The crate's lists and depot.
pub(crate) struct Magazines(Depot);

impl Way for Magazines {
    type Side = Lists;

    fn new() -> Self {
        Self(Depot::new())
    }

    fn side(&'static self, _: usize) -> Lists {
        // SAFETY: the depot lives for ever.
        unsafe { Lists::new(NonNull::from(&self.0), Arc::default()) }
    }
}

impl Side for Lists {
    fn get(&mut self) -> NonNull<u8> {
        self.allocate(CLASS)
    }

    unsafe fn free(&mut self, cell: NonNull<u8>) {
        // A task's cell is asked whose it is, so it is here.
        // SAFETY: a cell that is in use keeps its slab.
        let slab = unsafe { Slab::of(cell) };
        assert!(self.owns(slab), "the cell of another depot");
        // SAFETY: as this function's contract says; the owner is right.
        unsafe { Lists::free(self, CLASS, cell) };
    }
}
