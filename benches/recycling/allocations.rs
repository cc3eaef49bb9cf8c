//! The system's allocator, which counts what it is asked for while it is told to.
//!
//! Counting has a pass of its own, after the timed one: a shared count would cost
//! more than what is measured.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

pub(crate) struct Counting;

static COUNTS: AtomicBool = AtomicBool::new(false);
static COUNT: AtomicU64 = AtomicU64::new(0);

fn count() {
    if COUNTS.load(Ordering::Relaxed) {
        COUNT.fetch_add(1, Ordering::Relaxed);
    }
}

/// Counts the allocations of all threads from here on.
pub(crate) fn begin() {
    COUNT.store(0, Ordering::Relaxed);
    COUNTS.store(true, Ordering::SeqCst);
}

/// Ends that. Allocations for each thousand of `cells`.
pub(crate) fn end_per_thousand(cells: u64) -> f64 {
    COUNTS.store(false, Ordering::SeqCst);
    COUNT.load(Ordering::Relaxed) as f64 * 1000.0 / cells as f64
}

// SAFETY: every call goes to `System` as it is; counting neither allocates nor
// panics.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller keeps the trait's contract, which is `System`'s too.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: as above.
        unsafe { System.realloc(memory, layout, size) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(memory, layout) };
    }
}
