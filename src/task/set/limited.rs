//! A set that spawns under a limit.

use std::future::Future;
use std::ops::{Deref, DerefMut};
use std::pin::Pin;
use std::task::{Context, Poll};

use super::JoinSet;
use crate::runtime::Handle;
use crate::task::abort::AbortHandle;
use crate::task::owner::limit::Permit;
use crate::task::owner::limited::Limited;

impl<T> JoinSet<T> {
    /// The set as one that runs no more than `most` tasks at once: its
    /// [`spawn`](Limited::spawn) waits first. For all else it is the set.
    ///
    /// A task counts until its future has been dropped, not until it is joined; so to
    /// wait for a turn needs nobody who joins. Tasks that are in the set already, or
    /// come to it past the limit, do not count.
    ///
    /// ```
    /// # virid::block_on(async {
    /// let mut set = virid::task::JoinSet::new().limit(4);
    /// let mut sum = 0;
    /// for n in 0..100 {
    ///     set.spawn(async move { n }).await; // until one of four has ended
    ///     while let Some(result) = set.try_join_next() {
    ///         sum += result.unwrap();
    ///     }
    /// }
    /// while let Some(result) = set.join_next().await {
    ///     sum += result.unwrap();
    /// }
    /// assert_eq!(sum, 4_950);
    /// # });
    /// ```
    ///
    /// # Panics
    ///
    /// For a limit of 0.
    #[track_caller]
    pub fn limit(self, most: usize) -> Limited<Self> {
        Limited::new(self, most)
    }
}

impl<T: Send + 'static> Limited<JoinSet<T>> {
    /// Waits for its turn, then spawns a task into the set as [`JoinSet::spawn`] does.
    ///
    /// **Cancellation**: dropped while it waits, it has spawned nothing, and leaves the
    /// line to the others; the task's future is dropped with it.
    ///
    /// ```
    /// # virid::block_on(async {
    /// let mut set = virid::task::JoinSet::new().limit(1);
    /// set.spawn(async { 1 }).await;
    /// set.spawn(async { 2 }).await; // when the first has ended
    /// assert_eq!(set.join_next().await.unwrap().unwrap(), 1);
    /// # });
    /// ```
    ///
    /// # Panics
    ///
    /// Where the default runtime is needed and cannot be started.
    pub async fn spawn<F>(&mut self, task: F) -> AbortHandle
    where
        F: Future<Output = T> + Send + 'static,
    {
        let permit = self.limit.permit().await;
        self.spawner.spawn(Permitted::new(task, permit))
    }

    /// The same on a runtime of the caller's choice.
    ///
    /// ```
    /// let runtime = virid::Runtime::new()?;
    /// let mut set = virid::task::JoinSet::new().limit(1);
    /// virid::block_on(set.spawn_on(async { "there" }, runtime.handle()));
    /// assert_eq!(virid::block_on(set.join_next()).unwrap().unwrap(), "there");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub async fn spawn_on<F>(&mut self, task: F, handle: &Handle) -> AbortHandle
    where
        F: Future<Output = T> + Send + 'static,
    {
        let permit = self.limit.permit().await;
        self.spawner.spawn_on(Permitted::new(task, permit), handle)
    }

    /// Waits for its turn, then runs a closure that blocks, as
    /// [`JoinSet::spawn_blocking`] does.
    ///
    /// ```
    /// # virid::block_on(async {
    /// let mut set = virid::task::JoinSet::new().limit(1);
    /// set.spawn_blocking(|| 2 + 2).await;
    /// assert_eq!(set.join_next().await.unwrap().unwrap(), 4);
    /// # });
    /// ```
    ///
    /// # Panics
    ///
    /// Where the default runtime is needed and cannot be started.
    pub async fn spawn_blocking<F>(&mut self, f: F) -> AbortHandle
    where
        F: FnOnce() -> T + Send + 'static,
    {
        let permit = self.limit.permit().await;
        self.spawner.spawn_blocking(permitted(f, permit))
    }

    /// The same on a runtime of the caller's choice.
    ///
    /// ```
    /// let runtime = virid::Runtime::new()?;
    /// let mut set = virid::task::JoinSet::new().limit(1);
    /// virid::block_on(set.spawn_blocking_on(|| 2 + 2, runtime.handle()));
    /// assert_eq!(virid::block_on(set.join_next()).unwrap().unwrap(), 4);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub async fn spawn_blocking_on<F>(&mut self, f: F, handle: &Handle) -> AbortHandle
    where
        F: FnOnce() -> T + Send + 'static,
    {
        let permit = self.limit.permit().await;
        self.spawner.spawn_blocking_on(permitted(f, permit), handle)
    }

    /// Waits for all tasks, as [`JoinSet::join_all`].
    ///
    /// ```
    /// # virid::block_on(async {
    /// let mut set = virid::task::JoinSet::new().limit(1);
    /// set.spawn(async { 1 }).await;
    /// set.spawn(async { 2 }).await;
    /// assert_eq!(set.join_all().await, [1, 2]);
    /// # });
    /// ```
    ///
    /// # Panics
    ///
    /// As [`JoinSet::join_all`].
    pub async fn join_all(self) -> Vec<T> {
        self.spawner.join_all().await
    }
}

/// All that a set can do but spawn.
impl<T> Deref for Limited<JoinSet<T>> {
    type Target = JoinSet<T>;

    fn deref(&self) -> &JoinSet<T> {
        &self.spawner
    }
}

impl<T> DerefMut for Limited<JoinSet<T>> {
    fn deref_mut(&mut self) -> &mut JoinSet<T> {
        &mut self.spawner
    }
}

/// The closure with its permit, which it gives back when it is gone.
fn permitted<T>(f: impl FnOnce() -> T + Send, permit: Permit) -> impl FnOnce() -> T + Send {
    // One capture, whose fields are dropped in their order.
    let both = (f, permit);
    move || {
        let (f, _permit) = both;
        f()
    }
}

/// A future with its permit, which it gives back when the future has been dropped.
struct Permitted<F> {
    future: F,
    _permit: Permit,
}

impl<F> Permitted<F> {
    fn new(future: F, permit: Permit) -> Self {
        Self {
            future,
            _permit: permit,
        }
    }
}

impl<F: Future> Future for Permitted<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        // SAFETY: pinned as `self` is; neither is moved.
        unsafe { self.map_unchecked_mut(|this| &mut this.future) }.poll(cx)
    }
}
