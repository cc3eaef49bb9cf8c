//! Where task cells live. The head of the folder: the interface that the rest
//! of the runtime knows.
//!
//! - [`allocate`] and [`free`]: memory for one cell. A cell may be freed by any
//!   thread at any time, also after its runtime is gone.
//! - [`Living`]: finds every *suspended* task when the runtime ends. A task that
//!   is queued or running is found through its queue or its worker, so it
//!   enters `Living` at its first suspension and never at spawn: the spawn path
//!   writes nothing that another worker writes.

mod boxed;
mod living;

pub(crate) use boxed::{allocate, free};
pub(crate) use living::Living;
