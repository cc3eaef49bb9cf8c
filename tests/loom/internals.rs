//! The models: small programs over the production files, which loom runs under
//! every interleaving and every weak-memory outcome within its bounds.
//!
//! They are compiled as part of the crate (under the cfg only), so that they
//! reach what is private, and started by `tests/loom.rs`, which says how.
//! Models contain no protocol of their own: no fence and no compare-and-swap.

pub mod idle;
pub mod keyed;
pub mod limit;
pub mod locks;
pub mod memory;
pub mod ring;
pub mod roll;
pub mod sets;
pub mod task;
