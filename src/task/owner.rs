//! What owners have in common: groups of tasks, scopes of green threads, and sets where
//! they have a limit.
//!
//! *Children end before their owner returns.* An owner adds each child to its `roll`, one
//! word, before the child can run, and waits until the last has left it; a child leaves
//! when nothing of it is left, its result included where nobody has a handle. `members`
//! is what an owner knows of its children besides: whom to ask to end, and which panics
//! nobody has heard of. `outcomes` keeps what ends an owner early. `token` is the request
//! to end in a form that others can hold, a `tree` of them; `limit` lets who spawns wait
//! first, and `limited` is an owner with one.

pub(crate) mod limit;
#[cfg(not(virid_loom))]
pub(crate) mod limited;
#[cfg(not(virid_loom))]
pub(crate) mod members;
#[cfg(not(virid_loom))]
pub(crate) mod outcomes;
pub(crate) mod roll;
#[cfg(not(virid_loom))]
pub(crate) mod token;
#[cfg(not(virid_loom))]
mod tree;
