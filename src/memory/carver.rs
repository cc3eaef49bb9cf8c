//! The slabs of one class and one owner: where new cells come from.

use std::fmt;
use std::ptr::{self, NonNull};

use super::class::Class;
use super::epoch::Guard;
use super::slab::{Carved, Slab};
use crate::primitives::{AtomicPtr, Ordering, const_fn, needed};

/// The slabs of one class and one owner.
pub(crate) struct Carver {
    class: Class,
    /// The slab that cells are carved from now, and the head of all slabs. It
    /// is never taken out, so the head is only ever replaced by a new one.
    current: AtomicPtr<Slab>,
}

impl Carver {
    const_fn! {
        pub(crate) fn new(class: Class) -> Self {
            Self {
                class,
                current: AtomicPtr::new(ptr::null_mut()),
            }
        }
    }

    /// At least one and up to `wanted` new cells. The guard keeps the slab
    /// mapped that is current now, should this thread be slow.
    pub(crate) fn carve(&self, owner: *const (), wanted: u32, _guard: &Guard) -> Carved {
        loop {
            // Ordering: Acquire pairs with the Release of the exchange below:
            // the header is seen.
            let current = self.current.load(Ordering::Acquire);
            if let Some(slab) = NonNull::new(current) {
                // SAFETY: the guard was made before, and slabs are unmapped
                // after a grace period.
                if let Some(carved) = unsafe { slab.as_ref() }.carve(wanted) {
                    return carved;
                }
            }
            if let Some(carved) = self.grow_cold(current, owner, wanted) {
                return carved;
            }
        }
    }

    /// Makes a slab and puts it in front, with `wanted` cells carved for the
    /// caller. `None` where another thread was faster.
    #[cold]
    fn grow_cold(&self, current: *mut Slab, owner: *const (), wanted: u32) -> Option<Carved> {
        // A program with few tasks does not pay for a whole slab at once.
        let is_first = current.is_null();
        let (slab, carved) = Slab::make(self.class, owner, wanted, !is_first);
        // SAFETY: it was just made.
        unsafe { slab.as_ref() }.set_next(current);
        // Ordering: Release publishes the header. Relaxed on failure: the
        // caller looks again.
        let put = self.current.compare_exchange(
            current,
            slab.as_ptr(),
            Ordering::Release,
            Ordering::Relaxed,
        );
        if put.is_err() {
            // SAFETY: nobody has seen it.
            unsafe { Slab::unmap(slab) };
            return None;
        }
        Some(carved)
    }

    /// All slabs, the current one first. For the owner's trim, which nothing
    /// else that takes slabs out runs beside.
    pub(crate) fn slabs(&self) -> impl Iterator<Item = NonNull<Slab>> {
        // Ordering: Acquire, as in `carve`.
        let mut at = self.current.load(Ordering::Acquire);
        std::iter::from_fn(move || {
            let slab = NonNull::new(at)?;
            // SAFETY: only the caller takes slabs out.
            at = unsafe { slab.as_ref() }.next();
            Some(slab)
        })
    }

    /// Begins a tally of free cells; as all of the tally for the owner's trim.
    pub(crate) fn begin_tally(&self) {
        for slab in self.slabs() {
            // SAFETY: only a trim takes slabs out.
            unsafe { slab.as_ref() }.begin_tally();
        }
    }

    /// Ends a tally: slabs whose cells are all free go, but for the current one.
    pub(crate) fn end_tally(&self) {
        for slab in self.slabs().skip(1) {
            // SAFETY: only a trim takes slabs out.
            unsafe { slab.as_ref() }.end_tally();
        }
    }

    /// Takes out the slabs that go, and unmaps each once no carver looks at it.
    /// The bytes given back.
    ///
    /// # Safety
    ///
    /// All cells of these slabs are the caller's, and nobody reaches them.
    pub(crate) unsafe fn retire(&self, guard: &Guard) -> usize {
        let mut bytes = 0;
        let mut slabs = self.slabs();
        let Some(mut before) = slabs.next() else {
            return 0;
        };
        for slab in slabs {
            // SAFETY: only this call takes slabs out.
            let this = unsafe { slab.as_ref() };
            if !this.goes() {
                before = slab;
                continue;
            }
            // SAFETY: as above.
            let before = unsafe { before.as_ref() };
            before.set_next(this.next());
            bytes += this.resident_bytes();
            // SAFETY: taken out, and nobody reaches its cells; a carver that has
            // seen it as the current one is pinned until this is called.
            let unmap = move || unsafe { Slab::unmap(slab) };
            if needed!("grace period of a slab", true, not false) {
                // SAFETY: a slab belongs to no thread.
                unsafe { guard.defer(unmap) };
            } else {
                unmap();
            }
        }
        bytes
    }

    /// Unmaps all slabs.
    ///
    /// # Safety
    ///
    /// Nobody uses the carver, its slabs or their cells any more.
    pub(crate) unsafe fn unmap_all(&self) {
        for slab in self.slabs() {
            // SAFETY: as this function's contract says; `slabs` has read on.
            unsafe { Slab::unmap(slab) };
        }
    }
}

impl fmt::Debug for Carver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Carver({:?})", self.class)
    }
}
