//! Owners of tasks: groups that wait for all, that end with the first error, and with the
//! first success.

mod child;
mod handle;

use std::future::{Future, poll_fn};
use std::panic::{Location, resume_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};

pub use self::handle::{AnyGroup, Group, TryGroup};
use super::owner::members::Members;
use crate::thread::current::Current;
use crate::unwind::{self, Payload};

/// Spawns tasks that have all ended when the group returns.
///
/// `f` gets the group's handle, and its future, the *body*, is polled by whoever awaits the
/// group. What it spawns by the handle are the group's *children*: tasks that run beside
/// it. When the body has ended the group waits for its children, also for those that
/// children spawn meanwhile, and yields what the body has. A group in a child of a group
/// makes a tree.
///
/// ```
/// use virid::task;
///
/// let sum = virid::block_on(task::group(|group| async move {
///     let halves = [1..=500, 501..=1_000].map(|half| group.spawn(async move { half.sum::<u32>() }));
///     let mut sum = 0;
///     for half in halves {
///         sum += half.await.unwrap();
///     }
///     group.spawn(async { /* nobody awaits it, but the group does */ });
///     sum
/// }));
/// assert_eq!(sum, 500_500);
/// ```
///
/// When the group returns its children's futures are gone, and so are the results of those
/// that have no handle; handles that are still there say finished.
///
/// **Cancellation**: [`cancel`](Group::cancel) and a [`deadline`](Group::deadline) abort
/// the children and let the body go on, which hears of it from its handles. Dropping the
/// group's future drops the body and aborts the children. It waits for their end where the
/// caller is a green thread. Elsewhere, in a task, it cannot: they end soon afterwards. A
/// child that computes ends at its next `.await`.
///
/// # Panics
///
/// With what the body panics with, when its children have ended; and, as
/// [`std::thread::scope`], where a child has panicked whose handle nobody has awaited: the
/// message says where this was called.
#[track_caller]
pub fn group<F, B>(f: F) -> impl Future<Output = B::Output>
where
    F: FnOnce(Group) -> B,
    B: Future,
{
    let place = Location::caller();
    async move {
        let owner = Owner::new(false, place);
        let group = Group::new(&owner.members);
        let result = owner.run_body(|| f(group)).await;
        let output = owner.finish(result).await;
        output.expect("nobody decides for a group that waits for all")
    }
}

/// A [`group`] whose children yield `Result`s: the first error ends it.
///
/// The first child that fails decides how the group ends: the others are aborted, the body
/// is dropped where it is, and when all have ended the group yields the error. So does a
/// body that fails itself. A child that panics ends the group as well, with a panic.
///
/// The handle of a child yields what is in its `Ok`. That of one that has failed says
/// cancelled: its error is the group's, or dropped where it was not the first.
///
/// ```
/// use virid::task;
///
/// let result = virid::block_on(task::try_group(|group| async move {
///     group.spawn(async { Err::<(), _>("no route") });
///     group.spawn(std::future::pending::<Result<(), _>>()); // is aborted
///     std::future::pending::<Result<(), _>>().await // is dropped
/// }));
/// assert_eq!(result, Err("no route"));
/// ```
///
/// **Cancellation**: as of [`group`].
///
/// # Errors
///
/// The first that a child or the body has failed with.
///
/// # Panics
///
/// As [`group`]. A body that panics aborts the children first.
#[track_caller]
pub fn try_group<F, B, T, E>(f: F) -> impl Future<Output = Result<T, E>>
where
    F: FnOnce(TryGroup<E>) -> B,
    B: Future<Output = Result<T, E>>,
{
    let place = Location::caller();
    async move {
        let owner = Owner::new(true, place);
        let group = TryGroup::new(&owner.members);
        let same = group.clone();
        let body = owner.run_until(|| f(same), Result::is_err).await;
        match (group.take_first(), body) {
            (Some(error), _) => Err(error),
            (None, Some(result)) => result,
            (None, None) => ended_by_a_panic(place),
        }
    }
}

/// A [`group`] whose children try the same: the first that succeeds ends it.
///
/// The first child that yields `Ok` decides: the others are aborted, the body is dropped
/// where it is, and when all have ended the group yields the value. Where none succeeds it
/// waits for all, and yields their errors in the order in which they came; those that were
/// aborted leave none. A child that panics ends the group as well, with a panic.
///
/// The handle of a child says whether it has ended: with `Ok` where it did so by itself,
/// also where it failed.
///
/// ```
/// use virid::task;
///
/// let fastest = virid::block_on(task::any_group(|group| async move {
///     let first = group.spawn(async { Err("unreachable") });
///     let _ = first.await; // it has ended, so we try another one
///     group.spawn(async { Ok("from the second") });
///     group.spawn(std::future::pending()); // is aborted
/// }));
/// assert_eq!(fastest, Ok("from the second"));
/// ```
///
/// **Cancellation**: as of [`group`].
///
/// # Errors
///
/// Those of all children, where none has succeeded.
///
/// # Panics
///
/// As [`group`]. A body that panics aborts the children first.
#[track_caller]
pub fn any_group<F, B, T, E>(f: F) -> impl Future<Output = Result<T, Vec<E>>>
where
    F: FnOnce(AnyGroup<T, E>) -> B,
    B: Future<Output = ()>,
{
    let place = Location::caller();
    async move {
        let owner = Owner::new(true, place);
        let group = AnyGroup::new(&owner.members);
        let same = group.clone();
        let body = owner.run_until(|| f(same), |()| false).await;
        match (group.take_first(), body) {
            (Some(value), _) => Ok(value),
            (None, Some(())) => Err(group.take_errors()),
            (None, None) => ended_by_a_panic(place),
        }
    }
}

/// Says so for a group whose child has panicked. The panic itself cannot have the caller's
/// place: it happens in a poll, whose caller is whoever polls.
fn ended_by_a_panic(place: &Location<'_>) -> ! {
    panic!("a task of a group panicked; the group is that of {place}")
}

/// Ends the children where the future of the group is dropped.
struct Owner {
    members: Arc<Members>,
    /// Where the group was made.
    place: &'static Location<'static>,
}

impl Owner {
    fn new(ends_with_a_panic: bool, place: &'static Location<'static>) -> Self {
        let members = Members::new(ends_with_a_panic);
        Self { members, place }
    }

    /// Polls the body until it has ended, or it is decided how the group does, and waits
    /// for the children. What the body has yielded.
    async fn run_until<B: Future>(
        self,
        body: impl FnOnce() -> B,
        fails: impl FnOnce(&B::Output) -> bool,
    ) -> Option<B::Output> {
        let result = self.run_body(body).await;
        match &result {
            Some(Ok(output)) if !fails(output) => {}
            _ => _ = self.members.decide(),
        }
        self.finish(result).await
    }

    async fn run_body<B: Future>(
        &self,
        body: impl FnOnce() -> B,
    ) -> Option<Result<B::Output, Payload>> {
        let body = match unwind::catch(body) {
            Ok(body) => body,
            Err(payload) => return Some(Err(payload)),
        };
        let mut body = pin!(Some(body));
        let result = poll_fn(|context| {
            if self.members.is_decided(context) {
                return Poll::Ready(None);
            }
            let Some(body) = body.as_mut().as_pin_mut() else {
                unreachable!("it is not polled after its end");
            };
            match unwind::catch(|| body.poll(context)) {
                Ok(poll) => poll.map(|output| Some(Ok(output))),
                Err(payload) => Poll::Ready(Some(Err(payload))),
            }
        })
        .await;
        match unwind::catch(|| body.set(None)) {
            Ok(()) => result,
            Err(payload) => Some(Err(payload)),
        }
    }

    async fn finish<T>(self, result: Option<Result<T, Payload>>) -> Option<T> {
        poll_fn(|context| self.members.poll_ended(context)).await;
        let (panicked, place) = (self.members.unheard(), self.place);
        drop(self);
        match result {
            Some(Err(payload)) => resume_unwind(payload),
            _ if panicked > 0 => panic!(
                "a task of a group panicked, and nobody awaited it; the group is that of {place}"
            ),
            Some(Ok(output)) => Some(output),
            None => None,
        }
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.members.leave();
        let Some(current) = Current::get_to_wait().filter(|current| current.may_suspend()) else {
            return;
        };
        // To be ended itself does not end this wait.
        let _shield = current.shield();
        let ended = poll_fn(|context: &mut Context<'_>| self.members.poll_ended(context));
        current.block_on(ended, "task::group");
    }
}
