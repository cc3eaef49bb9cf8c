//! Cells from the global allocator, one allocation each.

use std::alloc::{Layout, handle_alloc_error};
use std::ptr::NonNull;

use crate::primitives::{alloc, dealloc};

/// Memory for one cell, not initialised. Aborts as [`Box::new`] does where
/// there is none.
#[inline]
pub(crate) fn allocate(layout: Layout) -> NonNull<u8> {
    assert!(layout.size() != 0, "a cell has a header, so it has a size");
    // SAFETY: the size is not zero.
    let cell = unsafe { alloc(layout) };
    NonNull::new(cell).unwrap_or_else(|| handle_alloc_error(layout))
}

/// Gives back what [`allocate`] returned.
///
/// # Safety
///
/// `cell` comes from [`allocate`] with the same `layout`, and nobody can reach
/// it any more.
#[inline]
pub(crate) unsafe fn free(cell: NonNull<u8>, layout: Layout) {
    if cfg!(virid_loom) {
        // A use after this trips over what loom keeps in the memory.
        // SAFETY: the memory is still ours, and as large as `layout` says.
        unsafe { cell.write_bytes(0xDD, layout.size()) };
        // Keeps the compiler from leaving out writes to memory that goes.
        std::hint::black_box(cell);
    }
    // SAFETY: as this function's contract says.
    unsafe { dealloc(cell.as_ptr(), layout) }
}
