//! The batches that hold nothing: one list for the whole process, so that a
//! batch whose grace period outlasts its runtime has a place to go.

use super::batch::{Batch, Chain, Clean, Held, Used};
use super::epoch::{self, Guard};

pub(crate) use system::{retire, take, trim};

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
    use super::{Batch, Chain, Clean, Guard, Held, Used};
    use crate::primitives::Mutex;
    use std::ptr;

    /// Batches that are made at once.
    const CARVED_AT_ONCE: u32 = 8;

    static SPARES: Stack = Stack::new();
    static SLABS: Carver = Carver::new(Batch::CLASS);
    static TRIMMING: Mutex<()> = Mutex::new(());

    /// A batch to fill.
    pub(crate) fn take(guard: &Guard) -> Held<Clean> {
        if let Some(batch) = SPARES.pop(guard) {
            // SAFETY: a batch comes to this list after a grace period, and goes
            // back to it after another. Between the two it may be put into any
            // other list once, where nobody has seen it.
            return unsafe { Held::of(batch.into_batch()) };
        }
        let mut carved = SLABS.carve(ptr::null(), CARVED_AT_ONCE, guard).into_cells();
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

    /// Gives slabs back all of whose batches are spare. The bytes given back.
    pub(crate) fn trim(guard: &Guard) -> usize {
        let _one_at_a_time = TRIMMING.lock();
        SLABS.begin_tally();
        let mut spare = SPARES.take_all();
        let mut all = Vec::with_capacity(spare.len());
        while let Some(batch) = spare.pop() {
            let batch = batch.into_batch();
            // SAFETY: a batch is a cell of a slab that is still mapped.
            unsafe { Slab::of(batch.cast()) }.count(batch.cast());
            all.push(batch);
        }
        SLABS.end_tally();
        let mut kept = Chain::default();
        for batch in all {
            // SAFETY: as above.
            if !unsafe { Slab::of(batch.cast()) }.goes() {
                // SAFETY: it came out of the list for us.
                kept.push(unsafe { Held::of(batch) });
            }
        }
        retire(guard, kept);
        // SAFETY: the batches of slabs that go were all taken out for us, and
        // none was kept. A slow taker that has seen one as head is pinned.
        unsafe { SLABS.retire(guard) }
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

    pub(crate) fn trim(_: &Guard) -> usize {
        0
    }
}
