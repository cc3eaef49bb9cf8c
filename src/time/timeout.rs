//! A future that gets no longer than some time.

use std::error::Error;
use std::fmt;
use std::future::{Future, IntoFuture};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use super::sleep::{Sleep, sleep, sleep_until};

/// Waits for a future, and no longer than `duration` from this call.
///
/// The future is polled before the time is looked at: one that is ready in its first
/// poll yields its output also where `duration` is zero. A timeout of
/// [`Duration::MAX`] is none. Timeouts nest; the shortest ends the wait.
///
/// **Cancellation**: dropping the timeout drops the future. When the time is over the
/// future is not polled again, and is dropped with the timeout; to go on with it, pass
/// `&mut future`. A [`JoinHandle`](crate::task::JoinHandle) that is passed by value is
/// dropped so, and its task detached: it runs on.
///
/// ```
/// use std::time::Duration;
/// use virid::time::timeout;
///
/// # virid::block_on(async {
/// assert_eq!(timeout(Duration::ZERO, async { 1 }).await, Ok(1));
/// let never = timeout(Duration::from_millis(1), std::future::pending::<()>());
/// assert!(never.await.is_err());
/// # });
/// ```
///
/// # Errors
///
/// The future yields [`Elapsed`] where the time was over first.
///
/// # Panics
///
/// As [`sleep`](super::sleep()), and with what the future panics with.
pub fn timeout<F: IntoFuture>(duration: Duration, future: F) -> Timeout<F::IntoFuture> {
    Timeout {
        future: future.into_future(),
        sleep: sleep(duration),
    }
}

/// Waits for a future, and no longer than until `deadline`. See [`timeout`].
///
/// ```
/// use std::time::{Duration, Instant};
/// use virid::time::timeout_at;
///
/// # virid::block_on(async {
/// let deadline = Instant::now() + Duration::from_millis(1);
/// assert!(timeout_at(deadline, std::future::pending::<()>()).await.is_err());
/// assert_eq!(timeout_at(deadline, async { 1 }).await, Ok(1)); // needs no time
/// # });
/// ```
///
/// # Errors
///
/// As [`timeout`].
///
/// # Panics
///
/// As [`timeout`].
pub fn timeout_at<F: IntoFuture>(deadline: Instant, future: F) -> Timeout<F::IntoFuture> {
    Timeout {
        future: future.into_future(),
        sleep: sleep_until(deadline),
    }
}

/// The future of [`timeout`] and [`timeout_at`]. As most futures, it is not to be
/// polled again when it has yielded the output. Dropping it drops the future inside.
///
/// ```
/// use std::time::Duration;
/// use virid::time::{Timeout, timeout};
///
/// # virid::block_on(async {
/// let limited: Timeout<_> = timeout(Duration::from_secs(60), std::future::ready(3));
/// assert_eq!(limited.await, Ok(3));
/// # });
/// ```
#[derive(Debug)]
#[must_use = "a timeout does nothing unless it is awaited"]
pub struct Timeout<F> {
    /// Pinned where the whole is.
    future: F,
    sleep: Sleep,
}

impl<F> Timeout<F> {
    /// The future inside.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let limited = virid::time::timeout(Duration::ZERO, std::future::ready(7));
    /// assert_eq!(limited.get_ref().clone().into_inner(), 7);
    /// ```
    pub fn get_ref(&self) -> &F {
        &self.future
    }

    /// The future inside, to change.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let mut limited = virid::time::timeout(Duration::ZERO, std::future::ready(7));
    /// *limited.get_mut() = std::future::ready(8);
    /// assert_eq!(limited.into_inner().into_inner(), 8);
    /// ```
    pub fn get_mut(&mut self) -> &mut F {
        &mut self.future
    }

    /// The future inside, without the timeout.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let limited = virid::time::timeout(Duration::ZERO, std::future::ready(7));
    /// assert_eq!(limited.into_inner().into_inner(), 7);
    /// ```
    pub fn into_inner(self) -> F {
        self.future
    }
}

impl<F: Future> Future for Timeout<F> {
    type Output = Result<F::Output, Elapsed>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // SAFETY: `future` is not moved out below, and is pinned as the whole is: there
        // is no `Drop` for `Timeout`, it is `Unpin` only where `F` is (`Sleep` is), and
        // the methods that move or lend the future take a `Timeout` that is not pinned,
        // or, by `&mut`, one that is `Unpin`.
        let this = unsafe { self.get_unchecked_mut() };
        // SAFETY: as above.
        let future = unsafe { Pin::new_unchecked(&mut this.future) };
        if let Poll::Ready(output) = future.poll(cx) {
            return Poll::Ready(Ok(output));
        }
        Pin::new(&mut this.sleep)
            .poll(cx)
            .map(|()| Err(Elapsed(())))
    }
}

/// The time of a [`timeout`] was over before its future was ready.
///
/// ```
/// use std::io;
/// use std::time::Duration;
///
/// # virid::block_on(async {
/// let never = std::future::pending::<()>();
/// let error = virid::time::timeout(Duration::ZERO, never).await.unwrap_err();
/// assert_eq!(error.to_string(), "deadline has elapsed");
/// assert_eq!(io::Error::from(error).kind(), io::ErrorKind::TimedOut);
/// # });
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Elapsed(());

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("deadline has elapsed")
    }
}

impl Error for Elapsed {}

impl From<Elapsed> for io::Error {
    fn from(error: Elapsed) -> Self {
        io::Error::new(io::ErrorKind::TimedOut, error)
    }
}
