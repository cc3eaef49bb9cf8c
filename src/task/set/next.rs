//! How a set yields the results of its tasks.

use std::future::poll_fn;
use std::panic::resume_unwind;
use std::task::{Context, Poll};

use super::JoinSet;
use crate::task::error::JoinError;
use crate::task::finished::Wait;
use crate::task::id::Id;

impl<T> JoinSet<T> {
    /// Waits until a task of the set has ended, removes it and yields its result, in
    /// the order in which they end. `None` where the set is empty.
    ///
    /// **Cancellation**: a `select!` or timeout that drops the future has removed
    /// nothing.
    ///
    /// ```
    /// # virid::block_on(async {
    /// let mut set = virid::task::JoinSet::new();
    /// set.spawn(async { 1 });
    /// assert_eq!(set.join_next().await.unwrap().unwrap(), 1);
    /// assert!(set.join_next().await.is_none());
    /// # });
    /// ```
    ///
    /// # Errors
    ///
    /// A [`JoinError`] in place of the result where the task panicked, was aborted, or
    /// was cancelled by the end of its runtime.
    pub async fn join_next(&mut self) -> Option<Result<T, JoinError>> {
        poll_fn(|context| self.poll_join_next(context)).await
    }

    /// As [`join_next`](Self::join_next), with the task's number; the number of a task
    /// that has no result is in its error.
    ///
    /// ```
    /// # virid::block_on(async {
    /// let mut set = virid::task::JoinSet::new();
    /// let id = set.spawn(async { 1 }).id();
    /// assert_eq!(set.join_next_with_id().await.unwrap().unwrap(), (id, 1));
    /// # });
    /// ```
    ///
    /// # Errors
    ///
    /// As [`join_next`](Self::join_next).
    pub async fn join_next_with_id(&mut self) -> Option<Result<(Id, T), JoinError>> {
        poll_fn(|context| self.poll_join_next_with_id(context)).await
    }

    /// The result of a task that has ended, without waiting. `None` where all run, and
    /// where the set is empty.
    ///
    /// ```
    /// let mut set = virid::task::JoinSet::new();
    /// set.spawn(std::future::pending::<()>());
    /// assert!(set.try_join_next().is_none());
    /// ```
    ///
    /// # Errors
    ///
    /// As [`join_next`](Self::join_next).
    pub fn try_join_next(&mut self) -> Option<Result<T, JoinError>> {
        self.try_join_next_with_id()
            .map(|result| result.map(|(_, output)| output))
    }

    /// As [`try_join_next`](Self::try_join_next), with the task's number.
    ///
    /// ```
    /// let mut set = virid::task::JoinSet::<()>::new();
    /// assert!(set.try_join_next_with_id().is_none());
    /// ```
    ///
    /// # Errors
    ///
    /// As [`join_next`](Self::join_next).
    #[inline]
    pub fn try_join_next_with_id(&mut self) -> Option<Result<(Id, T), JoinError>> {
        if self.ready.is_none() {
            // SAFETY: the list lives until its owner, this, has left.
            self.ready = self
                .list
                .and_then(|list| unsafe { list.as_ref() }.take_all());
        }
        let member = self.next_ready()?;
        self.members.remove(member.number());
        let id = member.id();
        // SAFETY: it is complete and has come to us; its result is a `T`, and it is no
        // member any more.
        let result = unsafe { member.take::<T>() };
        Some(result.map(|output| (id, output)))
    }

    /// What [`join_next`](Self::join_next) polls: ready with `None` where the set is
    /// empty. Where it is pending, the waker of the last poll is woken when a task
    /// ends.
    ///
    /// ```
    /// use std::task::{Context, Poll, Waker};
    ///
    /// let mut set = virid::task::JoinSet::<()>::new();
    /// let mut context = Context::from_waker(Waker::noop());
    /// assert!(matches!(set.poll_join_next(&mut context), Poll::Ready(None)));
    /// ```
    ///
    /// # Errors
    ///
    /// As [`join_next`](Self::join_next).
    pub fn poll_join_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<T, JoinError>>> {
        self.poll_join_next_with_id(cx)
            .map(|next| next.map(|result| result.map(|(_, output)| output)))
    }

    /// As [`poll_join_next`](Self::poll_join_next), with the task's number.
    ///
    /// ```
    /// use std::task::{Context, Poll, Waker};
    ///
    /// let mut set = virid::task::JoinSet::new();
    /// set.spawn(std::future::pending::<()>());
    /// let mut context = Context::from_waker(Waker::noop());
    /// assert!(set.poll_join_next_with_id(&mut context).is_pending());
    /// ```
    ///
    /// # Errors
    ///
    /// As [`join_next`](Self::join_next).
    pub fn poll_join_next_with_id(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<(Id, T), JoinError>>> {
        loop {
            if let Some(result) = self.try_join_next_with_id() {
                return Poll::Ready(Some(result));
            }
            let Some(list) = self.list.filter(|_| !self.is_empty()) else {
                return Poll::Ready(None);
            };
            // SAFETY: the list lives until its owner, this, has left.
            match unsafe { list.as_ref() }.wait(cx.waker()) {
                Wait::Waits => return Poll::Pending,
                Wait::Look => {}
            }
        }
    }

    /// Aborts all tasks and waits until they have ended, whatever became of them: the
    /// set is empty then.
    ///
    /// **Cancellation**: the tasks stay aborted, and those that have not ended in the
    /// set.
    ///
    /// ```
    /// # virid::block_on(async {
    /// let mut set = virid::task::JoinSet::new();
    /// set.spawn(std::future::pending::<()>());
    /// set.shutdown().await;
    /// assert!(set.is_empty());
    /// # });
    /// ```
    pub async fn shutdown(&mut self) {
        self.abort_all();
        while self.join_next().await.is_some() {}
    }

    /// Waits for all tasks: their results, in the order in which they ended.
    ///
    /// **Cancellation**: dropping the future drops the set, which aborts its tasks.
    ///
    /// ```
    /// # virid::block_on(async {
    /// let set: virid::task::JoinSet<_> = (0..3).map(|n| async move { n }).collect();
    /// let mut all = set.join_all().await;
    /// all.sort();
    /// assert_eq!(all, [0, 1, 2]);
    /// # });
    /// ```
    ///
    /// # Panics
    ///
    /// With the panic of the first task that panicked, and where one was cancelled. The
    /// others are aborted.
    pub async fn join_all(mut self) -> Vec<T> {
        let mut all = Vec::with_capacity(self.len());
        while let Some(result) = self.join_next().await {
            match result {
                Ok(output) => all.push(output),
                Err(error) => match error.try_into_panic() {
                    Ok(payload) => resume_unwind(payload),
                    Err(error) => panic!("{error}"),
                },
            }
        }
        all
    }
}
