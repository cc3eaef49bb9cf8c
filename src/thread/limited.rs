//! Scopes that run no more than so many threads at once.

use super::policies::{AnyScope, TryScope};
use super::scope::{Scope, ScopedJoinHandle};
use crate::task::Limited;
use crate::task::owner::limit::Permit;

/// What a thread runs under a limit, and its turn, which comes back when that is gone.
struct Held<F> {
    f: F,
    permit: Permit,
}

impl<R, F: FnOnce() -> R> Held<F> {
    fn run(self) -> R {
        let Self { f, permit } = self;
        let result = f();
        drop(permit);
        result
    }
}

/// How the spawns of limited scopes wait.
#[track_caller]
fn turn<S>(limited: &Limited<S>, scope: &Scope<'_, '_>) -> Permit {
    const CALL: &str = "Limited::spawn";
    if let Some(permit) = limited.limit.permit_at_once() {
        return permit;
    }
    let _waits = scope.data.members.counts.wait();
    limited.limit.blocking_permit(CALL, "a group of tasks")
}

impl<'scope, 'env> Limited<&'scope Scope<'scope, 'env>> {
    /// [`Scope::spawn`](crate::thread::Scope::spawn), when fewer than the limit run: the
    /// caller waits for its turn. A cancellation point, where it has to.
    ///
    /// ```
    /// let mut numbers = vec![1; 1_000];
    /// virid::thread::scope(|scope| {
    ///     let four = scope.limit(4);
    ///     for number in &mut numbers {
    ///         four.spawn(move || *number *= 10);
    ///     }
    /// });
    /// assert_eq!(numbers, [10; 1_000]);
    /// ```
    ///
    /// # Panics
    ///
    /// As [`thread::spawn`](crate::thread::spawn); and inside
    /// [`no_suspend`](crate::thread::no_suspend) where it has to wait.
    #[track_caller]
    pub fn spawn<F, T>(&self, f: F) -> ScopedJoinHandle<'scope, T>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        let permit = turn(self, self.spawner);
        let held = Held { f, permit };
        self.spawner.spawn(move || held.run())
    }
}

impl<'scope, 'env, E: Send + 'scope> Limited<&'scope TryScope<'scope, 'env, E>> {
    /// [`TryScope::spawn`](crate::thread::TryScope::spawn), when fewer than the limit run,
    /// as for [scopes](Limited::<&Scope>::spawn).
    ///
    /// ```
    /// let result = virid::thread::try_scope(|scope| {
    ///     let few = scope.limit(2);
    ///     for n in 0..10 {
    ///         few.spawn(move || if n < 5 { Ok(()) } else { Err(n) });
    ///     }
    ///     Ok(())
    /// });
    /// assert!(result.is_err());
    /// ```
    ///
    /// # Panics
    ///
    /// As for [scopes](Limited::<&Scope>::spawn).
    #[track_caller]
    pub fn spawn<F, T>(&self, f: F) -> ScopedJoinHandle<'scope, T>
    where
        F: FnOnce() -> Result<T, E> + Send + 'scope,
        T: Send + 'scope,
    {
        let permit = turn(self, &self.spawner.scope);
        let held = Held { f, permit };
        self.spawner.spawn(move || held.run())
    }
}

impl<'scope, 'env, T, E> Limited<&'scope AnyScope<'scope, 'env, T, E>>
where
    T: Send + 'scope,
    E: Send + 'scope,
{
    /// [`AnyScope::spawn`](crate::thread::AnyScope::spawn), when fewer than the limit run,
    /// as for [scopes](Limited::<&Scope>::spawn).
    ///
    /// ```
    /// let found = virid::thread::any_scope(|scope| {
    ///     let few = scope.limit(2);
    ///     for n in 0..10 {
    ///         few.spawn(move || if n == 7 { Ok(n) } else { Err(()) });
    ///     }
    /// });
    /// assert_eq!(found, Ok(7));
    /// ```
    ///
    /// # Panics
    ///
    /// As for [scopes](Limited::<&Scope>::spawn).
    #[track_caller]
    pub fn spawn<F>(&self, f: F) -> ScopedJoinHandle<'scope, ()>
    where
        F: FnOnce() -> Result<T, E> + Send + 'scope,
    {
        let permit = turn(self, &self.spawner.scope);
        let held = Held { f, permit };
        self.spawner.spawn(move || held.run())
    }
}
