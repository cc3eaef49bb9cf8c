//! Where a map takes its items from: an iterator or a stream.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;

/// What [`map_ordered`](super::map_ordered) and [`map_unordered`](super::map_unordered)
/// take items from: whatever is [`IntoIterator`], or a [`Stream`]. Which of them it is the
/// compiler finds out, and puts in place of `Kind`.
///
/// ```
/// # use std::pin::Pin;
/// # use std::task::{Context, Poll};
/// struct Countdown(u32);
///
/// impl futures_core::Stream for Countdown {
///     type Item = u32;
///
///     fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<u32>> {
///         self.0 = match self.0.checked_sub(1) {
///             Some(left) => left,
///             None => return Poll::Ready(None),
///         };
///         Poll::Ready(Some(self.0))
///     }
/// }
///
/// # virid::block_on(async {
/// let mut doubled = virid::task::map_ordered(Countdown(2), 8, |n| async move { 2 * n });
/// assert_eq!(doubled.next().await.unwrap().unwrap(), 2);
/// # });
/// ```
pub trait Source<Kind> {
    /// What is mapped.
    type Item;

    /// The items, one after another.
    #[doc(hidden)]
    type Items: Items<Item = Self::Item>;

    #[doc(hidden)]
    fn into_items(self) -> Self::Items;
}

/// Items that may have to be waited for.
pub trait Items: Unpin {
    type Item;

    fn poll_item(&mut self, context: &mut Context<'_>) -> Poll<Option<Self::Item>>;
}

/// An iterator is the source.
#[derive(Debug)]
pub enum IsIterator {}

/// A stream is the source.
#[derive(Debug)]
pub enum IsStream {}

#[derive(Debug)]
pub struct OfIterator<I>(I);

// Nobody pins the iterator.
impl<I> Unpin for OfIterator<I> {}

impl<I: Iterator> Items for OfIterator<I> {
    type Item = I::Item;

    #[inline]
    fn poll_item(&mut self, _: &mut Context<'_>) -> Poll<Option<I::Item>> {
        Poll::Ready(self.0.next())
    }
}

impl<I: IntoIterator> Source<IsIterator> for I {
    type Item = I::Item;
    type Items = OfIterator<I::IntoIter>;

    fn into_items(self) -> Self::Items {
        OfIterator(self.into_iter())
    }
}

/// Boxed, so that the map can be moved, and polled by `next`.
#[derive(Debug)]
pub struct OfStream<S>(Pin<Box<S>>);

impl<S: Stream> Items for OfStream<S> {
    type Item = S::Item;

    fn poll_item(&mut self, context: &mut Context<'_>) -> Poll<Option<S::Item>> {
        self.0.as_mut().poll_next(context)
    }
}

impl<S: Stream> Source<IsStream> for S {
    type Item = S::Item;
    type Items = OfStream<S>;

    fn into_items(self) -> Self::Items {
        OfStream(Box::pin(self))
    }
}
