//! A green thread for each item of an iterator, so many at once: the twins of
//! `task::map_ordered` and `task::map_unordered`, for closures.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use super::current::Current;
use super::handle::{JoinHandle, payload};
use super::{Result, spawn};
use crate::context;
use crate::drive::drive;
use crate::metrics::OwnerMetrics;
use crate::task::JoinSet;

const ORDERED: &str = "MapOrdered::next";
const UNORDERED: &str = "MapUnordered::next";
const INSTEAD: &str = "`task::map_ordered` or `task::map_unordered`";

/// Calls `f` with each item of an iterator, on a green thread of its own, and yields what
/// the calls return **in the order of the items**.
///
/// At most `limit` items are taken from the iterator and not yet handed out: so many
/// green threads run at once, or have ended and wait for their turn. New ones are
/// started when results are taken.
///
/// ```
/// let squares = virid::thread::map_ordered(1..=100u64, 8, |n| n * n);
/// assert_eq!(squares.map(Result::unwrap).sum::<u64>(), 338_350);
/// ```
///
/// **Errors**: a call that panicked yields that in its turn, as
/// [`JoinHandle::join`] does, and the others go on.
///
/// **Dropping** the map cancels its threads and waits for them, where the caller may
/// wait; inside an async task they end later.
///
/// # Panics
///
/// For a limit of 0, with which nothing would ever run. The iterator's `next` panics
/// with what the items' does, and inside an async task, where
/// [`task::map_ordered`](crate::task::map_ordered) is meant. It is a cancellation point.
#[track_caller]
pub fn map_ordered<I, F, T>(items: I, limit: usize, f: F) -> MapOrdered<I::IntoIter, F, T>
where
    I: IntoIterator,
    I::Item: Send + 'static,
    F: Fn(I::Item) -> T + Send + Sync + 'static,
    T: Send + 'static,
{
    MapOrdered {
        taking: Taking::new(items.into_iter(), limit, f),
        window: VecDeque::new(),
        started: 0,
    }
}

/// As [`map_ordered`], and yields what the calls return **as soon as they do**, in the
/// order in which they end.
///
/// ```
/// let squares = virid::thread::map_unordered(1..=100u64, 8, |n| n * n);
/// assert_eq!(squares.map(Result::unwrap).sum::<u64>(), 338_350);
/// ```
///
/// # Panics
///
/// As [`map_ordered`].
#[track_caller]
pub fn map_unordered<I, F, T>(items: I, limit: usize, f: F) -> MapUnordered<I::IntoIter, F, T>
where
    I: IntoIterator,
    I::Item: Send + 'static,
    F: Fn(I::Item) -> T + Send + Sync + 'static,
    T: Send + 'static,
{
    MapUnordered {
        taking: Taking::new(items.into_iter(), limit, f),
        threads: JoinSet::new(),
    }
}

/// What both do until an item is a thread.
struct Taking<I, F> {
    /// `None` when there are no more.
    items: Option<I>,
    limit: usize,
    f: Arc<F>,
}

impl<I: Iterator, F> Taking<I, F> {
    #[track_caller]
    fn new(items: I, limit: usize, f: F) -> Self {
        assert!(
            limit > 0,
            "a map with a limit of 0 runs nothing; allow one thread at least"
        );
        Self {
            items: Some(items),
            limit,
            f: Arc::new(f),
        }
    }

    /// What the next thread does, while there are less than the limit.
    fn next<T>(
        &mut self,
        taken: usize,
    ) -> Option<impl FnOnce() -> T + Send + 'static + use<I, F, T>>
    where
        I::Item: Send + 'static,
        F: Fn(I::Item) -> T + Send + Sync + 'static,
        T: 'static,
    {
        if taken >= self.limit {
            return None;
        }
        let Some(item) = self.items.as_mut()?.next() else {
            self.items = None;
            return None;
        };
        let f = Arc::clone(&self.f);
        Some(move || f(item))
    }
}

/// Results in the order of the items; from [`map_ordered`].
#[must_use = "a map starts nothing until it is iterated"]
pub struct MapOrdered<I, F, T> {
    taking: Taking<I, F>,
    /// In the order of their items.
    window: VecDeque<JoinHandle<T>>,
    started: u64,
}

impl<I, F, T> Iterator for MapOrdered<I, F, T>
where
    I: Iterator,
    I::Item: Send + 'static,
    F: Fn(I::Item) -> T + Send + Sync + 'static,
    T: Send + 'static,
{
    type Item = Result<T>;

    #[track_caller]
    fn next(&mut self) -> Option<Result<T>> {
        while let Some(call) = self.taking.next(self.window.len()) {
            self.window.push_back(spawn(call));
            self.started += 1;
        }
        // It stays in the window while this waits, and may be cancelled.
        let oldest = self.window.front_mut()?;
        let result = drive(oldest.task(), ORDERED, INSTEAD);
        self.window.pop_front();
        Some(result.map_err(payload))
    }
}

impl<I, F, T> MapOrdered<I, F, T> {
    /// How many of the threads run, and how many have ended, their results handed out or
    /// not. Items that were not taken yet are not counted.
    ///
    /// ```
    /// let mut map = virid::thread::map_ordered([20], 1, |n| n + 1);
    /// map.next();
    /// assert_eq!((map.metrics().running(), map.metrics().finished()), (0, 1));
    /// ```
    pub fn metrics(&self) -> OwnerMetrics {
        let running = self.window.iter().filter(|thread| !thread.is_finished());
        let running = running.count();
        OwnerMetrics::new(0, running, self.started - running as u64)
    }
}

impl<I, F, T> Drop for MapOrdered<I, F, T> {
    fn drop(&mut self) {
        let threads = std::mem::take(&mut self.window);
        threads.iter().for_each(JoinHandle::cancel);
        // As below.
        wait_for_end(|| threads.into_iter().for_each(|thread| drop(thread.join())));
    }
}

/// Results in the order in which the threads end; from [`map_unordered`].
#[must_use = "a map starts nothing until it is iterated"]
pub struct MapUnordered<I, F, T> {
    taking: Taking<I, F>,
    threads: JoinSet<T>,
}

impl<I, F, T> Iterator for MapUnordered<I, F, T>
where
    I: Iterator,
    I::Item: Send + 'static,
    F: Fn(I::Item) -> T + Send + Sync + 'static,
    T: Send + 'static,
{
    type Item = Result<T>;

    #[track_caller]
    fn next(&mut self) -> Option<Result<T>> {
        while let Some(call) = self.taking.next(self.threads.len()) {
            self.threads.insert(spawn(call).into_task());
        }
        let result = drive(self.threads.join_next(), UNORDERED, INSTEAD)?;
        Some(result.map_err(payload))
    }
}

impl<I, F, T> MapUnordered<I, F, T> {
    /// As [`MapOrdered::metrics`].
    ///
    /// ```
    /// let mut map = virid::thread::map_unordered([20], 1, |n| n + 1);
    /// map.next();
    /// assert_eq!((map.metrics().running(), map.metrics().finished()), (0, 1));
    /// ```
    pub fn metrics(&self) -> OwnerMetrics {
        self.threads.metrics()
    }
}

impl<I, F, T> Drop for MapUnordered<I, F, T> {
    fn drop(&mut self) {
        self.threads.abort_all();
        // What they panicked with, and their results, are of no use any more.
        wait_for_end(|| while drive(self.threads.join_next(), UNORDERED, INSTEAD).is_some() {});
    }
}

/// Waits for threads that were cancelled, where the caller may wait.
fn wait_for_end(wait: impl FnOnce()) {
    let current = Current::get();
    if current.is_none() && !context::may_block() {
        return;
    }
    // What ends the caller is not thrown at a destructor.
    let _shield = current.map(Current::shield);
    let _allowed = current.map(Current::allow_suspending);
    wait();
}

impl<I, F, T> fmt::Debug for MapOrdered<I, F, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MapOrdered")
            .field("limit", &self.taking.limit)
            .field("taken", &self.window.len())
            .finish_non_exhaustive()
    }
}

impl<I, F, T> fmt::Debug for MapUnordered<I, F, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MapUnordered")
            .field("limit", &self.taking.limit)
            .field("taken", &self.threads.len())
            .finish_non_exhaustive()
    }
}
