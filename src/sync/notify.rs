//! Notifications without a value: one permit under a lock that nobody holds for long.
//! Who waits has a place in line and a [`oneshot`] channel, through which it is told.

use std::fmt;
use std::future::Future;
use std::ops::Deref;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use super::line::{End, Line};
use super::oneshot::{self, Wake};
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
}

struct State {
    /// Somebody was to be notified when nobody waited.
    has_permit: bool,
    /// How often all were notified.
    rounds: u64,
    line: Line<oneshot::Sender<Told>>,
}

#[derive(Clone, Copy, Debug)]
enum Told {
    /// It alone, as who waits longest or shortest.
    One(End),
    All,
}

impl State {
    fn tell_one(&mut self, end: End) -> Wake {
        while let Some(one) = self.line.pop(end) {
            // Who waits leaves the line before its channel ends.
            if let Ok(wake) = one.put(Told::One(end)) {
                return wake;
            }
        }
        self.has_permit = true;
        Wake::NOBODY
    }
}

/// The future of [`Notify::notified`].
pub struct Notified<'a>(Waits<&'a Notify>);

/// The future of [`Notify::notified_owned`].
pub struct OwnedNotified(Waits<Arc<Notify>>);

struct Waits<N: Deref<Target = Notify>> {
    notify: N,
    /// Those at its creation.
    rounds: u64,
    /// In line, from the first poll on.
    place: Option<(u64, oneshot::Receiver<Told>)>,
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
                line: Line::new(),
            }),
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

    /// Notifies who has waited longest. Where nobody does it leaves a permit, one at most,
    /// for the next who comes. Never waits.
    ///
    /// ```
    /// let notify = virid::sync::Notify::new();
    /// notify.notify_one();
    /// notify.blocking_notified(); // returns at once
    /// ```
    pub fn notify_one(&self) {
        self.tell_one(End::Oldest);
    }

    /// [`notify_one`](Self::notify_one) for who has waited shortest.
    ///
    /// ```
    /// let notify = virid::sync::Notify::new();
    /// let (mut first, mut last) = (Box::pin(notify.notified()), Box::pin(notify.notified()));
    /// assert!(!first.as_mut().enable() && !last.as_mut().enable());
    /// notify.notify_last();
    /// assert!(!first.as_mut().enable() && last.as_mut().enable());
    /// ```
    pub fn notify_last(&self) {
        self.tell_one(End::Newest);
    }

    fn tell_one(&self, end: End) {
        let wake = self.state.lock().tell_one(end);
        wake.wake();
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
        let wakes: Vec<_> = {
            let mut state = self.state.lock();
            state.rounds += 1;
            let all = state.line.take();
            all.filter_map(|one| one.put(Told::All).ok()).collect()
        };
        wakes.into_iter().for_each(Wake::wake);
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
        Notified(Waits::new(self))
    }

    /// [`notified`](Self::notified) with a future that can be sent anywhere.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// let notify = Arc::new(virid::sync::Notify::new());
    /// let task = virid::spawn(notify.clone().notified_owned());
    /// notify.notify_one();
    /// task.join().unwrap();
    /// ```
    pub fn notified_owned(self: Arc<Self>) -> OwnedNotified {
        OwnedNotified(Waits::new(self))
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

impl<N: Deref<Target = Notify>> Waits<N> {
    fn new(notify: N) -> Self {
        let rounds = notify.state.lock().rounds;
        Self {
            notify,
            rounds,
            place: None,
            is_over: false,
        }
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if self.is_over {
            return Poll::Ready(());
        }
        if self.place.is_none() {
            let mut state = self.notify.state.lock();
            if state.rounds == self.rounds && !std::mem::take(&mut state.has_permit) {
                let (tell, told) = oneshot::channel();
                self.place = Some((state.line.join(tell), told));
            }
        }
        if let Some((_, told)) = &mut self.place {
            let told = ready!(Pin::new(told).poll(context));
            debug_assert!(told.is_ok(), "nobody else takes it out of the line");
            self.place = None;
        }
        self.is_over = true;
        Poll::Ready(())
    }
}

impl<N: Deref<Target = Notify>> Drop for Waits<N> {
    fn drop(&mut self) {
        let Some((number, mut told)) = self.place.take() else {
            return;
        };
        let (tell, wake) = {
            let mut state = self.notify.state.lock();
            let tell = state.line.leave(number);
            let wake = match told.try_recv() {
                // It was for one, which does not want it any more.
                Ok(Told::One(end)) => state.tell_one(end),
                _ => Wake::NOBODY,
            };
            (tell, wake)
        };
        // In this order it is not woken by its own end.
        drop(told);
        drop(tell);
        wake.wake();
    }
}

macro_rules! notified {
    ($notified:ty) => {
        impl $notified {
            /// Stands in line already, as a first poll would. Whether it is notified.
            ///
            /// ```
            /// let notify = virid::sync::Notify::new();
            /// let mut notified = Box::pin(notify.notified());
            /// assert!(!notified.as_mut().enable());
            /// notify.notify_one(); // this one is in line
            /// assert!(notified.as_mut().enable());
            /// ```
            pub fn enable(mut self: Pin<&mut Self>) -> bool {
                let mut context = Context::from_waker(Waker::noop());
                self.0.poll(&mut context).is_ready()
            }
        }

        impl Future for $notified {
            type Output = ();

            fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
                self.0.poll(context)
            }
        }

        impl fmt::Debug for $notified {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct("Notified").finish_non_exhaustive()
            }
        }
    };
}

notified!(Notified<'_>);
notified!(OwnedNotified);

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
