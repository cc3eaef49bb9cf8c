//! A value that is made when it is first used: a closure, and std's cell for what comes
//! of it. The waiting is a [`Once`]'s.

use std::cell::UnsafeCell;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::OnceLock as Cell;

use super::once::{Once, OnceState};
use super::once_lock::made;

/// A value that is made when it is first used, as [`std::sync::LazyLock`]. Who comes
/// while it is made is suspended, or parked on a plain thread, and what makes it may
/// wait.
///
/// ```
/// use virid::sync::LazyLock;
///
/// static GREETING: LazyLock<String> = LazyLock::new(|| "hello".to_owned());
/// assert_eq!(GREETING.len(), 5);
/// ```
///
/// Where what makes it panics, or its thread is cancelled inside it, it is poisoned: it
/// panics for everybody from then on.
pub struct LazyLock<T, F = fn() -> T> {
    once: Once,
    value: Cell<T>,
    /// Taken out by who makes the value, which nobody does twice.
    make: UnsafeCell<Option<F>>,
}

// SAFETY: as std's. The value may be used and dropped by any thread that shares this;
// the closure goes to one of them, which `once` lets in alone, and nobody else sees it.
unsafe impl<T: Send + Sync, F: Send> Sync for LazyLock<T, F> {}

// As std has them: a closure that panics leaves it poisoned.
impl<T: RefUnwindSafe + UnwindSafe, F: UnwindSafe> RefUnwindSafe for LazyLock<T, F> {}

impl<T, F: FnOnce() -> T> LazyLock<T, F> {
    /// A value that `f` makes when somebody uses it.
    ///
    /// ```
    /// let lazy = virid::sync::LazyLock::new(|| 6 * 7);
    /// assert_eq!(*lazy, 42);
    /// ```
    pub const fn new(f: F) -> Self {
        Self {
            once: Once::new(),
            value: Cell::new(),
            make: UnsafeCell::new(Some(f)),
        }
    }

    /// The value, which is made if nobody has used it before. Where somebody else is
    /// making it this is a cancellation point.
    ///
    /// ```
    /// let lazy = virid::sync::LazyLock::new(|| 6 * 7);
    /// assert_eq!(virid::sync::LazyLock::force(&lazy), &42);
    /// ```
    ///
    /// # Panics
    ///
    /// With what the closure panics with, and ever after. Inside an async task where
    /// somebody else is making the value: use [`force_async`](Self::force_async) there,
    /// or std's `LazyLock` where the closure does not wait.
    #[inline]
    #[track_caller]
    pub fn force(this: &Self) -> &T {
        if let Some(value) = this.value.get() {
            return value;
        }
        // SAFETY: the caller is that of `once`.
        this.once.call_once(|| unsafe { this.fill() });
        made(&this.value)
    }

    /// The value, which is made if nobody has used it before.
    ///
    /// ```
    /// use virid::sync::LazyLock;
    ///
    /// let mut lazy = LazyLock::new(|| 92);
    /// *LazyLock::force_mut(&mut lazy) += 1;
    /// assert_eq!(*lazy, 93);
    /// ```
    ///
    /// # Panics
    ///
    /// With what the closure panics with, and ever after.
    #[inline]
    #[track_caller]
    pub fn force_mut(this: &mut Self) -> &mut T {
        Self::force(this);
        Self::get_mut(this).expect("it is made")
    }

    /// # Safety
    ///
    /// The caller runs the closure of `once`.
    unsafe fn fill(&self) {
        let make = self.make.get();
        // SAFETY: `once` runs one closure at a time, and nothing else uses the cell.
        let make = unsafe { &mut *make }.take();
        let value = make.expect("a `Once` that is not forced runs one closure only")();
        let filled = self.value.set(value);
        debug_assert!(filled.is_ok(), "filled by who runs the `Once` only");
    }

    /// [`force`](Self::force) for async tasks, where the closure does not wait.
    ///
    /// ```
    /// # virid::block_on(async {
    /// let lazy = virid::sync::LazyLock::new(|| 6 * 7);
    /// assert_eq!(virid::sync::LazyLock::force_async(&lazy).await, &42);
    /// # });
    /// ```
    ///
    /// # Panics
    ///
    /// As [`force`](Self::force).
    pub async fn force_async(this: &Self) -> &T {
        if this.value.get().is_none() {
            let fill = |_: &OnceState| {
                // SAFETY: the caller is that of `once`.
                unsafe { this.fill() };
                std::future::ready(())
            };
            this.once.call_async(false, fill).await;
        }
        made(&this.value)
    }
}

impl<T, F> LazyLock<T, F> {
    /// The value, if it was made. Never waits.
    ///
    /// ```
    /// use virid::sync::LazyLock;
    ///
    /// let lazy = LazyLock::new(|| 92);
    /// assert_eq!(LazyLock::get(&lazy), None);
    /// assert_eq!((*lazy, LazyLock::get(&lazy)), (92, Some(&92)));
    /// ```
    #[inline]
    pub fn get(this: &Self) -> Option<&T> {
        this.value.get()
    }

    /// The value, if it was made.
    ///
    /// ```
    /// use virid::sync::LazyLock;
    ///
    /// let mut lazy = LazyLock::new(|| 92);
    /// assert_eq!(LazyLock::get_mut(&mut lazy), None);
    /// ```
    #[inline]
    pub fn get_mut(this: &mut Self) -> Option<&mut T> {
        this.value.get_mut()
    }
}

impl<T, F: FnOnce() -> T> Deref for LazyLock<T, F> {
    type Target = T;

    #[inline]
    #[track_caller]
    fn deref(&self) -> &T {
        Self::force(self)
    }
}

impl<T, F: FnOnce() -> T> DerefMut for LazyLock<T, F> {
    #[inline]
    #[track_caller]
    fn deref_mut(&mut self) -> &mut T {
        Self::force_mut(self)
    }
}

impl<T: Default> Default for LazyLock<T> {
    fn default() -> Self {
        Self::new(T::default)
    }
}

impl<T: fmt::Debug, F> fmt::Debug for LazyLock<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut f = f.debug_tuple("LazyLock");
        match self.value.get() {
            Some(value) => f.field(value),
            None => f.field(&format_args!("<uninit>")),
        };
        f.finish()
    }
}
