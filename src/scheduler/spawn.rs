//! How tasks come to a runtime: new ones, and woken ones. On any thread; each
//! function asks the context whether its caller is a worker.

use std::future::Future;
use std::io;
use std::ptr::{self, NonNull};
use std::sync::Arc;
use std::thread;

use super::blocking::{Refusal, Settings};
use super::queue::Queue;
use super::shared::Shared;
use super::threads::home_of;
use super::worker::Worker;
use crate::context;
use crate::forked;
use crate::memory::Class;
#[cfg(not(virid_loom))]
use crate::monitor::window::Begun;
use crate::task::JoinHandle;
use crate::task::after::{After, Leave};
use crate::task::cell::TaskCell;
use crate::task::header::{Home, Runnable, Schedule, TaskRef};
use crate::task::keyed::strands::Begin;
use crate::task::values::Values;
use crate::task::work::{Async, Blocking, Spawn, Work};
use crate::thread::current::Current;
#[cfg(not(virid_loom))]
use crate::thread::current::Turn;
use crate::thread::stack;
use crate::unwind::AbortOnPanic;

/// What the workers with these queues share.
pub(crate) fn prepare(queues: &[Queue], blocking: Settings) -> Arc<Shared> {
    let shared = Arc::new_cyclic(|me| Shared::new(queues, blocking, me.clone()));
    let scheduler: *const Shared = Arc::as_ptr(&shared);
    // SAFETY: the last worker waits for every task that was suspended, and for
    // every visit, and keeps `shared` until then.
    shared.set_home(unsafe { Home::new(scheduler) });
    shared
}

/// Makes a task of a future and queues it: on the worker's own queue if this
/// thread is a worker of `shared`, else in the injector. Where the runtime has
/// ended, the task is cancelled.
#[inline]
#[track_caller]
pub(crate) fn spawn<F>(shared: &Shared, future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    spawn_work(shared, Async(future))
}

/// As [`spawn`], with a look at the handle before the task is queued: what `prepare`
/// makes of it.
#[inline]
#[track_caller]
pub(crate) fn spawn_prepared<F, R>(
    shared: &Shared,
    future: F,
    prepare: impl FnOnce(JoinHandle<F::Output>) -> R,
) -> R
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    spawn_work_prepared(shared, Async(future), prepare)
}

/// As [`spawn`], for a future or a green thread.
#[inline]
#[track_caller]
pub(crate) fn spawn_work<W>(shared: &Shared, work: W) -> JoinHandle<W::Output>
where
    W: Spawn,
    W::Output: Send + 'static,
{
    spawn_work_prepared(shared, work, |handle| handle)
}

#[inline]
#[track_caller]
fn spawn_work_prepared<W, R>(
    shared: &Shared,
    work: W,
    prepare: impl FnOnce(JoinHandle<W::Output>) -> R,
) -> R
where
    W: Spawn,
    W::Output: Send + 'static,
{
    match Values::to_inherit() {
        None => spawn_alone(shared, work, prepare),
        Some(values) => spawn_with_cold(shared, work, values, prepare),
    }
}

/// Spawns work that inherits.
#[cold]
#[track_caller]
fn spawn_with_cold<W, R>(
    shared: &Shared,
    work: W,
    values: Values,
    prepare: impl FnOnce(JoinHandle<W::Output>) -> R,
) -> R
where
    W: Spawn,
    W::Output: Send + 'static,
{
    spawn_alone(shared, work.inherit(values), prepare)
}

#[inline]
#[track_caller]
fn spawn_alone<W, R>(
    shared: &Shared,
    work: W,
    prepare: impl FnOnce(JoinHandle<W::Output>) -> R,
) -> R
where
    W: Work + Send + 'static,
    W::Output: Send + 'static,
{
    let way = Way::to(shared);
    let (runnable, handle) = way.make(work);
    let prepared = prepare(handle);
    way.queue(runnable);
    prepared
}

/// As [`spawn_work`], for a task that may have to wait before it first runs. `enter` is
/// told of the task before anybody else, with the `place` that stays in it, and says
/// whether it may run. Where it may not, the task is suspended, and somebody whom `enter`
/// has told wakes it.
#[track_caller]
pub(crate) fn spawn_in_turn<W, P>(
    shared: &Shared,
    work: W,
    place: P,
    enter: impl FnOnce(&mut P, TaskRef) -> Begin,
) -> JoinHandle<W::Output>
where
    W: Spawn,
    W::Output: Send + 'static,
    P: Leave + Send + 'static,
{
    match Values::to_inherit() {
        None => spawn_alone_in_turn(shared, After::new(work, place), enter),
        Some(values) => {
            let work = work.inherit(values);
            spawn_alone_in_turn(shared, After::new(work, place), enter)
        }
    }
}

#[track_caller]
fn spawn_alone_in_turn<W, P>(
    shared: &Shared,
    work: After<W, P>,
    enter: impl FnOnce(&mut P, TaskRef) -> Begin,
) -> JoinHandle<W::Output>
where
    W: Work + Send + 'static,
    W::Output: Send + 'static,
    P: Leave + Send + 'static,
{
    let way = Way::to(shared);
    let (mut runnable, handle) = way.make(work);
    let task = handle.reference().expect("its result was not taken");
    // SAFETY: it was made of such work above, and is in no queue.
    let work = unsafe { TaskCell::<After<W, P>>::work(&mut runnable) };
    let begin = enter(&mut work.after, task);
    match begin {
        Begin::Now => way.queue(runnable),
        Begin::Later => way.hold(runnable),
    }
    handle
}

/// Whether the calling thread is one of the runtime's workers.
pub(crate) fn is_worker_of(shared: &Shared) -> bool {
    Worker::current_of(shared).is_some()
}

/// As [`spawn_work`], where the task is not to run: it is cancelled, and its work dropped,
/// when this returns.
#[cfg(not(virid_loom))]
#[track_caller]
pub(crate) fn refuse_work<W>(shared: &Shared, work: W) -> JoinHandle<W::Output>
where
    W: Work + Send + 'static,
    W::Output: Send + 'static,
{
    let (runnable, handle) = Way::to(shared).make(work);
    // What ends the calling green thread is not thrown at a destructor here.
    let _shield = Current::get().map(Current::shield);
    let _mark = context::forbid_blocking();
    // The last line, as in `queue_from_outside`.
    drop(runnable);
    handle
}

/// Makes a task of a closure that blocks, and queues it for a thread that is no worker.
/// Where the runtime has ended, the task is cancelled; where there is no thread for it,
/// it says why.
#[track_caller]
pub(crate) fn spawn_blocking<F, T>(shared: &Shared, f: F) -> JoinHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    match Values::to_inherit() {
        None => spawn_blocking_alone(shared, f),
        Some(values) => {
            let f: Box<dyn FnOnce() -> T + Send> = Box::new(move || values.around(f));
            spawn_blocking_alone(shared, f)
        }
    }
}

/// As [`spawn_blocking`], for a closure that inherits no task-locals.
#[track_caller]
pub(crate) fn spawn_blocking_alone<F, T>(shared: &Shared, f: F) -> JoinHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    let way = Way::to(shared);
    way.count();
    let (runnable, handle) = way.make(Blocking::new(f));
    // No worker comes to it.
    let runnable = runnable.unsampled();
    let start = |seat| start_blocking_thread(shared, seat);
    let Err(refusal) = shared.blocking().push(runnable, start) else {
        return handle;
    };
    // What ends the calling green thread is not thrown at a destructor here.
    let _shield = Current::get().map(Current::shield);
    let _mark = context::forbid_blocking();
    match refusal {
        Refusal::Closed(runnable) => {
            drop(runnable);
            handle
        }
        Refusal::NoThread(runnable, error) => {
            drop(runnable);
            let says = move || -> T {
                panic!(
                    "the system refuses a thread for what blocks, and the runtime has none: \
                     {error}; raise the limit on threads"
                )
            };
            let (runnable, handle) = way.make(Blocking::new(says));
            runnable.unsampled().run().queue_next();
            handle
        }
    }
}

/// Starts a thread of the blocking pool.
fn start_blocking_thread(shared: &Shared, seat: usize) -> io::Result<thread::JoinHandle<()>> {
    let settings = shared.blocking().settings();
    let name = format!("{}-blocking-{seat}", settings.thread_name);
    let mut builder = thread::Builder::new().name(name);
    if let Some(bytes) = settings.thread_stack_size {
        builder = builder.stack_size(bytes);
    }
    shared.thread_starts();
    let kept = shared.kept();
    let started = builder.spawn(move || {
        let runtime = Arc::as_ptr(&kept).cast();
        context::set_home(runtime);
        let before = {
            let _abort = AbortOnPanic;
            let entered = context::enter_runtime(runtime);
            // A closure may have forgotten a guard of `Handle::enter`.
            let reassert = || context::reassert(entered.serial(), ptr::null(), runtime);
            kept.blocking().work(seat, reassert)
        };
        kept.threads_ended(1);
        drop(kept);
        if let Some(before) = before {
            // None of these panics: it aborts the process instead.
            let _ = before.join();
        }
    });
    if started.is_err() {
        shared.threads_ended(1);
    }
    started
}

/// The calling thread's way into a runtime.
pub(crate) struct Way<'a> {
    shared: &'a Shared,
    /// The calling thread, if it is a worker there.
    worker: Option<&'a Worker>,
}

impl<'a> Way<'a> {
    #[inline]
    pub(crate) fn to(shared: &'a Shared) -> Self {
        let worker = Worker::current_of(shared);
        Self { shared, worker }
    }

    /// A free cell, from the worker's own lists if there is one.
    #[inline]
    fn allocate(&self, class: Class) -> NonNull<u8> {
        match self.worker {
            Some(worker) => worker.lists().allocate(class),
            None => self.shared.cells().allocate(class),
        }
    }

    /// Makes a task, which goes to no queue yet.
    #[inline]
    #[track_caller]
    pub(crate) fn make<W>(&self, work: W) -> (Runnable, JoinHandle<W::Output>)
    where
        W: Work + Send + 'static,
        W::Output: Send + 'static,
    {
        // SAFETY: the cells are this runtime's.
        unsafe { TaskCell::spawn(work, |class| self.allocate(class)) }
    }

    /// Counts a task that goes to no queue of the scheduler.
    fn count(&self) {
        if let Some(worker) = self.worker {
            worker.counters().spawned.add(1);
        }
    }

    /// Queues a new task.
    #[inline]
    pub(crate) fn queue(self, runnable: Runnable) {
        match self.worker {
            Some(worker) => worker.push_new(runnable),
            None => queue_from_outside(self.shared, runnable),
        }
    }

    /// Suspends a new task, which somebody wakes.
    fn hold(self, runnable: Runnable) {
        // Its wait is the program's own.
        let runnable = runnable.unsampled();
        match self.worker {
            Some(worker) => worker.hold_new(runnable),
            None => drop_refused(self.shared.hold_new(runnable)),
        }
    }
}

fn queue_from_outside(shared: &Shared, runnable: Runnable) {
    drop_refused(shared.inject_new(runnable));
}

/// Drops what a runtime that is ending has handed back.
fn drop_refused(queued: Result<(), Runnable>) {
    if let Err(runnable) = queued {
        let _mark = context::forbid_blocking();
        // The last line: the future's destructor may drop what keeps `shared`.
        drop(runnable);
    }
}

/// After a green thread has spawned another: lets the tasks of its worker run
/// first, where there are many. So a loop that spawns millions keeps those that
/// live few, and in the cache.
#[cfg(not(virid_loom))]
#[inline]
pub(crate) fn let_children_run() {
    let Some(current) = Current::get_to_wait() else {
        return;
    };
    // SAFETY: a green thread runs on a worker.
    let worker = unsafe { &*context::worker().cast::<Worker>() };
    if worker.has_many_queued() {
        let_children_run_cold(current);
    }
}

#[cfg(not(virid_loom))]
#[cold]
fn let_children_run_cold(current: &Current) {
    if current.may_suspend() {
        current.suspend_for(Turn::Spawns, "thread::spawn");
    }
}

/// The runtime on whose worker the calling green thread is.
#[cfg(not(virid_loom))]
pub(crate) fn own_runtime(_: &Current) -> &Shared {
    // SAFETY: a green thread runs on a worker, which lives while the thread does.
    let worker = unsafe { &*context::worker().cast::<Worker>() };
    worker.shared()
}

/// Gives back the memory of free cells and stacks, of this worker's too if the caller
/// is one. The bytes.
pub(crate) fn trim(shared: &Shared) -> usize {
    let caller = Worker::current_of(shared).map(|worker| {
        worker.lists().hand_in();
        worker.threads().runners.hand_in_all();
        worker.index()
    });
    shared.trim(caller) + stack::trim()
}

impl Schedule for Shared {
    fn schedule(&self, runnable: Runnable) {
        match Worker::current_of(self) {
            Some(worker) => worker.requeue(runnable),
            // The task is the parent's to run.
            None if forked::is_forked() => std::mem::forget(runnable),
            None => {
                #[cfg(all(feature = "time", not(virid_loom)))]
                self.events().note_waker();
                match home_of(&runnable) {
                    Some(home) => self.send_home(home, runnable),
                    // Where the runtime is ending, its last worker waits for this
                    // task: a wake does not drop the future of the woken.
                    None => self.inject_woken(runnable),
                }
            }
        }
    }

    #[cfg(not(virid_loom))]
    fn wants_samples(&self) -> bool {
        self.is_monitored()
    }

    #[cfg(not(virid_loom))]
    fn begins(&self, begun: Begun) {
        if let Some(worker) = Worker::current_of(self) {
            worker.record(begun);
        }
    }
}
