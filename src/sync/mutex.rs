//! The mutex, and what its guard keeps.

use std::cell::UnsafeCell;
use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::sync::{LockResult, TryLockError, TryLockResult};

use super::poison::{Flag, Watch};
use super::raw::{Raw, Use};
use crate::drive::{before_wait, drive};

/// A lock around a value, as [`std::sync::Mutex`]: the same names, the same poisoning.
/// Who waits for it is suspended, or parked on a plain thread, and its guard may be
/// held over any wait.
///
/// ```
/// use std::sync::Arc;
/// use virid::{sync::Mutex, thread};
///
/// let sum = virid::run(|| {
///     let sum = Arc::new(Mutex::new(0));
///     let threads: Vec<_> = (1..=100)
///         .map(|n| {
///             let sum = sum.clone();
///             thread::spawn(move || {
///                 let mut sum = sum.lock().unwrap();
///                 thread::yield_now(); // the others wait meanwhile
///                 *sum += n;
///             })
///         })
///         .collect();
///     threads.into_iter().for_each(|thread| thread.join().unwrap());
///     Arc::into_inner(sum).unwrap().into_inner().unwrap()
/// });
/// assert_eq!(sum, 5_050);
/// ```
///
/// The lock is given back when the guard is dropped, to whoever comes first: a thread
/// that waits may be overtaken, but not for ever. Locking it twice on one thread is a
/// deadlock.
pub struct Mutex<T: ?Sized> {
    raw: Raw,
    poison: Flag,
    value: UnsafeCell<T>,
}

// SAFETY: the lock gives the value to one thread at a time, which may take it along.
unsafe impl<T: ?Sized + Send> Send for Mutex<T> {}
// SAFETY: the same.
unsafe impl<T: ?Sized + Send> Sync for Mutex<T> {}

// As std has them: who sees the value after a panic is told so.
impl<T: ?Sized> std::panic::UnwindSafe for Mutex<T> {}
impl<T: ?Sized> std::panic::RefUnwindSafe for Mutex<T> {}

/// The right to use the value of a [`Mutex`]; dropping it gives the lock back. Unlike
/// std's it is `Send` where the value is: a task may hold it over an `.await`, and any
/// thread may drop it.
#[must_use = "a lock that is not held is given back at once"]
#[clippy::has_significant_drop]
pub struct MutexGuard<'a, T: ?Sized + 'a> {
    /// Dropped first: a lock is poisoned before it is given back.
    watch: Watch<'a>,
    held: Held<'a, T>,
}

/// The lock, held.
struct Held<'a, T: ?Sized> {
    mutex: &'a Mutex<T>,
    /// What it may be is said below, and not by its parts.
    _marker: PhantomData<*const ()>,
}

// SAFETY: who has the guard has the value alone, which may be sent; the lock can be given
// back by any thread.
unsafe impl<T: ?Sized + Send> Send for Held<'_, T> {}
// SAFETY: a shared guard lends the value to be shared, and nothing else.
unsafe impl<T: ?Sized + Sync> Sync for Held<'_, T> {}

impl<T> Mutex<T> {
    /// An unlocked mutex.
    ///
    /// ```
    /// static COUNT: virid::sync::Mutex<u32> = virid::sync::Mutex::new(0);
    /// *COUNT.lock().unwrap() += 1;
    /// ```
    pub const fn new(value: T) -> Self {
        Self {
            raw: Raw::new(),
            poison: Flag::new(),
            value: UnsafeCell::new(value),
        }
    }

    /// The value, of a mutex that nobody else has.
    ///
    /// ```
    /// assert_eq!(virid::sync::Mutex::new(7).into_inner().unwrap(), 7);
    /// ```
    ///
    /// # Errors
    ///
    /// With the value all the same, where the mutex is poisoned.
    pub fn into_inner(self) -> LockResult<T> {
        let Self { poison, value, .. } = self;
        poison.result(value.into_inner())
    }
}

impl<T: ?Sized> Mutex<T> {
    /// Waits until the lock is free, and takes it.
    ///
    /// A cancellation point: a green thread that is cancelled is unwound from here and
    /// has not taken the lock.
    ///
    /// ```
    /// let mutex = virid::sync::Mutex::new(1);
    /// *mutex.lock().unwrap() += 1;
    /// assert_eq!(*mutex.lock().unwrap(), 2);
    /// ```
    ///
    /// # Errors
    ///
    /// With the guard all the same, where somebody panicked who held the lock, or was
    /// cancelled.
    ///
    /// # Panics
    ///
    /// Inside an async task, whether or not it is free: use
    /// [`lock_async`](Self::lock_async) there. And where it is not free inside
    /// [`no_suspend`](crate::thread::no_suspend).
    #[inline]
    #[track_caller]
    pub fn lock(&self) -> LockResult<MutexGuard<'_, T>> {
        before_wait("Mutex::lock", "`lock_async().await`");
        if !self.raw.write_at_once() {
            self.lock_cold();
        }
        // SAFETY: taken, here or in `lock_cold`.
        unsafe { self.guard() }
    }

    #[cold]
    #[track_caller]
    fn lock_cold(&self) {
        drive(
            self.raw.wait_for(Use::Write),
            "Mutex::lock",
            "`lock_async().await`",
        );
    }

    /// [`lock`](Self::lock) for async tasks. To drop the future before it is ready
    /// leaves no trace. One that is kept has to be polled: its turn may have come.
    ///
    /// ```
    /// # virid::block_on(async {
    /// let mutex = virid::sync::Mutex::new(1);
    /// *mutex.lock_async().await.unwrap() += 1;
    /// # });
    /// ```
    ///
    /// # Errors
    ///
    /// As [`lock`](Self::lock).
    pub async fn lock_async(&self) -> LockResult<MutexGuard<'_, T>> {
        if !self.raw.write_at_once() {
            self.raw.wait_for(Use::Write).await;
        }
        // SAFETY: taken.
        unsafe { self.guard() }
    }

    /// Takes the lock if it is free. Never waits, and may be called anywhere.
    ///
    /// ```
    /// let mutex = virid::sync::Mutex::new(1);
    /// let guard = mutex.try_lock().unwrap();
    /// assert!(mutex.try_lock().is_err());
    /// # drop(guard);
    /// ```
    ///
    /// # Errors
    ///
    /// `WouldBlock` where somebody has it; where it is poisoned as
    /// [`lock`](Self::lock).
    pub fn try_lock(&self) -> TryLockResult<MutexGuard<'_, T>> {
        if !self.raw.try_take(Use::Write) {
            return Err(TryLockError::WouldBlock);
        }
        // SAFETY: taken.
        Ok(unsafe { self.guard() }?)
    }

    /// # Safety
    ///
    /// The caller has taken the lock, and leaves it to the guard.
    #[inline]
    unsafe fn guard(&self) -> LockResult<MutexGuard<'_, T>> {
        self.poison.result(MutexGuard {
            watch: self.poison.watch(),
            held: Held {
                mutex: self,
                _marker: PhantomData,
            },
        })
    }

    /// Whether a holder of the lock has panicked. Where others have it, the answer may
    /// be out of date.
    ///
    /// ```
    /// let mutex = std::sync::Arc::new(virid::sync::Mutex::new(0));
    /// let same = mutex.clone();
    /// let thread = virid::thread::spawn(move || {
    ///     let _guard = same.lock().unwrap();
    ///     panic!("as it happens");
    /// });
    /// assert!(thread.join().is_err());
    /// assert!(mutex.is_poisoned());
    /// ```
    pub fn is_poisoned(&self) -> bool {
        self.poison.is_set()
    }

    /// Forgets that a holder has panicked.
    ///
    /// ```
    /// let mutex = virid::sync::Mutex::new(0);
    /// mutex.clear_poison();
    /// assert!(!mutex.is_poisoned());
    /// ```
    pub fn clear_poison(&self) {
        self.poison.clear();
    }

    /// The value, which nobody else can use meanwhile.
    ///
    /// ```
    /// let mut mutex = virid::sync::Mutex::new(1);
    /// *mutex.get_mut().unwrap() = 2;
    /// ```
    ///
    /// # Errors
    ///
    /// With the value all the same, where the mutex is poisoned.
    pub fn get_mut(&mut self) -> LockResult<&mut T> {
        self.poison.result(self.value.get_mut())
    }
}

impl<'a, T: ?Sized> MutexGuard<'a, T> {
    /// Gives the lock back for a wait. What it was the lock of.
    pub(super) fn give_back(self) -> &'a Mutex<T> {
        let Self { watch, held } = self;
        watch.end();
        held.mutex
    }
}

impl<T: ?Sized> Drop for Held<'_, T> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: this is what held it, and is gone.
        unsafe { self.mutex.raw.end_write() };
    }
}

impl<T: ?Sized> Deref for MutexGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the lock is held, and nobody writes while this is borrowed.
        unsafe { &*self.held.mutex.value.get() }
    }
}

impl<T: ?Sized> DerefMut for MutexGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the lock is held, and nobody else uses the value meanwhile.
        unsafe { &mut *self.held.mutex.value.get() }
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Display> fmt::Display for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut f = f.debug_struct("Mutex");
        match self.try_lock() {
            Ok(guard) => f.field("data", &&*guard),
            Err(TryLockError::Poisoned(error)) => f.field("data", &&**error.get_ref()),
            Err(TryLockError::WouldBlock) => f.field("data", &format_args!("<locked>")),
        };
        f.field("poisoned", &self.is_poisoned())
            .finish_non_exhaustive()
    }
}

impl<T: Default> Default for Mutex<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T> From<T> for Mutex<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}
