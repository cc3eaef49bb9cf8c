//! Notifications without a value: one permit under a lock that nobody holds for long,
//! and an event.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use event_listener::{Event, EventListener, IntoNotification};

use crate::drive::drive;
use crate::primitives::Mutex;

/// Tells one or all who wait that something has happened; names and meaning are those
/// of `tokio::sync::Notify`.
///
/// `notified` is a future, as in Tokio. `blocking_notified` is for green and for plain
/// threads: it suspends or parks the caller.
///
/// ```
/// use std::sync::Arc;
/// use virid::{sync::Notify, thread};
///
/// virid::run(|| {
///     let notify = Arc::new(Notify::new());
///     let same = notify.clone();
///     thread::spawn(move || same.notify_one());
///     notify.blocking_notified();
/// });
/// ```
pub struct Notify {
    state: Mutex<State>,
    /// Says to each whether it was meant alone.
    event: Event<Kind>,
}

#[derive(Debug)]
struct State {
    /// Somebody was to be notified when nobody waited.
    has_permit: bool,
    /// How often all were notified.
    rounds: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    One,
    All,
}

/// The future of [`Notify::notified`].
pub struct Notified<'a> {
    notify: &'a Notify,
    /// Those at its creation.
    rounds: u64,
    listener: Option<EventListener<Kind>>,
    is_over: bool,
}

impl Notify {
    /// Without a permit.
    ///
    /// ```
    /// static CHANGED: virid::sync::Notify = virid::sync::Notify::new();
    /// ```
    pub const fn new() -> Self {
        Self {
            state: Mutex::new(State {
                has_permit: false,
                rounds: 0,
            }),
            event: Event::with_tag(),
        }
    }

    /// [`new`](Self::new), by the name that Tokio has for it in constants.
    ///
    /// ```
    /// static CHANGED: virid::sync::Notify = virid::sync::Notify::const_new();
    /// ```
    pub const fn const_new() -> Self {
        Self::new()
    }

    /// Notifies who waits longest. Where nobody does it leaves a permit, one at most,
    /// for the next who comes. Never waits.
    ///
    /// ```
    /// let notify = virid::sync::Notify::new();
    /// notify.notify_one();
    /// notify.blocking_notified(); // returns at once
    /// ```
    pub fn notify_one(&self) {
        self.tell_one(&mut self.state.lock());
    }

    fn tell_one(&self, state: &mut State) {
        // Under the lock, as listening is: whoever comes later finds the permit.
        if self.event.notify(1.additional().tag(Kind::One)) == 0 {
            state.has_permit = true;
        }
    }

    /// Notifies all whose [`notified`](Self::notified) was called before, polled or
    /// not. Leaves no permit. Never waits.
    ///
    /// ```
    /// # virid::block_on(async {
    /// let notify = virid::sync::Notify::new();
    /// let (one, other) = (notify.notified(), notify.notified());
    /// notify.notify_waiters();
    /// (one.await, other.await);
    /// # });
    /// ```
    pub fn notify_waiters(&self) {
        let mut state = self.state.lock();
        state.rounds += 1;
        self.event.notify(usize::MAX.additional().tag(Kind::All));
    }

    /// Ready when the caller is notified. It stands in line from its first poll on; a
    /// notification for all it gets from here on. One that is dropped when it has been
    /// notified alone leaves that to the next.
    ///
    /// ```
    /// # virid::block_on(async {
    /// let notify = virid::sync::Notify::new();
    /// notify.notify_one();
    /// notify.notified().await;
    /// # });
    /// ```
    pub fn notified(&self) -> Notified<'_> {
        Notified {
            notify: self,
            rounds: self.state.lock().rounds,
            listener: None,
            is_over: false,
        }
    }

    /// [`notified`](Self::notified) for green and plain threads: waits to be notified.
    ///
    /// A cancellation point: a thread that is cancelled there leaves its notification
    /// to the next.
    ///
    /// ```
    /// let notify = virid::sync::Notify::new();
    /// virid::thread::scope(|scope| {
    ///     scope.spawn(|| notify.notify_one());
    ///     notify.blocking_notified();
    /// });
    /// ```
    ///
    /// # Panics
    ///
    /// Inside an async task: use [`notified`](Self::notified) there. And where there is
    /// no permit inside [`no_suspend`](crate::thread::no_suspend).
    #[track_caller]
    pub fn blocking_notified(&self) {
        const CALL: &str = "Notify::blocking_notified";
        drive(self.notified(), CALL, "`notified().await`");
    }
}

impl Notified<'_> {
    /// Stands in line already, as a first poll would. Whether it is notified.
    ///
    /// ```
    /// let notify = virid::sync::Notify::new();
    /// let mut notified = Box::pin(notify.notified());
    /// assert!(!notified.as_mut().enable());
    /// notify.notify_one(); // this one is in line
    /// assert!(notified.as_mut().enable());
    /// ```
    pub fn enable(self: Pin<&mut Self>) -> bool {
        self.poll(&mut Context::from_waker(Waker::noop()))
            .is_ready()
    }
}

impl Future for Notified<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        if this.is_over {
            return Poll::Ready(());
        }
        if this.listener.is_none() {
            let mut state = this.notify.state.lock();
            if state.rounds == this.rounds && !std::mem::take(&mut state.has_permit) {
                // Under the lock, as the notification is: none is missed.
                this.listener = Some(this.notify.event.listen());
            }
        }
        if let Some(listener) = &mut this.listener {
            ready!(Pin::new(listener).poll(context));
            this.listener = None;
        }
        this.is_over = true;
        Poll::Ready(())
    }
}

impl Drop for Notified<'_> {
    fn drop(&mut self) {
        let Some(mut listener) = self.listener.take() else {
            return;
        };
        let mut state = self.notify.state.lock();
        let told = Pin::new(&mut listener).poll(&mut Context::from_waker(Waker::noop()));
        if told == Poll::Ready(Kind::One) {
            self.notify.tell_one(&mut state);
        }
        // It leaves the list under the lock: no notification comes in between.
        drop(listener);
    }
}

impl Default for Notify {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Notify {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notify").finish_non_exhaustive()
    }
}

impl fmt::Debug for Notified<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notified").finish_non_exhaustive()
    }
}
