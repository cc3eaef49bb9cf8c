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
use std::panic::resume_unwind;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use corosensei::Yielder;

use super::panics::Panics;
use crate::context;
use crate::primitives::park_timeout as os_park_timeout;
use crate::task::green::Own;
use crate::task::header::Runnable;
use crate::unwind::Cancelled;

/// How often a thread that parks inside the panic hook looks for its token.
const LOOK_INTERVAL: Duration = Duration::from_millis(1);

/// What a stack is resumed with: a thread to begin, nothing where its thread goes
/// on, or the end.
pub(crate) enum Input {
    Begin(Runnable),
    GoOn,
    End,
}

/// Why a stack gives the worker its own back.
pub(crate) enum Turn {
    /// Its thread waits to be woken.
    Waits(Runnable),
    /// Its thread waits for others to have their turn.
    Yields(Runnable),
    /// Its thread has spawned so many that they shall run first.
    Spawns(Runnable),
    /// Its last thread has ended. With the task that the worker has taken from its
    /// queue meanwhile.
    Free(Option<Runnable>),
}

/// What the runner of a green thread and the thread itself share. Used on one
/// worker's thread only.
pub(crate) struct Current {
    /// Gives the worker its own stack back; set by the runner, on whose stack it is.
    yielder: Cell<*const Yielder<Input, Turn>>,
    /// The thread's task. Set while it is alive.
    task: Cell<Option<Own>>,
    is_cancelled: Cell<bool>,
    shields: Cell<u32>,
    no_suspend: Cell<u32>,
    /// How often the thread was suspended.
    switches: Cell<u64>,
    /// What the thread was named.
    pub(crate) name: RefCell<Option<Arc<str>>>,
    /// Its place in its worker's list of started threads.
    pub(crate) place: Cell<usize>,
}

impl Current {
    pub(crate) fn new() -> Self {
        Self {
            yielder: Cell::new(std::ptr::null()),
            task: Cell::new(None),
            is_cancelled: Cell::new(false),
            shields: Cell::new(0),
            no_suspend: Cell::new(0),
            switches: Cell::new(0),
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

    /// The same, for a wait: none inside the panic hook, where a wait blocks the
    /// thread of the system.
    #[inline]
    pub(crate) fn get_to_wait<'a>() -> Option<&'a Self> {
        Self::get().filter(|_| !context::is_in_hook())
    }

    /// On a new stack.
    pub(crate) fn set_yielder(&self, yielder: &Yielder<Input, Turn>) {
        self.yielder.set(yielder);
    }

    /// Before a thread begins.
    #[inline]
    pub(crate) fn begin(&self, task: Own) {
        self.task.set(Some(task));
        self.is_cancelled.set(false);
        self.shields.set(0);
        self.no_suspend.set(0);
    }

    /// When it has ended.
    #[inline]
    pub(crate) fn end(&self) {
        self.task.set(None);
        // Most have none.
        if self.name.borrow().is_some() {
            self.name.replace(None);
        }
    }

    /// Whether it is in its worker's list of started threads.
    #[inline]
    pub(crate) fn has_place(&self) -> bool {
        self.place.get() != usize::MAX
    }

    /// Takes it out of that list: its place there.
    pub(crate) fn take_place(&self) -> usize {
        self.place.replace(usize::MAX)
    }

    /// The task of the thread that is alive here.
    #[inline]
    #[track_caller]
    pub(crate) fn task(&self) -> Own {
        self.task.get().expect("a thread runs here")
    }

    /// Asks the thread to end.
    pub(crate) fn cancel(&self) {
        self.is_cancelled.set(true);
    }

    /// A cancellation point without a wait.
    #[inline]
    pub(crate) fn check(&self) {
        if self.is_asked_to_end() {
            self.throw_cold();
        }
    }

    /// Whether it is to end: it was cancelled, or its worker is ending.
    #[inline]
    pub(crate) fn is_asked_to_end(&self) -> bool {
        self.is_cancelled.get() || self.task().is_cancel_asked()
    }

    #[cold]
    fn throw_cold(&self) {
        // The count of panics is this very thread's (`panics.rs`).
        if !std::thread::panicking() {
            self.throw();
        }
    }

    /// The same, for a thread that is known not to unwind.
    fn throw(&self) {
        if self.shields.get() > 0 {
            return;
        }
        resume_unwind(Box::new(Cancelled));
    }

    /// Suspends until the thread is woken, perhaps for nothing. `call` is for the
    /// message where that is not allowed.
    #[track_caller]
    pub(crate) fn suspend(&self, call: &str) {
        // Where it cannot be known yet whether the thread may be ended, it asks again.
        let asks_again = self.is_cancelled.get() && context::unwinding() > 0;
        let turn = if asks_again {
            Turn::Yields
        } else {
            Turn::Waits
        };
        self.suspend_for(turn, call);
    }

    /// Suspends until the thread has its turn again.
    ///
    /// Inlined, as all of a switch is: a function that returns on another stack
    /// than where the processor saw the call costs a wrong guess, and the return
    /// from the switch another.
    #[inline(always)]
    #[track_caller]
    pub(crate) fn suspend_for(&self, turn: fn(Runnable) -> Turn, call: &str) {
        self.assert_may_suspend(call);
        // SAFETY: the thread gives up its right with the stack.
        self.switch(turn(unsafe { self.task().runnable() }));
    }

    /// Panics where the thread may not be suspended; `call` is for the message.
    #[inline]
    #[track_caller]
    pub(crate) fn assert_may_suspend(&self, call: &str) {
        if !self.may_suspend() {
            refuse_cold(call);
        }
    }

    /// Whether the thread may be suspended here.
    pub(crate) fn may_suspend(&self) -> bool {
        self.no_suspend.get() == 0
    }

    #[inline(always)]
    fn switch(&self, turn: Turn) {
        self.switches.set(self.switches.get() + 1);
        let spawns = matches!(turn, Turn::Spawns(_));
        let panics = std::thread::panicking().then(Panics::take_out);
        let entered = context::save();
        // SAFETY: this is the stack whose yielder it is.
        unsafe { &*self.yielder.get() }.suspend(turn);
        context::restore(entered);
        match panics {
            Some(panics) => panics.put_back(),
            // Here it is known, also where others have left their panics behind.
            None if self.is_cancelled.get() && !spawns => self.throw(),
            None => {}
        }
    }

    /// Parks inside the panic hook: the thread of the system, which nobody unparks
    /// for a green thread, so it looks for the token now and then.
    #[cold]
    pub(crate) fn park_in_hook(&self, timeout: Option<Duration>) {
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        while !self.task().take_token() {
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                return;
            }
            os_park_timeout(left.map_or(LOOK_INTERVAL, |left| left.min(LOOK_INTERVAL)));
        }
    }

    /// Drives a future on this thread, which is suspended while it waits.
    #[track_caller]
    pub(crate) fn block_on<F: Future>(&self, future: F, call: &str) -> F::Output {
        let waker = self.task().waker();
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

#[cold]
#[track_caller]
fn refuse_cold(call: &str) -> ! {
    panic!("`{call}` would suspend a green thread inside no_suspend; wait before or after it");
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
