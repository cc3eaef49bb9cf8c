//! What a task does when it is run: a future, a green thread, or a closure that blocks.

use std::future::Future;
use std::pin::Pin;
use std::ptr::NonNull;
use std::task::{Context, Poll};

use super::error::JoinError;
use super::header::Runnable;
use super::stage::Stage;
use super::values::{Inheriting, Values};

pub(crate) trait Work {
    type Output;

    /// Whether [`stage`](Self::stage) may be asked. A future is not: it may hold
    /// references into itself, and must not be looked at from outside.
    const IS_GREEN: bool = false;

    /// Goes on until the work is done or has to wait.
    ///
    /// # Safety
    ///
    /// The work is alive, stays where it is until it is dropped, and nobody else
    /// does more than ask for its stage meanwhile.
    unsafe fn poll(this: NonNull<Self>, context: &mut Context<'_>) -> Poll<Self::Output>;

    /// How to go on.
    fn stage(&self) -> Stage {
        Stage::Future
    }

    /// Whether [`owner`](Self::owner) answers anything, and whether it has to hear that
    /// the handle has yielded a panic.
    const HAS_OWNER: bool = false;

    /// Drops the work. Who has waited for that, and can run when the task has ended, goes
    /// to `next`, also where the drop panics.
    ///
    /// # Safety
    ///
    /// The work is alive, and nobody touches it again.
    #[inline]
    unsafe fn end(this: NonNull<Self>, next: &mut Option<Runnable>) {
        let _ = next;
        // SAFETY: as this function's contract says.
        unsafe { this.drop_in_place() };
    }

    /// Takes out what hears of the end, before the work is dropped.
    ///
    /// # Safety
    ///
    /// The work is alive, and nobody else looks at it meanwhile.
    unsafe fn owner(this: NonNull<Self>) -> impl Owner {
        let _ = this;
    }
}

/// What hears of the end of a task. It is dropped when nothing is left to do for the
/// task: its work is gone, and so is what nobody has a handle for; the handle, where there
/// is one, says that it has ended.
pub(crate) trait Owner {
    /// The task has ended, and its work is gone. `error` says that there is no result.
    fn ends(&mut self, error: Option<&mut JoinError>);
}

impl Owner for () {
    #[inline]
    fn ends(&mut self, _: Option<&mut JoinError>) {}
}

/// Work that can be spawned, also where it inherits task-locals.
pub(crate) trait Spawn: Work + Send + Sized + 'static {
    /// The same in a box, so that no second task is compiled for it.
    type Boxed: Work<Output = Self::Output> + Send + 'static;

    /// Sets the values around all of it.
    fn inherit(self, values: Values) -> Self::Boxed;
}

/// A future as [`Work`].
pub(crate) struct Async<F>(pub(crate) F);

impl<F: Future> Work for Async<F> {
    type Output = F::Output;

    #[inline]
    unsafe fn poll(mut this: NonNull<Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        // SAFETY: as this function's contract says.
        let this = unsafe { this.as_mut() };
        // SAFETY: the same.
        unsafe { Pin::new_unchecked(&mut this.0) }.poll(context)
    }
}

impl<F> Spawn for Async<F>
where
    F: Future + Send + 'static,
{
    type Boxed = Async<Pin<Box<dyn Future<Output = F::Output> + Send>>>;

    fn inherit(self, values: Values) -> Self::Boxed {
        Async(Box::pin(Inheriting::new(values, self.0)))
    }
}

/// A closure as [`Work`] that runs where it may block: in one poll, on a thread of the
/// blocking pool.
pub(crate) struct Blocking<F>(Option<F>);

impl<F> Blocking<F> {
    pub(crate) fn new(f: F) -> Self {
        Self(Some(f))
    }
}

impl<F: FnOnce() -> T, T> Work for Blocking<F> {
    type Output = T;

    unsafe fn poll(mut this: NonNull<Self>, _: &mut Context<'_>) -> Poll<T> {
        // SAFETY: as the trait's contract says. The closure is not pinned.
        let this = unsafe { this.as_mut() };
        let f = this.0.take().expect("a closure has one poll");
        Poll::Ready(f())
    }
}
