//! The values of task-locals that are set around what runs now.
//!
//! Each is a [`Frame`] on the stack of whoever has set it: a scope that is being polled,
//! a closure that runs. The context holds the address of the innermost, and each that of
//! the one around it; a green thread that is suspended takes the address along. So to
//! set a value allocates nothing, and who spawns learns from one word that there is
//! nothing to inherit.
//!
//! A child has copies of its own ([`Values`]), made where it is spawned; they are set
//! around each of its polls.

use std::future::Future;
use std::mem::ManuallyDrop;
use std::pin::Pin;
use std::ptr;
use std::task::{Context, Poll};

use crate::context;

/// A bit of the address in the context: a frame that children inherit is among those
/// that it leads to.
const INHERITS: usize = 1;

/// Copies the value behind the address, an `Option<T>`, for a child: the copy, and its
/// address as that of an `Option<T>`.
pub(super) type CopyValue = unsafe fn(*const ()) -> (Box<dyn Send>, *const ());

/// A value that is set.
#[derive(Clone, Copy)]
pub(super) struct Frame {
    /// The address of the `LocalKey`, which no other has.
    key: *const (),
    /// An `Option<T>`; `None` hides the values around it.
    value: *const (),
    /// How children get a copy, if they do.
    copy: Option<CopyValue>,
    /// What the context held before.
    around: *const (),
}

const _: () = assert!(align_of::<Frame>() > INHERITS);

impl Frame {
    pub(super) fn new(key: *const (), value: *const (), copy: Option<CopyValue>) -> Self {
        let around = context::locals();
        Self {
            key,
            value,
            copy,
            around,
        }
    }

    fn address(&self) -> *const () {
        let inherits = usize::from(self.copy.is_some()) | (self.around.addr() & INHERITS);
        ptr::from_ref(self)
            .cast::<()>()
            .map_addr(|address| address | inherits)
    }

    /// The frame at an address that the context holds.
    ///
    /// # Safety
    ///
    /// The frame is set while the answer is used.
    unsafe fn at<'a>(address: *const ()) -> Option<&'a Self> {
        let address = address.map_addr(|address| address & !INHERITS);
        // SAFETY: as this function's contract says.
        unsafe { address.cast::<Self>().as_ref() }
    }
}

/// While it lives, values are set. It never leaves the function that makes it, so that
/// they go in the reverse of the order in which they came.
pub(super) struct Set<'a> {
    _frame: &'a Frame,
    before: *const (),
}

impl<'a> Set<'a> {
    /// # Safety
    ///
    /// The frame's key has values of the type that its value and its copy are made for,
    /// and the value is not written while the answer lives, which is dropped.
    pub(super) unsafe fn new(frame: &'a Frame) -> Self {
        Self {
            _frame: frame,
            before: context::replace_locals(frame.address()),
        }
    }
}

impl Drop for Set<'_> {
    #[inline]
    fn drop(&mut self) {
        context::replace_locals(self.before);
    }
}

/// All frames, the innermost first. Those who call use it up before they run code that
/// could set others.
fn frames<'a>() -> impl Iterator<Item = &'a Frame> {
    // SAFETY: what the context leads to is set, and stays while the caller runs.
    std::iter::successors(unsafe { Frame::at(context::locals()) }, |frame| {
        // SAFETY: the same.
        unsafe { Frame::at(frame.around) }
    })
}

/// The address of the `Option<T>` that the key is set to.
pub(super) fn find(key: *const ()) -> Option<*const ()> {
    frames()
        .find(|frame| frame.key == key)
        .map(|frame| frame.value)
}

/// What a child has of its parent's values.
pub(crate) struct Values {
    frames: Box<[Frame]>,
    _owned: Vec<Box<dyn Send>>,
}

// SAFETY: the copies are `Send`, and the frames lead to them and to keys, which are
// `Sync`.
unsafe impl Send for Values {}

impl Values {
    /// Copies of those values around the caller that children inherit. `None` where
    /// there are none, mostly.
    #[inline]
    pub(crate) fn to_inherit() -> Option<Self> {
        if context::locals().addr() & INHERITS == 0 {
            return None;
        }
        Some(Self::copy_cold())
    }

    #[cold]
    fn copy_cold() -> Self {
        let mut keys = Vec::new();
        let mut set: Vec<Frame> = Vec::new();
        for frame in frames() {
            if !keys.contains(&frame.key) {
                keys.push(frame.key);
                set.extend(frame.copy.map(|_| *frame));
            }
        }
        // Their frames stay, also where a copy is made by code that sets others.
        let mut owned = Vec::with_capacity(set.len());
        for frame in &mut set {
            let copy = frame.copy.expect("those that are inherited have it");
            // SAFETY: the frame is set, and made for this function.
            let (value, address) = unsafe { copy(frame.value) };
            owned.push(value);
            frame.value = address;
        }
        let mut frames = set.into_boxed_slice();
        for index in 0..frames.len() {
            frames[index].around = match index.checked_sub(1) {
                None => ptr::null(),
                Some(before) => frames[before].address(),
            };
        }
        Self {
            frames,
            _owned: owned,
        }
    }

    /// Sets them, and no others, while `f` runs.
    pub(crate) fn around<R>(&self, f: impl FnOnce() -> R) -> R {
        let Some(innermost) = self.frames.last() else {
            return f();
        };
        // SAFETY: the copies were made by the key's own function, are not written, and
        // live as long as `self`; it is dropped here.
        let _set = unsafe { Set::new(innermost) };
        f()
    }
}

/// A future with values of its own.
pub(super) struct Inheriting<F> {
    values: Values,
    future: ManuallyDrop<F>,
}

impl<F> Inheriting<F> {
    pub(super) fn new(values: Values, future: F) -> Self {
        Self {
            values,
            future: ManuallyDrop::new(future),
        }
    }
}

impl<F: Future> Future for Inheriting<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        // SAFETY: the future is not moved out of it.
        let this = unsafe { self.get_unchecked_mut() };
        // SAFETY: it is pinned as `self` is.
        let future = unsafe { Pin::new_unchecked(&mut *this.future) };
        this.values.around(|| future.poll(cx))
    }
}

impl<F> Drop for Inheriting<F> {
    fn drop(&mut self) {
        let future = &mut self.future;
        self.values.around(|| {
            // SAFETY: dropped once, here.
            unsafe { ManuallyDrop::drop(future) };
        });
    }
}
