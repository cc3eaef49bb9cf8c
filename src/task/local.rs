//! Values that belong to a task, or to a green thread, and not to its worker.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::marker::{PhantomData, PhantomPinned};
use std::pin::Pin;
use std::ptr;
use std::task::{Context, Poll};

use super::values::{self, CopyValue, Frame, Set};

/// Declares values that belong to a task or a green thread: statics of the type
/// [`task::LocalKey`](crate::task::LocalKey).
///
/// ```
/// virid::task_local! {
///     /// Stays in the task that has set it.
///     static REQUEST: u64;
///     /// What is spawned inside a scope of it gets a copy.
///     pub static TRACE: String = inherit;
/// }
///
/// virid::block_on(REQUEST.scope(7, TRACE.scope("trace".into(), async {
///     let child = virid::spawn(async { (REQUEST.try_get().is_ok(), TRACE.get()) });
///     assert_eq!(REQUEST.get(), 7);
///     assert_eq!(child.await.unwrap(), (false, "trace".to_owned()));
/// })));
/// ```
///
/// A type with `= inherit` must be `Clone` and `Send`: it is cloned where a task, a
/// green thread or a blocking closure is spawned, and the child has the copy around all
/// that it runs, and passes a copy of that on to its own children. Where no such value
/// is set, to spawn costs nothing more; where one is, it allocates.
#[macro_export]
macro_rules! task_local {
    () => {};
    ($(#[$attribute:meta])* $visibility:vis static $name:ident: $type:ty = inherit; $($rest:tt)*) => {
        $crate::task_local!($(#[$attribute])* $visibility static $name: $type = inherit);
        $crate::task_local!($($rest)*);
    };
    ($(#[$attribute:meta])* $visibility:vis static $name:ident: $type:ty = inherit) => {
        $(#[$attribute])*
        $visibility static $name: $crate::task::LocalKey<$type> =
            $crate::task::LocalKey::__inherited();
    };
    ($(#[$attribute:meta])* $visibility:vis static $name:ident: $type:ty; $($rest:tt)*) => {
        $crate::task_local!($(#[$attribute])* $visibility static $name: $type);
        $crate::task_local!($($rest)*);
    };
    ($(#[$attribute:meta])* $visibility:vis static $name:ident: $type:ty) => {
        $(#[$attribute])*
        $visibility static $name: $crate::task::LocalKey<$type> = $crate::task::LocalKey::__own();
    };
}

/// A value that belongs to a task or a green thread; declared by
/// [`task_local!`](crate::task_local).
///
/// The value is set by a scope, around a future ([`scope`](Self::scope)) or a closure
/// ([`sync_scope`](Self::sync_scope)), and read inside. It goes where the task goes, from
/// worker to worker; a green thread that waits inside a scope takes it along, and the
/// others of its worker do not see it. Scopes nest: the innermost counts. What
/// [`block_on`](crate::block_on) polls sees what its caller sees.
///
/// To read looks through the scopes around the caller, from the inside.
pub struct LocalKey<T: 'static> {
    /// How children get a copy, if they do. Not zero-sized, so that each key has an
    /// address of its own, which is what tells them apart.
    copy: Option<CopyValue>,
    value: PhantomData<fn(T) -> T>,
}

impl<T: 'static> LocalKey<T> {
    #[doc(hidden)]
    pub const fn __own() -> Self {
        Self {
            copy: None,
            value: PhantomData,
        }
    }

    /// Sets the value around a future: in each of its polls, and when it is dropped.
    /// Nothing is lost where it is dropped before its end; the value goes with it.
    ///
    /// ```
    /// virid::task_local! { static NUMBER: u32; }
    ///
    /// let doubled = virid::spawn(NUMBER.scope(21, async {
    ///     virid::yield_now().await;
    ///     NUMBER.get() * 2
    /// }));
    /// assert_eq!(doubled.join().unwrap(), 42);
    /// ```
    pub fn scope<F: Future>(&'static self, value: T, f: F) -> TaskLocalFuture<T, F> {
        TaskLocalFuture {
            key: self,
            value: Some(value),
            future: Some(f),
            _pinned: PhantomPinned,
        }
    }

    /// Sets the value while a closure runs, of a green thread above all; `f`'s panic
    /// passes through.
    ///
    /// ```
    /// virid::task_local! { static NUMBER: u32; }
    ///
    /// let sum = virid::run(|| NUMBER.sync_scope(1, || NUMBER.sync_scope(2, || NUMBER.get()) + NUMBER.get()));
    /// assert_eq!(sum, 3);
    /// ```
    pub fn sync_scope<F, R>(&'static self, value: T, f: F) -> R
    where
        F: FnOnce() -> R,
    {
        self.set_around(&Some(value), f)
    }

    fn address(&'static self) -> *const () {
        ptr::from_ref(self).cast()
    }

    fn set_around<R>(&'static self, value: &Option<T>, f: impl FnOnce() -> R) -> R {
        let frame = Frame::new(self.address(), ptr::from_ref(value).cast(), self.copy);
        // SAFETY: this key's values are `T`s, its function copies such, and the value
        // is borrowed until the end of this function, where the answer is dropped.
        let _set = unsafe { Set::new(&frame) };
        f()
    }

    /// Calls `f` with the value.
    ///
    /// ```
    /// virid::task_local! { static NAME: String; }
    ///
    /// let length = NAME.sync_scope("virid".into(), || NAME.with(|name| name.len()));
    /// assert_eq!(length, 5);
    /// ```
    ///
    /// # Panics
    ///
    /// Where the value is not set; [`try_with`](Self::try_with) does not.
    #[track_caller]
    pub fn with<F, R>(&'static self, f: F) -> R
    where
        F: FnOnce(&T) -> R,
    {
        match self.try_with(f) {
            Ok(result) => result,
            Err(error) => panic!("{error}; read it inside `scope` or `sync_scope` of its key"),
        }
    }

    /// Calls `f` with the value, if it is set.
    ///
    /// ```
    /// virid::task_local! { static NAME: String; }
    ///
    /// assert!(NAME.try_with(|name| name.len()).is_err());
    /// ```
    ///
    /// # Errors
    ///
    /// Where it is not set.
    pub fn try_with<F, R>(&'static self, f: F) -> Result<R, AccessError>
    where
        F: FnOnce(&T) -> R,
    {
        let value = values::find(self.address()).map(|value| {
            // SAFETY: values of this key are of this type. It is set by a scope that
            // the caller is inside of, so it stays while `f` runs, and nobody writes it.
            unsafe { &*value.cast::<Option<T>>() }
        });
        match value {
            Some(Some(value)) => Ok(f(value)),
            Some(None) | None => Err(AccessError(())),
        }
    }
}

impl<T: Clone + 'static> LocalKey<T> {
    /// A copy of the value.
    ///
    /// ```
    /// virid::task_local! { static NUMBER: u32; }
    ///
    /// assert_eq!(NUMBER.sync_scope(1, || NUMBER.get()), 1);
    /// ```
    ///
    /// # Panics
    ///
    /// Where the value is not set.
    #[track_caller]
    pub fn get(&'static self) -> T {
        self.with(T::clone)
    }

    /// A copy of the value, if it is set.
    ///
    /// ```
    /// virid::task_local! { static NUMBER: u32; }
    ///
    /// assert!(NUMBER.try_get().is_err());
    /// ```
    ///
    /// # Errors
    ///
    /// Where it is not set.
    pub fn try_get(&'static self) -> Result<T, AccessError> {
        self.try_with(T::clone)
    }
}

impl<T: Clone + Send + 'static> LocalKey<T> {
    #[doc(hidden)]
    pub const fn __inherited() -> Self {
        Self {
            copy: Some(copy::<T>),
            value: PhantomData,
        }
    }
}

/// # Safety
///
/// The address is that of an `Option<T>`, which nobody writes meanwhile.
unsafe fn copy<T: Clone + Send + 'static>(value: *const ()) -> (Box<dyn Send>, *const ()) {
    // SAFETY: as this function's contract says.
    let value = unsafe { &*value.cast::<Option<T>>() };
    let copy = Box::new(value.clone());
    let address = ptr::from_ref(&*copy).cast();
    (copy, address)
}

impl<T: 'static> fmt::Debug for LocalKey<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalKey").finish_non_exhaustive()
    }
}

/// A future with a value set around it; from [`LocalKey::scope`].
///
/// ```
/// virid::task_local! { static NUMBER: u32; }
///
/// let mut future = Box::pin(NUMBER.scope(1, async {}));
/// virid::block_on(&mut future);
/// assert_eq!(future.as_mut().take_value(), Some(1));
/// ```
///
/// # Panics
///
/// Polling it again after its end panics.
#[must_use = "futures do nothing unless polled"]
pub struct TaskLocalFuture<T: 'static, F> {
    key: &'static LocalKey<T>,
    value: Option<T>,
    /// Pinned. Dropped with its end, inside the scope.
    future: Option<F>,
    _pinned: PhantomPinned,
}

impl<T: 'static, F> TaskLocalFuture<T, F> {
    /// Takes the value out, mostly when the future has ended. Where it has not, there is
    /// none for it from then on.
    ///
    /// ```
    /// virid::task_local! { static NUMBER: u32; }
    ///
    /// let mut future = Box::pin(NUMBER.scope(1, async {}));
    /// assert_eq!(future.as_mut().take_value(), Some(1));
    /// assert_eq!(future.as_mut().take_value(), None);
    /// ```
    pub fn take_value(self: Pin<&mut Self>) -> Option<T> {
        // SAFETY: the value is not pinned, and the future stays.
        unsafe { self.get_unchecked_mut() }.value.take()
    }
}

impl<T: 'static, F: Future> Future for TaskLocalFuture<T, F> {
    type Output = F::Output;

    #[track_caller]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        // SAFETY: the future is not moved.
        let this = unsafe { self.get_unchecked_mut() };
        // SAFETY: it is pinned as `self` is, and dropped in place.
        let mut slot = unsafe { Pin::new_unchecked(&mut this.future) };
        this.key.set_around(&this.value, || {
            let Some(future) = slot.as_mut().as_pin_mut() else {
                panic!("a scope of a task-local was polled again after its end");
            };
            let polled = future.poll(cx);
            if polled.is_ready() {
                slot.set(None);
            }
            polled
        })
    }
}

impl<T: 'static, F> Drop for TaskLocalFuture<T, F> {
    fn drop(&mut self) {
        if self.future.is_some() {
            let slot = &mut self.future;
            self.key.set_around(&self.value, || *slot = None);
        }
    }
}

impl<T: fmt::Debug + 'static, F> fmt::Debug for TaskLocalFuture<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut all = f.debug_struct("TaskLocalFuture");
        match &self.value {
            Some(value) => all.field("value", value),
            None => all.field("value", &format_args!("<missing>")),
        };
        all.finish()
    }
}

/// A task-local is not set here; from [`LocalKey::try_with`].
///
/// ```
/// virid::task_local! { static NUMBER: u32; }
///
/// assert_eq!(NUMBER.try_get().unwrap_err().to_string(), "task-local value not set");
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct AccessError(());

impl fmt::Debug for AccessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessError").finish()
    }
}

impl fmt::Display for AccessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("task-local value not set")
    }
}

impl Error for AccessError {}
