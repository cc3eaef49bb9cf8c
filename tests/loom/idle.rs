//! The idle protocol and the end of a runtime: whole workers, two or three of
//! them, on the stand-in queues. A lost wake-up is a deadlock, which loom
//! reports.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;

use crate::scheduler::blocking::Settings;
use crate::scheduler::parker::Parker;
use crate::scheduler::queue::Queue;
use crate::scheduler::shared::Shared;
use crate::scheduler::spawn::{self, Way};
use crate::scheduler::worker::Worker;
use crate::task::JoinHandle;
use crate::task::work::Async;
use crate::thread::runner::{Runners, STARTED};

/// A runtime whose workers are loom's threads.
pub(super) struct Pool {
    pub(super) shared: Arc<Shared>,
    threads: Vec<thread::JoinHandle<()>>,
}

/// Models block nowhere: no thread of the blocking pool is ever started.
pub(super) fn prepare(queues: &[Queue]) -> Arc<Shared> {
    let blocking = Settings {
        most: 1,
        keep_alive: Duration::ZERO,
        thread_name: String::new(),
        thread_stack_size: None,
    };
    spawn::prepare(queues, blocking)
}

impl Pool {
    pub(super) fn start(workers: usize) -> Self {
        let queues: Vec<_> = (0..workers).map(|_| Queue::new()).collect();
        Self::of(prepare(&queues), queues)
    }

    pub(super) fn of(shared: Arc<Shared>, queues: Vec<Queue>) -> Self {
        let threads = queues
            .into_iter()
            .enumerate()
            .map(|(index, queue)| {
                let shared = Arc::clone(&shared);
                thread::spawn(move || Worker::new(shared, index, queue, Runners).run())
            })
            .collect();
        Self { shared, threads }
    }

    pub(super) fn end(self) {
        self.shared.close();
        self.join();
    }

    pub(super) fn join(self) {
        for thread in self.threads {
            thread.join().unwrap();
        }
    }
}

/// Spawns a task that runs `body` once.
fn spawn<T: Send + 'static>(
    shared: &Shared,
    body: impl FnOnce() -> T + Send + 'static,
) -> JoinHandle<T> {
    spawn::spawn(shared, async move { body() })
}

/// The same, detached before anybody can see the task: fewer steps to model.
fn spawn_detached(shared: &Shared, body: impl FnOnce() + Send + 'static) {
    spawn_future_detached(shared, async move { body() });
}

fn spawn_future_detached(shared: &Shared, future: impl Future<Output = ()> + Send + 'static) {
    let way = Way::to(shared);
    let made = way.make(Async(future));
    let (runnable, handle) = made;
    drop(handle);
    way.queue(runnable);
}

/// A spawn from outside reaches a worker that is about to park.
pub fn a_spawn_from_outside_wakes_a_worker() {
    loom::model(|| {
        let pool = Pool::start(1);
        let task = spawn(&pool.shared, || ());
        task.join().unwrap();
        pool.end();
    });
}

/// A task sent to a worker's inbox, as started green threads are, reaches a worker
/// that is about to park.
pub fn a_task_sent_home_wakes_its_worker() {
    loom::model(|| {
        STARTED.set(1);
        let pool = Pool::start(1);
        let way = Way::to(&pool.shared);
        let made = way.make(Async(async {}));
        pool.shared.send_home(0, made.0);
        made.1.join().unwrap();
        STARTED.set(0);
        pool.end();
    });
}

/// Two spawns, two workers, and tasks that need each other's worker: the second
/// push sees a searcher and signals nobody, so the searcher must pass it on.
pub fn two_spawns_from_outside_occupy_two_workers() {
    loom::model(|| {
        let pool = Pool::start(2);
        let shared = Arc::clone(&pool.shared);
        let (sender, receiver) = handoff();
        spawn_detached(&pool.shared, move || {
            receiver.wait();
            shared.close();
        });
        spawn_detached(&pool.shared, move || sender.send());
        pool.join();
    });
}

/// A task that spawns and then computes until its child has run: the child must
/// be taken by the other worker.
pub fn a_child_runs_while_its_parent_computes() {
    loom::model(|| {
        let pool = Pool::start(2);
        let shared = Arc::clone(&pool.shared);
        spawn_detached(&pool.shared, move || {
            let (sender, receiver) = handoff();
            spawn_detached(&shared, move || sender.send());
            receiver.wait();
            shared.close();
        });
        pool.join();
    });
}

/// Three workers, two words of the idle state: the parent waits for its first
/// child, and that one for the second. The second push finds the deque not
/// empty and signals nobody: the thief of the first must look back.
///
/// One preemption, whatever the environment says: at two the model runs for
/// hours.
pub fn two_children_run_while_their_parent_computes() {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(1);
    model.max_branches = 10_000;
    model.check(|| {
        let pool = Pool::start(3);
        let shared = Arc::clone(&pool.shared);
        spawn_detached(&pool.shared, move || {
            let (first, first_ran) = handoff();
            let (second, second_ran) = handoff();
            spawn_detached(&shared, move || {
                second_ran.wait();
                first.send();
            });
            spawn_detached(&shared, move || second.send());
            first_ran.wait();
            shared.close();
        });
        pool.join();
    });
}

/// Three tasks in the injector, two workers: whoever takes the first moves the
/// second to its own deque, and the first waits for it. Nobody pushes again, so
/// the mover, where it was not the last searcher, must have told the last.
pub fn a_batch_is_shared_with_the_other_searcher() {
    loom::model(|| {
        let queues: Vec<_> = (0..2).map(|_| Queue::new()).collect();
        let shared = prepare(&queues);
        let (sender, receiver) = handoff();
        let closes = Arc::clone(&shared);
        spawn_detached(&shared, move || {
            receiver.wait();
            closes.close();
        });
        spawn_detached(&shared, move || sender.send());
        spawn_detached(&shared, || ());
        Pool::of(shared, queues).join();
    });
}

/// A task yields behind its child, which computes until the task goes on: the
/// push of a yield signals nobody, and still is seen.
pub fn a_yielding_task_goes_on_while_its_child_computes() {
    loom::model(|| {
        let pool = Pool::start(2);
        let shared = Arc::clone(&pool.shared);
        spawn_future_detached(&pool.shared, async move {
            let (sender, receiver) = handoff();
            let closes = Arc::clone(&shared);
            spawn_detached(&shared, move || {
                receiver.wait();
                closes.close();
            });
            crate::task::yield_now().await;
            sender.send();
        });
        pool.join();
    });
}

/// The end of the runtime meets a worker that is about to park.
pub fn close_reaches_every_worker() {
    loom::model(|| Pool::start(2).end());
}

/// A spawn while the runtime ends: polled once or cancelled, never left.
pub fn a_spawn_races_the_end() {
    loom::model(|| {
        let pool = Pool::start(1);
        let ran = Arc::new(AtomicUsize::new(0));
        let spawner = thread::spawn({
            let shared = Arc::clone(&pool.shared);
            let ran = Arc::clone(&ran);
            move || {
                spawn(&shared, move || ran.fetch_add(1, Ordering::Relaxed))
                    .join()
                    .is_ok()
            }
        });
        pool.end();
        let was_polled = spawner.join().unwrap();
        assert_eq!(ran.load(Ordering::Relaxed), usize::from(was_polled));
    });
}

/// Two spawns from outside while the runtime ends, one of them too late: each
/// future is dropped by a worker or by the thread that spawned it.
pub fn a_late_spawner_drops_no_stranger() {
    loom::model(|| {
        let pool = Pool::start(1);
        let dropped_by = Arc::new(crate::primitives::Mutex::new(None));
        let future = Suspends {
            waker: Arc::new(crate::primitives::Mutex::new(None)),
            has_waker: None,
            dropped_by: Arc::clone(&dropped_by),
        };
        let spawner = thread::spawn({
            let shared = Arc::clone(&pool.shared);
            move || spawn_future_detached(&shared, future)
        });
        pool.shared.close();
        spawn_detached(&pool.shared, || ());
        assert_ne!(*dropped_by.lock(), Some(thread::current().id()));
        pool.join();
        spawner.join().unwrap();
        assert!(dropped_by.lock().is_some(), "a future was left");
    });
}

/// A wake from outside while the runtime ends: when the end has come, the future
/// has been dropped, and not by the thread that woke it.
pub fn a_wake_races_the_end() {
    loom::model(|| {
        let pool = Pool::start(1);
        let dropped_by = Arc::new(crate::primitives::Mutex::new(None));
        let (sender, has_waker) = handoff();
        let waker = Arc::new(crate::primitives::Mutex::new(None));
        let future = Suspends {
            waker: Arc::clone(&waker),
            has_waker: Some(sender),
            dropped_by: Arc::clone(&dropped_by),
        };
        spawn_future_detached(&pool.shared, future);
        has_waker.wait();
        let waker: Waker = waker.lock().take().expect("the poll left one");

        let wakes = thread::spawn(move || {
            waker.wake();
            thread::current().id()
        });
        pool.end();
        let dropped_by = dropped_by.lock().expect("the future is gone");
        assert_ne!(dropped_by, wakes.join().unwrap());
    });
}

/// Never ready; says who dropped it.
struct Suspends {
    waker: Arc<crate::primitives::Mutex<Option<Waker>>>,
    has_waker: Option<Sender>,
    dropped_by: Arc<crate::primitives::Mutex<Option<thread::ThreadId>>>,
}

impl Future for Suspends {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        *self.waker.lock() = Some(cx.waker().clone());
        if let Some(sender) = self.has_waker.take() {
            sender.send();
        }
        Poll::Pending
    }
}

impl Drop for Suspends {
    fn drop(&mut self) {
        let before = self.dropped_by.lock().replace(thread::current().id());
        assert!(before.is_none(), "the future was dropped twice");
    }
}

/// One token from one task to another that keeps its worker until it comes.
fn handoff() -> (Sender, Receiver) {
    let slot = Arc::new(crate::primitives::Mutex::new(Slot::default()));
    (Sender(Arc::clone(&slot)), Receiver(slot))
}

#[derive(Default)]
struct Slot {
    sent: bool,
    waiter: Option<Arc<Parker>>,
}

struct Sender(Arc<crate::primitives::Mutex<Slot>>);
struct Receiver(Arc<crate::primitives::Mutex<Slot>>);

impl Sender {
    fn send(self) {
        let waiter = {
            let mut slot = self.0.lock();
            slot.sent = true;
            slot.waiter.take()
        };
        if let Some(waiter) = waiter {
            waiter.unpark();
        }
    }
}

impl Receiver {
    fn wait(self) {
        let parker = Arc::new(Parker::for_current_thread());
        {
            let mut slot = self.0.lock();
            if slot.sent {
                return;
            }
            slot.waiter = Some(Arc::clone(&parker));
        }
        parker.park();
    }
}
