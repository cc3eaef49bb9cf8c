//! A value that is made once. It lies in std's cell, which is only ever filled by who
//! does not wait meanwhile; the waiting is a [`Once`]'s.

use std::fmt;
use std::future::Future;
use std::sync::OnceLock as Cell;

use super::once::{Once, OnceState};

/// A value that is written once, as [`std::sync::OnceLock`]. Who comes while it is made
/// is suspended, or parked on a plain thread, and what makes it may wait.
///
/// ```
/// use virid::sync::OnceLock;
///
/// static NAME: OnceLock<String> = OnceLock::new();
/// assert_eq!(NAME.get(), None);
/// let name = NAME.get_or_init(|| virid::block_on(async { "green".to_owned() }));
/// assert_eq!(name, "green");
/// ```
///
/// Where what makes it panics, or its thread is cancelled inside it, there is no value
/// yet, and the next one makes it.
pub struct OnceLock<T> {
    once: Once,
    value: Cell<T>,
}

impl<T> OnceLock<T> {
    /// Without a value.
    ///
    /// ```
    /// static NAME: virid::sync::OnceLock<String> = virid::sync::OnceLock::new();
    /// ```
    pub const fn new() -> Self {
        Self {
            once: Once::new(),
            value: Cell::new(),
        }
    }

    /// The value, if it is there. Never waits.
    ///
    /// ```
    /// assert_eq!(virid::sync::OnceLock::<u32>::new().get(), None);
    /// ```
    #[inline]
    pub fn get(&self) -> Option<&T> {
        self.value.get()
    }

    /// The value, if it is there.
    ///
    /// ```
    /// let mut cell = virid::sync::OnceLock::from(1);
    /// *cell.get_mut().unwrap() = 2;
    /// ```
    #[inline]
    pub fn get_mut(&mut self) -> Option<&mut T> {
        self.value.get_mut()
    }

    /// Sets the value, unless there is one. Where somebody else is making it, this
    /// waits, as [`get_or_init`](Self::get_or_init).
    ///
    /// ```
    /// let cell = virid::sync::OnceLock::new();
    /// assert_eq!(cell.set(1), Ok(()));
    /// assert_eq!(cell.set(2), Err(2));
    /// ```
    ///
    /// # Errors
    ///
    /// With `value`, where there is one already.
    ///
    /// # Panics
    ///
    /// Inside an async task where somebody else is making the value.
    #[track_caller]
    pub fn set(&self, value: T) -> Result<(), T> {
        let mut value = Some(value);
        self.get_or_init(|| value.take().expect("called once"));
        value.map_or(Ok(()), Err)
    }

    /// The value; where there is none, `f` makes it, and everybody else waits.
    ///
    /// Where somebody else is making it this is a cancellation point.
    ///
    /// ```
    /// let cell = virid::sync::OnceLock::new();
    /// assert_eq!(cell.get_or_init(|| 1), &1);
    /// assert_eq!(cell.get_or_init(|| 2), &1);
    /// ```
    ///
    /// # Panics
    ///
    /// With what `f` panics with. Inside an async task where somebody else is making
    /// the value: use [`get_or_init_async`](Self::get_or_init_async) there.
    #[inline]
    #[track_caller]
    pub fn get_or_init<F: FnOnce() -> T>(&self, f: F) -> &T {
        if let Some(value) = self.get() {
            return value;
        }
        self.once.call_once_force(|_| self.fill(f()));
        self.made()
    }

    fn made(&self) -> &T {
        made(&self.value)
    }

    fn fill(&self, value: T) {
        let filled = self.value.set(value);
        debug_assert!(filled.is_ok(), "filled by who runs the `Once` only");
    }

    /// [`get_or_init`](Self::get_or_init) for async tasks, which awaits what `f` gives.
    /// Where the future is dropped inside that, there is no value yet, and the next one
    /// makes it.
    ///
    /// ```
    /// # virid::block_on(async {
    /// let cell = virid::sync::OnceLock::new();
    /// assert_eq!(cell.get_or_init_async(|| async { 1 }).await, &1);
    /// # });
    /// ```
    ///
    /// # Panics
    ///
    /// With what `f` panics with.
    pub async fn get_or_init_async<F, Fut>(&self, f: F) -> &T
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = T>,
    {
        if self.get().is_none() {
            let fill = |_: &OnceState| async { self.fill(f().await) };
            self.once.call_async(true, fill).await;
        }
        self.made()
    }

    /// Waits until somebody else has made the value. A cancellation point where there
    /// is none.
    ///
    /// ```
    /// static NAME: virid::sync::OnceLock<&str> = virid::sync::OnceLock::new();
    /// virid::thread::spawn(|| NAME.set("green"));
    /// assert_eq!(NAME.wait(), &"green");
    /// ```
    ///
    /// # Panics
    ///
    /// Inside an async task where there is no value yet: use
    /// [`wait_async`](Self::wait_async) there.
    #[track_caller]
    pub fn wait(&self) -> &T {
        self.once.wait_force();
        self.made()
    }

    /// [`wait`](Self::wait) for async tasks.
    ///
    /// ```
    /// # virid::block_on(async {
    /// assert_eq!(virid::sync::OnceLock::from(1).wait_async().await, &1);
    /// # });
    /// ```
    pub async fn wait_async(&self) -> &T {
        self.once.wait_force_async().await;
        self.made()
    }

    /// The value, if it was made.
    ///
    /// ```
    /// assert_eq!(virid::sync::OnceLock::from(1).into_inner(), Some(1));
    /// ```
    pub fn into_inner(self) -> Option<T> {
        self.value.into_inner()
    }

    /// Takes the value out, after which there is none.
    ///
    /// ```
    /// let mut cell = virid::sync::OnceLock::from(1);
    /// assert_eq!((cell.take(), cell.get()), (Some(1), None));
    /// ```
    pub fn take(&mut self) -> Option<T> {
        std::mem::take(self).into_inner()
    }
}

/// What is in the cell when its `Once` is done.
pub(super) fn made<T>(cell: &Cell<T>) -> &T {
    let value = cell.get();
    value.expect("a `Once` is done before its value is made; a bug in virid")
}

impl<T> Default for OnceLock<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> From<T> for OnceLock<T> {
    fn from(value: T) -> Self {
        let cell = Self::new();
        cell.once.call_at_once(|| cell.fill(value));
        cell
    }
}

impl<T: Clone> Clone for OnceLock<T> {
    fn clone(&self) -> Self {
        self.get().cloned().map_or_else(Self::new, Self::from)
    }
}

impl<T: PartialEq> PartialEq for OnceLock<T> {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}

impl<T: Eq> Eq for OnceLock<T> {}

impl<T: fmt::Debug> fmt::Debug for OnceLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut f = f.debug_tuple("OnceLock");
        match self.get() {
            Some(value) => f.field(value),
            None => f.field(&format_args!("<uninit>")),
        };
        f.finish()
    }
}
