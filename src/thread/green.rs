//! A green thread as a task: a closure until it begins, then the stack that it is on.

use std::cell::{Cell, UnsafeCell};
use std::mem::ManuallyDrop;
use std::ptr::NonNull;
use std::task::{Context, Poll};

use super::current::Current;
use super::runner::{RUNNERS, Runner, Runners};
use super::stack::Size;
use crate::context;
use crate::task::green::Own;
use crate::task::stage::Stage;
use crate::task::values::Values;
use crate::task::work::{Spawn, Work};

/// A green thread as a task. Its words are counted: with sixteen bytes of captures it
/// fits the smallest cell.
pub(crate) struct Green<F> {
    size: Option<Size>,
    /// Which of the two `state` is. Written where the thread begins.
    has_begun: Cell<bool>,
    state: UnsafeCell<State<F>>,
}

union State<F> {
    new: ManuallyDrop<F>,
    /// On its stack, also when it has ended. Where it has not, to drop this leaks
    /// the stack, which others may borrow from.
    begun: NonNull<Runner>,
}

const _: () = assert!(size_of::<Green<[u64; 2]>>() <= 24);

// SAFETY: a thread that has begun goes on on the same worker only (`home`), and
// what is dropped elsewhere is leaked; one that has not is its closure.
unsafe impl<F: Send> Send for Green<F> {}

impl<F> Green<F> {
    pub(crate) fn new(size: Option<Size>, closure: F) -> Self {
        let new = ManuallyDrop::new(closure);
        Self {
            size,
            has_begun: Cell::new(false),
            state: UnsafeCell::new(State { new }),
        }
    }

    /// Takes the closure of a thread that begins on the runner.
    #[inline]
    fn begin(&self, runner: NonNull<Runner>) -> F {
        let has_begun = self.has_begun.replace(true);
        assert!(!has_begun, "a green thread was begun twice; a bug in virid");
        let begun = State { begun: runner };
        // SAFETY: the worker asks for the stage before and after, not meanwhile.
        let before = unsafe { self.state.get().replace(begun) };
        // SAFETY: a thread that had not begun is its closure.
        ManuallyDrop::into_inner(unsafe { before.new })
    }
}

impl<F> Drop for Green<F> {
    fn drop(&mut self) {
        if !self.has_begun.get() {
            // SAFETY: a thread that has not begun is its closure, which nobody
            // touches again.
            unsafe { ManuallyDrop::drop(&mut self.state.get_mut().new) };
        }
    }
}

impl<F: FnOnce() -> T, T> Work for Green<F> {
    type Output = T;

    const IS_GREEN: bool = true;

    /// The whole life of the thread, on its runner. `context` lives as long.
    unsafe fn poll(this: NonNull<Self>, context: &mut Context<'_>) -> Poll<T> {
        // SAFETY: as the trait's contract says.
        let this = unsafe { this.as_ref() };
        // SAFETY: green threads are run by workers, which have installed theirs.
        let runners = unsafe { &*RUNNERS.get() };
        let Some(runner) = runners.seat.take() else {
            let error = runners.refusal.take().map(|error| error.to_string());
            panic!("no stack for a green thread: {}", error.unwrap_or_default());
        };
        let closure = this.begin(runner);
        // SAFETY: the runner is the one that this is called on.
        let current = unsafe { &runner.as_ref().current };
        // SAFETY: the waker is the poll's, and `Alive` takes the answer away.
        current.begin(unsafe { Own::behind(context.waker()) });
        let _alive = Alive { runners, current };
        context::set_green((&raw const *current).cast());
        Poll::Ready(closure())
    }

    fn stage(&self) -> Stage {
        if !self.has_begun.get() {
            return Stage::New(self.size);
        }
        // SAFETY: nobody writes it any more.
        let state = unsafe { &*self.state.get() };
        // SAFETY: a thread that has begun is its runner.
        Stage::Started(unsafe { state.begun }.cast())
    }
}

impl<F, T> Spawn for Green<F>
where
    F: FnOnce() -> T + Send + 'static,
    T: 'static,
{
    type Boxed = Green<Box<dyn FnOnce() -> T + Send>>;

    fn inherit(self, values: Values) -> Self::Boxed {
        let mut this = ManuallyDrop::new(self);
        // SAFETY: a thread that has not begun is its closure, and nobody drops it.
        let closure = unsafe { ManuallyDrop::take(&mut this.state.get_mut().new) };
        Green::new(this.size, Box::new(move || values.around(closure)))
    }
}

/// While it lives, the thread does.
struct Alive<'a> {
    runners: &'a Runners,
    current: &'a Current,
}

impl Drop for Alive<'_> {
    #[inline]
    fn drop(&mut self) {
        context::set_green(std::ptr::null());
        if self.current.has_place() {
            self.runners.leave_cold(self.current);
        }
        self.current.end();
    }
}
