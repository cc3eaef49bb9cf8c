//! A channel for one value; names and meaning are those of `tokio::sync::oneshot`.
//!
//! ```
//! use virid::{sync::oneshot, thread};
//!
//! virid::run(|| {
//!     let (sender, receiver) = oneshot::channel();
//!     thread::spawn(move || sender.send(42));
//!     assert_eq!(receiver.blocking_recv(), Ok(42)); // in an async task: receiver.await
//! });
//! ```
//!
//! The name of [`Receiver::blocking_recv`] is Tokio's: a green thread is suspended.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use event_listener::{Event, EventListener};

use crate::drive::drive;
use crate::primitives::Mutex;

/// Why there is no value.
pub mod error {
    pub use super::{RecvError, TryRecvError};
}

/// The sender was dropped without a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecvError(pub(super) ());

impl fmt::Display for RecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the sender was dropped without a value")
    }
}

impl std::error::Error for RecvError {}

/// Why there is no value now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TryRecvError {
    /// None was sent yet.
    Empty,
    /// None will be sent, or it was taken.
    Closed,
}

impl fmt::Display for TryRecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "no value was sent yet",
            Self::Closed => "no value will be sent",
        })
    }
}

impl std::error::Error for TryRecvError {}

struct Shared<T> {
    state: Mutex<State<T>>,
    /// The sender is gone, with a value or without.
    sent: Event,
    /// The receiver takes none any more.
    closed: Event,
}

struct State<T> {
    value: Option<T>,
    is_sent: bool,
    is_closed: bool,
}

/// Sends the value. Dropped without one, it tells the receiver so.
pub struct Sender<T> {
    shared: Arc<Shared<T>>,
    closed: Option<EventListener>,
}

/// Gets the value: a future, or [`blocking_recv`](Self::blocking_recv). Dropped, it
/// drops a value that was sent.
pub struct Receiver<T> {
    shared: Arc<Shared<T>>,
    sent: Option<EventListener>,
    has_ended: bool,
}

/// Both ends of a channel for one value.
///
/// ```
/// let (sender, mut receiver) = virid::sync::oneshot::channel();
/// sender.send("value").unwrap();
/// assert_eq!(receiver.try_recv(), Ok("value"));
/// ```
pub fn channel<T>() -> (Sender<T>, Receiver<T>) {
    let shared = Arc::new(Shared {
        state: Mutex::new(State {
            value: None,
            is_sent: false,
            is_closed: false,
        }),
        sent: Event::new(),
        closed: Event::new(),
    });
    let sender = Sender {
        shared: shared.clone(),
        closed: None,
    };
    let receiver = Receiver {
        shared,
        sent: None,
        has_ended: false,
    };
    (sender, receiver)
}

impl<T> Sender<T> {
    /// Sends the value. Never waits.
    ///
    /// ```
    /// let (sender, receiver) = virid::sync::oneshot::channel();
    /// drop(receiver);
    /// assert_eq!(sender.send(1), Err(1));
    /// ```
    ///
    /// # Errors
    ///
    /// With the value, where the receiver is gone or closed.
    pub fn send(self, value: T) -> Result<(), T> {
        let mut state = self.shared.state.lock();
        if state.is_closed {
            return Err(value);
        }
        state.value = Some(value);
        // `drop` says so to the receiver.
        Ok(())
    }

    /// Whether the receiver takes no value any more.
    ///
    /// ```
    /// let (sender, receiver) = virid::sync::oneshot::channel::<()>();
    /// assert!(!sender.is_closed());
    /// drop(receiver);
    /// assert!(sender.is_closed());
    /// ```
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.shared.state.lock().is_closed
    }

    /// Ready when the receiver takes no value any more.
    ///
    /// ```
    /// # virid::block_on(async {
    /// let (mut sender, receiver) = virid::sync::oneshot::channel::<()>();
    /// drop(receiver);
    /// sender.closed().await;
    /// # });
    /// ```
    pub async fn closed(&mut self) {
        poll_fn(|context| self.poll_closed(context)).await;
    }

    /// [`closed`](Self::closed), polled.
    ///
    /// ```
    /// use std::task::{Context, Waker};
    ///
    /// let (mut sender, _receiver) = virid::sync::oneshot::channel::<()>();
    /// assert!(sender.poll_closed(&mut Context::from_waker(Waker::noop())).is_pending());
    /// ```
    pub fn poll_closed(&mut self, context: &mut Context<'_>) -> Poll<()> {
        loop {
            if let Some(closed) = &mut self.closed {
                ready!(Pin::new(closed).poll(context));
                self.closed = None;
            }
            let state = self.shared.state.lock();
            if state.is_closed {
                return Poll::Ready(());
            }
            // Under the lock, as the notification is: none is missed.
            self.closed = Some(self.shared.closed.listen());
        }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        let mut state = self.shared.state.lock();
        state.is_sent = true;
        self.shared.sent.notify_additional(1);
    }
}

impl<T> Receiver<T> {
    /// Waits for the value.
    ///
    /// A cancellation point. A value that was sent meanwhile is dropped with the
    /// receiver.
    ///
    /// ```
    /// let (sender, receiver) = virid::sync::oneshot::channel::<()>();
    /// drop(sender);
    /// assert!(receiver.blocking_recv().is_err());
    /// ```
    ///
    /// # Errors
    ///
    /// Where the sender was dropped without a value.
    ///
    /// # Panics
    ///
    /// Inside an async task: await the receiver there. And inside
    /// [`no_suspend`](crate::thread::no_suspend) where there is no value yet.
    #[track_caller]
    pub fn blocking_recv(self) -> Result<T, RecvError> {
        drive(self, "oneshot::Receiver::blocking_recv", "`.await`")
    }

    /// The value, if it is there. Never waits.
    ///
    /// ```
    /// use virid::sync::oneshot::{self, error::TryRecvError};
    ///
    /// let (_sender, mut receiver) = oneshot::channel::<()>();
    /// assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
    /// ```
    ///
    /// # Errors
    ///
    /// Where no value was sent yet, or none will be.
    pub fn try_recv(&mut self) -> Result<T, TryRecvError> {
        let mut state = self.shared.state.lock();
        if let Some(value) = state.value.take() {
            self.has_ended = true;
            return Ok(value);
        }
        if state.is_sent || state.is_closed {
            self.has_ended = true;
            return Err(TryRecvError::Closed);
        }
        Err(TryRecvError::Empty)
    }

    /// Takes no value any more, but for one that was sent already.
    ///
    /// ```
    /// let (sender, mut receiver) = virid::sync::oneshot::channel();
    /// receiver.close();
    /// assert!(sender.send(1).is_err());
    /// ```
    pub fn close(&mut self) {
        let mut state = self.shared.state.lock();
        state.is_closed = true;
        self.shared.closed.notify_additional(1);
    }
}

impl<T> Future for Receiver<T> {
    type Output = Result<T, RecvError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        assert!(
            !this.has_ended,
            "a oneshot receiver was polled after its end"
        );
        loop {
            if let Some(sent) = &mut this.sent {
                ready!(Pin::new(sent).poll(context));
                this.sent = None;
            }
            let mut state = this.shared.state.lock();
            if let Some(value) = state.value.take() {
                this.has_ended = true;
                return Poll::Ready(Ok(value));
            }
            if state.is_sent || state.is_closed {
                this.has_ended = true;
                return Poll::Ready(Err(RecvError(())));
            }
            // Under the lock, as the notification is: none is missed.
            this.sent = Some(this.shared.sent.listen());
        }
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        self.close();
        let value = self.shared.state.lock().value.take();
        // Its destructor is not ours to call under the lock.
        drop(value);
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").finish_non_exhaustive()
    }
}
