//! The batches that hold nothing: one list for the whole process, so that a
//! batch whose grace period outlasts its runtime has a place to go.

use super::batch::{Batch, Chain, Clean, Held, Used};
use super::epoch::{self, Guard};

pub(crate) use system::{resident, retire, take, trim};

/// Gives one batch back, from a thread without lists.
pub(crate) fn retire_one(used: Held<Used>) {
    let mut chain = Chain::default();
    chain.push(used);
    retire(&epoch::pin(), chain);
}

#[cfg(not(virid_loom))]
mod system {
    use super::super::carver::Carver;
    use super::super::slab::Slab;
    use super::super::stack::Stack;
    use super::{Batch, Chain, Clean, Guard, Held, Used, epoch};
    use crate::primitives::{AtomicUsize, Mutex, Ordering};
    use std::ptr::{self, NonNull};

    /// Batches that are made at once.
    const CARVED_AT_ONCE: u32 = 8;

    static SPARES: Stack = Stack::new();
    static SLABS: Carver = Carver::new(Batch::CLASS);

    /// A spare batch whose page was given back: not even its link is written, so
    /// it is in no list but this. The lock is for trims; who takes tries it.
    struct Cold(NonNull<u8>);

    // SAFETY: nobody has the batch.
    unsafe impl Send for Cold {}

    static COLD: Mutex<Vec<Cold>> = Mutex::new(Vec::new());
    static COLD_LEN: AtomicUsize = AtomicUsize::new(0);

    /// Bytes of batches that were carved or touched, and not given back.
    static RESIDENT: AtomicUsize = AtomicUsize::new(0);

    pub(crate) fn resident() -> usize {
        RESIDENT.load(Ordering::Relaxed)
    }

    /// A batch to fill.
    pub(crate) fn take(guard: &Guard) -> Held<Clean> {
        if let Some(batch) = SPARES.pop(guard) {
            // SAFETY: a batch comes to this list after a grace period, and goes
            // back to it after another. Between the two it may be put into any
            // other list once, where nobody has seen it.
            return unsafe { Held::of(batch.into_batch()) };
        }
        if let Some(batch) = take_cold(guard) {
            return batch;
        }
        let carved = SLABS.carve(ptr::null(), CARVED_AT_ONCE, guard);
        // Ordering: Relaxed, here and below: a number to read.
        RESIDENT.fetch_add(carved.bytes(), Ordering::Relaxed);
        let mut carved = carved.into_cells();
        // SAFETY: cells of this class, carved for us, whose slab goes only when
        // all its batches are in `trim`'s hands.
        let mut make = || Some(unsafe { Held::make(carved.next()?) });
        let first = make().expect("at least one cell is carved");
        let mut others = Chain::default();
        while let Some(batch) = make() {
            others.push(batch);
        }
        SPARES.push(others);
        first
    }

    /// Gives batches back that hold nothing, to be used again after a grace
    /// period.
    pub(crate) fn retire(guard: &Guard, used: Chain<Used>) {
        let Some((first, last)) = used.into_ends() else {
            return;
        };
        let again = move || {
            // SAFETY: the grace period has passed, and nobody holds them.
            SPARES.push(unsafe { Chain::of_ends(first, last) });
        };
        // SAFETY: the list lives for ever, and batches belong to no thread.
        unsafe { guard.defer(again) };
    }

    /// Up to as many as are made at once, of those whose pages were given back.
    fn take_cold(guard: &Guard) -> Option<Held<Clean>> {
        // Ordering: Relaxed, a hint.
        if COLD_LEN.load(Ordering::Relaxed) == 0 {
            return None;
        }
        // A trim that holds it puts batches back soon.
        let mut cold = COLD.try_lock()?;
        let rest = cold.len().saturating_sub(CARVED_AT_ONCE as usize);
        let taken = cold.split_off(rest);
        COLD_LEN.store(rest, Ordering::Relaxed);
        drop(cold);
        // SAFETY: they were spare, and nobody has them.
        let mut taken = taken
            .into_iter()
            .map(|batch| unsafe { Held::make(batch.0) });
        let first = taken.next();
        let mut others = Chain::<Used>::default();
        for batch in taken {
            // SAFETY: used is the weaker kind. A slow taker may know it as the
            // head from before.
            others.push(unsafe { Held::of(batch.into_batch()) });
        }
        retire(guard, others);
        first
    }

    /// Gives back slabs all of whose batches are spare, and free pages of others.
    pub(crate) fn trim() {
        // Held to the end: one trim at a time.
        let mut cold = COLD.lock();
        SLABS.begin_tally();
        let mut spare = SPARES.take_all();
        let mut all: Vec<_> = cold.drain(..).map(|batch| batch.0).collect();
        while let Some(batch) = spare.pop() {
            all.push(batch.into_batch().cast());
        }
        for &batch in &all {
            // SAFETY: a batch is a cell of a slab that is still mapped.
            unsafe { Slab::of(batch) }.count(batch);
        }
        SLABS.end_tally();
        let mut bytes = 0;
        for slab in SLABS.slabs() {
            // SAFETY: slabs are taken out below, under the lock, only.
            let slab = unsafe { slab.as_ref() };
            if !slab.goes() {
                // SAFETY: what was counted is ours; a slow taker that reads a
                // zero there fails to exchange the head.
                bytes += unsafe { slab.give_back_free_pages() };
            }
        }
        let mut kept = Chain::default();
        for batch in all {
            // SAFETY: as above.
            let slab = unsafe { Slab::of(batch) };
            if slab.goes() {
                continue;
            }
            if slab.is_away(batch) {
                cold.push(Cold(batch));
            } else {
                // SAFETY: it came out of the list for us.
                kept.push(unsafe { Held::of(batch.cast()) });
            }
        }
        COLD_LEN.store(cold.len(), Ordering::Relaxed);
        let guard = epoch::pin();
        retire(&guard, kept);
        // SAFETY: the batches of slabs that go were all taken out for us, and
        // none was kept. A slow taker that has seen one as head is pinned.
        bytes += unsafe { SLABS.retire(&guard) };
        RESIDENT.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// In models every batch is an allocation of its own, given back at the end of
/// its grace period: a use after that, and a batch that is lost, show.
#[cfg(virid_loom)]
mod system {
    use super::{Batch, Chain, Clean, Guard, Held, Used};
    use crate::primitives::{alloc, dealloc, needed};
    use std::alloc::Layout;
    use std::ptr::NonNull;

    pub(crate) fn take(_: &Guard) -> Held<Clean> {
        // SAFETY: a batch has a size.
        let memory = unsafe { alloc(Layout::new::<Batch>()) };
        // SAFETY: the memory is new, and freed by `retire` only.
        unsafe { Held::make(NonNull::new(memory).expect("a model needs little")) }
    }

    pub(crate) fn retire(guard: &Guard, mut used: Chain<Used>) {
        while let Some(batch) = used.pop() {
            let batch = batch.into_batch();
            let free = move || {
                // A use after this trips over what loom keeps in the memory.
                // SAFETY: nobody uses the batch any more.
                unsafe { batch.cast::<u8>().write_bytes(0xDD, size_of::<Batch>()) };
                std::hint::black_box(batch);
                // SAFETY: it came from `take`.
                unsafe { dealloc(batch.as_ptr().cast(), Layout::new::<Batch>()) };
            };
            if needed!("grace period of a batch", true, not false) {
                // SAFETY: the batch belongs to no thread.
                unsafe { guard.defer(free) };
            } else {
                free();
            }
        }
    }

    pub(crate) fn trim() {}

    pub(crate) fn resident() -> usize {
        0
    }
}
