//! A slab: two mebibytes of cells of one class.
//!
//! The slab of a cell is found by its address, so a cell that comes back needs
//! no record of where it belongs. The first page is the slab's own header; the
//! others hold whole cells, and can be given back one by one.

use std::cell::Cell;
use std::ptr::{self, NonNull};

use super::class::Class;
use super::mapping::{self, PAGE_BYTES, SLAB_BYTES};
use crate::primitives::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, Ordering};

/// Models give no pages back.
const PAGES: usize = if cfg!(virid_loom) {
    1
} else {
    SLAB_BYTES / PAGE_BYTES
};

/// Cells of a slab in a model: enough for two batches.
const MODELLED_CELLS: u32 = 4;

#[repr(C)]
pub(crate) struct Slab {
    /// Whose slab it is: the address of a depot, which only that looks behind.
    owner: *const (),
    class: Class,
    /// How many cells have been asked for, from the first on: those are carved.
    /// More than there are, when several found the slab exhausted.
    carved: AtomicU32,
    /// The slab that was made before; changed by the owner's trim only.
    next: AtomicPtr<Slab>,
    tally: Tally,
}

/// What a trim counts. Field invariant: only the trim of the slab's owner, one
/// at a time, touches the cells of this.
struct Tally {
    /// Free cells.
    free: Cell<u32>,
    /// Free cells in each page.
    in_page: [Cell<u8>; PAGES],
    /// The slab is given back.
    goes: Cell<bool>,
    /// Pages that were given back alone, and not touched since.
    is_away: [AtomicBool; PAGES],
}

// SAFETY: the field invariant of `Tally`; all else is atomic or never changes.
unsafe impl Sync for Slab {}

const _: () = assert!(
    size_of::<Slab>() <= FIRST_CELL,
    "the header has outgrown its page"
);

/// Where the cells begin.
const FIRST_CELL: usize = PAGE_BYTES;

impl Slab {
    /// A slab with its first cells carved for the caller.
    pub(super) fn make(
        class: Class,
        owner: *const (),
        carved: u32,
        in_huge_page: bool,
    ) -> (NonNull<Self>, Carved) {
        debug_assert!(carved <= Self::cells(class), "no slab has as many cells");
        let memory = mapping::map().unwrap_or_else(|| {
            std::alloc::handle_alloc_error(
                std::alloc::Layout::from_size_align(SLAB_BYTES, SLAB_BYTES)
                    .expect("the size is a power of two"),
            )
        });
        if in_huge_page {
            // Before the header is written, which would fetch a small page.
            mapping::prefer_huge_pages(memory);
        }
        let slab = memory.cast::<Self>();
        let fresh = Self {
            owner,
            class,
            carved: AtomicU32::new(carved),
            next: AtomicPtr::new(ptr::null_mut()),
            tally: Tally {
                free: Cell::new(0),
                in_page: [const { Cell::new(0) }; PAGES],
                goes: Cell::new(false),
                is_away: std::array::from_fn(|_| AtomicBool::new(false)),
            },
        };
        // SAFETY: the memory is new, aligned and larger than a header.
        unsafe { slab.write(fresh) };
        if cfg!(virid_loom) {
            // Zeros are words already where atomics are the processor's.
            for index in 0..MODELLED_CELLS {
                let word = Self::cell(slab, index, class).cast::<AtomicU64>();
                // SAFETY: the slab is ours, and has this cell.
                unsafe { word.write(AtomicU64::new(0)) };
            }
        }
        let carved = Carved {
            slab,
            class,
            first: 0,
            len: carved,
        };
        (slab, carved)
    }

    /// Up to `wanted` cells that nobody has had, if there are any.
    pub(super) fn carve(&self, wanted: u32) -> Option<Carved> {
        // Ordering: Relaxed: it only has to be one word, and the cells were zero
        // when the slab was published.
        let first = self.carved.fetch_add(wanted, Ordering::Relaxed);
        let left = Self::cells(self.class).checked_sub(first)?;
        (left > 0).then(|| Carved {
            slab: NonNull::from(self),
            class: self.class,
            first,
            len: wanted.min(left),
        })
    }

    /// The slab that was made before.
    pub(super) fn next(&self) -> *mut Slab {
        // Ordering: Relaxed. Written before the slab was published, or by a
        // trim; read by trims only, one at a time.
        self.next.load(Ordering::Relaxed)
    }

    pub(super) fn set_next(&self, next: *mut Slab) {
        // Ordering: Relaxed, as above.
        self.next.store(next, Ordering::Relaxed);
    }

    pub(super) fn begin_tally(&self) {
        self.tally.free.set(0);
        self.tally.in_page.iter().for_each(|page| page.set(0));
        self.tally.goes.set(false);
    }

    pub(super) fn end_tally(&self) {
        self.tally.goes.set(self.tally.free.get() == self.carved());
    }

    /// The slab of a cell.
    ///
    /// # Safety
    ///
    /// `cell` was carved from a slab, which is still mapped for as long as the
    /// caller uses the answer.
    #[inline]
    pub(crate) unsafe fn of<'a>(cell: NonNull<u8>) -> &'a Self {
        let slab = cell
            .as_ptr()
            .map_addr(|address| address & !(SLAB_BYTES - 1));
        // SAFETY: slabs are aligned to their size and begin with a header.
        unsafe { &*slab.cast() }
    }

    #[inline]
    pub(crate) fn owner(&self) -> *const () {
        self.owner
    }

    pub(crate) fn class(&self) -> Class {
        self.class
    }

    const fn cells(class: Class) -> u32 {
        if cfg!(virid_loom) {
            return MODELLED_CELLS;
        }
        ((SLAB_BYTES - FIRST_CELL) / class.bytes()) as u32
    }

    /// How many cells have been carved.
    pub(crate) fn carved(&self) -> u32 {
        // Ordering: Relaxed. Whoever must see a cell as carved was ordered
        // after its first use by other means.
        self.carved
            .load(Ordering::Relaxed)
            .min(Self::cells(self.class))
    }

    /// The page of a cell.
    fn page_of(cell: NonNull<u8>) -> usize {
        (cell.addr().get() & (SLAB_BYTES - 1)) / PAGE_BYTES
    }

    /// Counts a free cell.
    pub(crate) fn count(&self, cell: NonNull<u8>) {
        self.tally.free.set(self.tally.free.get() + 1);
        if !cfg!(virid_loom) {
            let page = &self.tally.in_page[Self::page_of(cell)];
            page.set(page.get() + 1);
        }
    }

    /// How many free cells were counted.
    pub(crate) fn counted(&self) -> u32 {
        self.tally.free.get()
    }

    /// Whether the slab goes, by the tally.
    pub(crate) fn goes(&self) -> bool {
        self.tally.goes.get()
    }

    /// Bytes of the header and of the cells that have been carved, less the pages
    /// that were given back alone.
    pub(super) fn resident_bytes(&self) -> usize {
        let is_away = |page: &&AtomicBool| page.load(Ordering::Relaxed);
        let away = self.tally.is_away.iter().filter(is_away).count() * PAGE_BYTES;
        FIRST_CELL + self.carved() as usize * self.class.bytes() - away
    }

    /// Whether every cell of a page is free, by the tally.
    fn is_page_free(&self, page: usize) -> bool {
        self.tally.in_page[page].get() as usize == PAGE_BYTES / self.class.bytes()
    }

    /// Gives back the runs of free pages that are not away already, and notes
    /// that they are. The bytes given back.
    ///
    /// # Safety
    ///
    /// Nobody can reach the cells that the tally counts.
    pub(crate) unsafe fn give_back_free_pages(&self) -> usize {
        let is_new = |page: usize| {
            self.is_page_free(page) && !self.tally.is_away[page].load(Ordering::Relaxed)
        };
        let mut bytes = 0;
        let mut page = 0;
        while page < PAGES {
            let first = page;
            while page < PAGES && is_new(page) {
                page += 1;
            }
            if page > first {
                // SAFETY: the page is inside the slab.
                let address = unsafe { NonNull::from(self).cast::<u8>().add(first * PAGE_BYTES) };
                // SAFETY: as this function's contract says.
                let given_back = unsafe { mapping::give_back(address, page - first) };
                let is_away = &self.tally.is_away[first..page];
                // Ordering: Relaxed; put into a list after this, with Release.
                let note = |page: &AtomicBool| page.store(given_back != 0, Ordering::Relaxed);
                is_away.iter().for_each(note);
                bytes += given_back;
            }
            page += 1;
        }
        bytes
    }

    /// Whether the page of a cell was given back.
    pub(crate) fn is_away(&self, cell: NonNull<u8>) -> bool {
        !cfg!(virid_loom) && self.tally.is_away[Self::page_of(cell)].load(Ordering::Relaxed)
    }

    /// Notes that a cell is about to be used. The bytes that come back with it.
    pub(crate) fn touch(&self, cell: NonNull<u8>) -> usize {
        if cfg!(virid_loom) {
            return 0;
        }
        let is_away = &self.tally.is_away[Self::page_of(cell)];
        // Ordering: Relaxed. Set before the cell was put into the list that it
        // was taken from; of two takers one counts the page.
        if is_away.load(Ordering::Relaxed) && is_away.swap(false, Ordering::Relaxed) {
            PAGE_BYTES
        } else {
            0
        }
    }

    /// The cell with this index.
    fn cell(slab: NonNull<Self>, index: u32, class: Class) -> NonNull<u8> {
        let offset = FIRST_CELL + index as usize * class.bytes();
        // SAFETY: an index below the number of cells stays inside the slab.
        unsafe { slab.cast::<u8>().add(offset) }
    }

    /// Visits every cell that has been carved.
    pub(crate) fn visit_carved(&self, mut visit: impl FnMut(NonNull<u8>)) {
        let slab = NonNull::from(self);
        (0..self.carved()).for_each(|index| visit(Self::cell(slab, index, self.class)));
    }

    /// # Safety
    ///
    /// Nobody uses the slab or a cell of it any more.
    pub(super) unsafe fn unmap(slab: NonNull<Self>) {
        if cfg!(virid_loom) {
            // A use after this trips over what loom keeps in the memory.
            // SAFETY: the slab is still mapped, and nobody else's.
            unsafe { slab.cast::<u8>().write_bytes(0xDD, SLAB_BYTES) };
            // Keeps the compiler from leaving out writes to memory that goes.
            std::hint::black_box(slab);
        }
        // SAFETY: as this function's contract says.
        unsafe { mapping::unmap(slab.cast()) };
    }
}

/// Cells in a row that have never been used: all zeros.
#[derive(Debug)]
pub(crate) struct Carved {
    slab: NonNull<Slab>,
    class: Class,
    first: u32,
    pub(crate) len: u32,
}

impl Carved {
    /// Bytes that the carver will touch first: the cells, and with the first of
    /// a slab its header.
    pub(crate) fn bytes(&self) -> usize {
        let header = if self.first == 0 { FIRST_CELL } else { 0 };
        header + self.len as usize * self.class.bytes()
    }

    /// The cells, the last one first.
    pub(crate) fn into_cells(self) -> impl Iterator<Item = NonNull<u8>> {
        let Self {
            slab,
            class,
            first,
            len,
        } = self;
        (first..first + len)
            .rev()
            .map(move |index| Slab::cell(slab, index, class))
    }
}
