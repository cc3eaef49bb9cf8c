//! The lock for one writer or many readers, and its guards.

use std::cell::UnsafeCell;
use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;
use std::sync::{LockResult, TryLockError, TryLockResult};

use super::poison::{Flag, Watch};
use super::raw::{Raw, Use};
use crate::drive::{before_wait, drive};

/// A lock for many readers or one writer, as [`std::sync::RwLock`]: the same names,
/// and poisoned by writers only. Who waits for it is suspended, or parked on a plain
/// thread, and its guards may be held over any wait.
///
/// Readers and writers that wait take turns: while a writer waits, readers that come
/// wait behind it, and it lets those first that came meanwhile. So to read twice on one
/// thread may be a deadlock, as with std.
///
/// ```
/// use virid::sync::RwLock;
///
/// let lock = RwLock::new(5);
/// {
///     let (one, other) = (lock.read().unwrap(), lock.read().unwrap());
///     assert_eq!(*one + *other, 10);
/// }
/// *lock.write().unwrap() += 1;
/// assert_eq!(*lock.read().unwrap(), 6);
/// ```
pub struct RwLock<T: ?Sized> {
    raw: Raw,
    poison: Flag,
    value: UnsafeCell<T>,
}

// SAFETY: the lock gives the value to one thread at a time, which may take it along.
unsafe impl<T: ?Sized + Send> Send for RwLock<T> {}
// SAFETY: the same, or to many that read, which the value bears.
unsafe impl<T: ?Sized + Send + Sync> Sync for RwLock<T> {}

// As std has them: who sees the value after a panic is told so.
impl<T: ?Sized> std::panic::UnwindSafe for RwLock<T> {}
impl<T: ?Sized> std::panic::RefUnwindSafe for RwLock<T> {}

/// The right to read the value of a [`RwLock`]; dropping it gives the lock back. Unlike
/// std's it is `Send` where the value can be shared: a task may hold it over an
/// `.await`.
#[must_use = "a lock that is not held is given back at once"]
#[clippy::has_significant_drop]
pub struct RwLockReadGuard<'a, T: ?Sized + 'a> {
    raw: &'a Raw,
    /// The lock's. A pointer, so that the guard may be used as one of a value that lives
    /// shorter; and that what it may be is said below, and not by its parts.
    value: NonNull<T>,
}

// SAFETY: it lends the value to be shared, wherever it is, and never lets it be dropped
// or changed; the lock can be given back by any thread.
unsafe impl<T: ?Sized + Sync> Send for RwLockReadGuard<'_, T> {}
// SAFETY: the same.
unsafe impl<T: ?Sized + Sync> Sync for RwLockReadGuard<'_, T> {}

/// The right to change the value of a [`RwLock`]; dropping it gives the lock back.
/// Unlike std's it is `Send` where the value is `Send` and `Sync`: a task may hold it
/// over an `.await`.
#[must_use = "a lock that is not held is given back at once"]
#[clippy::has_significant_drop]
pub struct RwLockWriteGuard<'a, T: ?Sized + 'a> {
    /// Dropped first: a lock is poisoned before it is given back.
    watch: Watch<'a>,
    written: Written<'a, T>,
}

/// The lock, held for writing.
struct Written<'a, T: ?Sized> {
    lock: &'a RwLock<T>,
    _marker: PhantomData<*const ()>,
}

// SAFETY: who has the guard has the value alone, which may be sent. It may become one that
// reads, beside others elsewhere: so the value must also bear to be shared.
unsafe impl<T: ?Sized + Send + Sync> Send for Written<'_, T> {}
// SAFETY: a shared guard lends the value to be shared, and nothing else.
unsafe impl<T: ?Sized + Sync> Sync for Written<'_, T> {}

impl<T> RwLock<T> {
    /// An unlocked lock.
    ///
    /// ```
    /// static LIMIT: virid::sync::RwLock<u32> = virid::sync::RwLock::new(10);
    /// assert_eq!(*LIMIT.read().unwrap(), 10);
    /// ```
    pub const fn new(value: T) -> Self {
        Self {
            raw: Raw::new(),
            poison: Flag::new(),
            value: UnsafeCell::new(value),
        }
    }

    /// The value, of a lock that nobody else has.
    ///
    /// ```
    /// assert_eq!(virid::sync::RwLock::new(7).into_inner().unwrap(), 7);
    /// ```
    ///
    /// # Errors
    ///
    /// With the value all the same, where the lock is poisoned.
    pub fn into_inner(self) -> LockResult<T> {
        let Self { poison, value, .. } = self;
        poison.result(value.into_inner())
    }
}

impl<T: ?Sized> RwLock<T> {
    /// Waits until nobody writes, and takes the lock for reading.
    ///
    /// A cancellation point: a green thread that is cancelled is unwound from here and
    /// has not taken the lock.
    ///
    /// ```
    /// let lock = virid::sync::RwLock::new(1);
    /// assert_eq!(*lock.read().unwrap(), 1);
    /// ```
    ///
    /// # Errors
    ///
    /// With the guard all the same, where somebody panicked who held the lock for
    /// writing, or was cancelled.
    ///
    /// # Panics
    ///
    /// Inside an async task, whether or not it is free: use
    /// [`read_async`](Self::read_async) there. And where it is not free inside
    /// [`no_suspend`](crate::thread::no_suspend).
    #[inline]
    #[track_caller]
    pub fn read(&self) -> LockResult<RwLockReadGuard<'_, T>> {
        const CALL: (&str, &str) = ("RwLock::read", "`read_async().await`");
        before_wait(CALL.0, CALL.1);
        if !self.raw.read_at_once() {
            self.wait_cold(Use::Read, CALL);
        }
        // SAFETY: taken for reading.
        unsafe { self.read_guard() }
    }

    /// Waits until nobody has the lock, and takes it for writing. A cancellation point,
    /// as [`read`](Self::read).
    ///
    /// ```
    /// let lock = virid::sync::RwLock::new(1);
    /// *lock.write().unwrap() = 2;
    /// ```
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    ///
    /// # Panics
    ///
    /// As [`read`](Self::read); the twin is [`write_async`](Self::write_async).
    #[inline]
    #[track_caller]
    pub fn write(&self) -> LockResult<RwLockWriteGuard<'_, T>> {
        const CALL: (&str, &str) = ("RwLock::write", "`write_async().await`");
        before_wait(CALL.0, CALL.1);
        if !self.raw.write_at_once() {
            self.wait_cold(Use::Write, CALL);
        }
        // SAFETY: taken for writing.
        unsafe { self.write_guard() }
    }

    #[cold]
    #[track_caller]
    fn wait_cold(&self, wanted: Use, (call, instead): (&str, &str)) {
        drive(self.raw.wait_for(wanted), call, instead);
    }

    /// [`read`](Self::read) for async tasks. To drop the future before it is ready
    /// leaves no trace. One that is kept has to be polled: its turn may have come.
    ///
    /// ```
    /// # virid::block_on(async {
    /// let lock = virid::sync::RwLock::new(1);
    /// assert_eq!(*lock.read_async().await.unwrap(), 1);
    /// # });
    /// ```
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub async fn read_async(&self) -> LockResult<RwLockReadGuard<'_, T>> {
        if !self.raw.read_at_once() {
            self.raw.wait_for(Use::Read).await;
        }
        // SAFETY: taken for reading.
        unsafe { self.read_guard() }
    }

    /// [`write`](Self::write) for async tasks, as [`read_async`](Self::read_async).
    ///
    /// ```
    /// # virid::block_on(async {
    /// let lock = virid::sync::RwLock::new(1);
    /// *lock.write_async().await.unwrap() = 2;
    /// # });
    /// ```
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub async fn write_async(&self) -> LockResult<RwLockWriteGuard<'_, T>> {
        if !self.raw.write_at_once() {
            self.raw.wait_for(Use::Write).await;
        }
        // SAFETY: taken for writing.
        unsafe { self.write_guard() }
    }

    /// Takes the lock for reading if nobody writes. Never waits, and may be called
    /// anywhere.
    ///
    /// ```
    /// let lock = virid::sync::RwLock::new(1);
    /// let _one = lock.try_read().unwrap();
    /// let _other = lock.try_read().unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// `WouldBlock` where somebody writes; where it is poisoned as
    /// [`read`](Self::read).
    pub fn try_read(&self) -> TryLockResult<RwLockReadGuard<'_, T>> {
        if !self.raw.try_take(Use::Read) {
            return Err(TryLockError::WouldBlock);
        }
        // SAFETY: taken for reading.
        Ok(unsafe { self.read_guard() }?)
    }

    /// Takes the lock for writing if nobody has it. Never waits, and may be called
    /// anywhere.
    ///
    /// ```
    /// let lock = virid::sync::RwLock::new(1);
    /// let _reads = lock.read().unwrap();
    /// assert!(lock.try_write().is_err());
    /// ```
    ///
    /// # Errors
    ///
    /// As [`try_read`](Self::try_read).
    pub fn try_write(&self) -> TryLockResult<RwLockWriteGuard<'_, T>> {
        if !self.raw.try_take(Use::Write) {
            return Err(TryLockError::WouldBlock);
        }
        // SAFETY: taken for writing.
        Ok(unsafe { self.write_guard() }?)
    }

    /// # Safety
    ///
    /// The caller has taken the lock for reading, and leaves it to the guard.
    #[inline]
    unsafe fn read_guard(&self) -> LockResult<RwLockReadGuard<'_, T>> {
        // SAFETY: the caller's.
        self.poison.result(unsafe { RwLockReadGuard::of(self) })
    }

    /// # Safety
    ///
    /// The caller has taken the lock for writing, and leaves it to the guard.
    #[inline]
    unsafe fn write_guard(&self) -> LockResult<RwLockWriteGuard<'_, T>> {
        self.poison.result(RwLockWriteGuard {
            watch: self.poison.watch(),
            written: Written {
                lock: self,
                _marker: PhantomData,
            },
        })
    }

    /// Whether a writer has panicked; as
    /// [`Mutex::is_poisoned`](super::Mutex::is_poisoned).
    ///
    /// ```
    /// assert!(!virid::sync::RwLock::new(0).is_poisoned());
    /// ```
    pub fn is_poisoned(&self) -> bool {
        self.poison.is_set()
    }

    /// Forgets that a writer has panicked.
    ///
    /// ```
    /// virid::sync::RwLock::new(0).clear_poison();
    /// ```
    pub fn clear_poison(&self) {
        self.poison.clear();
    }

    /// The value, which nobody else can use meanwhile.
    ///
    /// ```
    /// let mut lock = virid::sync::RwLock::new(1);
    /// *lock.get_mut().unwrap() = 2;
    /// ```
    ///
    /// # Errors
    ///
    /// With the value all the same, where the lock is poisoned.
    pub fn get_mut(&mut self) -> LockResult<&mut T> {
        self.poison.result(self.value.get_mut())
    }
}

impl<'a, T: ?Sized> RwLockReadGuard<'a, T> {
    /// # Safety
    ///
    /// The caller has taken the lock for reading, and leaves it to the guard.
    #[inline]
    unsafe fn of(lock: &'a RwLock<T>) -> Self {
        Self {
            raw: &lock.raw,
            // SAFETY: it is the address of a field.
            value: unsafe { NonNull::new_unchecked(lock.value.get()) },
        }
    }
}

impl<'a, T: ?Sized> RwLockWriteGuard<'a, T> {
    /// Makes the writer a reader, with no writer in between.
    ///
    /// ```
    /// use virid::sync::{RwLock, RwLockWriteGuard};
    ///
    /// let lock = RwLock::new(1);
    /// let mut guard = lock.write().unwrap();
    /// *guard = 2;
    /// let guard = RwLockWriteGuard::downgrade(guard);
    /// assert_eq!(*lock.read().unwrap(), *guard);
    /// ```
    pub fn downgrade(this: Self) -> RwLockReadGuard<'a, T> {
        let Self { watch, written } = this;
        drop(watch);
        let lock = written.lock;
        std::mem::forget(written);
        // SAFETY: it was held for writing, and is from here on for reading.
        unsafe { lock.raw.downgrade() };
        // SAFETY: as the line above says.
        unsafe { RwLockReadGuard::of(lock) }
    }
}

impl<T: ?Sized> Drop for RwLockReadGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: this is what held it, and is gone.
        unsafe { self.raw.end_read() };
    }
}

impl<T: ?Sized> Drop for Written<'_, T> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: this is what held it, and is gone.
        unsafe { self.lock.raw.end_write() };
    }
}

impl<T: ?Sized> Deref for RwLockReadGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the lock is held, and nobody writes; the value is the lock's, which is
        // borrowed as long as the guard lives.
        unsafe { self.value.as_ref() }
    }
}

impl<T: ?Sized> Deref for RwLockWriteGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the lock is held, and nobody writes while this is borrowed.
        unsafe { &*self.written.lock.value.get() }
    }
}

impl<T: ?Sized> DerefMut for RwLockWriteGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the lock is held, and nobody else uses the value meanwhile.
        unsafe { &mut *self.written.lock.value.get() }
    }
}

macro_rules! shown_as_the_value {
    ($($guard:ident)+) => {
        $(
            impl<T: ?Sized + fmt::Debug> fmt::Debug for $guard<'_, T> {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    (**self).fmt(f)
                }
            }

            impl<T: ?Sized + fmt::Display> fmt::Display for $guard<'_, T> {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    (**self).fmt(f)
                }
            }
        )+
    };
}

shown_as_the_value!(RwLockReadGuard RwLockWriteGuard);

impl<T: ?Sized + fmt::Debug> fmt::Debug for RwLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut f = f.debug_struct("RwLock");
        match self.try_read() {
            Ok(guard) => f.field("data", &&*guard),
            Err(TryLockError::Poisoned(error)) => f.field("data", &&**error.get_ref()),
            Err(TryLockError::WouldBlock) => f.field("data", &format_args!("<locked>")),
        };
        f.field("poisoned", &self.is_poisoned())
            .finish_non_exhaustive()
    }
}

impl<T: Default> Default for RwLock<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T> From<T> for RwLock<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}
