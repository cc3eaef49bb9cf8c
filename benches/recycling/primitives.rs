//! What the crate's memory files take from `src/primitives.rs`, over `std`.
//!
//! Not that file itself: cargo compiles a bench as a test, and the crate's atomics
//! count themselves in tests.

pub(crate) use std::sync::atomic::{
    AtomicBool, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering,
};

#[cfg(any(not(target_os = "linux"), virid_sanitize))]
pub(crate) use std::alloc::{alloc_zeroed, dealloc};

/// What tests count is not counted here.
pub(crate) fn count() {}

/// A number that one thread writes.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    #[inline]
    pub(crate) fn add(&self, more: u64) {
        let before = self.0.load(Ordering::Relaxed);
        self.0.store(before + more, Ordering::Release);
    }
}

#[derive(Debug)]
pub(crate) struct UnsafeCell<T>(std::cell::UnsafeCell<T>);

impl<T> UnsafeCell<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(std::cell::UnsafeCell::new(value))
    }

    #[inline]
    pub(crate) fn with<R>(&self, f: impl FnOnce(*const T) -> R) -> R {
        f(self.0.get())
    }

    #[inline]
    pub(crate) fn with_mut<R>(&self, f: impl FnOnce(*mut T) -> R) -> R {
        f(self.0.get())
    }
}

#[derive(Debug)]
pub(crate) struct Mutex<T>(std::sync::Mutex<T>);

impl<T> Mutex<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(std::sync::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> std::sync::MutexGuard<'_, T> {
        let guard = self.0.lock();
        guard.unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// `None` where somebody holds it.
    pub(crate) fn try_lock(&self) -> Option<std::sync::MutexGuard<'_, T>> {
        self.0.try_lock().ok()
    }
}

macro_rules! const_fn {
    ($(#[$attribute:meta])* pub(crate) fn $($rest:tt)+) => {
        $(#[$attribute])* pub(crate) const fn $($rest)+
    };
}
pub(crate) use const_fn;

macro_rules! needed {
    ($name:literal, $statement:expr) => {
        $statement
    };
    ($name:literal, $right:expr, not $wrong:expr) => {
        $right
    };
}
pub(crate) use needed;
