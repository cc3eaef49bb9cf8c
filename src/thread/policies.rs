//! Scopes that end with the first error or the first success, and what all scopes can do
//! to their threads: cancel them, at a point in time too, and limit how many run.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
#[cfg(feature = "time")]
use std::time::{Duration, Instant};

use super::scope::{Scope, ScopedJoinHandle};
use crate::metrics::OwnerMetrics;
use crate::primitives::Ordering;
use crate::task::owner::outcomes::{First, Outcomes};
use crate::task::{CancellationToken, Limited};
use crate::unwind::Cancelled;

/// A scope of [`try_scope`].
pub struct TryScope<'scope, 'env: 'scope, E> {
    pub(super) scope: Scope<'scope, 'env>,
    /// The error that has ended the scope.
    first: Arc<First<E>>,
}

/// A scope of [`any_scope`].
pub struct AnyScope<'scope, 'env: 'scope, T, E> {
    pub(super) scope: Scope<'scope, 'env>,
    outcomes: Arc<Outcomes<T, E>>,
}

/// A [`scope`](super::scope()) whose threads yield `Result`s: the first error cancels the
/// others, and is what the scope yields when all have ended.
///
/// To be cancelled is a request: a thread that has begun ends at its next cancellation
/// point, and one that has not never does. So one that computes without a wait runs on,
/// and is waited for. `f` goes on too; its threads' handles say cancelled, and so does the
/// scope's [`token`](TryScope::token). Where `f` itself fails first, its error counts. A
/// thread that panics cancels the others as well.
///
/// The handle of a thread yields what is in its `Ok`. That of one that has failed says
/// cancelled: its error is the scope's, or dropped where it was not the first.
///
/// ```
/// use virid::thread;
///
/// let names = ["a", "b", ""];
/// let result = thread::try_scope(|scope| {
///     for name in &names {
///         scope.spawn(move || match name.len() {
///             0 => Err::<(), _>("one has no name"),
///             _ => loop {
///                 thread::park(); // until it is cancelled
///             },
///         });
///     }
///     Ok(())
/// });
/// assert_eq!(result, Err("one has no name"));
/// ```
///
/// # Errors
///
/// The first that a thread or `f` has failed with.
///
/// # Panics
///
/// As [`scope`](super::scope()).
#[track_caller]
pub fn try_scope<'env, F, T, E>(f: F) -> Result<T, E>
where
    F: for<'scope> FnOnce(&'scope TryScope<'scope, 'env, E>) -> Result<T, E>,
    E: 'env,
{
    let scope = TryScope {
        scope: Scope::new("thread::try_scope", true),
        first: Arc::new(First::new()),
    };
    let data = scope.scope.data.clone();
    let first = scope.first.clone();
    let result = catch_unwind(AssertUnwindSafe(|| f(&scope)));
    let fails = !matches!(result, Ok(Ok(_)));
    let is_first = fails && data.members.decide();
    let result = data.finish(result);
    match first.take() {
        Some(error) if !is_first => Err(error),
        _ => result,
    }
}

/// A [`scope`](super::scope()) whose threads try the same: the first that succeeds cancels
/// the others, and its value is what the scope yields when all have ended.
///
/// Where none succeeds the scope yields the errors of all, in the order in which they
/// came; those that were cancelled leave none. What it is to be cancelled,
/// [`try_scope`] says. A thread that panics cancels the others as well.
///
/// The handle of a thread yields `Ok` where that has ended by itself, also where it failed.
///
/// ```
/// use virid::thread;
///
/// let hosts = ["down", "up"];
/// let found = thread::any_scope(|scope| {
///     for host in hosts {
///         scope.spawn(move || if host == "up" { Ok(host) } else { Err(host) });
///     }
/// });
/// assert_eq!(found, Ok("up"));
/// ```
///
/// # Errors
///
/// Those of all threads, where none has succeeded.
///
/// # Panics
///
/// As [`scope`](super::scope()).
#[track_caller]
pub fn any_scope<'env, F, T, E>(f: F) -> Result<T, Vec<E>>
where
    F: for<'scope> FnOnce(&'scope AnyScope<'scope, 'env, T, E>),
    T: 'env,
    E: 'env,
{
    let scope = AnyScope {
        scope: Scope::new("thread::any_scope", true),
        outcomes: Arc::new(Outcomes::new()),
    };
    let data = scope.scope.data.clone();
    let outcomes = scope.outcomes.clone();
    let result = catch_unwind(AssertUnwindSafe(|| f(&scope)));
    if result.is_err() {
        data.members.decide();
    }
    data.finish(result);
    match outcomes.take_first() {
        Some(value) => Ok(value),
        None => Err(outcomes.take_errors()),
    }
}

/// Ends the calling thread as one that was cancelled.
fn end_cancelled() -> ! {
    resume_unwind(Box::new(Cancelled))
}

impl<'scope, E: Send + 'scope> TryScope<'scope, '_, E> {
    /// Starts a thread in the scope; see [`try_scope`].
    ///
    /// ```
    /// let len = virid::thread::try_scope(|scope| {
    ///     Ok::<_, ()>(scope.spawn(|| Ok("text".len())).join().unwrap())
    /// });
    /// assert_eq!(len, Ok(4));
    /// ```
    ///
    /// # Panics
    ///
    /// As [`spawn`](super::spawn).
    #[track_caller]
    pub fn spawn<F, T>(&'scope self, f: F) -> ScopedJoinHandle<'scope, T>
    where
        F: FnOnce() -> Result<T, E> + Send + 'scope,
        T: Send + 'scope,
    {
        let (first, data) = (self.first.clone(), self.scope.data.clone());
        self.scope.spawn(move || match f() {
            Ok(value) => value,
            Err(error) => {
                first.decide(&data.members, error);
                end_cancelled()
            }
        })
    }
}

impl<'scope, T: Send + 'scope, E: Send + 'scope> AnyScope<'scope, '_, T, E> {
    /// Starts a thread in the scope; see [`any_scope`].
    ///
    /// ```
    /// let found = virid::thread::any_scope(|scope| {
    ///     scope.spawn(|| Ok::<_, ()>(7));
    /// });
    /// assert_eq!(found, Ok(7));
    /// ```
    ///
    /// # Panics
    ///
    /// As [`spawn`](super::spawn).
    #[track_caller]
    pub fn spawn<F>(&'scope self, f: F) -> ScopedJoinHandle<'scope, ()>
    where
        F: FnOnce() -> Result<T, E> + Send + 'scope,
    {
        let (outcomes, data) = (self.outcomes.clone(), self.scope.data.clone());
        self.scope.spawn(move || outcomes.add(&data.members, f()))
    }
}

/// What all scopes can do.
macro_rules! scope {
    ([$($generic:ident)*] $scope:ty, |$this:ident| $data:expr) => {
        impl<'scope, 'env, $($generic),*> $scope {
            /// The same scope, running no more than `most` threads at once: its `spawn`
            /// waits for its turn first. Each call makes a limit of its own.
            ///
            /// ```
            /// virid::thread::scope(|scope| {
            ///     let four = scope.limit(4);
            ///     for n in 0..100 {
            ///         four.spawn(move || n);
            ///     }
            /// });
            /// ```
            ///
            /// # Panics
            ///
            /// For 0.
            #[track_caller]
            pub fn limit(&'scope self, most: usize) -> Limited<&'scope Self> {
                Limited::new(self, most)
            }

            /// Cancels all threads of the scope, as [`ScopedJoinHandle::cancel`] does with
            /// one; what is spawned later never runs. The caller goes on. Returns at once.
            ///
            /// ```
            /// virid::thread::scope(|scope| {
            ///     scope.spawn(|| virid::thread::park());
            ///     scope.cancel();
            /// });
            /// ```
            pub fn cancel(&self) {
                let $this = self;
                $data.members.cancel();
            }

            /// A token that is cancelled when the scope's threads are: by
            /// [`cancel`](Self::cancel), a deadline or the end of the scope. To cancel the
            /// token *asks* those who look at it to end, and no others.
            ///
            /// ```
            /// virid::thread::scope(|scope| {
            ///     let token = scope.token();
            ///     scope.spawn(move || {
            ///         token.wait();
            ///         println!("cleaned up");
            ///     });
            ///     scope.token().cancel();
            /// });
            /// ```
            pub fn token(&self) -> CancellationToken {
                let $this = self;
                $data.members.token()
            }

            /// [Cancels](Self::cancel) the scope at a point in time; where several are
            /// set, the earliest counts.
            ///
            /// ```
            /// virid::thread::scope(|scope| {
            ///     scope.deadline(std::time::Instant::now());
            ///     assert!(scope.spawn(virid::thread::park).join().is_err());
            /// });
            /// ```
            ///
            /// # Panics
            ///
            /// Where the default runtime is needed and cannot be started.
            #[cfg(feature = "time")]
            #[cfg_attr(docsrs, doc(cfg(feature = "time")))]
            pub fn deadline(&self, deadline: Instant) {
                let $this = self;
                $data.members.set_deadline(deadline);
            }

            /// A [`deadline`](Self::deadline), counted from now. One that ends later than
            /// the clock can say is none.
            ///
            /// ```
            /// virid::thread::scope(|scope| {
            ///     scope.timeout(std::time::Duration::from_millis(1));
            ///     let waits = scope.spawn(|| loop {
            ///         virid::thread::park();
            ///     });
            ///     assert!(waits.join().is_err());
            /// });
            /// ```
            ///
            /// # Panics
            ///
            /// As [`deadline`](Self::deadline).
            #[cfg(feature = "time")]
            #[cfg_attr(docsrs, doc(cfg(feature = "time")))]
            pub fn timeout(&self, timeout: Duration) {
                if let Some(deadline) = Instant::now().checked_add(timeout) {
                    self.deadline(deadline);
                }
            }

            /// How many callers wait at the scope's limits, and how many of its threads
            /// run, and have ended: those also whose handles still exist count as running.
            ///
            /// ```
            /// virid::thread::scope(|scope| {
            ///     scope.spawn(|| ()).join().unwrap();
            ///     assert_eq!(scope.metrics().finished(), 1);
            /// });
            /// ```
            pub fn metrics(&self) -> OwnerMetrics {
                let $this = self;
                // Ordering: Relaxed. It is a number to read.
                let running = $data.running.load(Ordering::Relaxed);
                $data.members.metrics_with(running)
            }
        }
    };
}

scope!([] Scope<'scope, 'env>, |this| this.data);
scope!([E] TryScope<'scope, 'env, E>, |this| this.scope.data);
scope!([T E] AnyScope<'scope, 'env, T, E>, |this| this.scope.data);

impl<E> fmt::Debug for TryScope<'_, '_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TryScope")
            .field("metrics", &self.metrics())
            .finish_non_exhaustive()
    }
}

impl<T, E> fmt::Debug for AnyScope<'_, '_, T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnyScope")
            .field("metrics", &self.metrics())
            .finish_non_exhaustive()
    }
}
