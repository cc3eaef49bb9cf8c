//! A green thread for each item of an iterator, so many at once: the twins of
//! `task::map_ordered` and `task::map_unordered`, for closures.

use std::collections::VecDeque;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use super::current::Current;
use super::handle::{JoinHandle, payload};
use super::{Result, handle_of, spawn, work_of};
use crate::context;
use crate::drive::drive;
use crate::runtime;
use crate::scheduler::spawn::let_children_run;
use crate::task::after::After;
use crate::task::map::Seats;

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
        seats: Seats::new(),
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
        }
        // It stays in the window while this waits, and may be cancelled.
        let oldest = self.window.front_mut()?;
        let result = drive(oldest.task(), ORDERED, INSTEAD);
        self.window.pop_front();
        Some(result.map_err(payload))
    }
}

impl<I, F, T> Drop for MapOrdered<I, F, T> {
    fn drop(&mut self) {
        end_all(self.window.drain(..).collect());
    }
}

/// Results in the order in which the threads end; from [`map_unordered`].
#[must_use = "a map starts nothing until it is iterated"]
pub struct MapUnordered<I, F, T> {
    taking: Taking<I, F>,
    seats: Seats<JoinHandle<T>>,
}

impl<I, F, T> MapUnordered<I, F, T> {
    fn poll_result(&mut self, context: &mut Context<'_>) -> Poll<Result<T>> {
        let ended = ready!(self.seats.poll_ended(context));
        let result = ready!(Pin::new(ended.task()).poll(context));
        self.seats.leave();
        Poll::Ready(result.map_err(payload))
    }
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
        while let Some(call) = self.taking.next(self.seats.taken()) {
            self.seats.take(|report| {
                let work = After::new(work_of(call), report);
                handle_of(runtime::spawn_work_on_current(work))
            });
            let_children_run();
        }
        if self.seats.taken() == 0 {
            return None;
        }
        let result = poll_fn(|context| self.poll_result(context));
        Some(drive(result, UNORDERED, INSTEAD))
    }
}

impl<I, F, T> Drop for MapUnordered<I, F, T> {
    fn drop(&mut self) {
        end_all(self.seats.drain().collect());
    }
}

/// Cancels threads, and waits for them where the caller may wait.
fn end_all<T>(threads: Vec<JoinHandle<T>>) {
    threads.iter().for_each(JoinHandle::cancel);
    let current = Current::get();
    if current.is_none() && !context::may_block() {
        return;
    }
    // What ends the caller is not thrown at a destructor.
    let _shield = current.map(Current::shield);
    let _allowed = current.map(Current::allow_suspending);
    for thread in threads {
        // The end of each, however, and its result, are of no use any more.
        drop(thread.join());
    }
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
            .field("taken", &self.seats.taken())
            .finish_non_exhaustive()
    }
}
