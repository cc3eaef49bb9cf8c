//! Samples: tasks whose wait from the spawn to the first run is measured.
//!
//! A sample is told from other tasks by its table. It has one of its own, on the heap,
//! which knows when the task was spawned; where the table is asked to run the task, or
//! to cancel it, it gives its place to the table that the type of the future has, and
//! goes. So neither the spawn of other tasks nor the run of any asks whether somebody
//! measures.
//!
//! Not measured is a task that waits first by the program's own wish (`hold`), and a
//! closure that blocks: both are made plain again before anybody else knows them.

use std::ptr::NonNull;
use std::time::Instant;

use super::header::{Header, Home, Ran, Runnable, Schedule, VTable};
use super::id::Id;
use crate::context;
use crate::memory;
use crate::monitor::countdown::Weight;
use crate::monitor::window::Begun;
use crate::primitives::Ordering;

/// A sample's own table.
#[repr(C)]
struct Sampled {
    table: VTable,
    /// That of the future's type.
    plain: &'static VTable,
    weight: Weight,
    spawned: Instant,
}

/// The number of a new task, and its table.
///
/// # Safety
///
/// `cell` is a free cell of its runtime, and the caller's, who works for the runtime.
#[inline]
pub(super) unsafe fn begin(cell: NonNull<u8>, plain: &'static VTable) -> (Id, *const VTable) {
    match context::next_task_number() {
        Some(number) => (Id::from_number(number), plain),
        // SAFETY: the same.
        None => unsafe { begin_cold(cell, plain) },
    }
}

/// # Safety
///
/// As of [`begin`].
#[cold]
unsafe fn begin_cold(cell: NonNull<u8>, plain: &'static VTable) -> (Id, *const VTable) {
    let (number, weight) = context::look_up();
    let table = match weight {
        // SAFETY: the scheduler lives while somebody works for it.
        Some(weight) if unsafe { home_of(cell) }.wants_samples() => sampled(plain, weight),
        _ => plain,
    };
    (Id::from_number(number), table)
}

fn sampled(plain: &'static VTable, weight: Weight) -> *const VTable {
    let sampled = Box::new(Sampled {
        table: VTable {
            run,
            cancel,
            is_sample: true,
            ..*plain
        },
        plain,
        weight,
        spawned: Instant::now(),
    });
    Box::into_raw(sampled).cast()
}

/// The scheduler of a cell.
///
/// # Safety
///
/// It lives while the answer is used, and the cell is in nobody's hands but the
/// caller's.
unsafe fn home_of<'a>(cell: NonNull<u8>) -> &'a dyn Schedule {
    // SAFETY: such a cell keeps its slab.
    let home = unsafe { memory::home_of(cell) }.cast::<Home>();
    // SAFETY: the home was set before the first task was made, and lives as long as its
    // scheduler.
    let home = unsafe { &*home };
    // SAFETY: as this function's contract says.
    unsafe { &*home.scheduler() }
}

/// Makes a plain task of a sample.
///
/// # Safety
///
/// The task is a sample, and the caller holds its `Runnable`.
unsafe fn take(task: NonNull<Header>) -> Box<Sampled> {
    // SAFETY: the task lives while its `Runnable` does.
    let header = unsafe { task.as_ref() };
    let table = header.vtable.load(Ordering::Relaxed);
    // SAFETY: the table of a sample is the first field of what `sampled` made, and goes
    // out of use below, once.
    let sampled = unsafe { Box::from_raw(table.cast::<Sampled>()) };
    let plain: *const VTable = sampled.plain;
    // Ordering: Relaxed, here and above: the holder's of the `Runnable`, who hands that
    // on with Release, or completes the task so.
    header.vtable.store(plain.cast_mut(), Ordering::Relaxed);
    sampled
}

unsafe fn run(task: NonNull<Header>) -> Ran {
    // SAFETY: called through the table of a sample, by the holder of the `Runnable`.
    let sampled = unsafe { take(task) };
    let now = Instant::now();
    let begun = Begun {
        // SAFETY: the task lives while its `Runnable` does.
        place: unsafe { task.as_ref() }.origin().1,
        now,
        waited: now - sampled.spawned,
        weight: sampled.weight,
    };
    let run = sampled.plain.run;
    drop(sampled);
    // SAFETY: a task is run by a worker of its scheduler, which keeps it.
    unsafe { home_of(task.cast()) }.begins(begun);
    // SAFETY: the `Runnable` goes from our caller to the call.
    unsafe { run(task) }
}

unsafe fn cancel(task: NonNull<Header>) {
    // SAFETY: called through the table of a sample, by the holder of the `Runnable`.
    let cancel = unsafe { take(task) }.plain.cancel;
    // SAFETY: the `Runnable` goes from our caller to the call.
    unsafe { cancel(task) };
}

impl Runnable {
    /// Makes a plain task of one that may be a sample.
    pub(crate) fn unsampled(self) -> Self {
        // SAFETY: the task lives while its `Runnable` does.
        if unsafe { self.task().as_ref() }.vtable().is_sample {
            // SAFETY: it is a sample, and `self` is the `Runnable`.
            drop(unsafe { take(self.task()) });
        }
        self
    }
}
