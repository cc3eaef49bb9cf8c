//! What a task does when it is run: a future, or a green thread.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

pub(crate) trait Work {
    type Output;

    /// Whether the other questions make sense. They are not asked of a future: it
    /// may hold references into itself, and must not be looked at from outside.
    const IS_GREEN: bool = false;

    /// Goes on until the work is done or has to wait.
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output>;

    /// Which worker alone may go on with it.
    fn home(&self) -> Option<usize> {
        None
    }

    /// After a poll that was pending: whether the work waits for nothing but its
    /// turn.
    fn has_yielded(&self) -> bool {
        false
    }

    /// Asks the work to end by itself, when it is polled the next time. `false`:
    /// it is dropped instead.
    fn cancel(&self) -> bool {
        false
    }
}

/// A future as [`Work`].
pub(crate) struct Async<F>(pub(crate) F);

impl<F: Future> Work for Async<F> {
    type Output = F::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        // SAFETY: the future is not moved out of its pinned place.
        unsafe { self.map_unchecked_mut(|work| &mut work.0) }.poll(context)
    }
}
