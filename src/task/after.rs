//! Work, and what is left when it is gone.

use std::ptr::NonNull;
use std::task::{Context, Poll};

use super::header::Runnable;
use super::stage::Stage;
use super::values::Values;
use super::work::{Spawn, Work};

/// What a task holds that others wait for.
pub(crate) trait Leave {
    /// Gives it up: who can run for that goes to `next`, also where this panics. Called
    /// once, before `self` is dropped, wherever its task has come to a cell.
    fn leave(&mut self, next: &mut Option<Runnable>);
}

/// Work with a companion that is left and dropped after it: when the task has ended by
/// itself, has panicked, or was aborted, and before its handle is told.
pub(crate) struct After<W, A> {
    work: W,
    pub(crate) after: A,
}

impl<W, A> After<W, A> {
    pub(crate) fn new(work: W, after: A) -> Self {
        Self { work, after }
    }
}

impl<W: Work, A: Leave> Work for After<W, A> {
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

    #[inline]
    unsafe fn end(this: NonNull<Self>, next: &mut Option<Runnable>) {
        // SAFETY: it is alive; a place is named and nothing read.
        let after = unsafe { &raw mut (*this.as_ptr()).after };
        let _leaves = Leaves { after, next };
        // SAFETY: the same.
        let work = unsafe { &raw mut (*this.as_ptr()).work };
        // SAFETY: as this function's contract says. The companion is the guard's.
        unsafe { work.drop_in_place() };
    }
}

/// Leaves and drops the companion, also where the work's drop panics.
struct Leaves<'a, A: Leave> {
    /// Alive, and the guard's.
    after: *mut A,
    next: &'a mut Option<Runnable>,
}

impl<A: Leave> Drop for Leaves<'_, A> {
    fn drop(&mut self) {
        let _last = Dropped(self.after);
        // SAFETY: as the field says.
        unsafe { &mut *self.after }.leave(self.next);
    }
}

/// Drops it at the end of a scope.
struct Dropped<A>(*mut A);

impl<A> Drop for Dropped<A> {
    fn drop(&mut self) {
        // SAFETY: as of the guard above, which does nothing more with it.
        unsafe { self.0.drop_in_place() };
    }
}

impl<W, A> Spawn for After<W, A>
where
    W: Spawn,
    A: Leave + Send + 'static,
{
    type Boxed = After<W::Boxed, A>;

    fn inherit(self, values: Values) -> Self::Boxed {
        After::new(self.work.inherit(values), self.after)
    }
}
