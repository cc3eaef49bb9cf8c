//! Memory from the operating system, in the size and alignment of a slab, and
//! back.
//!
//! Only Linux is asked for pages directly. Elsewhere, in models, and under a
//! sanitizer (`--cfg virid_sanitize`, which has to see every block to find what
//! points to what), slabs come from the global allocator, and single pages are
//! not given back.

use std::ptr::NonNull;

/// The size and the alignment of a slab: on x86-64 and aarch64 a huge page.
/// Models share a few cells.
pub(crate) const SLAB_BYTES: usize = if cfg!(virid_loom) { 1 << 15 } else { 2 << 20 };

/// What the operating system gives and takes at least; where its pages are
/// larger, single ones are not given back.
pub(crate) const PAGE_BYTES: usize = 4096;

pub(crate) use system::{give_back, map, prefer_huge_pages, unmap};

#[cfg(all(target_os = "linux", not(any(virid_loom, virid_sanitize))))]
mod system {
    use super::{NonNull, PAGE_BYTES, SLAB_BYTES};
    use std::ptr;
    use std::sync::OnceLock;

    /// A slab's worth of zeroed memory, aligned to its size.
    pub(crate) fn map() -> Option<NonNull<u8>> {
        let first = map_bytes(SLAB_BYTES)?;
        if first.addr().get().is_multiple_of(SLAB_BYTES) {
            return Some(first);
        }
        // SAFETY: it was just mapped, with this size.
        unsafe { unmap_bytes(first, SLAB_BYTES) };
        // Twice as much holds an aligned slab; what is around it goes back.
        let first = map_bytes(2 * SLAB_BYTES)?;
        let before = first.addr().get().wrapping_neg() % SLAB_BYTES;
        // SAFETY: `before` is less than a slab, and two were mapped.
        let slab = unsafe { first.add(before) };
        // SAFETY: this part was mapped and is not used.
        unsafe { unmap_bytes(first, before) };
        // SAFETY: what follows the slab is still inside the mapping.
        let after = unsafe { slab.add(SLAB_BYTES) };
        // SAFETY: this part was mapped and is not used.
        unsafe { unmap_bytes(after, SLAB_BYTES - before) };
        Some(slab)
    }

    fn map_bytes(bytes: usize) -> Option<NonNull<u8>> {
        // SAFETY: a new private mapping at an address of the system's choice
        // touches nothing that exists.
        let address = unsafe {
            libc::mmap(
                ptr::null_mut(),
                bytes,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
                -1,
                0,
            )
        };
        (address != libc::MAP_FAILED).then(|| NonNull::new(address.cast()))?
    }

    /// # Safety
    ///
    /// The bytes are whole pages that came from `mmap`, and nobody uses them.
    unsafe fn unmap_bytes(first: NonNull<u8>, bytes: usize) {
        if bytes == 0 {
            return;
        }
        // SAFETY: as this function's contract says.
        let failed = unsafe { libc::munmap(first.as_ptr().cast(), bytes) };
        debug_assert_eq!(failed, 0, "munmap of {bytes} bytes at {first:p}");
    }

    /// Gives back what [`map`] returned.
    ///
    /// # Safety
    ///
    /// `slab` came from `map`, and nobody uses it any more.
    pub(crate) unsafe fn unmap(slab: NonNull<u8>) {
        // SAFETY: as this function's contract says.
        unsafe { unmap_bytes(slab, SLAB_BYTES) };
    }

    /// Asks for one huge page in place of 512 small ones: one page fault for
    /// all of the slab's cells. A hint that may be ignored.
    pub(crate) fn prefer_huge_pages(slab: NonNull<u8>) {
        let address = slab.as_ptr().cast();
        // SAFETY: the advice changes no byte of the slab.
        unsafe { libc::madvise(address, SLAB_BYTES, libc::MADV_HUGEPAGE) };
    }

    /// Gives pages back; they read as zeros when they are touched again. The
    /// bytes given back: none where the system refused.
    ///
    /// # Safety
    ///
    /// The pages are of a mapped slab, and nobody needs what is in them.
    pub(crate) unsafe fn give_back(first: NonNull<u8>, pages: usize) -> usize {
        static SYSTEM: OnceLock<bool> = OnceLock::new();
        // It would take whole pages of its own, and others' cells with them.
        // SAFETY: asking changes nothing.
        let are_equal = || unsafe { libc::sysconf(libc::_SC_PAGESIZE) } == PAGE_BYTES as i64;
        if !SYSTEM.get_or_init(are_equal) {
            return 0;
        }
        let bytes = pages * PAGE_BYTES;
        // SAFETY: as this function's contract says.
        let failed = unsafe { libc::madvise(first.as_ptr().cast(), bytes, libc::MADV_DONTNEED) };
        if failed == 0 { bytes } else { 0 }
    }
}

#[cfg(any(not(target_os = "linux"), virid_loom, virid_sanitize))]
mod system {
    use super::{NonNull, SLAB_BYTES};
    use crate::primitives::{alloc_zeroed, dealloc};
    use std::alloc::Layout;

    const LAYOUT: Layout = match Layout::from_size_align(SLAB_BYTES, SLAB_BYTES) {
        Ok(layout) => layout,
        Err(_) => unreachable!(),
    };

    /// A slab's worth of zeroed memory, aligned to its size.
    pub(crate) fn map() -> Option<NonNull<u8>> {
        // SAFETY: the size is not zero.
        NonNull::new(unsafe { alloc_zeroed(LAYOUT) })
    }

    /// Gives back what [`map`] returned.
    ///
    /// # Safety
    ///
    /// `slab` came from `map`, and nobody uses it any more.
    pub(crate) unsafe fn unmap(slab: NonNull<u8>) {
        // SAFETY: as this function's contract says.
        unsafe { dealloc(slab.as_ptr(), LAYOUT) };
    }

    /// Nothing to ask for here.
    pub(crate) fn prefer_huge_pages(_: NonNull<u8>) {}

    /// The allocator takes back whole slabs only: nothing is given back.
    ///
    /// # Safety
    ///
    /// None; the same as of its counterpart on Linux.
    pub(crate) unsafe fn give_back(_: NonNull<u8>, _: usize) -> usize {
        0
    }
}
