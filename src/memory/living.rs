//! The suspended tasks of one runtime, in shards under a lock each.
//!
//! Called by workers (a task's first suspension, and the end of such a task)
//! and by the shutdown walk. It keeps addresses, never looks behind them, and
//! runs no code of a task.

use std::collections::HashSet;
use std::ptr::NonNull;

use crossbeam_utils::CachePadded;

use crate::primitives::Mutex;

/// Shards for each worker: two workers seldom meet at a lock. Models have one
/// shard in all, since a shard is chosen by address, and loom wants every run
/// to be the same.
const SHARDS_PER_WORKER: usize = if cfg!(virid_loom) { 0 } else { 4 };

/// A shard with room for fewer tasks is never shrunk.
const LEAST_CAPACITY: usize = 1024;

/// A cell is at least this large, so the bits below say nothing.
const CELL_BITS: u32 = 6;

#[derive(Debug)]
pub(crate) struct Living {
    shards: Box<[CachePadded<Mutex<Shard>>]>,
}

/// Addresses of cells.
#[derive(Debug, Default)]
struct Shard(HashSet<NonNull<u8>>);

// SAFETY: the addresses are only compared and handed out; whoever follows one
// answers for it.
unsafe impl Send for Shard {}

impl Living {
    pub(crate) fn new(workers: usize) -> Self {
        let shards = (workers * SHARDS_PER_WORKER).next_power_of_two();
        Self {
            shards: (0..shards)
                .map(|_| CachePadded::new(Mutex::new(Shard::default())))
                .collect(),
        }
    }

    /// Notes a task that is about to be suspended for the first time.
    pub(crate) fn enter(&self, cell: NonNull<u8>) {
        let is_new = self.shard(cell).lock().0.insert(cell);
        debug_assert!(is_new, "a task entered twice");
    }

    /// Strikes out a task that is about to complete. After this returns no
    /// walk will see it.
    pub(crate) fn leave(&self, cell: NonNull<u8>) {
        let mut shard = self.shard(cell).lock();
        let was_there = shard.0.remove(&cell);
        debug_assert!(was_there, "a task left that had not entered");
        // Gives a burst's memory back; halving twice keeps it amortized.
        if shard.0.capacity() > LEAST_CAPACITY && shard.0.len() < shard.0.capacity() / 8 {
            let keep = shard.0.capacity() / 4;
            shard.0.shrink_to(keep);
        }
    }

    /// Visits every task that has entered and not left. A visited task cannot
    /// leave, and so is not freed, until `visit` has returned; `visit` must not
    /// call back here.
    pub(crate) fn walk(&self, mut visit: impl FnMut(NonNull<u8>)) {
        for shard in &self.shards {
            for &cell in &shard.lock().0 {
                visit(cell);
            }
        }
    }

    fn shard(&self, cell: NonNull<u8>) -> &Mutex<Shard> {
        // Multiply-shift over the address: neighbours spread over the shards.
        let address = (cell.addr().get() >> CELL_BITS) as u64;
        let spread = address.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
        &self.shards[spread as usize & (self.shards.len() - 1)]
    }
}
