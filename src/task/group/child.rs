//! A task of a group: a future, what the group does with its output, and its place.

use std::future::Future;
use std::pin::Pin;
use std::ptr::NonNull;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::runtime;
use crate::task::header::Header;
use crate::task::join::JoinHandle;
use crate::task::owner::limit::Permit;
use crate::task::owner::members::{Members, Place};
use crate::task::values::{Inheriting, Values};
use crate::task::waker::task_of;
use crate::task::work::{Owner, Spawn, Work};

/// What becomes of a child's output.
pub(crate) trait Policy<T> {
    /// What the child's handle yields.
    type Output;

    /// `None` where the handle is to say cancelled.
    fn judge(&self, members: &Members, output: T) -> Option<Self::Output>;
}

/// The handle has it.
pub(crate) struct Keep;

impl<T> Policy<T> for Keep {
    type Output = T;

    fn judge(&self, _: &Members, output: T) -> Option<T> {
        Some(output)
    }
}

/// The fields are dropped in this order where the child never comes to a cell.
struct Child<F, P> {
    future: F,
    policy: P,
    /// Until the child ends; `None` for one that the group does not take.
    place: Option<Place>,
}

impl<F: Future, P: Policy<F::Output>> Work for Child<F, P> {
    type Output = P::Output;

    const HAS_OWNER: bool = true;

    unsafe fn poll(mut this: NonNull<Self>, context: &mut Context<'_>) -> Poll<P::Output> {
        // SAFETY: as this function's contract says.
        let this = unsafe { this.as_mut() };
        // SAFETY: the future stays where it is, as the whole does, until it is dropped.
        let future = unsafe { Pin::new_unchecked(&mut this.future) };
        let Poll::Ready(output) = future.poll(context) else {
            return Poll::Pending;
        };
        let place = this.place.as_ref().expect("it runs, and has not ended");
        if let Some(output) = this.policy.judge(&place.members, output) {
            return Poll::Ready(output);
        }
        // SAFETY: a task polls its work with its own waker, which is none of others' code.
        let task = unsafe { task_of(context.waker().data()) };
        // SAFETY: it is alive while it is polled. It ends after this poll, and has no other.
        unsafe { Header::abort(task) };
        Poll::Pending
    }

    unsafe fn owner(mut this: NonNull<Self>) -> impl Owner {
        // SAFETY: as this function's contract says.
        unsafe { this.as_mut() }.place.take()
    }
}

impl<F, P> Spawn for Child<F, P>
where
    F: Future + Send + 'static,
    P: Policy<F::Output> + Send + 'static,
{
    type Boxed = Child<Pin<Box<dyn Future<Output = F::Output> + Send>>, P>;

    fn inherit(self, values: Values) -> Self::Boxed {
        Child {
            future: Box::pin(Inheriting::new(values, self.future)),
            policy: self.policy,
            place: self.place,
        }
    }
}

/// Spawns a child on the current runtime; one that is cancelled and does not run, where
/// the group takes no more.
#[track_caller]
pub(crate) fn spawn<F, P>(
    members: &Arc<Members>,
    policy: P,
    permit: Option<Permit>,
    future: F,
) -> JoinHandle<P::Output>
where
    F: Future + Send + 'static,
    P: Policy<F::Output> + Send + 'static,
    P::Output: Send + 'static,
{
    let place = members.join(permit);
    let mut child = Child {
        future,
        policy,
        place: None,
    };
    let place = match place {
        Ok(place) => place,
        Err(permit) => {
            let handle = runtime::refuse_work_on_current(child);
            // Its turn comes back when the future is gone.
            drop(permit);
            return handle;
        }
    };
    child.place = Some(place);
    let handle = runtime::spawn_work_on_current(child);
    let task = handle.reference().expect("nobody has awaited it yet");
    members.add(task);
    handle
}
