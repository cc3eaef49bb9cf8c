//! The condition variable: an event, and care for notifications that nobody takes.

use std::fmt;
use std::future::Future;
use std::sync::LockResult;
#[cfg(feature = "time")]
use std::sync::PoisonError;
#[cfg(feature = "time")]
use std::time::Duration;

use event_listener::Event;

use super::mutex::{Mutex, MutexGuard};
use crate::drive::drive;
#[cfg(feature = "time")]
use crate::drive::drive_for;

const INSTEAD: &str = "`wait_async().await`";

/// Waiting until something holds of a locked value, as [`std::sync::Condvar`]. A
/// thread may also wake up for no reason, here as there.
///
/// ```
/// use std::sync::Arc;
/// use virid::{sync::{Condvar, Mutex}, thread};
///
/// virid::run(|| {
///     let ready = Arc::new((Mutex::new(false), Condvar::new()));
///     let same = ready.clone();
///     thread::spawn(move || {
///         *same.0.lock().unwrap() = true;
///         same.1.notify_one();
///     });
///     let guard = ready.1.wait_while(ready.0.lock().unwrap(), |ready| !*ready).unwrap();
///     assert!(*guard);
/// });
/// ```
///
/// Every wait is a cancellation point. A thread that is cancelled there does not have
/// the lock, does not poison it, and leaves a notification that it has got to another
/// thread that waits.
#[derive(Default)]
pub struct Condvar {
    event: Event,
}

/// Whether a wait has ended because its time was over; as
/// [`std::sync::WaitTimeoutResult`], which nobody but std can make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaitTimeoutResult(bool);

impl WaitTimeoutResult {
    /// Whether the time was over.
    ///
    /// ```
    /// use std::time::Duration;
    /// use virid::sync::{Condvar, Mutex};
    ///
    /// let (mutex, condvar) = (Mutex::new(()), Condvar::new());
    /// let (_guard, result) = condvar
    ///     .wait_timeout_while(mutex.lock().unwrap(), Duration::ZERO, |_| true)
    ///     .unwrap();
    /// assert!(result.timed_out());
    /// ```
    #[must_use]
    pub fn timed_out(&self) -> bool {
        self.0
    }
}

/// A notification that its thread has got, until it has the lock: it may be cancelled
/// before, and another one then has to hear of it.
struct Got<'a>(&'a Event);

impl Got<'_> {
    fn keep(self) {
        std::mem::forget(self);
    }
}

impl Drop for Got<'_> {
    fn drop(&mut self) {
        self.0.notify_additional(1);
    }
}

impl Condvar {
    /// A condition variable that nobody waits for.
    ///
    /// ```
    /// static CHANGED: virid::sync::Condvar = virid::sync::Condvar::new();
    /// CHANGED.notify_all();
    /// ```
    pub const fn new() -> Self {
        Self {
            event: Event::new(),
        }
    }

    /// Gives the lock back, waits for a notification, and takes the lock again. The
    /// first two are one: no notification is missed in between.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use virid::{sync::{Condvar, Mutex}, thread};
    /// # virid::run(|| {
    /// let both = Arc::new((Mutex::new(0), Condvar::new()));
    /// let same = both.clone();
    /// let mut guard = both.0.lock().unwrap();
    /// thread::spawn(move || {
    ///     *same.0.lock().unwrap() = 1;
    ///     same.1.notify_all();
    /// });
    /// while *guard == 0 {
    ///     guard = both.1.wait(guard).unwrap();
    /// }
    /// # });
    /// ```
    ///
    /// # Errors
    ///
    /// With the guard all the same, where the mutex is poisoned when it is taken again.
    ///
    /// # Panics
    ///
    /// Inside an async task: use [`wait_async`](Self::wait_async) there. And inside
    /// [`no_suspend`](crate::thread::no_suspend).
    #[track_caller]
    pub fn wait<'a, T: ?Sized>(&self, guard: MutexGuard<'a, T>) -> LockResult<MutexGuard<'a, T>> {
        let listener = self.event.listen();
        let mutex = guard.give_back();
        drive(listener, "Condvar::wait", INSTEAD);
        self.lock_again(mutex)
    }

    #[track_caller]
    fn lock_again<'a, T: ?Sized>(&self, mutex: &'a Mutex<T>) -> LockResult<MutexGuard<'a, T>> {
        let got = Got(&self.event);
        let result = mutex.lock();
        got.keep();
        result
    }

    /// Waits as long as `condition` says so, which it is asked under the lock: first
    /// at once, then after each notification.
    ///
    /// ```
    /// # use virid::sync::{Condvar, Mutex};
    /// let (mutex, condvar) = (Mutex::new(3), Condvar::new());
    /// let guard = condvar.wait_while(mutex.lock().unwrap(), |n| *n < 3).unwrap();
    /// assert_eq!(*guard, 3);
    /// ```
    ///
    /// # Errors
    ///
    /// As [`wait`](Self::wait).
    ///
    /// # Panics
    ///
    /// As [`wait`](Self::wait), and with what `condition` panics with.
    #[track_caller]
    pub fn wait_while<'a, T: ?Sized, F>(
        &self,
        mut guard: MutexGuard<'a, T>,
        mut condition: F,
    ) -> LockResult<MutexGuard<'a, T>>
    where
        F: FnMut(&mut T) -> bool,
    {
        while condition(&mut *guard) {
            guard = self.wait(guard)?;
        }
        Ok(guard)
    }

    /// [`wait`](Self::wait) for async tasks. It listens, and gives the lock back, when
    /// it is called; to drop the future is to leave, without the lock.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use virid::sync::{Condvar, Mutex};
    /// let both = Arc::new((Mutex::new(0), Condvar::new()));
    /// let same = both.clone();
    /// let waits = virid::spawn(async move {
    ///     let mut value = same.0.lock_async().await.unwrap();
    ///     while *value == 0 {
    ///         value = same.1.wait_async(value).await.unwrap();
    ///     }
    ///     *value
    /// });
    /// *both.0.lock().unwrap() = 1;
    /// both.1.notify_one();
    /// assert_eq!(waits.join().unwrap(), 1);
    /// ```
    ///
    /// # Errors
    ///
    /// As [`wait`](Self::wait).
    pub fn wait_async<'a, T: ?Sized>(
        &'a self,
        guard: MutexGuard<'a, T>,
    ) -> impl Future<Output = LockResult<MutexGuard<'a, T>>> + use<'a, T> {
        let listener = self.event.listen();
        let mutex = guard.give_back();
        async move {
            listener.await;
            let got = Got(&self.event);
            let result = mutex.lock_async().await;
            got.keep();
            result
        }
    }

    /// [`wait_while`](Self::wait_while) for async tasks. To drop the future is to leave,
    /// without the lock.
    ///
    /// ```
    /// # virid::block_on(async {
    /// # use virid::sync::{Condvar, Mutex};
    /// let (mutex, condvar) = (Mutex::new(3), Condvar::new());
    /// let guard = mutex.lock_async().await.unwrap();
    /// let guard = condvar.wait_while_async(guard, |n| *n < 3).await.unwrap();
    /// assert_eq!(*guard, 3);
    /// # });
    /// ```
    ///
    /// # Errors
    ///
    /// As [`wait`](Self::wait).
    ///
    /// # Panics
    ///
    /// With what `condition` panics with.
    pub async fn wait_while_async<'a, T: ?Sized, F>(
        &'a self,
        mut guard: MutexGuard<'a, T>,
        mut condition: F,
    ) -> LockResult<MutexGuard<'a, T>>
    where
        F: FnMut(&mut T) -> bool,
    {
        while condition(&mut *guard) {
            guard = self.wait_async(guard).await?;
        }
        Ok(guard)
    }

    /// Lets one thread go on that waits; nobody, where none does. Never waits, and may
    /// be called anywhere, with the lock or without.
    ///
    /// ```
    /// virid::sync::Condvar::new().notify_one();
    /// ```
    pub fn notify_one(&self) {
        self.event.notify_additional(1);
    }

    /// Lets all go on that wait now.
    ///
    /// ```
    /// virid::sync::Condvar::new().notify_all();
    /// ```
    pub fn notify_all(&self) {
        self.event.notify_additional(usize::MAX);
    }
}

#[cfg(feature = "time")]
#[cfg_attr(docsrs, doc(cfg(feature = "time")))]
impl Condvar {
    /// As [`wait`](Self::wait), and no longer than `timeout`, but for the time that it
    /// takes to have the lock again.
    ///
    /// Exists with the feature `time`, which is on by default.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use virid::sync::{Condvar, Mutex};
    /// let (mutex, condvar) = (Mutex::new(()), Condvar::new());
    /// let wait = condvar.wait_timeout(mutex.lock().unwrap(), Duration::from_millis(1));
    /// let (_guard, result) = wait.unwrap();
    /// assert!(result.timed_out()); // nobody notifies
    /// ```
    ///
    /// # Errors
    ///
    /// As [`wait`](Self::wait).
    ///
    /// # Panics
    ///
    /// As [`wait`](Self::wait); in a green thread also where the system refuses the
    /// thread that watches the timers.
    #[track_caller]
    pub fn wait_timeout<'a, T: ?Sized>(
        &self,
        guard: MutexGuard<'a, T>,
        timeout: Duration,
    ) -> LockResult<(MutexGuard<'a, T>, WaitTimeoutResult)> {
        let listener = self.event.listen();
        let mutex = guard.give_back();
        // A notification that comes when the time is over goes to another thread.
        let ended = drive_for(listener, timeout, "Condvar::wait_timeout", INSTEAD);
        let result = WaitTimeoutResult(ended.is_none());
        let lock = match ended {
            Some(()) => self.lock_again(mutex),
            None => mutex.lock(),
        };
        match lock {
            Ok(guard) => Ok((guard, result)),
            Err(error) => Err(PoisonError::new((error.into_inner(), result))),
        }
    }

    /// As [`wait_while`](Self::wait_while), and no longer than `timeout`. Where that is
    /// over the value may have changed meanwhile: `timed_out` says whether `condition`
    /// still holds.
    ///
    /// Exists with the feature `time`, which is on by default.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use virid::sync::{Condvar, Mutex};
    /// let (mutex, condvar) = (Mutex::new(true), Condvar::new());
    /// let (_guard, result) = condvar
    ///     .wait_timeout_while(mutex.lock().unwrap(), Duration::MAX, |waits| !*waits)
    ///     .unwrap();
    /// assert!(!result.timed_out());
    /// ```
    ///
    /// # Errors
    ///
    /// As [`wait`](Self::wait).
    ///
    /// # Panics
    ///
    /// As [`wait_timeout`](Self::wait_timeout), and with what `condition` panics with.
    #[track_caller]
    pub fn wait_timeout_while<'a, T: ?Sized, F>(
        &self,
        mut guard: MutexGuard<'a, T>,
        timeout: Duration,
        mut condition: F,
    ) -> LockResult<(MutexGuard<'a, T>, WaitTimeoutResult)>
    where
        F: FnMut(&mut T) -> bool,
    {
        let start = std::time::Instant::now();
        loop {
            if !condition(&mut *guard) {
                return Ok((guard, WaitTimeoutResult(false)));
            }
            let Some(left) = timeout.checked_sub(start.elapsed()) else {
                return Ok((guard, WaitTimeoutResult(true)));
            };
            guard = self.wait_timeout(guard, left)?.0;
        }
    }
}

impl fmt::Debug for Condvar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Condvar").finish_non_exhaustive()
    }
}
