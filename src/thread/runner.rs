//! Runners: stacks that run green threads (`green.rs`) one after another.
//!
//! A thread owns no stack until it first runs. A worker that has come to one that
//! has not begun switches to a runner and does its work *there*: it runs that
//! thread and those behind it in the queue, one after another, with no switch in
//! between. It comes back to its own stack for everything else: a future, a thread
//! that has a stack already, an empty queue, and a thread that waits. That one
//! keeps the stack, with the rest of the worker's loop on it, and stays on that
//! worker from then on, because a stack that moved to another thread of the system
//! would take along what belongs to the first. When it has ended, the loop on that
//! stack goes on.

use std::cell::{Cell, RefCell, UnsafeCell};
use std::fmt;
use std::io;
use std::mem::ManuallyDrop;
use std::ptr::NonNull;

use corosensei::{Coroutine, CoroutineResult, Yielder};

use super::current::{Current, Input, Turn};
use super::fault;
use super::stack::{self, Size, Stack};
use crate::context;
use crate::task::header::{Runnable, TaskRef};

/// Runners that a worker keeps for the next threads, and when it parks.
const MOST_IDLE: usize = 64;
const MOST_IDLE_WHEN_PARKED: usize = 4;

type Switch = Coroutine<Input, Turn, (), Stack>;

/// Runs a thread on the calling runner, and those behind it in the queue of the
/// worker at the address. The task at which it had to stop.
pub(crate) type RunThreads = unsafe fn(*const (), &Seat<'_>, Runnable) -> Option<Runnable>;

/// A stack and what runs on it, in the room at the stack's beginning: it takes no
/// memory besides the page that the thread's first frames are in. Ended by `retire`.
pub(crate) struct Runner {
    pub(super) current: Current,
    /// Used by its worker only, and by nobody while it is switched to.
    coroutine: UnsafeCell<ManuallyDrop<Switch>>,
    size: Size,
    /// The worker that made it.
    home: usize,
}

impl Runner {
    fn new(size: Size, home: usize) -> io::Result<NonNull<Self>> {
        fault::install();
        let stack = Stack::take(size)?;
        stack.set_mark();
        let address = stack.room().cast::<Self>();
        let coroutine = Coroutine::with_stack(stack, move |yielder, first| {
            // SAFETY: the runner is older than the first switch, and younger than
            // the last.
            run(unsafe { address.as_ref() }, yielder, first);
        });
        let runner = Self {
            current: Current::new(),
            coroutine: UnsafeCell::new(ManuallyDrop::new(coroutine)),
            size,
            home,
        };
        // SAFETY: the room is large enough, and the stack is this one's.
        unsafe { address.write(runner) };
        Ok(address)
    }

    /// Switches to the stack, until it gives the worker its own back.
    #[inline]
    fn switch(&self, input: Input) -> Turn {
        // SAFETY: only this worker uses it, and what runs on the stack does not.
        let coroutine = unsafe { &mut *self.coroutine.get() };
        let result = coroutine.resume(input);
        context::set_green(std::ptr::null());
        match result {
            CoroutineResult::Yield(turn) => turn,
            CoroutineResult::Return(()) => Turn::Free(None),
        }
    }

    /// Gives the stack back.
    ///
    /// # Safety
    ///
    /// No thread is on it, and nobody uses the runner again.
    unsafe fn retire(runner: NonNull<Self>) {
        // A green thread may be the one that gives memory back.
        let calling = context::green();
        // SAFETY: it is still there.
        unsafe { runner.as_ref() }.switch(Input::End);
        context::set_green(calling);
        // SAFETY: its stack has ended, and nobody reads the place again.
        let mut this = unsafe { runner.read() };
        // SAFETY: taken once, since `this` is gone after this.
        let coroutine = unsafe { ManuallyDrop::take(this.coroutine.get_mut()) };
        coroutine.into_stack().give_back();
    }
}

const _: () = assert!(
    size_of::<Runner>() <= stack::ROOM_BYTES && align_of::<Runner>() <= stack::ROOM_BYTES,
    "a runner has room on its stack"
);

/// The loop of a runner, on its stack.
fn run(runner: &Runner, yielder: &Yielder<Input, Turn>, first: Input) {
    runner.current.set_yielder(yielder);
    let mut input = first;
    while let Input::Begin(thread) = input {
        // SAFETY: a runner is switched to by a worker, which has installed its own.
        let runners = unsafe { &*RUNNERS.get() };
        let (worker, run_threads) = runners.worker.get().expect("installed");
        let seat = Seat { runners, runner };
        // SAFETY: the address belongs to the function.
        let next = unsafe { run_threads(worker, &seat, thread) };
        input = yielder.suspend(Turn::Free(next));
    }
}

/// A runner, to the worker's loop on it.
pub(crate) struct Seat<'a> {
    runners: &'a Runners,
    runner: &'a Runner,
}

impl Seat<'_> {
    /// Whether a thread that asks for a stack like this may begin on this one.
    #[inline]
    pub(crate) fn fits(&self, size: Option<Size>) -> bool {
        size.unwrap_or(self.runners.size) == self.runner.size
    }

    /// Runs a thread that has not begun to its end: on this stack, which may be
    /// suspended meanwhile.
    #[inline]
    pub(crate) fn run(&self, thread: Runnable) {
        self.runners.seat.set(Some(NonNull::from(self.runner)));
        thread.run().queue_next();
        // Where the thread was cancelled before it began.
        self.runners.seat.set(None);
    }
}

/// The runners of one worker.
pub(crate) struct Runners {
    home: usize,
    size: Size,
    spawn_yields: bool,
    /// The worker, and what it does on a runner.
    worker: Cell<Option<(*const (), RunThreads)>>,
    /// The runner that the next thread begins on: its loop is about to run it.
    pub(super) seat: Cell<Option<NonNull<Runner>>>,
    /// Why the next thread, which has none, got none.
    pub(super) refusal: Cell<Option<io::Error>>,
    idle: RefCell<Vec<NonNull<Runner>>>,
    /// Those whose threads have waited and not ended, and their number, which is
    /// asked for before every task.
    started: RefCell<Vec<NonNull<Runner>>>,
    started_len: Cell<usize>,
}

thread_local! {
    /// The runners of the worker that this thread is, or null.
    pub(super) static RUNNERS: Cell<*const Runners> = const { Cell::new(std::ptr::null()) };
}

impl Runners {
    /// For the worker with this index, with stacks of this size if a thread asks
    /// for no other.
    pub(crate) fn new(home: usize, size: Size, spawn_yields: bool) -> Self {
        Self {
            home,
            size,
            spawn_yields,
            worker: Cell::new(None),
            seat: Cell::new(None),
            refusal: Cell::new(None),
            idle: RefCell::default(),
            started: RefCell::default(),
            started_len: Cell::new(0),
        }
    }

    /// Makes these the runners of the calling thread.
    ///
    /// # Safety
    ///
    /// They stay where they are until [`uninstall`](Self::uninstall), and the worker
    /// too, whose address is for `run_threads`.
    pub(crate) unsafe fn install(&self, worker: *const (), run_threads: RunThreads) {
        self.worker.set(Some((worker, run_threads)));
        RUNNERS.set(self);
    }

    pub(crate) fn uninstall(&self) {
        RUNNERS.set(std::ptr::null());
        self.shrink(0);
        // Nobody may be left to do so later.
        stack::trim();
    }

    /// Whether a thread that spawns waits when there are many.
    pub(crate) fn spawn_yields(&self) -> bool {
        self.spawn_yields
    }

    /// How many threads have waited and not ended.
    #[inline]
    pub(crate) fn started(&self) -> usize {
        self.started_len.get()
    }

    /// The tasks of those threads.
    pub(crate) fn tasks(&self) -> Vec<TaskRef> {
        let task = |runner: &NonNull<Runner>| {
            // SAFETY: a started thread keeps its runner.
            unsafe { runner.as_ref() }.current.task().reference()
        };
        self.started.borrow().iter().map(task).collect()
    }

    /// Which worker a started thread is on.
    pub(crate) fn home_of(stack: NonNull<()>) -> usize {
        // SAFETY: a started thread keeps its runner.
        unsafe { stack.cast::<Runner>().as_ref() }.home
    }

    /// Begins a thread on a runner of its own, until that has nothing to do. Where
    /// there is none, the thread's poll says why.
    pub(crate) fn begin(&self, thread: Runnable, size: Option<Size>) -> Turn {
        let runner = match self.take(size) {
            Ok(runner) => runner,
            Err(error) => {
                self.refusal.set(Some(error));
                thread.run().queue_next();
                return Turn::Free(None);
            }
        };
        self.switch(runner, Input::Begin(thread))
    }

    /// Goes on with a thread that has started here.
    #[inline]
    pub(crate) fn resume(&self, stack: NonNull<()>, is_asked_to_end: bool) -> Turn {
        let runner = stack.cast::<Runner>();
        // SAFETY: a started thread keeps its runner.
        let current = unsafe { &runner.as_ref().current };
        if is_asked_to_end {
            current.cancel();
        }
        context::set_green((&raw const *current).cast());
        self.switch(runner, Input::GoOn)
    }

    #[inline]
    fn switch(&self, runner: NonNull<Runner>, input: Input) -> Turn {
        // SAFETY: it was taken, or is that of a thread.
        let this = unsafe { runner.as_ref() };
        let turn = this.switch(input);
        if matches!(turn, Turn::Free(_)) {
            self.put_back(runner);
        } else if !this.current.has_place() {
            self.enter(runner);
        }
        turn
    }

    /// Before the worker parks: keeps a few stacks for the next threads, and leaves
    /// the others to all.
    pub(crate) fn hand_in(&self) {
        self.shrink(MOST_IDLE_WHEN_PARKED);
    }

    /// Where all free memory is asked for.
    pub(crate) fn hand_in_all(&self) {
        self.shrink(0);
    }

    /// Makes runners for the first threads, as many as the system allows.
    pub(crate) fn prewarm(&self, count: usize) {
        let make = |_| Runner::new(self.size, self.home).ok();
        let runners = (0..count.min(MOST_IDLE)).map_while(make);
        self.idle.borrow_mut().extend(runners);
    }

    fn shrink(&self, most: usize) {
        if self.idle.borrow().len() > most {
            let idle = self.idle.borrow_mut().split_off(most);
            for runner in idle {
                // SAFETY: it was idle, and is in no list now.
                unsafe { Runner::retire(runner) };
            }
        }
    }

    fn take(&self, size: Option<Size>) -> io::Result<NonNull<Runner>> {
        let size = size.unwrap_or(self.size);
        if size == self.size
            && let Some(runner) = self.idle.borrow_mut().pop()
        {
            return Ok(runner);
        }
        Runner::new(size, self.home)
    }

    fn put_back(&self, runner: NonNull<Runner>) {
        let mut idle = self.idle.borrow_mut();
        // SAFETY: it is still there.
        if unsafe { runner.as_ref() }.size == self.size && idle.len() < MOST_IDLE {
            idle.push(runner);
        } else {
            drop(idle);
            // SAFETY: its last thread has ended, and it is in no list.
            unsafe { Runner::retire(runner) };
        }
    }

    /// The thread on the runner has waited for the first time.
    fn enter(&self, runner: NonNull<Runner>) {
        let mut started = self.started.borrow_mut();
        // SAFETY: a started thread keeps its runner.
        unsafe { runner.as_ref() }.current.place.set(started.len());
        started.push(runner);
        self.started_len.set(started.len());
    }

    /// The thread has ended.
    #[cold]
    pub(super) fn leave_cold(&self, current: &Current) {
        let place = current.take_place();
        let mut started = self.started.borrow_mut();
        started.swap_remove(place);
        self.started_len.set(started.len());
        if let Some(moved) = started.get(place) {
            // SAFETY: a started thread keeps its runner.
            unsafe { moved.as_ref() }.current.place.set(place);
        }
    }
}

impl fmt::Debug for Runners {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Runners({} started)", self.started())
    }
}
