//! The green thread that is running: what it must know to wait.
//!
//! A *cancellation point* is a call that may throw the thread's own end at it: a
//! payload that only virid makes, caught where the thread began. It is thrown
//! while the thread is not unwinding already and not shielded; a thread that
//! catches it gets it again at its next point. (To leave such a thread suspended,
//! after so many times, would not be sound: it may have borrowed from its worker's
//! thread-locals, which end with the worker.)

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::mem::ManuallyDrop;
use std::panic::resume_unwind;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, RawWakerVTable, Waker};

use crate::context;
use crate::task::waker::is_cancel_asked;
use crate::unwind::Cancelled;

/// What the runner of a green thread and the thread itself share. Used on one
/// worker's thread only.
pub(crate) struct Current {
    /// Gives the worker its own stack back; set by the runner.
    suspend: Cell<Option<unsafe fn(*const ())>>,
    /// What `suspend` is called with.
    yielder: Cell<*const ()>,
    /// The parts of the task's waker.
    waker: Cell<Option<(*const (), &'static RawWakerVTable)>>,
    is_cancelled: Cell<bool>,
    /// A panic, or the thread's end, was thrown here, and may not be caught yet.
    has_thrown: Cell<bool>,
    shields: Cell<u32>,
    no_suspend: Cell<u32>,
    /// How often the thread was suspended.
    switches: Cell<u64>,
    /// The thread waits for its turn only.
    pub(crate) has_yielded: Cell<bool>,
    /// The thread's function has returned.
    pub(crate) is_finished: Cell<bool>,
    /// Where the result goes: an address in the frame of the poll that waits.
    pub(crate) slot: Cell<*mut ()>,
    /// What the thread was named.
    pub(crate) name: RefCell<Option<Arc<str>>>,
    /// Its place in its worker's list of started threads.
    pub(crate) place: Cell<usize>,
}

impl Current {
    pub(crate) fn new() -> Self {
        Self {
            suspend: Cell::new(None),
            yielder: Cell::new(std::ptr::null()),
            waker: Cell::new(None),
            is_cancelled: Cell::new(false),
            has_thrown: Cell::new(false),
            shields: Cell::new(0),
            no_suspend: Cell::new(0),
            switches: Cell::new(0),
            has_yielded: Cell::new(false),
            is_finished: Cell::new(false),
            slot: Cell::new(std::ptr::null_mut()),
            name: RefCell::new(None),
            place: Cell::new(usize::MAX),
        }
    }

    /// The green thread that calls, if one does.
    #[inline]
    pub(crate) fn get<'a>() -> Option<&'a Self> {
        // SAFETY: the context holds the address while the thread runs, on this
        // very stack, which the borrow does not leave: callers keep it no longer
        // than their call.
        unsafe { context::green().cast::<Self>().as_ref() }
    }

    /// Before the first switch onto a runner.
    pub(crate) fn set_yielder(&self, yielder: *const (), suspend: unsafe fn(*const ())) {
        self.yielder.set(yielder);
        self.suspend.set(Some(suspend));
    }

    /// Before a thread begins.
    pub(crate) fn begin(&self, waker: &Waker) {
        self.waker.set(Some((waker.data(), waker.vtable())));
        self.is_cancelled.set(false);
        self.has_thrown.set(false);
        self.shields.set(0);
        self.no_suspend.set(0);
        self.is_finished.set(false);
        self.name.replace(None);
    }

    /// A waker of this thread. Not counted: for as long as the thread runs.
    pub(crate) fn waker(&self) -> ManuallyDrop<Waker> {
        let (data, table) = self.waker.get().expect("set when the thread began");
        // SAFETY: the parts are of the task's own waker, which lives while its
        // task runs; and it is not dropped.
        ManuallyDrop::new(unsafe { Waker::new(data, table) })
    }

    /// Asks the thread to end.
    pub(crate) fn cancel(&self) {
        self.is_cancelled.set(true);
    }

    /// A cancellation point without a wait.
    pub(crate) fn check(&self) {
        // SAFETY: the calling thread is alive.
        let is_asked = || unsafe { is_cancel_asked(&self.waker()) };
        let ends = self.is_cancelled.get() || is_asked();
        if !ends || self.shields.get() > 0 || self.is_unwinding() {
            return;
        }
        self.has_thrown.set(true);
        resume_unwind(Box::new(Cancelled));
    }

    /// Whether this very thread is unwinding. The standard library counts panics
    /// of the worker, and so those of others that wait in a destructor.
    fn is_unwinding(&self) -> bool {
        if !std::thread::panicking() {
            self.has_thrown.set(false);
            return false;
        }
        context::unwinding() == 0 || self.has_thrown.get()
    }

    /// Called by the panic hook, before the thread unwinds.
    pub(crate) fn note_panic(&self) {
        self.has_thrown.set(true);
    }

    /// Suspends until the thread is woken, perhaps for nothing. `call` is for the
    /// message where that is not allowed.
    #[track_caller]
    pub(crate) fn suspend(&self, call: &str) {
        assert!(
            self.no_suspend.get() == 0,
            "`{call}` would suspend a green thread inside no_suspend; wait before or after it"
        );
        self.switch();
    }

    /// Suspends until it is the thread's turn again.
    #[track_caller]
    pub(crate) fn yield_now(&self, call: &str) {
        self.has_yielded.set(self.may_suspend());
        self.suspend(call);
    }

    /// Whether the thread may be suspended here.
    pub(crate) fn may_suspend(&self) -> bool {
        self.no_suspend.get() == 0
    }

    fn switch(&self) {
        self.switches.set(self.switches.get() + 1);
        let is_unwinding = self.is_unwinding();
        if is_unwinding {
            context::set_unwinding(context::unwinding() + 1);
        }
        let entered = context::save();
        let suspend = self.suspend.get().expect("set before the first switch");
        // SAFETY: the runner set both, and this is its thread.
        unsafe { suspend(self.yielder.get()) };
        context::restore(entered);
        if is_unwinding {
            context::set_unwinding(context::unwinding() - 1);
        }
    }

    /// Drives a future on this thread, which is suspended while it waits.
    #[track_caller]
    pub(crate) fn block_on<F: Future>(&self, future: F, call: &str) -> F::Output {
        let waker = self.waker();
        let mut future = pin!(future);
        loop {
            self.check();
            let before = self.switches.get();
            if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
                return output;
            }
            // A wait inside the poll has taken what woke this one meanwhile.
            if self.switches.get() == before {
                self.suspend(call);
            }
        }
    }

    /// While the answer lives, no end is thrown.
    pub(crate) fn shield(&self) -> Marked<'_> {
        Marked::new(&self.shields)
    }

    /// While the answer lives, a wait panics.
    pub(crate) fn forbid_suspending(&self) -> Marked<'_> {
        Marked::new(&self.no_suspend)
    }
}

/// Waits are allowed again while it lives.
#[derive(Debug)]
pub(crate) struct Allowed<'a> {
    no_suspend: &'a Cell<u32>,
    before: u32,
}

impl Current {
    /// While the answer lives, a wait is allowed whatever surrounds it.
    pub(crate) fn allow_suspending(&self) -> Allowed<'_> {
        Allowed {
            no_suspend: &self.no_suspend,
            before: self.no_suspend.replace(0),
        }
    }
}

impl Drop for Allowed<'_> {
    fn drop(&mut self) {
        self.no_suspend.set(self.before);
    }
}

/// Counts itself while it lives.
#[derive(Debug)]
pub(crate) struct Marked<'a>(&'a Cell<u32>);

impl<'a> Marked<'a> {
    fn new(count: &'a Cell<u32>) -> Self {
        count.set(count.get() + 1);
        Self(count)
    }
}

impl Drop for Marked<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}
