//! Runners: stacks that run green threads one after another, and the green
//! thread as a task.
//!
//! A thread owns no stack until it first runs. Then it gets a runner of its
//! worker, and gives it back when it ends; only one that waits keeps it, and stays
//! on that worker from then on, because a stack that moved to another thread of
//! the system would take along what belongs to the first.
//!
//! To the scheduler a green thread is a task whose poll switches to the runner,
//! and is pending when the thread waits.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::io;
use std::mem::ManuallyDrop;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::ptr::NonNull;
use std::task::{Context, Poll, Waker};

use corosensei::{Coroutine, CoroutineResult, Yielder};

use super::current::Current;
use super::fault;
use super::stack::{Size, Stack};
use crate::context;
use crate::task::work::Work;
use crate::unwind::{self, Payload};

/// Runners that a worker keeps for the next threads, and when it parks.
const MOST_IDLE: usize = 64;
const MOST_IDLE_WHEN_PARKED: usize = 4;

/// What a runner is resumed with: a thread to begin, nothing where its thread
/// goes on, or the end.
enum Input {
    Begin(unsafe fn(*mut (), &Current), *mut ()),
    GoOn,
    End,
}

type Switch = Coroutine<Input, (), (), Stack>;

/// A stack and what runs on it.
pub(crate) struct Runner {
    coroutine: ManuallyDrop<Switch>,
    /// Made from a box, and freed by `retire`: the stack has its address.
    current: NonNull<Current>,
    size: Size,
    /// The worker that made it.
    home: usize,
}

impl Runner {
    fn new(size: Size, home: usize) -> io::Result<Box<Self>> {
        fault::install();
        let stack = Stack::take(size)?;
        let current = NonNull::from(Box::leak(Box::new(Current::new())));
        let coroutine = Coroutine::with_stack(stack, move |yielder, first| {
            // SAFETY: the runner keeps both for as long as it exists.
            run(unsafe { current.as_ref() }, yielder, first);
        });
        Ok(Box::new(Self {
            coroutine: ManuallyDrop::new(coroutine),
            current,
            size,
            home,
        }))
    }

    /// Switches to the stack, until its thread waits or has ended.
    fn switch(&mut self, input: Input) {
        let before = context::set_green(self.current.as_ptr().cast());
        let result = self.coroutine.resume(input);
        context::set_green(before);
        debug_assert!(matches!(result, CoroutineResult::Yield(())));
    }

    /// Gives the stack back. No thread is on it.
    fn retire(mut self) {
        let result = self.coroutine.resume(Input::End);
        debug_assert!(matches!(result, CoroutineResult::Return(())));
        // SAFETY: taken once, since `self` is gone after this.
        let coroutine = unsafe { ManuallyDrop::take(&mut self.coroutine) };
        coroutine.into_stack().give_back();
        // SAFETY: it came from a box, and the stack is gone.
        drop(unsafe { Box::from_raw(self.current.as_ptr()) });
    }

    fn current<'a>(&self) -> &'a Current {
        // SAFETY: it lives until `retire`, and nobody keeps the answer longer than
        // the runner.
        unsafe { self.current.as_ref() }
    }
}

/// The loop of a runner, on its stack.
fn run(current: &Current, yielder: &Yielder<Input, ()>, first: Input) {
    let address: *const Yielder<Input, ()> = yielder;
    current.set_yielder(address.cast(), suspend);
    let mut input = first;
    while let Input::Begin(enter, argument) = input {
        // SAFETY: `Green::poll` passed what fits.
        unsafe { enter(argument, current) };
        input = yielder.suspend(());
    }
}

/// # Safety
///
/// `yielder` is that of the runner whose stack this is called on.
unsafe fn suspend(yielder: *const ()) {
    // SAFETY: as this function's contract says.
    let yielder = unsafe { &*yielder.cast::<Yielder<Input, ()>>() };
    yielder.suspend(());
}

/// The first function on a thread's part of the stack.
///
/// # Safety
///
/// `argument` is the address of an `F`, which is moved out here.
unsafe fn enter<F: FnOnce() -> T, T>(argument: *mut (), current: &Current) {
    // SAFETY: as this function's contract says.
    let closure = unsafe { argument.cast::<F>().read() };
    let result = unwind::catch(closure);
    // SAFETY: the poll that waits for us has room for it, and says where.
    unsafe {
        current
            .slot
            .get()
            .cast::<Option<Result<T, Payload>>>()
            .write(Some(result))
    };
    current.is_finished.set(true);
}

/// The runners of one worker.
pub(crate) struct Runners {
    home: usize,
    size: Size,
    spawn_yields: bool,
    #[expect(clippy::vec_box, reason = "the box goes to the thread and comes back")]
    idle: RefCell<Vec<Box<Runner>>>,
    /// The threads that have waited and not ended, and their number, which is
    /// asked for before every task.
    started: RefCell<Vec<NonNull<Current>>>,
    started_len: Cell<usize>,
}

thread_local! {
    /// The runners of the worker that this thread is, or null.
    static RUNNERS: Cell<*const Runners> = const { Cell::new(std::ptr::null()) };
}

impl Runners {
    /// For the worker with this index, with stacks of this size if a thread asks
    /// for no other.
    pub(crate) fn new(home: usize, size: Size, spawn_yields: bool) -> Self {
        Self {
            home,
            size,
            spawn_yields,
            idle: RefCell::default(),
            started: RefCell::default(),
            started_len: Cell::new(0),
        }
    }

    /// Makes these the runners of the calling thread.
    ///
    /// # Safety
    ///
    /// They stay where they are until [`uninstall`](Self::uninstall).
    pub(crate) unsafe fn install(&self) {
        RUNNERS.set(self);
    }

    pub(crate) fn uninstall(&self) {
        RUNNERS.set(std::ptr::null());
        self.shrink(0);
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

    /// Wakers of those threads.
    pub(crate) fn wakers(&self) -> Vec<Waker> {
        let waker = |current: &NonNull<Current>| {
            // SAFETY: a started thread keeps its runner.
            Waker::clone(&unsafe { current.as_ref() }.waker())
        };
        self.started.borrow().iter().map(waker).collect()
    }

    /// Before the worker parks: keeps a few stacks for the next threads.
    pub(crate) fn hand_in(&self) {
        self.shrink(MOST_IDLE_WHEN_PARKED);
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
            idle.into_iter().for_each(|runner| runner.retire());
        }
    }

    fn take(&self, size: Option<Size>) -> io::Result<Box<Runner>> {
        let size = size.unwrap_or(self.size);
        if size == self.size
            && let Some(runner) = self.idle.borrow_mut().pop()
        {
            return Ok(runner);
        }
        Runner::new(size, self.home)
    }

    fn put_back(&self, runner: Box<Runner>) {
        let mut idle = self.idle.borrow_mut();
        if runner.size == self.size && idle.len() < MOST_IDLE {
            idle.push(runner);
        } else {
            drop(idle);
            runner.retire();
        }
    }

    fn enter(&self, current: &Current) {
        let mut started = self.started.borrow_mut();
        current.place.set(started.len());
        started.push(NonNull::from(current));
        self.started_len.set(started.len());
    }

    fn leave(&self, current: &Current) {
        let place = current.place.replace(usize::MAX);
        if place == usize::MAX {
            return;
        }
        let mut started = self.started.borrow_mut();
        started.swap_remove(place);
        self.started_len.set(started.len());
        if let Some(moved) = started.get(place) {
            // SAFETY: a started thread keeps its runner.
            unsafe { moved.as_ref() }.place.set(place);
        }
    }
}

impl fmt::Debug for Runners {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Runners({} started)", self.started())
    }
}

/// A green thread as a task.
pub(crate) struct Green<F> {
    size: Option<Size>,
    state: State<F>,
}

enum State<F> {
    New(F),
    /// On its stack. Dropping it leaks the stack, which others may borrow from.
    Started(ManuallyDrop<Box<Runner>>),
    Done,
}

// SAFETY: a thread that has started goes on on the same worker only (`home`), and
// what is dropped elsewhere is leaked; one that has not is its closure.
unsafe impl<F: Send> Send for Green<F> {}

impl<F> Green<F> {
    pub(crate) fn new(size: Option<Size>, closure: F) -> Self {
        Self {
            size,
            state: State::New(closure),
        }
    }

    /// The runner, at whose top the thread begins or goes on, and with what.
    fn runner<T>(&mut self, runners: &Runners, waker: &Waker) -> (Box<Runner>, Input)
    where
        F: FnOnce() -> T,
    {
        match &mut self.state {
            State::New(closure) => {
                let runner = runners.take(self.size).unwrap_or_else(|error| {
                    panic!("no stack for a green thread: {error}");
                });
                runner.current().begin(waker);
                (
                    runner,
                    Input::Begin(enter::<F, T>, (&raw mut *closure).cast()),
                )
            }
            State::Started(runner) => {
                // SAFETY: the state is written before anybody looks again.
                (unsafe { ManuallyDrop::take(runner) }, Input::GoOn)
            }
            State::Done => panic!("a green thread was run after its end; a bug in virid"),
        }
    }
}

impl<F: FnOnce() -> T, T> Work for Green<F> {
    type Output = T;

    const IS_GREEN: bool = true;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        // SAFETY: the closure is moved out only where it begins, and what is on
        // the stack stays there.
        let this = unsafe { self.get_unchecked_mut() };
        // SAFETY: green threads are run by workers, which have installed theirs.
        let runners = unsafe { &*RUNNERS.get() };
        let (mut runner, input) = this.runner::<T>(runners, context.waker());
        let mut slot = None::<Result<T, Payload>>;
        runner.current().slot.set((&raw mut slot).cast());
        runner.switch(input);
        // What was there was moved out, by the thread's first function or above.
        let write = |this: &mut Self, state| {
            // SAFETY: the place is ours.
            unsafe { (&raw mut this.state).write(state) };
        };
        if runner.current().is_finished.get() {
            runners.leave(runner.current());
            write(this, State::Done);
            runners.put_back(runner);
            return match slot.expect("a finished thread has left its result") {
                Ok(result) => Poll::Ready(result),
                Err(payload) => resume_unwind(payload),
            };
        }
        if runner.current().place.get() == usize::MAX {
            runners.enter(runner.current());
        }
        write(this, State::Started(ManuallyDrop::new(runner)));
        Poll::Pending
    }

    fn home(&self) -> Option<usize> {
        match &self.state {
            State::Started(runner) => Some(runner.home),
            _ => None,
        }
    }

    fn has_yielded(&self) -> bool {
        match &self.state {
            State::Started(runner) => runner.current().has_yielded.take(),
            _ => false,
        }
    }

    fn cancel(&self) -> bool {
        match &self.state {
            State::Started(runner) => {
                runner.current().cancel();
                true
            }
            _ => false,
        }
    }
}
