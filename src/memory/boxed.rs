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
    // SAFETY: as this function's contract says.
    unsafe { dealloc(cell.as_ptr(), layout) }
}
