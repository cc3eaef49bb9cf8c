//! What it costs when one thread allocates what another frees, in
//! read-modify-writes: those of virid's own lists, and one for every pin, which
//! is what crossbeam-epoch needs for its fence. Both ends are on one thread here,
//! so no compare-and-swap is repeated: the count is exact.

use std::sync::Arc;

use super::batch::BATCH;
use super::class::Class;
use super::lists::{HOARD_BYTES, Lists};
use super::store::Cells;
use crate::primitives::counted;

const CLASS: Class = Class::of(64);

/// Moves cells from one to the other.
fn flow(from: &Lists, to: &Lists, cells: usize) {
    for _ in 0..cells {
        let cell = from.allocate(CLASS);
        // SAFETY: it was just allocated, from the same store.
        unsafe { to.free(CLASS, cell) };
    }
}

#[test]
fn a_magazine_between_two_threads_costs_at_most_eight_read_modify_writes() {
    const MAGAZINES: usize = 10_000;
    let cells = Cells::new(2);
    let (made, freed) = (Arc::default(), Arc::default());
    // SAFETY: both are dropped first, handed in.
    let producer = unsafe { cells.lists(Arc::clone(&made)) };
    // SAFETY: the same.
    let consumer = unsafe { cells.lists(Arc::clone(&freed)) };
    // Until the consumer's hoard is full, and batches come back to be reused.
    flow(
        &producer,
        &consumer,
        HOARD_BYTES / CLASS.bytes() + 1_000 * BATCH,
    );

    let (put, taken, fresh) = (freed.put.get(), made.taken.get(), made.fresh.get());
    let before = counted();
    flow(&producer, &consumer, MAGAZINES * BATCH);
    let count = counted() - before;

    assert_eq!(freed.put.get() - put, MAGAZINES as u64);
    assert_eq!(made.taken.get() - taken, MAGAZINES as u64);
    assert_eq!(made.fresh.get(), fresh, "cells go round");
    let per_64_cells = count as f64 * 64.0 / (MAGAZINES * BATCH) as f64;
    println!("{per_64_cells:.2} read-modify-writes for 64 cells");
    assert!(per_64_cells <= 8.0, "{per_64_cells}");
    producer.hand_in();
    consumer.hand_in();
}

#[test]
fn a_cell_that_a_thread_frees_and_allocates_costs_no_read_modify_write() {
    let cells = Cells::new(1);
    // SAFETY: they are dropped first, handed in.
    let lists = unsafe { cells.lists(Arc::default()) };
    flow(&lists, &lists, 1);
    let before = counted();
    flow(&lists, &lists, 10_000);
    assert_eq!(counted() - before, 0);
    lists.hand_in();
}
