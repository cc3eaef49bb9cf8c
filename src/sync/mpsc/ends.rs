//! The ends of a channel: over a queue of `async-channel`, or without room over a
//! [`Meeting`].

use std::fmt;
use std::marker::PhantomData;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;
use std::sync::mpsc::{RecvError, SendError, TryRecvError, TrySendError};
#[cfg(feature = "time")]
use std::{sync::mpsc::RecvTimeoutError, time::Duration};

#[cfg(feature = "time")]
use crate::drive::drive_for;
use crate::drive::{before_wait, drive};
use crate::sync::meeting::Meeting;

const INSTEAD_OF_RECV: &str = "`recv_async().await`";

/// Sends into a channel without a bound; see [`channel`]. Dropping the last one ends
/// the channel, when the receiver has what is in it.
pub struct Sender<T> {
    queue: async_channel::Sender<T>,
}

/// Sends into a channel with a bound; see [`sync_channel`]. Dropping the last one ends
/// the channel, when the receiver has what is in it.
pub struct SyncSender<T> {
    end: End<async_channel::Sender<T>, T>,
}

/// The receiving end of a channel. Dropping it drops what is in the channel, and lets
/// all senders fail.
pub struct Receiver<T> {
    end: End<async_channel::Receiver<T>, T>,
    /// One thread receives at a time, as std has it.
    _not_sync: PhantomData<std::cell::Cell<()>>,
}

enum End<Q, T> {
    Queue(Q),
    Meeting(Arc<Meeting<T>>),
}

/// A channel without a bound.
///
/// ```
/// let (sender, receiver) = virid::sync::mpsc::channel();
/// sender.send(1).unwrap();
/// assert_eq!(receiver.recv(), Ok(1));
/// ```
pub fn channel<T>() -> (Sender<T>, Receiver<T>) {
    let (sender, receiver) = async_channel::unbounded();
    (
        Sender { queue: sender },
        Receiver::new(End::Queue(receiver)),
    )
}

/// A channel with room for `bound` values; who sends more waits. Without room (0) each
/// send waits until its value is received.
///
/// ```
/// use virid::sync::mpsc::{TrySendError, sync_channel};
///
/// let (sender, receiver) = sync_channel(1);
/// sender.send(1).unwrap();
/// assert_eq!(sender.try_send(2), Err(TrySendError::Full(2)));
/// assert_eq!(receiver.recv(), Ok(1));
/// ```
pub fn sync_channel<T>(bound: usize) -> (SyncSender<T>, Receiver<T>) {
    if bound == 0 {
        let meeting = Meeting::new();
        let sender = SyncSender {
            end: End::Meeting(meeting.clone()),
        };
        return (sender, Receiver::new(End::Meeting(meeting)));
    }
    let (sender, receiver) = async_channel::bounded(bound);
    let sender = SyncSender {
        end: End::Queue(sender),
    };
    (sender, Receiver::new(End::Queue(receiver)))
}

impl<T> Sender<T> {
    /// Sends a value. Never waits, and may be called anywhere.
    ///
    /// ```
    /// let (sender, receiver) = virid::sync::mpsc::channel();
    /// drop(receiver);
    /// assert_eq!(sender.send(1).unwrap_err().0, 1);
    /// ```
    ///
    /// # Errors
    ///
    /// With the value, where the receiver is gone. That there is no error does not say
    /// that it will be received.
    pub fn send(&self, value: T) -> Result<(), SendError<T>> {
        self.queue
            .try_send(value)
            .map_err(|error| SendError(error.into_inner()))
    }
}

impl<T> SyncSender<T> {
    /// Sends a value, and waits while there is no room for it.
    ///
    /// A cancellation point, also where there is room: the value is dropped with the
    /// thread.
    ///
    /// ```
    /// let (sender, receiver) = virid::sync::mpsc::sync_channel(0);
    /// virid::thread::spawn(move || sender.send(1).unwrap());
    /// assert_eq!(receiver.recv(), Ok(1));
    /// ```
    ///
    /// # Errors
    ///
    /// With the value, where the receiver is gone, also when it goes meanwhile.
    ///
    /// # Panics
    ///
    /// Inside an async task: use [`send_async`](Self::send_async) there, or
    /// [`try_send`](Self::try_send). And where there is no room inside
    /// [`no_suspend`](crate::thread::no_suspend).
    #[track_caller]
    pub fn send(&self, value: T) -> Result<(), SendError<T>> {
        const CALL: (&str, &str) = ("SyncSender::send", "`send_async().await`");
        before_wait(CALL.0, CALL.1);
        match self.try_send(value) {
            Ok(()) => Ok(()),
            Err(TrySendError::Disconnected(value)) => Err(SendError(value)),
            Err(TrySendError::Full(value)) => drive(self.send_async(value), CALL.0, CALL.1),
        }
    }

    /// [`send`](Self::send) for async tasks. A value whose future is dropped before it
    /// is ready is dropped, and was not sent; without room it may have been received
    /// just then.
    ///
    /// ```
    /// # virid::block_on(async {
    /// let (sender, receiver) = virid::sync::mpsc::sync_channel(1);
    /// sender.send_async(1).await.unwrap();
    /// assert_eq!(receiver.try_recv(), Ok(1));
    /// # });
    /// ```
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub async fn send_async(&self, value: T) -> Result<(), SendError<T>> {
        match &self.end {
            End::Queue(queue) => queue
                .send(value)
                .await
                .map_err(|error| SendError(error.into_inner())),
            End::Meeting(meeting) => meeting.send(value).await,
        }
    }

    /// Sends a value if there is room; without any (a bound of 0), if the receiver
    /// waits for it. Never waits, and may be called anywhere.
    ///
    /// ```
    /// let (sender, _receiver) = virid::sync::mpsc::sync_channel(0);
    /// assert!(sender.try_send(1).is_err());
    /// ```
    ///
    /// # Errors
    ///
    /// With the value, where there is no room, or where the receiver is gone.
    pub fn try_send(&self, value: T) -> Result<(), TrySendError<T>> {
        use async_channel::TrySendError as QueueError;
        match &self.end {
            End::Queue(queue) => queue.try_send(value).map_err(|error| match error {
                QueueError::Full(value) => TrySendError::Full(value),
                QueueError::Closed(value) => TrySendError::Disconnected(value),
            }),
            End::Meeting(meeting) => meeting.try_send(value),
        }
    }
}

impl<T> Receiver<T> {
    fn new(end: End<async_channel::Receiver<T>, T>) -> Self {
        Self {
            end,
            _not_sync: PhantomData,
        }
    }

    /// Waits for a value. What was sent before the last sender went is received first.
    ///
    /// A cancellation point, also where there is a value.
    ///
    /// ```
    /// let (sender, receiver) = virid::sync::mpsc::channel();
    /// virid::thread::spawn(move || sender.send(1).unwrap());
    /// assert_eq!(receiver.recv(), Ok(1));
    /// assert!(receiver.recv().is_err()); // the sender is gone
    /// ```
    ///
    /// # Errors
    ///
    /// Where there is no value and all senders are gone.
    ///
    /// # Panics
    ///
    /// Inside an async task: use [`recv_async`](Self::recv_async) there. And where there
    /// is no value inside [`no_suspend`](crate::thread::no_suspend).
    #[track_caller]
    pub fn recv(&self) -> Result<T, RecvError> {
        const CALL: &str = "Receiver::recv";
        before_wait(CALL, INSTEAD_OF_RECV);
        match self.try_recv() {
            Ok(value) => Ok(value),
            Err(TryRecvError::Disconnected) => Err(RecvError),
            Err(TryRecvError::Empty) => drive(self.next(), CALL, INSTEAD_OF_RECV),
        }
    }

    /// [`recv`](Self::recv) for async tasks. A future that is dropped before it is
    /// ready takes no value along.
    ///
    /// ```
    /// # virid::block_on(async {
    /// let (sender, mut receiver) = virid::sync::mpsc::channel();
    /// sender.send(1).unwrap();
    /// assert_eq!(receiver.recv_async().await, Ok(1));
    /// # });
    /// ```
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv).
    pub async fn recv_async(&mut self) -> Result<T, RecvError> {
        self.end.next().await
    }

    async fn next(&self) -> Result<T, RecvError> {
        self.end.next().await
    }

    /// A value, if there is one. Never waits, and may be called anywhere.
    ///
    /// ```
    /// use virid::sync::mpsc::{TryRecvError, channel};
    ///
    /// let (_sender, receiver) = channel::<()>();
    /// assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
    /// ```
    ///
    /// # Errors
    ///
    /// Where there is none; and where there will be none because all senders are gone.
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        use async_channel::TryRecvError as QueueError;
        match &self.end {
            End::Queue(queue) => queue.try_recv().map_err(|error| match error {
                QueueError::Empty => TryRecvError::Empty,
                QueueError::Closed => TryRecvError::Disconnected,
            }),
            End::Meeting(meeting) => meeting.try_recv(),
        }
    }

    /// As [`recv`](Self::recv), and no longer than `timeout`. A value that is there is
    /// received however short that is.
    ///
    /// Exists with the feature `time`, which is on by default.
    ///
    /// ```
    /// use std::time::Duration;
    /// use virid::sync::mpsc::{RecvTimeoutError, channel};
    ///
    /// let (_sender, receiver) = channel::<()>();
    /// let result = receiver.recv_timeout(Duration::from_millis(1));
    /// assert_eq!(result, Err(RecvTimeoutError::Timeout));
    /// ```
    ///
    /// # Errors
    ///
    /// Where the time is over; and where there is no value and all senders are gone.
    ///
    /// # Panics
    ///
    /// As [`recv`](Self::recv); in a green thread also where the system refuses the
    /// thread that watches the timers.
    #[cfg(feature = "time")]
    #[cfg_attr(docsrs, doc(cfg(feature = "time")))]
    #[track_caller]
    pub fn recv_timeout(&self, timeout: Duration) -> Result<T, RecvTimeoutError> {
        const CALL: &str = "Receiver::recv_timeout";
        match drive_for(self.next(), timeout, CALL, INSTEAD_OF_RECV) {
            Some(Ok(value)) => Ok(value),
            Some(Err(RecvError)) => Err(RecvTimeoutError::Disconnected),
            // It may have come since the last look.
            None => self.try_recv().map_err(|error| match error {
                TryRecvError::Empty => RecvTimeoutError::Timeout,
                TryRecvError::Disconnected => RecvTimeoutError::Disconnected,
            }),
        }
    }
}

impl<T> End<async_channel::Receiver<T>, T> {
    async fn next(&self) -> Result<T, RecvError> {
        match self {
            Self::Queue(queue) => queue.recv().await.map_err(|_| RecvError),
            Self::Meeting(meeting) => meeting.recv().await,
        }
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        Self {
            queue: self.queue.clone(),
        }
    }
}

impl<T> Clone for SyncSender<T> {
    fn clone(&self) -> Self {
        let end = match &self.end {
            End::Queue(queue) => End::Queue(queue.clone()),
            End::Meeting(meeting) => {
                meeting.add_sender();
                End::Meeting(meeting.clone())
            }
        };
        Self { end }
    }
}

impl<T> Drop for SyncSender<T> {
    fn drop(&mut self) {
        if let End::Meeting(meeting) = &self.end {
            meeting.remove_sender();
        }
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        match &self.end {
            End::Queue(queue) => {
                queue.close();
                while queue.try_recv().is_ok() {}
            }
            End::Meeting(meeting) => meeting.remove_receiver(),
        }
    }
}

// As std has them: no value is ever seen through an end, nor pinned in one.
macro_rules! as_those_of_std {
    ($($end:ident)+) => {
        $(
            impl<T> Unpin for $end<T> {}
            impl<T> UnwindSafe for $end<T> {}
            impl<T> RefUnwindSafe for $end<T> {}

            impl<T> fmt::Debug for $end<T> {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.debug_struct(stringify!($end)).finish_non_exhaustive()
                }
            }
        )+
    };
}

as_those_of_std!(Sender SyncSender Receiver);
