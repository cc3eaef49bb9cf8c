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
use std::task::{Context, Poll, Waker};

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

type Shared<T> = Mutex<State<T>>;

struct State<T> {
    value: Option<T>,
    is_sent: bool,
    is_closed: bool,
    /// Who waits on either side.
    receiver: Option<Waker>,
    sender: Option<Waker>,
}

/// Somebody to be woken, without the locks under which it was decided: a waker is code
/// of others.
#[must_use = "somebody waits to be woken"]
pub(super) struct Wake(Option<Waker>);

impl Wake {
    pub(super) const NOBODY: Self = Self(None);

    pub(super) fn wake(self) {
        if let Some(waker) = self.0 {
            waker.wake();
        }
    }
}

/// Puts the waker of who polls into its slot. What was there before is for the caller to
/// drop, without the lock.
fn register(slot: &mut Option<Waker>, context: &Context<'_>) -> Option<Waker> {
    let is_there = slot
        .as_ref()
        .is_some_and(|waker| waker.will_wake(context.waker()));
    if is_there {
        return None;
    }
    slot.replace(context.waker().clone())
}

/// Sends the value. Dropped without one, it tells the receiver so.
pub struct Sender<T> {
    /// Until it has sent.
    shared: Option<Arc<Shared<T>>>,
}

/// Gets the value: a future, or [`blocking_recv`](Self::blocking_recv). Dropped, it
/// drops a value that was sent.
pub struct Receiver<T> {
    shared: Arc<Shared<T>>,
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
    let shared = Arc::new(Mutex::new(State {
        value: None,
        is_sent: false,
        is_closed: false,
        receiver: None,
        sender: None,
    }));
    let sender = Sender {
        shared: Some(shared.clone()),
    };
    let receiver = Receiver {
        shared,
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
        self.put(value)?.wake();
        Ok(())
    }

    /// [`send`](Self::send), for who holds a lock: the receiver is woken later.
    pub(super) fn put(mut self, value: T) -> Result<Wake, T> {
        let shared = self.shared.take().expect("it sends once");
        let mut state = shared.lock();
        state.is_sent = true;
        if state.is_closed {
            return Err(value);
        }
        state.value = Some(value);
        Ok(Wake(state.receiver.take()))
    }

    fn shared(&self) -> &Shared<T> {
        self.shared.as_ref().expect("it has not sent yet")
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
        self.shared().lock().is_closed
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
        let mut state = self.shared().lock();
        if state.is_closed {
            return Poll::Ready(());
        }
        let before = register(&mut state.sender, context);
        drop(state);
        drop(before);
        Poll::Pending
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        let Some(shared) = self.shared.take() else {
            return;
        };
        let wake = {
            let mut state = shared.lock();
            state.is_sent = true;
            // Who has closed it does not wait to hear of this.
            let hears = !state.is_closed;
            Wake(state.receiver.take_if(|_| hears))
        };
        wake.wake();
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
        let mut state = self.shared.lock();
        let value = state.value.take();
        if value.is_none() && !state.is_sent && !state.is_closed {
            return Err(TryRecvError::Empty);
        }
        self.has_ended = true;
        value.ok_or(TryRecvError::Closed)
    }

    /// Takes no value any more, but for one that was sent already.
    ///
    /// ```
    /// let (sender, mut receiver) = virid::sync::oneshot::channel();
    /// receiver.close();
    /// assert!(sender.send(1).is_err());
    /// ```
    pub fn close(&mut self) {
        let wake = self.shared.lock().close();
        wake.wake();
    }

    /// Whether no value is there that was sent and not taken.
    ///
    /// ```
    /// let (sender, receiver) = virid::sync::oneshot::channel();
    /// assert!(receiver.is_empty());
    /// sender.send(1).unwrap();
    /// assert!(!receiver.is_empty());
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.shared.lock().value.is_none()
    }

    /// Whether it has said how it ends, and is not to be polled again.
    ///
    /// ```
    /// let (sender, mut receiver) = virid::sync::oneshot::channel();
    /// sender.send(1).unwrap();
    /// assert!(!receiver.is_terminated());
    /// assert_eq!(receiver.try_recv(), Ok(1));
    /// assert!(receiver.is_terminated());
    /// ```
    #[must_use]
    pub fn is_terminated(&self) -> bool {
        self.has_ended
    }
}

impl<T> State<T> {
    fn close(&mut self) -> Wake {
        self.is_closed = true;
        Wake(self.sender.take())
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
        let mut state = this.shared.lock();
        let value = state.value.take();
        if value.is_some() || state.is_sent || state.is_closed {
            this.has_ended = true;
            return Poll::Ready(value.ok_or(RecvError(())));
        }
        let before = register(&mut state.receiver, context);
        drop(state);
        drop(before);
        Poll::Pending
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        let (wake, waker, value) = {
            let mut state = self.shared.lock();
            (state.close(), state.receiver.take(), state.value.take())
        };
        wake.wake();
        // Their destructors are not ours to call under the lock.
        drop((waker, value));
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
