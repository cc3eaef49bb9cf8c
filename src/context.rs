//! Who is calling: what a thread knows about the runtime it works for.
//!
//! | caller                                              | `spawn` goes to         | `block_on`, `join`                 |
//! |-----------------------------------------------------|-------------------------|------------------------------------|
//! | a worker, polling a task or dropping its future     | the worker's own queue  | panics, the message names `.await` |
//! | a green thread                                      | the worker's own queue  | suspends the green thread          |
//! | the panic hook, on any of these                     | the same                | parks the thread of the system     |
//! | who drops futures at the end of a runtime           | nobody: it is cancelled | panics, the same                   |
//! | a thread hook of a runtime                          | that runtime's injector | panics, the same                   |
//! | a plain thread in a runtime's `block_on` or `enter` | that runtime's injector | parks the thread; nesting is fine  |
//! | any other plain thread                              | the default runtime's   | parks the thread                   |
//! | a destructor of a `thread_local!`                   | as a plain thread, also on a worker, which has left by then | |
//!
//! Dropping a `Runtime` waits for its workers on any thread that it has not
//! started itself.
//!
//! The thread-local of this file has no destructor, so the last row needs no
//! case. This file knows no worker and no runtime: both stand on higher floors,
//! install themselves here as bare addresses, and cast those back.

use std::cell::Cell;
use std::cmp::Ordering;
use std::num::NonZero;
use std::ptr;

use crate::monitor::countdown::{BLOCK, Countdown, Weight};
use crate::primitives::{Counter, thread_local_const};

/// The first number that no thread has taken yet.
static NEXT_BLOCK: Counter = Counter::new(1);

struct Context {
    /// The worker that this thread is, or null.
    worker: Cell<*const ()>,
    /// The runtime that this thread works for or has entered, or null.
    runtime: Cell<*const ()>,
    /// See [`unwinding`].
    #[cfg(not(virid_loom))]
    unwinding: Cell<u32>,
    /// The green thread that is running on this thread, or null.
    green: Cell<*const ()>,
    /// The task-locals that are set around what runs here (`task/values.rs`), or null.
    locals: Cell<*const ()>,
    /// See [`NoBlocking`].
    no_blocking: Cell<bool>,
    /// See [`InHook`].
    in_hook: Cell<bool>,
    /// The runtime that started this thread, or null. Only ever compared.
    home: Cell<*const ()>,
    /// This thread's number; 0 until somebody asks.
    number: Cell<usize>,
    /// Which [`Entered`] set the first two; 0 for none. And the last one given out.
    serial: Cell<u64>,
    last_serial: Cell<u64>,
    /// The next task number of this thread's block, and the one at which it looks up
    /// (`monitor/countdown.rs`): none is left, or the task is a sample.
    next_number: Cell<u64>,
    look_up: Cell<u64>,
    countdown: Countdown,
}

thread_local_const! {
    static CONTEXT: Context = Context {
        worker: Cell::new(ptr::null()),
        runtime: Cell::new(ptr::null()),
        #[cfg(not(virid_loom))]
        unwinding: Cell::new(0),
        green: Cell::new(ptr::null()),
        locals: Cell::new(ptr::null()),
        no_blocking: Cell::new(false),
        in_hook: Cell::new(false),
        home: Cell::new(ptr::null()),
        number: Cell::new(0),
        serial: Cell::new(0),
        last_serial: Cell::new(0),
        next_number: Cell::new(0),
        look_up: Cell::new(0),
        countdown: Countdown::new(),
    };
}

/// The address of the worker that this thread is; null on a plain thread.
#[inline]
pub(crate) fn worker() -> *const () {
    CONTEXT.with(|context| context.worker.get())
}

/// The address of the runtime that this thread works for or has entered.
#[inline]
pub(crate) fn runtime() -> *const () {
    CONTEXT.with(|context| context.runtime.get())
}

/// The address of the green thread that is running here; null outside of any.
#[inline]
pub(crate) fn green() -> *const () {
    CONTEXT.with(|context| context.green.get())
}

/// Says which green thread is running from now on.
#[cfg(not(virid_loom))]
#[inline]
pub(crate) fn set_green(green: *const ()) {
    CONTEXT.with(|context| context.green.set(green));
}

/// The address of the task-locals that are set around the caller, or null.
#[inline]
pub(crate) fn locals() -> *const () {
    CONTEXT.with(|context| context.locals.get())
}

/// Says which are, from now on; which were.
#[inline]
pub(crate) fn replace_locals(locals: *const ()) -> *const () {
    CONTEXT.with(|context| context.locals.replace(locals))
}

/// How many green threads of this thread are suspended while they unwind, and have
/// left their panics in what `std::thread::panicking` says: where they could not be
/// taken out.
#[cfg(not(virid_loom))]
pub(crate) fn unwinding() -> u32 {
    CONTEXT.with(|context| context.unwinding.get())
}

/// Changes that number.
#[cfg(not(virid_loom))]
pub(crate) fn set_unwinding(unwinding: u32) {
    CONTEXT.with(|context| context.unwinding.set(unwinding));
}

/// What a green thread has entered, while others run on its worker.
#[cfg(not(virid_loom))]
#[derive(Debug)]
pub(crate) struct Saved {
    runtime: *const (),
    serial: u64,
    no_blocking: bool,
    locals: *const (),
}

/// Before the calling green thread is suspended.
#[cfg(not(virid_loom))]
#[inline]
pub(crate) fn save() -> Saved {
    CONTEXT.with(|context| Saved {
        runtime: context.runtime.get(),
        serial: context.serial.get(),
        // What this thread may not do, the next may.
        no_blocking: context.no_blocking.replace(false),
        // Nor does it see what is set here.
        locals: context.locals.replace(ptr::null()),
    })
}

/// When it goes on.
#[cfg(not(virid_loom))]
#[inline]
pub(crate) fn restore(saved: Saved) {
    CONTEXT.with(|context| {
        context.runtime.set(saved.runtime);
        context.serial.set(saved.serial);
        context.no_blocking.set(saved.no_blocking);
        context.locals.set(saved.locals);
    });
}

/// Whether this thread was started by the runtime at the address.
pub(crate) fn belongs_to(runtime: *const ()) -> bool {
    CONTEXT.with(|context| context.home.get()) == runtime
}

/// Says which runtime has started this thread, for the rest of its life.
pub(crate) fn set_home(runtime: *const ()) {
    CONTEXT.with(|context| context.home.set(runtime));
}

/// A small number of this thread's own.
pub(crate) fn thread_number() -> usize {
    static NEXT: Counter = Counter::new(1);
    CONTEXT.with(|context| {
        if context.number.get() == 0 {
            context.number.set(NEXT.fetch_add(1) as usize);
        }
        context.number.get()
    })
}

/// A number that no other task of the process has. `None` where it is time to
/// [`look_up`].
#[inline]
pub(crate) fn next_task_number() -> Option<NonZero<u64>> {
    CONTEXT.with(|context| {
        let number = context.next_number.get();
        if number == context.look_up.get() {
            return None;
        }
        context.next_number.set(number + 1);
        NonZero::new(number)
    })
}

/// Such a number, and what its task stands for if it is to be a sample.
#[cold]
pub(crate) fn look_up() -> (NonZero<u64>, Option<Weight>) {
    CONTEXT.with(|context| {
        let take_block = || NEXT_BLOCK.fetch_add(BLOCK);
        let look = context
            .countdown
            .look_up(context.next_number.get(), take_block);
        context.next_number.set(look.number + 1);
        context.look_up.set(look.again);
        let number = NonZero::new(look.number).expect("numbers begin at 1");
        (number, look.sample)
    })
}

/// Has this thread look up with its next task, where it has not seen which samples
/// are wanted now.
#[cfg(not(virid_loom))]
pub(crate) fn look_up_soon() {
    CONTEXT.with(|context| {
        if context.countdown.is_stale() {
            context.look_up.set(context.next_number.get());
        }
    });
}

/// A number of this thread's own, from the same range as the tasks'.
#[cfg(not(virid_loom))]
pub(crate) fn own_number() -> u64 {
    thread_local! {
        static OWN: u64 = next_task_number().unwrap_or_else(|| look_up().0).get();
    }
    OWN.try_with(|own| *own).unwrap_or(0)
}

/// While it lives, this thread works for a runtime; dropping it restores what
/// was before. Not `Send`: it belongs to the thread that made it.
#[derive(Debug)]
pub(crate) struct Entered {
    worker_before: *const (),
    runtime_before: *const (),
    serial: u64,
    serial_before: u64,
}

/// Where an [`Entered`] stands among those of its thread.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It is the last one entered: dropping it restores what was before.
    Innermost,
    /// One entered later is still there, and would restore this one.
    Covered,
    /// One entered earlier was dropped, and this one's work undone with it.
    Left,
}

/// Makes this thread the worker at the first address, for the runtime at the
/// second. Both stay valid until the `Entered` is gone, or for ever if it is
/// never dropped.
pub(crate) fn enter_worker(worker: *const (), runtime: *const ()) -> Entered {
    CONTEXT.with(|context| {
        let serial = context.last_serial.get() + 1;
        context.last_serial.set(serial);
        Entered {
            worker_before: context.worker.replace(worker),
            runtime_before: context.runtime.replace(runtime),
            serial,
            serial_before: context.serial.replace(serial),
        }
    })
}

/// Enters the runtime at the address, as whoever this thread is.
pub(crate) fn enter_runtime(runtime: *const ()) -> Entered {
    enter_worker(worker(), runtime)
}

/// Makes the [`Entered`] with this serial the last one entered again, where a
/// guard was left entered over it.
#[inline]
pub(crate) fn reassert(serial: u64, worker: *const (), runtime: *const ()) {
    CONTEXT.with(|context| {
        if context.serial.get() != serial {
            context.worker.set(worker);
            context.runtime.set(runtime);
            context.serial.set(serial);
        }
    });
}

impl Entered {
    pub(crate) fn serial(&self) -> u64 {
        self.serial
    }

    pub(crate) fn standing(&self) -> Standing {
        let innermost = CONTEXT.with(|context| context.serial.get());
        // Serials are never used twice. A higher one may also be of a scope
        // that was entered after ours was left; treating that as covered is
        // the safe side.
        match innermost.cmp(&self.serial) {
            Ordering::Equal => Standing::Innermost,
            Ordering::Greater => Standing::Covered,
            Ordering::Less => Standing::Left,
        }
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        CONTEXT.with(|context| {
            context.worker.set(self.worker_before);
            context.runtime.set(self.runtime_before);
            context.serial.set(self.serial_before);
        });
    }
}

/// While it lives, this thread must not stop: it drops futures that others wait
/// for, though it is no worker, or none any more.
#[derive(Debug)]
pub(crate) struct NoBlocking {
    before: bool,
}

pub(crate) fn forbid_blocking() -> NoBlocking {
    NoBlocking {
        before: CONTEXT.with(|context| context.no_blocking.replace(true)),
    }
}

impl Drop for NoBlocking {
    fn drop(&mut self) {
        CONTEXT.with(|context| context.no_blocking.set(self.before));
    }
}

/// While it lives, this thread is inside the panic hook. A wait blocks it there,
/// whoever has panicked: to suspend would let another thread panic inside the hook,
/// and to panic is to do so; the standard library aborts for both.
#[cfg(not(virid_loom))]
#[derive(Debug)]
pub(crate) struct InHook(());

#[cfg(not(virid_loom))]
pub(crate) fn enter_hook() -> InHook {
    CONTEXT.with(|context| context.in_hook.set(true));
    InHook(())
}

#[cfg(not(virid_loom))]
impl Drop for InHook {
    fn drop(&mut self) {
        CONTEXT.with(|context| context.in_hook.set(false));
    }
}

/// Whether this thread is inside the panic hook.
#[inline]
pub(crate) fn is_in_hook() -> bool {
    CONTEXT.with(|context| context.in_hook.get())
}

/// Whether the caller may wait until something happens: a green thread is suspended, a
/// thread of the operating system stopped.
pub(crate) fn may_block() -> bool {
    !green().is_null()
        || is_in_hook()
        || worker().is_null() && !CONTEXT.with(|context| context.no_blocking.get())
}

/// Says that the caller is about to wait until something happens: a green thread
/// will be suspended, a thread of the operating system stopped.
///
/// # Panics
///
/// On a worker: every task behind the caller would wait with it. And in a
/// thread hook, and the destructor of a future that the end of a runtime drops.
/// Not inside the panic hook, where a panic would end the process.
#[track_caller]
pub(crate) fn assert_may_block(call: &str, instead: &str) {
    assert!(
        may_block(),
        "`{call}` inside a task, in the destructor of one or in a thread hook would block every \
         task queued behind it; use {instead} instead"
    );
}
