//! Where task cells live: recycled, and given back. The head of the folder: the
//! interface that the rest of the runtime knows, and how it works.
//!
//! - [`Cells`]: the memory of one runtime. [`Lists`]: one worker's part of it.
//!   Both `allocate`; [`free`] takes a cell back on any thread at any time, also
//!   after its runtime is gone.
//! - A cell begins with an atomic word. It is zero in a new cell, stays an atomic
//!   for as long as the slab is mapped, and is written by tasks with atomic
//!   operations only, so that [`Cells::visit`] may look at cells that it knows
//!   nothing about: the end of a runtime finds suspended tasks by it.
//! - [`trim`](Cells::trim) gives free memory back to the operating system.
//!
//! # The way of a cell
//!
//! ```text
//!   operating system
//!        | 2 MiB            one mapping for some 32,700 cells, in huge pages
//!      slab
//!        | carve: 62        one fetch_add
//!      lists  <---------->  hoard          plain memory of one worker
//!        |    a cell each   |
//!      task                 | a batch of 62: one compare-and-swap each way
//!                         depot            Treiber's stacks of batches
//! ```
//!
//! Threads that are no workers use *lanes*: lists that are locked for one call by
//! whoever comes, and never waited for.
//!
//! # Why no node is seen twice
//!
//! Cells have no links, no tags and no generations: only batches are in shared
//! lists, and a batch that was taken out waits for a grace period before it is
//! put in again (`stack.rs`; the types `Clean` and `Used` see to it). A cell is
//! not in a list while anybody can reach it: the task's state word counts wakers
//! and handles, and the last to leave frees the cell. So a stale waker keeps its
//! cell, and never meets the next task in it.
//!
//! # What is kept, and what is given back
//!
//! A worker keeps up to 124 cells of a class in its list and [`HOARD_BYTES`] of
//! each in its hoard, and hands all of it in when it parks. What is in the depot
//! stays mapped until `trim`, which counts the free cells of each slab, unmaps
//! slabs that are wholly free, and lets the system take back the free pages of
//! others. The end of a runtime does the same, but for pages; what is in use then
//! keeps its slabs until the last cell is freed (`store.rs`).
//!
//! # Rejected
//!
//! - *Links in the cells themselves.* Taking 64 cells is then 64 reads that
//!   depend on each other, of lines that another core wrote last.
//! - *One shared list of cells.* A compare-and-swap per task on a word that all
//!   workers write, and ABA besides.
//! - *crossbeam-epoch's global collector.* One guard that sleeps elsewhere in the
//!   process stops all reuse.

mod batch;
mod carver;
mod class;
mod depot;
mod epoch;
mod lanes;
mod lists;
mod mapping;
mod slab;
mod spares;
mod stack;
mod store;

pub(crate) use batch::{BATCH, Batch, Clean, Held, Used};
pub(crate) use class::{CELL_ALIGN, Class, LARGEST};
pub(crate) use epoch::{Guard, pin};
pub(crate) use lists::{Lists, Traffic};
pub(crate) use spares::retire_one as retire_batch;
pub(crate) use store::{Cells, free, home_of, install};

/// What the models of single parts need.
#[cfg(virid_loom)]
pub(crate) mod models {
    pub(crate) use super::batch::Chain;
    pub(crate) use super::spares::take as take_batch;
    pub(crate) use super::stack::Stack;
}

#[cfg(all(test, not(virid_loom)))]
#[path = "../tests/unit/traffic.rs"]
mod traffic_tests;

#[cfg(doc)]
use lists::HOARD_BYTES;
