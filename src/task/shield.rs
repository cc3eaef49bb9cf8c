//! What goes on though its caller is aborted.

use std::fmt;
use std::future::Future;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::join::JoinHandle;
use crate::runtime;

/// Runs a future that an abort of the caller does not reach, and awaits its output: for
/// what must not stay half done, as cleaning up.
///
/// The future becomes a task of its own with this call, on the current runtime. An abort,
/// a timeout or a `select!` that drops the caller drops what this returns, and the task
/// goes on to its end; a caller that only wants it done need not await it. It ends before
/// that only with the runtime. A group does not wait for what its children shield: where
/// it should, let the group [spawn](super::Group::spawn) it.
///
/// For green threads see [`thread::shield`](crate::thread::shield).
///
/// ```
/// use std::sync::Arc;
/// use virid::{sync::Notify, task};
///
/// virid::block_on(async {
///     let (begun, done) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
///     let (begins, ends) = (begun.clone(), done.clone());
///     let caller = task::spawn(async move {
///         task::shield(async move {
///             begins.notify_one();
///             task::yield_now().await;
///             ends.notify_one();
///         })
///         .await;
///     });
///     begun.notified().await;
///     caller.abort();
///     done.notified().await; // it was done nevertheless
/// });
/// ```
///
/// # Panics
///
/// As [`spawn`](super::spawn). Awaiting it panics with what the future panics with, and
/// where the runtime has ended before it.
#[track_caller]
pub fn shield<F>(future: F) -> Shielded<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    Shielded(runtime::spawn_on_current(future))
}

/// The future of [`shield`]. Dropping it does not end what is shielded.
pub struct Shielded<T>(JoinHandle<T>);

impl<T> Future for Shielded<T> {
    type Output = T;

    #[track_caller]
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        Pin::new(&mut self.0).poll(context).map(|result| {
            result.unwrap_or_else(|error| match error.try_into_panic() {
                Ok(payload) => resume_unwind(payload),
                Err(_) => panic!("`task::shield`: the runtime ended before the future did"),
            })
        })
    }
}

impl<T> fmt::Debug for Shielded<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Shielded").field(&self.0).finish()
    }
}
