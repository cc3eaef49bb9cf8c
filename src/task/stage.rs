//! How far a task has come, as a worker sees it.

use std::ptr::NonNull;

use crate::thread::stack::Size;

/// How a worker goes on with a task.
#[derive(Debug)]
#[cfg_attr(virid_loom, expect(dead_code, reason = "models know no green threads"))]
pub(crate) enum Stage {
    /// By a poll on its own stack.
    Future,
    /// With a green thread that has not begun, on a stack of the size, if it asks
    /// for one.
    New(Option<Size>),
    /// With a green thread that has, on the stack where it is suspended: the
    /// address of its runner.
    Started(NonNull<()>),
}
