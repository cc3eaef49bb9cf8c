//! The state word, wakers, join and cancel: two or three threads on one task.
//!
//! Every model counts: the future and the result are dropped once each, and
//! loom's allocator says if a cell was leaked.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Wake, Waker};

use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use loom::thread;

use crate::memory::Cells;
use crate::primitives::Mutex;
use crate::task::JoinHandle;
use crate::task::cell::TaskCell;
use crate::task::header::{Home, Ran, Runnable, Schedule, TaskRef};
use crate::task::work::Async;

/// A scheduler without workers: the model's threads run what is queued.
struct Line {
    queue: Mutex<VecDeque<Runnable>>,
    home: OnceLock<Home>,
    cells: Cells,
}

impl Schedule for Line {
    fn schedule(&self, runnable: Runnable) {
        self.queue.lock().push_back(runnable);
        // As the real one, it is not done with `self` yet.
        drop(self.queue.lock());
    }
}

#[derive(Clone)]
pub(super) struct Scheduler {
    line: Arc<Line>,
}

impl Scheduler {
    pub(super) fn new() -> Self {
        let line = Arc::new(Line {
            queue: Mutex::new(VecDeque::new()),
            home: OnceLock::new(),
            cells: Cells::new(1),
        });
        let scheduler: *const Line = Arc::as_ptr(&line);
        // SAFETY: models keep the line until all their threads have ended.
        let home = line.home.get_or_init(|| unsafe { Home::new(scheduler) });
        line.cells.set_home(std::ptr::from_ref(home).cast());
        Self { line }
    }

    /// A new task, which the caller runs.
    pub(super) fn make<F>(&self, future: F) -> (Runnable, JoinHandle<F::Output>)
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let cells = &self.line.cells;
        // SAFETY: the cells are this scheduler's.
        unsafe { TaskCell::spawn(Async(future), |class| cells.allocate(class)) }
    }

    pub(super) fn run(&self, runnable: Runnable) {
        match runnable.run() {
            Ran::Again(next) | Ran::Ended(Some(next)) => self.line.schedule(next),
            Ran::Suspended | Ran::Ended(None) => {}
        }
    }

    fn run_queued(&self) {
        loop {
            let next = self.line.queue.lock().pop_front();
            match next {
                Some(runnable) => self.run(runnable),
                None => return,
            }
        }
    }

    /// As the end of a runtime does.
    fn cancel_suspended(&self) {
        let mut tasks = Vec::new();
        self.line.cells.visit(|cell| {
            // SAFETY: the cell was carved.
            tasks.extend(unsafe { TaskRef::of_cell(cell) });
        });
        tasks.iter().for_each(|task| drop(task.cancel()));
    }
}

/// What a model counts.
#[derive(Default)]
struct Counts {
    polls: AtomicUsize,
    futures_dropped: AtomicUsize,
    results_dropped: AtomicUsize,
}

impl Counts {
    fn assert_each_dropped_once(&self) {
        assert_eq!(self.futures_dropped.load(Ordering::Relaxed), 1);
        assert_eq!(self.results_dropped.load(Ordering::Relaxed), 1);
    }
}

/// A result that counts its drop.
struct Counted(Arc<Counts>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.results_dropped.fetch_add(1, Ordering::Relaxed);
    }
}

/// Ready once `gate` is open; leaves its waker in `waker` until then.
struct Gated {
    gate: Arc<AtomicBool>,
    waker: Arc<Mutex<Option<Waker>>>,
    counts: Arc<Counts>,
}

impl Future for Gated {
    type Output = Counted;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Counted> {
        self.counts.polls.fetch_add(1, Ordering::Relaxed);
        // Relaxed: only the wake may carry what the opener did before.
        if self.gate.load(Ordering::Relaxed) {
            return Poll::Ready(Counted(Arc::clone(&self.counts)));
        }
        let before = self.waker.lock().replace(cx.waker().clone());
        drop(before);
        Poll::Pending
    }
}

impl Drop for Gated {
    fn drop(&mut self) {
        self.counts.futures_dropped.fetch_add(1, Ordering::Relaxed);
    }
}

/// A task over a [`Gated`] future, and everything around it.
struct Setup {
    scheduler: Scheduler,
    gate: Arc<AtomicBool>,
    waker: Arc<Mutex<Option<Waker>>>,
    counts: Arc<Counts>,
}

impl Setup {
    fn spawn() -> (Self, Runnable, JoinHandle<Counted>) {
        let setup = Self {
            scheduler: Scheduler::new(),
            gate: Arc::new(AtomicBool::new(false)),
            waker: Arc::default(),
            counts: Arc::default(),
        };
        let future = Gated {
            gate: Arc::clone(&setup.gate),
            waker: Arc::clone(&setup.waker),
            counts: Arc::clone(&setup.counts),
        };
        let (runnable, handle) = setup.scheduler.make(future);
        (setup, runnable, handle)
    }

    /// As `spawn`, with the task suspended and its waker at hand.
    fn suspended() -> (Self, Waker, JoinHandle<Counted>) {
        let (setup, runnable, handle) = Self::spawn();
        setup.scheduler.run(runnable);
        let waker = setup
            .waker
            .lock()
            .take()
            .expect("the first poll leaves one");
        (setup, waker, handle)
    }

    /// Runs the task on a thread of its own. The model's first thread does what
    /// races it: loom takes that first, and reorders a thread's load against
    /// another's earlier write, but not a write against an earlier load.
    fn run_on_a_thread(&self, runnable: Runnable) -> thread::JoinHandle<()> {
        let scheduler = self.scheduler.clone();
        thread::spawn(move || scheduler.run(runnable))
    }

    fn polls(&self) -> usize {
        self.counts.polls.load(Ordering::Relaxed)
    }
}

impl Default for Mutex<Option<Waker>> {
    fn default() -> Self {
        Self::new(None)
    }
}

/// The waker of a joiner, as a counter.
#[derive(Default)]
struct Joiner(AtomicUsize);

impl Joiner {
    fn new() -> (Arc<Self>, Waker) {
        let joiner = Arc::new(Self::default());
        (Arc::clone(&joiner), Waker::from(joiner))
    }

    fn wakes(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl Wake for Joiner {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn poll<T>(handle: &mut JoinHandle<T>, waker: &Waker) -> Option<T> {
    match Pin::new(handle).poll(&mut Context::from_waker(waker)) {
        Poll::Ready(result) => Some(result.expect("no task of this model fails")),
        Poll::Pending => None,
    }
}

/// A wake while the task runs, and one more from a third thread: the task is
/// polled after the last of them, and sees what came before each.
pub fn wakes_race_a_poll() {
    loom::model(|| {
        let (setup, waker, handle) = Setup::suspended();
        let gate = Arc::clone(&setup.gate);
        let opener = thread::spawn({
            let waker = waker.clone();
            move || {
                gate.store(true, Ordering::Relaxed);
                waker.wake();
            }
        });
        waker.wake();
        setup.scheduler.run_queued();
        opener.join().unwrap();
        setup.scheduler.run_queued();

        assert!(handle.is_finished(), "a wake was lost: {handle:?}");
        assert!((2..=3).contains(&setup.polls()), "{} polls", setup.polls());
        drop(handle);
        setup.counts.assert_each_dropped_once();
    });
}

/// Two threads wake a suspended task: one `Runnable`, not two.
pub fn two_wakes_make_one_runnable() {
    loom::model(|| {
        let (setup, waker, handle) = Setup::suspended();
        setup.gate.store(true, Ordering::Relaxed);
        let other = thread::spawn({
            let waker = waker.clone();
            move || waker.wake()
        });
        waker.wake();
        other.join().unwrap();

        assert_eq!(setup.scheduler.line.queue.lock().len(), 1);
        setup.scheduler.run_queued();
        assert_eq!(setup.polls(), 2);
        drop(handle);
        setup.counts.assert_each_dropped_once();
    });
}

/// A waker and the handle go on other threads while the task ends: whoever is
/// last frees the cell, once.
pub fn the_last_of_three_frees_the_cell() {
    loom::model(|| {
        let (setup, waker, handle) = Setup::suspended();
        setup.gate.store(true, Ordering::Relaxed);
        waker.wake_by_ref();
        let drops_waker = thread::spawn(move || drop(waker));
        let drops_handle = thread::spawn(move || drop(handle));
        setup.scheduler.run_queued();
        drops_waker.join().unwrap();
        drops_handle.join().unwrap();
        setup.counts.assert_each_dropped_once();
    });
}

/// A task that never hands out a waker, and a handle that goes meanwhile: the
/// path without a read-modify-write at the end.
pub fn a_handle_is_dropped_while_its_task_ends() {
    loom::model(|| {
        let (setup, runnable, handle) = Setup::spawn();
        setup.gate.store(true, Ordering::Relaxed);
        let runs = setup.run_on_a_thread(runnable);
        drop(handle);
        runs.join().unwrap();
        setup.counts.assert_each_dropped_once();
    });
}

/// The joiner polls, with one waker and then with another, while the task ends:
/// it gets the result, or the waker that it left last is woken.
pub fn a_join_with_changing_wakers_races_the_end() {
    loom::model(|| {
        let (setup, runnable, mut handle) = Setup::spawn();
        setup.gate.store(true, Ordering::Relaxed);
        let runs = setup.run_on_a_thread(runnable);
        let (_, first) = Joiner::new();
        let (second, second_waker) = Joiner::new();
        let result = poll(&mut handle, &first).or_else(|| poll(&mut handle, &second_waker));
        runs.join().unwrap();
        if result.is_none() {
            assert_eq!(second.wakes(), 1, "the joiner waits for ever");
            assert!(poll(&mut handle, &second_waker).is_some());
        }
        drop(result);
        drop(handle);
        setup.counts.assert_each_dropped_once();
    });
}

/// A joiner that has left a waker goes away while the task ends.
pub fn a_waiting_handle_is_dropped_while_its_task_ends() {
    loom::model(|| {
        let (setup, runnable, mut handle) = Setup::spawn();
        setup.gate.store(true, Ordering::Relaxed);
        let (joiner, waker) = Joiner::new();
        assert!(poll(&mut handle, &waker).is_none());
        drop(waker);
        let runs = setup.run_on_a_thread(runnable);
        drop(handle);
        runs.join().unwrap();
        assert_eq!(Arc::strong_count(&joiner), 1, "the join waker was leaked");
        setup.counts.assert_each_dropped_once();
    });
}

/// A plain thread in `join`, through the parker, while another runs the task.
pub fn a_parked_joiner_is_unparked() {
    loom::model(|| {
        let (setup, runnable, handle) = Setup::spawn();
        setup.gate.store(true, Ordering::Relaxed);
        let runs = setup.run_on_a_thread(runnable);
        let result = handle.join().expect("the task ends well");
        drop(result);
        runs.join().unwrap();
        setup.counts.assert_each_dropped_once();
    });
}

/// The end of the runtime cancels a suspended task while a waker on another
/// thread makes it runnable: one of them drops the future.
pub fn cancel_races_a_wake() {
    loom::model(|| {
        let (setup, waker, handle) = Setup::suspended();
        let wakes = thread::spawn(move || waker.wake());
        setup.scheduler.cancel_suspended();
        wakes.join().unwrap();
        setup.scheduler.run_queued();

        assert!(
            handle
                .join()
                .err()
                .expect("there is no result")
                .is_cancelled()
        );
        assert_eq!(setup.polls(), 1);
        assert_eq!(setup.counts.futures_dropped.load(Ordering::Relaxed), 1);
    });
}

/// An abort meets a task that is being polled for the second time: it is ended
/// after that poll, or suspends and is ended then.
pub fn an_abort_races_a_poll() {
    loom::model(|| {
        let (setup, waker, handle) = Setup::suspended();
        waker.wake();
        let scheduler = setup.scheduler.clone();
        let runs = thread::spawn(move || scheduler.run_queued());
        handle.abort();
        runs.join().unwrap();
        setup.scheduler.run_queued();
        // The waker that the second poll left may be the last reference.
        setup.waker.lock().take();

        let error = handle.join().err().expect("there is no result");
        assert!(error.is_cancelled());
        assert_eq!(setup.counts.futures_dropped.load(Ordering::Relaxed), 1);
    });
}

/// The walk over the suspended tasks meets one that ends, detached: the walk
/// holds a reference then, or comes too late to see the task.
pub fn cancel_races_the_end_of_a_detached_task() {
    loom::model(|| {
        let (setup, waker, handle) = Setup::suspended();
        drop(handle);
        setup.gate.store(true, Ordering::Relaxed);
        waker.wake();
        let scheduler = setup.scheduler.clone();
        let runs = thread::spawn(move || scheduler.run_queued());
        setup.scheduler.cancel_suspended();
        runs.join().unwrap();
        assert_eq!(setup.counts.futures_dropped.load(Ordering::Relaxed), 1);
    });
}

/// Two threads abort a suspended task while a third wakes it: its future is
/// dropped once, by whoever runs the task, and the joiner hears of it.
pub fn two_aborts_race_a_wake() {
    loom::model(|| {
        let (setup, waker, handle) = Setup::suspended();
        let abort = handle.abort_handle();
        let aborts = thread::spawn(move || abort.abort());
        let wakes = thread::spawn(move || waker.wake());
        handle.abort();
        setup.scheduler.run_queued();
        aborts.join().unwrap();
        wakes.join().unwrap();
        setup.scheduler.run_queued();
        // The waker that a second poll left may be the last reference.
        setup.waker.lock().take();

        assert!(
            handle
                .join()
                .err()
                .expect("there is no result")
                .is_cancelled()
        );
        assert_eq!(setup.counts.futures_dropped.load(Ordering::Relaxed), 1);
    });
}

/// An abort meets a poll that completes the task: the joiner gets the result or
/// hears of the abort, and nothing is dropped twice.
pub fn an_abort_races_the_end() {
    loom::model(|| {
        let (setup, runnable, handle) = Setup::spawn();
        setup.gate.store(true, Ordering::Relaxed);
        let runs = setup.run_on_a_thread(runnable);
        handle.abort();
        runs.join().unwrap();

        let polls = setup.polls();
        match handle.join() {
            Ok(result) => drop(result),
            Err(error) => assert!(error.is_cancelled() && polls == 0),
        }
        let results = setup.counts.results_dropped.load(Ordering::Relaxed);
        assert_eq!(results, polls, "the result of the one poll is dropped once");
        assert_eq!(setup.counts.futures_dropped.load(Ordering::Relaxed), 1);
    });
}

/// An abort handle and the join handle go on two threads while the task, which
/// was detached before, ends on a third: the last one frees the cell.
pub fn an_abort_handle_outlives_its_task() {
    loom::model(|| {
        let (setup, runnable, handle) = Setup::spawn();
        setup.gate.store(true, Ordering::Relaxed);
        let abort = handle.abort_handle();
        let drops_handle = thread::spawn(move || drop(handle));
        let runs = setup.run_on_a_thread(runnable);
        abort.abort();
        drop(abort);
        runs.join().unwrap();
        drops_handle.join().unwrap();
        assert_eq!(setup.counts.futures_dropped.load(Ordering::Relaxed), 1);
    });
}
