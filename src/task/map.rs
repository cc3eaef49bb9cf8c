//! A task for each item of a source, so many at once: [`map_ordered`] and
//! [`map_unordered`].
//!
//! The futures are tasks of the runtime, and run whether or not the stream of their
//! results is polled. (`buffered` of `futures` polls them inside the consumer: while that
//! works on one result, all others stand still, and their timeouts and locks with them.)
//!
//! The ordered one keeps its handles in a queue and awaits the oldest. The unordered one
//! is a [`JoinSet`] with a source. So both take time that does not depend on the limit,
//! for each result.

mod source;

use std::collections::VecDeque;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;

use self::source::Items;
pub use self::source::Source;
use super::error::JoinError;
use super::join::JoinHandle;
use super::set::JoinSet;
use crate::metrics::OwnerMetrics;
use crate::runtime;

/// Calls `f` with each item of an iterator or a [`Stream`], spawns the future that it
/// returns as a task, and yields what the tasks return **in the order of the items**.
///
/// At most `limit` items are taken from the source and not yet handed out: so many tasks
/// run at once, or wait with their results for their turn. Memory does not grow with
/// the number of items. Tasks run on while the results are not polled; new ones are
/// spawned when they are, on the runtime that is current there.
///
/// ```
/// # virid::block_on(async {
/// let mut squares = virid::task::map_ordered(1..=100u64, 8, |n| async move { n * n });
/// let mut sum = 0;
/// while let Some(square) = squares.next().await {
///     sum += square.unwrap();
/// }
/// assert_eq!(sum, 338_350);
/// # });
/// ```
///
/// **Errors**: a task that panicked or was cancelled yields a [`JoinError`] in its turn,
/// and the others go on. A panic of `f` or of the source reaches who polls; the map can
/// be polled further, without that item.
///
/// **Dropping** the map aborts its tasks, and does not wait for them.
///
/// A thread waits for results with [`block_on`](crate::block_on); for closures that run
/// as green threads there is [`thread::map_ordered`](crate::thread::map_ordered).
///
/// # Panics
///
/// For a limit of 0, with which nothing would ever run. And in a poll, where the default
/// runtime is needed and cannot be started.
#[track_caller]
pub fn map_ordered<S, Kind, F, Fut>(
    source: S,
    limit: usize,
    f: F,
) -> MapOrdered<S::Items, F, Fut::Output>
where
    S: Source<Kind>,
    F: FnMut(S::Item) -> Fut,
    Fut: Future + Send + 'static,
    Fut::Output: Send + 'static,
{
    MapOrdered {
        taking: Taking::new(source.into_items(), limit, f),
        window: VecDeque::new(),
        spawned: 0,
    }
}

/// As [`map_ordered`], and yields what the tasks return **as soon as they do**, in the
/// order in which they end.
///
/// ```
/// # virid::block_on(async {
/// use virid::task;
///
/// let names = ["slow", "fast"];
/// let mut answers = task::map_unordered(names, 2, |name| async move {
///     if name == "slow" {
///         for _ in 0..1_000 {
///             task::yield_now().await;
///         }
///     }
///     name
/// });
/// while let Some(name) = answers.next().await {
///     println!("{}", name.unwrap());
/// }
/// # });
/// ```
///
/// # Panics
///
/// As [`map_ordered`].
#[track_caller]
pub fn map_unordered<S, Kind, F, Fut>(
    source: S,
    limit: usize,
    f: F,
) -> MapUnordered<S::Items, F, Fut::Output>
where
    S: Source<Kind>,
    F: FnMut(S::Item) -> Fut,
    Fut: Future + Send + 'static,
    Fut::Output: Send + 'static,
{
    MapUnordered {
        tasks: JoinSet::new(),
        taking: Taking::new(source.into_items(), limit, f),
    }
}

/// What both do until an item is a task.
struct Taking<I, F> {
    /// `None` when there are no more.
    items: Option<I>,
    limit: usize,
    f: F,
}

impl<I: Items, F> Taking<I, F> {
    #[track_caller]
    fn new(items: I, limit: usize, f: F) -> Self {
        assert!(
            limit > 0,
            "a map with a limit of 0 runs nothing; allow one task at least"
        );
        Self {
            items: Some(items),
            limit,
            f,
        }
    }

    /// What a map answers that has no tasks.
    fn is_over<T>(&self) -> Poll<Option<T>> {
        match self.items {
            None => Poll::Ready(None),
            Some(_) => Poll::Pending,
        }
    }

    /// The next future, while there are less than the limit.
    fn next<Fut>(&mut self, taken: usize, context: &mut Context<'_>) -> Option<Fut>
    where
        F: FnMut(I::Item) -> Fut,
    {
        if taken >= self.limit {
            return None;
        }
        match self.items.as_mut()?.poll_item(context) {
            Poll::Ready(Some(item)) => Some((self.f)(item)),
            Poll::Ready(None) => {
                self.items = None;
                None
            }
            Poll::Pending => None,
        }
    }
}

/// Results in the order of the items; from [`map_ordered`].
#[must_use = "a map spawns nothing until it is polled"]
pub struct MapOrdered<I, F, T> {
    taking: Taking<I, F>,
    /// In the order of their items.
    window: VecDeque<JoinHandle<T>>,
    spawned: u64,
}

impl<I, F, Fut, T> MapOrdered<I, F, T>
where
    I: Items,
    F: FnMut(I::Item) -> Fut,
    Fut: Future<Output = T> + Send + 'static,
    T: Send + 'static,
{
    fn poll_result(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<T, JoinError>>> {
        while let Some(future) = self.taking.next(self.window.len(), context) {
            self.window.push_back(runtime::spawn_on_current(future));
            self.spawned += 1;
        }
        let Some(oldest) = self.window.front_mut() else {
            return self.taking.is_over();
        };
        let result = ready!(Pin::new(oldest).poll(context));
        self.window.pop_front();
        Poll::Ready(Some(result))
    }
}

impl<I, F, T> Drop for MapOrdered<I, F, T> {
    fn drop(&mut self) {
        self.window.iter().for_each(JoinHandle::abort);
    }
}

/// Results in the order in which the tasks end; from [`map_unordered`].
#[must_use = "a map spawns nothing until it is polled"]
pub struct MapUnordered<I, F, T> {
    /// Dropped first: what the source and the function do at their end may last as long
    /// as the tasks, which are aborted by then.
    tasks: JoinSet<T>,
    taking: Taking<I, F>,
}

impl<I, F, Fut, T> MapUnordered<I, F, T>
where
    I: Items,
    F: FnMut(I::Item) -> Fut,
    Fut: Future<Output = T> + Send + 'static,
    T: Send + 'static,
{
    fn poll_result(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<T, JoinError>>> {
        while let Some(future) = self.taking.next(self.tasks.len(), context) {
            self.tasks.spawn(future);
        }
        match ready!(self.tasks.poll_join_next(context)) {
            None => self.taking.is_over(),
            result => Poll::Ready(result),
        }
    }
}

/// What the two have in common for their users.
macro_rules! map {
    ($map:ident, $name:literal, $left:expr, $metrics:expr) => {
        impl<I, F, Fut, T> $map<I, F, T>
        where
            I: Items,
            F: FnMut(I::Item) -> Fut,
            Fut: Future<Output = T> + Send + 'static,
            T: Send + 'static,
        {
            /// The next result; `None` when there are no more. Dropping the future loses
            /// nothing.
            ///
            /// ```
            /// # virid::block_on(async {
            #[doc = concat!("let mut map = virid::task::", $name, "([20], 1, |n| async move { n + 1 });")]
            /// assert_eq!(map.next().await.unwrap().unwrap(), 21);
            /// assert!(map.next().await.is_none());
            /// # });
            /// ```
            ///
            /// # Panics
            ///
            /// With what the source or `f` panics.
            #[expect(
                clippy::should_implement_trait,
                reason = "it is the name that extension traits of streams have"
            )]
            pub fn next(&mut self) -> impl Future<Output = Option<Result<T, JoinError>>> {
                poll_fn(|context| self.poll_result(context))
            }

            /// All results. Into a `Result` of a collection: that of the results, or the
            /// first error, when all tasks have ended.
            ///
            /// ```
            /// # virid::block_on(async {
            #[doc = concat!("let map = virid::task::", $name, "(1..4, 2, |n| async move { 2 * n });")]
            /// let doubled: Result<Vec<_>, _> = map.collect().await;
            /// assert_eq!(doubled.unwrap().len(), 3);
            /// # });
            /// ```
            ///
            /// # Panics
            ///
            /// As [`next`](Self::next).
            pub async fn collect<C>(mut self) -> C
            where
                C: FromIterator<Result<T, JoinError>>,
            {
                let mut results = Vec::new();
                while let Some(result) = self.next().await {
                    results.push(result);
                }
                results.into_iter().collect()
            }
        }

        impl<I, F, T> $map<I, F, T> {
            /// How many of the tasks run, and how many have ended, their results handed out
            /// or not. Items that were not taken yet are not counted.
            ///
            /// ```
            /// # virid::block_on(async {
            #[doc = concat!("let mut map = virid::task::", $name, "([20], 1, |n| async move { n + 1 });")]
            /// map.next().await;
            /// assert_eq!((map.metrics().running(), map.metrics().finished()), (0, 1));
            /// # });
            /// ```
            pub fn metrics(&self) -> OwnerMetrics {
                let metrics: fn(&Self) -> OwnerMetrics = $metrics;
                metrics(self)
            }
        }

        // Nothing of it is pinned: a source that is a stream has a box of its own.
        impl<I, F, T> Unpin for $map<I, F, T> {}

        impl<I, F, Fut, T> Stream for $map<I, F, T>
        where
            I: Items,
            F: FnMut(I::Item) -> Fut,
            Fut: Future<Output = T> + Send + 'static,
            T: Send + 'static,
        {
            type Item = Result<T, JoinError>;

            fn poll_next(
                mut self: Pin<&mut Self>,
                context: &mut Context<'_>,
            ) -> Poll<Option<Self::Item>> {
                self.poll_result(context)
            }
        }

        impl<I, F, T> fmt::Debug for $map<I, F, T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let left: fn(&Self) -> usize = $left;
                f.debug_struct(stringify!($map))
                    .field("limit", &self.taking.limit)
                    .field("taken", &left(self))
                    .finish_non_exhaustive()
            }
        }
    };
}

map!(MapOrdered, "map_ordered", |map| map.window.len(), |map| {
    let running = map.window.iter().filter(|task| !task.is_finished());
    let running = running.count();
    OwnerMetrics::new(0, running, map.spawned - running as u64)
});
map!(
    MapUnordered,
    "map_unordered",
    |map| map.tasks.len(),
    |map| map.tasks.metrics()
);
