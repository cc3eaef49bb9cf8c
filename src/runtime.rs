//! A runtime: how it is built, how tasks get to it, and how it ends.
//!
//! Left to right, as the files may import each other: `handle` (spawning and
//! entering), `shutdown` (what was left at the end), `owner` (the threads, and
//! the ways to end them), `builder` (the settings), `check` (which of them are
//! possible), `default` (the runtime of those who built none, and the free functions).

mod builder;
mod check;
mod default;
mod handle;
mod owner;
mod shutdown;

pub use builder::Builder;
pub use default::block_on;
#[cfg(not(virid_loom))]
pub(crate) use default::refuse_work_on_current;
#[cfg(not(virid_loom))]
pub use default::run;
#[cfg(not(virid_loom))]
pub(crate) use default::spawn_work_on_current;
pub(crate) use default::{
    current, spawn_blocking_on_current, spawn_on_current, spawn_prepared_on_current,
};
pub use handle::{EnterGuard, Handle, TryCurrentError};
pub use owner::Runtime;
pub use shutdown::ShutdownReport;
