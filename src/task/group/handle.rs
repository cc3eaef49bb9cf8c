//! The handles of groups: what children are spawned by.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
#[cfg(feature = "time")]
use std::time::{Duration, Instant};

use super::child::{Keep, Policy, spawn};
use crate::metrics::OwnerMetrics;
use crate::task::join::JoinHandle;
use crate::task::owner::limited::Limited;
use crate::task::owner::members::Members;
use crate::task::owner::outcomes::{First, Outcomes};
use crate::task::owner::token::CancellationToken;

/// The handle of a [`group`](crate::task::group()), which spawns its children. It can be cloned,
/// and sent anywhere; when the group has ended, or was cancelled, it spawns tasks that are
/// cancelled, and drops their futures at once.
pub struct Group(Arc<Members>);

/// The handle of a [`try_group`](crate::task::try_group); see [`Group`].
pub struct TryGroup<E>(Arc<Members>, Arc<First<E>>);

/// The handle of an [`any_group`](crate::task::any_group); see [`Group`].
pub struct AnyGroup<T, E>(Arc<Members>, Arc<Outcomes<T, E>>);

impl Group {
    pub(crate) fn new(members: &Arc<Members>) -> Self {
        Self(members.clone())
    }

    /// Spawns a child, as [`task::spawn`](crate::task::spawn) spawns a task. Dropping the handle
    /// detaches it from the caller, and not from the group.
    ///
    /// ```
    /// use virid::task;
    ///
    /// let seven = virid::block_on(task::group(|group| async move {
    ///     group.spawn(async { 7 }).await.unwrap()
    /// }));
    /// assert_eq!(seven, 7);
    /// ```
    ///
    /// # Panics
    ///
    /// As [`task::spawn`](crate::task::spawn).
    #[track_caller]
    pub fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        spawn(&self.0, Keep, None, future)
    }
}

/// The first error ends the group.
struct OrEnd<E>(Arc<First<E>>);

impl<T, E> Policy<Result<T, E>> for OrEnd<E> {
    type Output = T;

    fn judge(&self, members: &Members, output: Result<T, E>) -> Option<T> {
        output.map_err(|error| self.0.decide(members, error)).ok()
    }
}

impl<E: Send + 'static> TryGroup<E> {
    /// Spawns a child; see [`try_group`](crate::task::try_group) for what its handle says.
    ///
    /// ```
    /// use virid::task;
    ///
    /// let seven = virid::block_on(task::try_group(|group| async move {
    ///     Ok::<_, ()>(group.spawn(async { Ok(7) }).await.unwrap())
    /// }));
    /// assert_eq!(seven, Ok(7));
    /// ```
    ///
    /// # Panics
    ///
    /// As [`task::spawn`](crate::task::spawn).
    #[track_caller]
    pub fn spawn<F, T>(&self, future: F) -> JoinHandle<T>
    where
        F: Future<Output = Result<T, E>> + Send + 'static,
        T: Send + 'static,
    {
        spawn(&self.0, OrEnd(self.1.clone()), None, future)
    }
}

impl<E> TryGroup<E> {
    pub(crate) fn new(members: &Arc<Members>) -> Self {
        Self(members.clone(), Arc::new(First::new()))
    }

    pub(crate) fn take_first(&self) -> Option<E> {
        self.1.take()
    }
}

/// The first success ends the group.
struct UntilOne<T, E>(Arc<Outcomes<T, E>>);

impl<T, E> Policy<Result<T, E>> for UntilOne<T, E> {
    type Output = ();

    fn judge(&self, members: &Members, output: Result<T, E>) -> Option<()> {
        self.0.add(members, output);
        Some(())
    }
}

impl<T: Send + 'static, E: Send + 'static> AnyGroup<T, E> {
    /// Spawns a child; see [`any_group`](crate::task::any_group) for what its handle says.
    ///
    /// ```
    /// use virid::task;
    ///
    /// let seven = virid::block_on(task::any_group(|group| async move {
    ///     group.spawn(async { Ok::<_, ()>(7) });
    /// }));
    /// assert_eq!(seven, Ok(7));
    /// ```
    ///
    /// # Panics
    ///
    /// As [`task::spawn`](crate::task::spawn).
    #[track_caller]
    pub fn spawn<F>(&self, future: F) -> JoinHandle<()>
    where
        F: Future<Output = Result<T, E>> + Send + 'static,
    {
        spawn(&self.0, UntilOne(self.1.clone()), None, future)
    }
}

impl<T, E> AnyGroup<T, E> {
    pub(crate) fn new(members: &Arc<Members>) -> Self {
        Self(members.clone(), Arc::new(Outcomes::new()))
    }

    pub(crate) fn take_first(&self) -> Option<T> {
        self.1.take_first()
    }

    pub(crate) fn take_errors(&self) -> Vec<E> {
        self.1.take_errors()
    }
}

/// How the spawns of limited groups wait: here, so that all do it alike.
async fn spawn_later<S, H>(
    limited: &Limited<S>,
    members: impl Fn(&S) -> &Arc<Members>,
    spawn: impl FnOnce(&S, crate::task::owner::limit::Permit) -> H,
) -> H {
    let permit = match limited.limit.permit_at_once() {
        Some(permit) => permit,
        None => {
            let _waits = members(&limited.spawner).counts.wait();
            limited.limit.permit().await
        }
    };
    spawn(&limited.spawner, permit)
}

impl Limited<Group> {
    /// [`Group::spawn`], when fewer than the limit run. Dropped before, it has spawned
    /// nothing, and `future` is dropped with it.
    ///
    /// ```
    /// use virid::task;
    ///
    /// virid::block_on(task::group(|group| async move {
    ///     let one = group.limit(1);
    ///     let first = one.spawn(async {}).await;
    ///     one.spawn(async move { assert!(first.is_finished()) }).await.await.unwrap();
    /// }));
    /// ```
    ///
    /// # Panics
    ///
    /// As [`task::spawn`](crate::task::spawn).
    pub async fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let now = |group: &Group, permit| spawn(&group.0, Keep, Some(permit), future);
        spawn_later(self, |group| &group.0, now).await
    }
}

impl<E: Send + 'static> Limited<TryGroup<E>> {
    /// [`TryGroup::spawn`], when fewer than the limit run; see
    /// [`spawn`](Limited::<Group>::spawn) for groups.
    ///
    /// ```
    /// use virid::task;
    ///
    /// let result = virid::block_on(task::try_group(|group| async move {
    ///     let few = group.limit(2);
    ///     for n in 0..10 {
    ///         few.spawn(async move { if n < 5 { Ok(()) } else { Err(n) } }).await;
    ///     }
    ///     Ok(())
    /// }));
    /// assert!(result.is_err());
    /// ```
    ///
    /// # Panics
    ///
    /// As [`task::spawn`](crate::task::spawn).
    pub async fn spawn<F, T>(&self, future: F) -> JoinHandle<T>
    where
        F: Future<Output = Result<T, E>> + Send + 'static,
        T: Send + 'static,
    {
        let now = |group: &TryGroup<E>, permit| {
            spawn(&group.0, OrEnd(group.1.clone()), Some(permit), future)
        };
        spawn_later(self, |group| &group.0, now).await
    }
}

impl<T: Send + 'static, E: Send + 'static> Limited<AnyGroup<T, E>> {
    /// [`AnyGroup::spawn`], when fewer than the limit run; see
    /// [`spawn`](Limited::<Group>::spawn) for groups.
    ///
    /// ```
    /// use virid::task;
    ///
    /// let found = virid::block_on(task::any_group(|group| async move {
    ///     let few = group.limit(2);
    ///     for n in 0..10 {
    ///         few.spawn(async move { if n == 7 { Ok(n) } else { Err(()) } }).await;
    ///     }
    /// }));
    /// assert_eq!(found, Ok(7));
    /// ```
    ///
    /// # Panics
    ///
    /// As [`task::spawn`](crate::task::spawn).
    pub async fn spawn<F>(&self, future: F) -> JoinHandle<()>
    where
        F: Future<Output = Result<T, E>> + Send + 'static,
    {
        let now = |group: &AnyGroup<T, E>, permit| {
            spawn(&group.0, UntilOne(group.1.clone()), Some(permit), future)
        };
        spawn_later(self, |group| &group.0, now).await
    }
}

/// What all handles of groups can do.
macro_rules! handle {
    ([$($generic:ident)*] $group:ty, $name:literal) => {
        impl<$($generic),*> $group {
            /// The same group, spawning no more than `most` children at once: its `spawn`
            /// waits for its turn first. Each call makes a limit of its own.
            ///
            /// ```
            /// use virid::task;
            ///
            /// virid::block_on(task::group(|group| async move {
            ///     let four = group.limit(4);
            ///     for n in 0..100 {
            ///         four.spawn(async move { n }).await;
            ///     }
            /// }));
            /// ```
            ///
            /// # Panics
            ///
            /// For 0.
            #[track_caller]
            pub fn limit(&self, most: usize) -> Limited<Self> {
                Limited::new(self.clone(), most)
            }

            /// Aborts all children, and those of groups in them; what is spawned later is
            /// cancelled. The body goes on. Returns at once.
            ///
            /// ```
            /// use virid::task;
            ///
            /// let end = virid::block_on(task::group(|group| async move {
            ///     let child = group.spawn(std::future::pending::<()>());
            ///     group.cancel();
            ///     child.await
            /// }));
            /// assert!(end.unwrap_err().is_cancelled());
            /// ```
            pub fn cancel(&self) {
                self.0.cancel();
            }

            /// A token that is cancelled when the children are aborted: by
            /// [`cancel`](Self::cancel), a deadline or the end of the group. To cancel the
            /// token *asks* those who look at it to end, and aborts nobody.
            ///
            /// ```
            /// use virid::task;
            ///
            /// let said = virid::block_on(task::group(|group| async move {
            ///     let token = group.token();
            ///     let child = group.spawn(async move {
            ///         token.cancelled().await;
            ///         "cleaned up"
            ///     });
            ///     group.token().cancel();
            ///     child.await.unwrap()
            /// }));
            /// assert_eq!(said, "cleaned up");
            /// ```
            pub fn token(&self) -> CancellationToken {
                self.0.token()
            }

            /// [Cancels](Self::cancel) the group at a point in time; where several are
            /// set, the earliest counts.
            ///
            /// ```
            /// use std::time::Instant;
            /// use virid::task;
            ///
            /// let end = virid::block_on(task::group(|group| async move {
            ///     group.deadline(Instant::now());
            ///     group.spawn(std::future::pending::<()>()).await
            /// }));
            /// assert!(end.unwrap_err().is_cancelled());
            /// ```
            ///
            /// # Panics
            ///
            /// Where the default runtime is needed and cannot be started.
            #[cfg(feature = "time")]
            #[cfg_attr(docsrs, doc(cfg(feature = "time")))]
            pub fn deadline(&self, deadline: Instant) {
                self.0.set_deadline(deadline);
            }

            /// A [`deadline`](Self::deadline), counted from now. One that ends later than
            /// the clock can say is none.
            ///
            /// ```
            /// use std::time::Duration;
            /// use virid::task;
            ///
            /// let end = virid::block_on(task::group(|group| async move {
            ///     group.timeout(Duration::from_millis(1));
            ///     group.spawn(std::future::pending::<()>()).await
            /// }));
            /// assert!(end.unwrap_err().is_cancelled());
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

            /// How many callers wait at the group's limits, and how many of its children
            /// run, and have ended. One whose handle says finished may count as running
            /// for a moment.
            ///
            /// ```
            /// use virid::task;
            ///
            /// let group = virid::block_on(task::group(|group| async move {
            ///     group.spawn(async {});
            ///     group
            /// }));
            /// assert_eq!(group.metrics().finished(), 1);
            /// ```
            pub fn metrics(&self) -> OwnerMetrics {
                self.0.metrics()
            }
        }

        impl<$($generic),*> fmt::Debug for $group {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct($name)
                    .field("metrics", &self.metrics())
                    .finish_non_exhaustive()
            }
        }
    };
}

handle!([] Group, "Group");
handle!([E] TryGroup<E>, "TryGroup");
handle!([T E] AnyGroup<T, E>, "AnyGroup");

impl Clone for Group {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<E> Clone for TryGroup<E> {
    fn clone(&self) -> Self {
        Self(self.0.clone(), self.1.clone())
    }
}

impl<T, E> Clone for AnyGroup<T, E> {
    fn clone(&self) -> Self {
        Self(self.0.clone(), self.1.clone())
    }
}
