//! Proves that an abort ends a task in whatever state it is: it is not polled
//! again, its future is dropped once and by a worker, and who waits is told.

#![cfg(not(virid_loom))]

#[path = "support/drops.rs"]
mod drops;
#[path = "support/gate.rs"]
mod gate;
#[path = "support/occupied.rs"]
mod occupied;
mod support;
#[path = "support/until.rs"]
mod until;
#[path = "support/workers.rs"]
mod workers;

use drops::{Drops, Token};
use gate::Gate;
use occupied::occupy;
use std::future::{Future, pending, poll_fn};
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, OnceLock};
use std::task::{Poll, Waker};
use std::thread::{self, ThreadId};
use support::guard;
use until::until;
use virid::Runtime;
use virid::task::{AbortHandle, JoinHandle};
use workers::workers;

/// What a test knows of a task that never ends by itself.
#[derive(Clone, Default)]
struct Seen {
    polls: Arc<AtomicUsize>,
    waker: Arc<Mutex<Option<Waker>>>,
    drops: Drops,
}

impl Seen {
    /// Keeps the waker of each poll.
    fn endless(&self) -> impl Future<Output = ()> + Send + use<> {
        let (seen, token) = (self.clone(), self.drops.token());
        poll_fn(move |context| {
            let _token = &token;
            *seen.waker.lock().unwrap() = Some(context.waker().clone());
            seen.polls.fetch_add(1, Ordering::SeqCst);
            Poll::Pending
        })
    }

    fn polls(&self) -> usize {
        self.polls.load(Ordering::SeqCst)
    }

    fn waker(&self) -> Waker {
        self.waker.lock().unwrap().clone().unwrap()
    }
}

/// Returns when the one worker has ended all polls that came before.
fn settle(runtime: &Runtime) {
    runtime.spawn(async {}).join().unwrap();
}

fn assert_cancelled<T: std::fmt::Debug>(task: JoinHandle<T>) {
    let id = task.id();
    let error = task.join().unwrap_err();
    assert!(error.is_cancelled(), "{error}");
    assert_eq!(error.id(), id);
}

#[test]
fn a_task_aborted_before_its_first_poll_is_never_polled() {
    guard(|| {
        let (runtime, seen) = (workers(1), Seen::default());
        let busy = occupy(&runtime);
        let task = runtime.spawn(seen.endless());
        task.abort();
        drop(busy);
        assert_cancelled(task);
        assert_eq!((seen.polls(), seen.drops.count()), (0, 1));
    });
}

#[test]
fn a_task_aborted_while_it_is_queued_after_a_wake_is_not_polled_again() {
    guard(|| {
        let (runtime, seen) = (workers(1), Seen::default());
        let task = runtime.spawn(seen.endless());
        until(|| seen.polls() == 1);
        let busy = occupy(&runtime);
        seen.waker().wake();
        task.abort();
        drop(busy);
        assert_cancelled(task);
        assert_eq!((seen.polls(), seen.drops.count()), (1, 1));
    });
}

#[test]
fn an_abort_alone_drops_the_future_of_a_suspended_task() {
    guard(|| {
        let (runtime, seen) = (workers(1), Seen::default());
        let task = runtime.spawn(seen.endless());
        until(|| seen.polls() == 1);
        settle(&runtime);
        task.abort();
        until(|| seen.drops.count() == 1);
        assert_eq!(seen.polls(), 1);
        assert_cancelled(task);
    });
}

#[test]
fn a_task_that_is_suspended_and_has_lost_all_its_wakers_can_be_aborted() {
    guard(|| {
        for count in [1, 2, 4] {
            let (runtime, drops) = (workers(count), Drops::default());
            let token = drops.token();
            let task = runtime.spawn(async move {
                let _token = token;
                pending::<()>().await;
            });
            task.abort();
            assert_cancelled(task);
            assert_eq!(drops.count(), 1);
        }
    });
}

/// Writes down the thread that drops it.
struct DroppedBy(Arc<OnceLock<ThreadId>>);

impl Drop for DroppedBy {
    fn drop(&mut self) {
        self.0.set(thread::current().id()).unwrap();
    }
}

#[test]
fn a_worker_drops_the_future_and_not_the_thread_that_aborts() {
    guard(|| {
        let runtime = workers(1);
        let worker = runtime.spawn(async { thread::current().id() });
        let worker = worker.join().unwrap();
        for is_suspended in [true, false] {
            let place = Arc::<OnceLock<ThreadId>>::default();
            let notes = DroppedBy(place.clone());
            let busy = (!is_suspended).then(|| occupy(&runtime));
            let task = runtime.spawn(async move {
                let _notes = notes;
                pending::<()>().await;
            });
            if is_suspended {
                settle(&runtime);
            }
            task.abort();
            drop(busy);
            assert_cancelled(task);
            assert_eq!(place.get(), Some(&worker));
        }
    });
}

/// Starts a task that is inside its poll when this returns; the poll goes on
/// when the sender is dropped, and then ends as `last` says.
fn running(
    runtime: &Runtime,
    drops: &Drops,
    last: Poll<u8>,
) -> (JoinHandle<u8>, std::sync::mpsc::Sender<()>) {
    let ((inside, is_inside), (release, released)) = (channel(), channel::<()>());
    let token = drops.token();
    let task = runtime.spawn(poll_fn(move |_| {
        let _token = &token;
        inside.send(()).unwrap();
        _ = released.recv();
        last
    }));
    is_inside.recv().unwrap();
    (task, release)
}

#[test]
fn a_running_task_is_dropped_after_its_poll() {
    guard(|| {
        let (runtime, drops) = (workers(2), Drops::default());
        let (task, release) = running(&runtime, &drops, Poll::Pending);
        task.abort();
        runtime.spawn(async {}).join().unwrap();
        assert_eq!((drops.count(), task.is_finished()), (0, false));
        drop(release);
        assert_cancelled(task);
        assert_eq!(drops.count(), 1);
    });
}

#[test]
fn a_running_task_that_completes_in_the_poll_keeps_its_result() {
    guard(|| {
        let (runtime, drops) = (workers(2), Drops::default());
        let (task, release) = running(&runtime, &drops, Poll::Ready(7));
        task.abort();
        drop(release);
        assert_eq!(task.join().unwrap(), 7);
        assert_eq!(drops.count(), 1);
    });
}

#[test]
fn an_abort_of_a_finished_task_does_nothing() {
    guard(|| {
        let (runtime, drops) = (workers(2), Drops::default());
        let token = drops.token();
        let task = runtime.spawn(async { token });
        until(|| task.is_finished());
        task.abort();
        task.abort_handle().abort();
        assert_eq!(drops.count(), 0);
        drop(task.join().unwrap());
        assert_eq!(drops.count(), 1);
    });
}

#[test]
fn a_second_abort_does_nothing_in_any_state() {
    guard(|| {
        let (runtime, seen) = (workers(1), Seen::default());
        let task = runtime.spawn(seen.endless());
        settle(&runtime);
        let busy = occupy(&runtime);
        (0..3).for_each(|_| task.abort());
        drop(busy);
        until(|| task.is_finished());
        (0..3).for_each(|_| task.abort());
        settle(&runtime);
        assert_cancelled(task);
        assert_eq!((seen.polls(), seen.drops.count()), (1, 1));
    });
}

/// Spawns what `body` makes of a handle that aborts the task itself.
fn spawn_self_aborting<F>(runtime: &Runtime, body: fn(AbortHandle, Token) -> F, drops: &Drops)
where
    F: Future<Output = u8> + Send + 'static,
{
    for is_cancelled in [false, true] {
        let (send, receive) = channel::<AbortHandle>();
        let before = drops.count();
        let token = drops.token();
        let task = runtime.spawn(async move {
            let own = receive.recv().unwrap();
            let end = body(own, token).await;
            if is_cancelled {
                pending::<()>().await;
            }
            end
        });
        send.send(task.abort_handle()).unwrap();
        match task.join() {
            Ok(output) => assert!(!is_cancelled && output == 3),
            Err(error) => assert!(is_cancelled && error.is_cancelled()),
        }
        assert_eq!(drops.count(), before + 1);
    }
}

#[test]
fn a_task_that_aborts_itself_ends_at_its_next_await_or_with_its_result() {
    guard(|| {
        for count in [1, 2] {
            spawn_self_aborting(
                &workers(count),
                |own, token| async move {
                    let _token = token;
                    own.abort();
                    own.abort();
                    3
                },
                &Drops::default(),
            );
        }
    });
}

#[test]
fn a_task_aborts_another_task_and_is_told_when_it_awaits_it() {
    guard(|| {
        for count in [1, 2, 4] {
            let (runtime, drops) = (workers(count), Drops::default());
            let token = drops.token();
            let parent = runtime.spawn(async move {
                let child = virid::spawn(async move {
                    let _token = token;
                    pending::<()>().await;
                });
                if count > 1 {
                    virid::yield_now().await;
                }
                child.abort();
                child.await.unwrap_err().is_cancelled()
            });
            assert!(parent.join().unwrap());
            assert_eq!(drops.count(), 1);
        }
    });
}

#[test]
fn an_abort_wakes_a_task_a_block_on_and_a_thread_in_join() {
    guard(|| {
        let (runtime, seen) = (workers(2), Seen::default());
        let spawn = || runtime.spawn(seen.endless());
        let (one, two, three) = (spawn(), spawn(), spawn());
        let aborts = [one.abort_handle(), two.abort_handle(), three.abort_handle()];
        let awaiting = runtime.spawn(async { one.await.unwrap_err().is_cancelled() });
        let blocking = thread::spawn(|| virid::block_on(two).unwrap_err().is_cancelled());
        let joining = thread::spawn(|| three.join().unwrap_err().is_cancelled());
        until(|| seen.polls() == 3);
        aborts.iter().for_each(AbortHandle::abort);
        assert!(awaiting.join().unwrap());
        assert!(blocking.join().unwrap() && joining.join().unwrap());
        assert_eq!(seen.drops.count(), 3);
    });
}

#[test]
fn a_task_without_its_join_handle_can_still_be_aborted() {
    guard(|| {
        let (runtime, seen) = (workers(1), Seen::default());
        let task = runtime.spawn(seen.endless());
        let abort = task.abort_handle();
        drop(task);
        until(|| seen.polls() == 1);
        assert!(!abort.is_finished());
        abort.abort();
        until(|| abort.is_finished());
        assert_eq!((seen.polls(), seen.drops.count()), (1, 1));
    });
}

#[test]
fn dropping_handles_aborts_nothing() {
    guard(|| {
        let (runtime, gate, drops) = (workers(1), Gate::default(), Drops::default());
        let (passed, token) = (gate.clone().pass(), drops.token());
        let (ended, end) = channel();
        let task = runtime.spawn(async move {
            let _token = token;
            passed.await;
            ended.send(()).unwrap();
        });
        let abort = task.abort_handle();
        drop((abort.clone(), task, abort));
        settle(&runtime);
        assert_eq!(drops.count(), 0);
        gate.open();
        end.recv().unwrap();
    });
}

#[test]
fn an_abort_handle_outlives_the_task_and_the_runtime_and_keeps_neither_future_nor_result() {
    guard(|| {
        let (runtime, futures, outputs) = (workers(2), Drops::default(), Drops::default());
        let mut aborts = Vec::new();
        for index in 0..300 {
            let (token, output) = (futures.token(), outputs.token());
            let task = runtime.spawn(async move {
                let _token = token;
                if index % 3 == 0 {
                    pending::<()>().await;
                }
                output
            });
            aborts.push((task.id(), task.abort_handle()));
            aborts.push((task.id(), aborts.last().unwrap().1.clone()));
            if index % 3 == 1 {
                drop(task.join().unwrap());
            }
        }
        drop(runtime);
        assert_eq!((futures.count(), outputs.count()), (300, 300));
        for (id, abort) in &aborts {
            assert!(abort.is_finished());
            abort.abort();
            assert_eq!(abort.id(), *id);
            assert!(format!("{abort:?}").contains(&id.to_string()));
        }
        thread::spawn(|| drop(aborts)).join().unwrap();
    });
}

#[test]
fn an_abort_handle_made_after_the_result_was_taken_is_of_a_finished_task() {
    guard(|| {
        let runtime = workers(1);
        let mut task = runtime.spawn(async { 4 });
        assert_eq!(virid::block_on(&mut task).unwrap(), 4);
        let abort = task.abort_handle();
        task.abort();
        abort.abort();
        assert!(abort.is_finished() && task.is_finished());
        assert_eq!(abort.id(), task.id());
    });
}

/// Counts its drop, then panics.
struct Explosive(Option<Token>);

impl Drop for Explosive {
    fn drop(&mut self) {
        self.0 = None;
        resume_unwind(Box::new("dropped"));
    }
}

#[test]
fn an_aborted_task_whose_destructor_panics_says_so() {
    guard(|| {
        let (runtime, drops) = (workers(1), Drops::default());
        for is_queued in [false, true] {
            let before = drops.count();
            let busy = is_queued.then(|| occupy(&runtime));
            let held = Explosive(Some(drops.token()));
            let task = runtime.spawn(async move {
                let _held = held;
                pending::<()>().await;
            });
            if !is_queued {
                settle(&runtime);
            }
            task.abort();
            drop(busy);
            let error = task.join().unwrap_err();
            assert!(error.is_panic() && !error.is_cancelled());
            assert_eq!(error.into_panic().downcast_ref(), Some(&"dropped"));
            assert_eq!(drops.count(), before + 1);
        }
    });
}
