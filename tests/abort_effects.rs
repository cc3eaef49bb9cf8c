//! Proves what an abort leaves alone: the task's children, its wakers, the
//! tasks of strangers, and destructors that abort in their turn.

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

use drops::Drops;
use gate::Gate;
use occupied::occupy;
use std::future::{Future, pending, poll_fn};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::thread;
use support::guard;
use until::until;
use virid::task::{AbortHandle, JoinHandle};
use workers::workers;

type Slot = Arc<Mutex<Option<Waker>>>;

/// Counts its polls, and keeps the waker of the last.
fn endless(polls: &Arc<AtomicUsize>, slot: &Slot) -> impl Future<Output = ()> + Send + use<> {
    let (polls, slot) = (polls.clone(), slot.clone());
    poll_fn(move |context| {
        *slot.lock().unwrap() = Some(context.waker().clone());
        polls.fetch_add(1, Ordering::SeqCst);
        Poll::Pending
    })
}

#[test]
fn the_waker_of_an_aborted_task_wakes_nothing_and_no_stranger() {
    guard(|| {
        let runtime = workers(1);
        for is_ended in [true, false] {
            let (polls, slot) = (Arc::<AtomicUsize>::default(), Slot::default());
            let task = runtime.spawn(endless(&polls, &slot));
            until(|| polls.load(Ordering::SeqCst) == 1);
            let waker = slot.lock().unwrap().take().unwrap();
            let busy = (!is_ended).then(|| occupy(&runtime));
            task.abort();
            if is_ended {
                until(|| task.is_finished());
            }
            let (others, other) = (Arc::<AtomicUsize>::default(), Slot::default());
            let strangers: Vec<_> = (0..1_000)
                .map(|_| runtime.spawn(endless(&others, &other)))
                .collect();
            if is_ended {
                until(|| others.load(Ordering::SeqCst) == 1_000);
            }
            vec![waker.clone(); 10].into_iter().for_each(Waker::wake);
            waker.wake_by_ref();
            drop(busy);
            assert!(task.join().unwrap_err().is_cancelled());
            thread::spawn(|| waker.wake()).join().unwrap();
            until(|| others.load(Ordering::SeqCst) >= 1_000);
            // Behind all that a wrong wake could have queued.
            runtime.spawn(async {}).join().unwrap();
            assert_eq!(polls.load(Ordering::SeqCst), 1);
            assert_eq!(others.load(Ordering::SeqCst), 1_000);
            strangers.iter().for_each(JoinHandle::abort);
        }
    });
}

#[test]
fn the_children_of_an_aborted_task_run_on() {
    guard(|| {
        for count in [1, 2] {
            let (runtime, gate) = (workers(count), Gate::default());
            let (passed, (ended, end)) = (gate.clone().pass(), channel());
            let (started, start) = channel();
            let parent = runtime.spawn(async move {
                let child = virid::spawn(async move {
                    passed.await;
                    ended.send(()).unwrap();
                });
                started.send(()).unwrap();
                child.await.unwrap();
            });
            start.recv().unwrap();
            parent.abort();
            assert!(parent.join().unwrap_err().is_cancelled());
            gate.open();
            end.recv().unwrap();
        }
    });
}

#[test]
fn a_task_that_wakes_itself_for_ever_ends_when_it_is_aborted() {
    guard(|| {
        for count in [1, 2, 4] {
            let (runtime, drops) = (workers(count), Drops::default());
            let tasks: Vec<_> = (0..8)
                .map(|_| {
                    let token = drops.token();
                    runtime.spawn(async move {
                        let _token = token;
                        loop {
                            virid::yield_now().await;
                        }
                    })
                })
                .collect();
            runtime.spawn(async {}).join().unwrap();
            tasks.iter().for_each(JoinHandle::<()>::abort);
            for task in tasks {
                assert!(task.join().unwrap_err().is_cancelled());
            }
            assert_eq!(drops.count(), 8);
        }
    });
}

#[test]
fn a_task_that_another_executor_polls_the_handle_of_can_be_aborted() {
    guard(|| {
        let (here, there) = (workers(1), workers(1));
        let task = here.spawn(pending::<()>());
        let abort = task.abort_handle();
        let waiter = there.spawn(async { task.await.unwrap_err().is_cancelled() });
        there.spawn(async {}).join().unwrap();
        abort.abort();
        assert!(waiter.join().unwrap());
    });
}

/// Aborts tasks when it is dropped.
struct AbortsWhenDropped(Arc<Mutex<Vec<AbortHandle>>>);

impl Drop for AbortsWhenDropped {
    fn drop(&mut self) {
        let handles = self.0.lock().unwrap();
        handles.iter().for_each(AbortHandle::abort);
    }
}

#[test]
fn a_future_may_abort_its_own_task_and_others_while_it_is_dropped() {
    guard(|| {
        for by_shutdown in [false, true] {
            let (runtime, drops) = (workers(2), Drops::default());
            let handles = Arc::<Mutex<Vec<AbortHandle>>>::default();
            let tasks: Vec<_> = (0..100)
                .map(|_| {
                    let held = (AbortsWhenDropped(handles.clone()), drops.token());
                    runtime.spawn(async move {
                        let _held = held;
                        pending::<()>().await;
                    })
                })
                .collect();
            *handles.lock().unwrap() = tasks.iter().map(JoinHandle::abort_handle).collect();
            if by_shutdown {
                drop(runtime);
            } else {
                tasks[50].abort();
            }
            for task in tasks {
                assert!(task.join().unwrap_err().is_cancelled());
            }
            assert_eq!(drops.count(), 100);
            handles.lock().unwrap().clear();
        }
    });
}

#[test]
fn a_task_that_holds_its_own_abort_handle_is_freed_when_it_ends() {
    guard(|| {
        for by_abort in [false, true] {
            let (runtime, drops) = (workers(1), Drops::default());
            let (token, (send, receive)) = (drops.token(), channel::<AbortHandle>());
            let task = runtime.spawn(async move {
                let _held = (token, receive.recv().unwrap());
                pending::<()>().await;
            });
            let abort = task.abort_handle();
            send.send(abort.clone()).unwrap();
            drop(task);
            runtime.spawn(async {}).join().unwrap();
            if by_abort {
                abort.abort();
                until(|| abort.is_finished());
            } else {
                drop(runtime);
            }
            assert_eq!(drops.count(), 1);
        }
    });
}

#[test]
fn an_aborted_task_on_a_chain_of_joins_tells_the_whole_chain() {
    guard(|| {
        let runtime = workers(2);
        let first = runtime.spawn(pending::<()>());
        let abort = first.abort_handle();
        let mut last = runtime.spawn(async { first.await.is_err() });
        for _ in 0..10_000 {
            let before = last;
            last = runtime.spawn(async { before.await.unwrap() });
        }
        abort.abort();
        assert!(last.join().unwrap());
    });
}

#[test]
fn abort_handles_cross_threads_as_promised() {
    fn shared<T: Send + Sync + Clone + Unpin + std::fmt::Debug + 'static>() {}
    shared::<AbortHandle>();
}
