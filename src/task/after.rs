//! Work, and what is dropped when it is gone.

use std::ptr::NonNull;
use std::task::{Context, Poll};

use super::stage::Stage;
use super::values::Values;
use super::work::{Spawn, Work};

/// Work with a companion that is dropped after it: when the task has ended by itself, has
/// panicked, or was aborted, and before its handle is told. In the order of the fields.
pub(crate) struct After<W, A> {
    work: W,
    pub(crate) after: A,
}

impl<W, A> After<W, A> {
    pub(crate) fn new(work: W, after: A) -> Self {
        Self { work, after }
    }
}

impl<W: Work, A> Work for After<W, A> {
    type Output = W::Output;

    const IS_GREEN: bool = W::IS_GREEN;

    #[inline]
    unsafe fn poll(this: NonNull<Self>, context: &mut Context<'_>) -> Poll<W::Output> {
        // SAFETY: it is alive; a place is named and nothing read.
        let work = unsafe { &raw mut (*this.as_ptr()).work };
        // SAFETY: a part of what is not null.
        let work = unsafe { NonNull::new_unchecked(work) };
        // SAFETY: the work is alive and stays where it is as the whole does, and nobody
        // looks at more of it than of the whole.
        unsafe { W::poll(work, context) }
    }

    #[inline]
    fn stage(&self) -> Stage {
        self.work.stage()
    }
}

impl<W, A> Spawn for After<W, A>
where
    W: Spawn,
    A: Send + 'static,
{
    type Boxed = After<W::Boxed, A>;

    fn inherit(self, values: Values) -> Self::Boxed {
        After::new(self.work.inherit(values), self.after)
    }
}
