//! Proves that `block_on` drives any future on a plain thread and refuses, with
//! a panic that names the cure, to block a worker from within a task.

#![cfg(not(virid_loom))]

#[path = "support/gate.rs"]
mod gate;
mod support;
#[path = "support/wakes.rs"]
mod wakes;
#[path = "support/workers.rs"]
mod workers;

use gate::Gate;
use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::thread;
use support::guard;
use virid::{Builder, Handle};
use wakes::Wakes;
use workers::workers;

#[test]
fn a_future_that_is_not_send_may_borrow_and_stays_on_the_caller() {
    guard(|| {
        let runtime = workers(1);
        let (mut text, shared) = (String::from("a"), Rc::new(Cell::new(0)));
        let caller = thread::current().id();
        let on_caller = runtime.block_on(async {
            text.push('b');
            virid::yield_now().await;
            shared.set(runtime.spawn(async { 7 }).await.unwrap());
            text.push('c');
            thread::current().id() == caller
        });
        assert!(on_caller);
        assert_eq!((text.as_str(), shared.get()), ("abc", 7));
        assert_eq!(virid::block_on(async { text.len() + shared.get() }), 10);
        assert_eq!(runtime.handle().block_on(async { text.len() }), 3);
    });
}

#[test]
fn tasks_spawned_inside_block_on_run_on_that_runtime() {
    guard(|| {
        let build = |name: &str| Builder::new().worker_threads(1).thread_name(name).build();
        let (runtime, other) = (build("block-a").unwrap(), build("block-b").unwrap());
        let name = || async { thread::current().name().map(str::to_owned) };
        runtime.block_on(async {
            let free = virid::spawn(name()).await.unwrap();
            assert_eq!(free.as_deref(), Some("block-a-0"));
            let current = Handle::current().spawn(name()).await.unwrap();
            assert_eq!(current.as_deref(), Some("block-a-0"));
            let explicit = other.spawn(name()).await.unwrap();
            assert_eq!(explicit.as_deref(), Some("block-b-0"));
        });
    });
}

#[test]
fn handle_current_panics_outside_any_runtime_and_after_block_on() {
    guard(|| {
        assert!(catch_unwind(Handle::current).is_err());
        let runtime = workers(1);
        runtime.block_on(async { drop(Handle::current()) });
        assert!(catch_unwind(Handle::current).is_err());
        let panic = catch_unwind(AssertUnwindSafe(|| {
            runtime.block_on(async { panic!("out") })
        }));
        assert_eq!(panic.unwrap_err().downcast_ref(), Some(&"out"));
        assert!(catch_unwind(Handle::current).is_err());
    });
}

#[test]
fn block_on_nests_on_a_plain_thread_and_the_outer_runtime_comes_back() {
    guard(|| {
        let build = |name: &str| Builder::new().worker_threads(1).thread_name(name).build();
        let (outer, inner) = (build("outer").unwrap(), build("inner").unwrap());
        let name = || async { thread::current().name().map(str::to_owned) };
        outer.block_on(async {
            let nested = inner.block_on(async {
                let deepest = virid::block_on(async {
                    virid::yield_now().await;
                    1
                });
                (deepest, virid::spawn(name()).await.unwrap())
            });
            assert_eq!(nested, (1, Some("inner-0".to_owned())));
            virid::yield_now().await;
            assert_eq!(
                virid::spawn(name()).await.unwrap().as_deref(),
                Some("outer-0")
            );
        });
    });
}

#[test]
fn a_nested_block_on_eats_no_wake_of_the_outer_one() {
    guard(|| {
        for _ in 0..2_000 {
            let (outer, inner) = (Gate::default(), Gate::default());
            let gates = [outer.clone(), inner.clone()];
            let opener = thread::spawn(move || gates.iter().for_each(Gate::open));
            virid::block_on(async {
                let mut passed = pin!(outer.pass());
                let early = poll_fn(|context| Poll::Ready(passed.as_mut().poll(context)));
                let early = early.await.is_ready();
                virid::block_on(inner.pass());
                if !early {
                    passed.await;
                }
            });
            opener.join().unwrap();
        }
    });
}

#[test]
fn wakes_from_other_threads_end_the_wait() {
    guard(|| {
        for _ in 0..5_000 {
            let gate = Gate::default();
            let other = gate.clone();
            let opener = thread::spawn(move || other.open());
            virid::block_on(gate.pass());
            opener.join().unwrap();
        }
    });
}

#[test]
fn a_wake_during_the_poll_polls_again() {
    guard(|| {
        let mut polls = 0;
        virid::block_on(poll_fn(|context| {
            polls += 1;
            context.waker().wake_by_ref();
            match polls {
                1_000 => Poll::Ready(()),
                _ => Poll::Pending,
            }
        }));
        assert_eq!(polls, 1_000);
    });
}

#[test]
fn an_unpark_of_the_thread_by_others_does_not_end_the_wait() {
    guard(|| {
        let gate = Gate::default();
        let (other, caller) = (gate.clone(), thread::current());
        let noise = thread::spawn(move || {
            (0..1_000).for_each(|_| caller.unpark());
            other.open();
        });
        virid::block_on(gate.pass());
        noise.join().unwrap();
    });
}

#[test]
fn the_waker_of_block_on_outlives_it() {
    guard(|| {
        let waker = virid::block_on(poll_fn(|context| Poll::Ready(context.waker().clone())));
        waker.wake_by_ref();
        thread::spawn(move || waker.wake()).join().unwrap();
        virid::block_on(virid::yield_now());
    });
}

#[test]
fn block_on_in_a_task_panics_names_await_and_the_worker_goes_on() {
    guard(|| {
        let runtime = Arc::new(workers(1));
        let handle = runtime.handle().clone();
        let own = runtime.clone();
        let tries = [
            runtime.spawn(async { virid::block_on(async {}) }),
            runtime.spawn(async move { handle.block_on(async {}) }),
            runtime.spawn(async move { own.block_on(async {}) }),
        ];
        for task in tries {
            let error = task.join().unwrap_err();
            assert!(error.is_panic());
            assert!(error.to_string().contains(".await"), "{error}");
        }
        for index in 0..1_000 {
            assert_eq!(runtime.spawn(async move { index }).join().unwrap(), index);
        }
    });
}

#[test]
fn a_task_that_catches_the_panic_of_block_on_goes_on() {
    guard(|| {
        let runtime = workers(1);
        let task = runtime.spawn(async {
            let refused = catch_unwind(|| virid::block_on(async {})).is_err();
            virid::yield_now().await;
            (refused, virid::spawn(async { 3 }).await.unwrap())
        });
        assert_eq!(task.join().unwrap(), (true, 3));
    });
}

#[test]
fn a_task_of_one_runtime_can_be_polled_by_any_other_executor() {
    guard(|| {
        let (runtime, gate, wakes) = (workers(1), Gate::default(), Wakes::new());
        let mut task = pin!(runtime.spawn(gate.clone().pass()));
        let waker = wakes.waker();
        assert!(
            task.as_mut()
                .poll(&mut Context::from_waker(&waker))
                .is_pending()
        );
        drop(waker);
        gate.open();
        virid::block_on(task.as_mut()).unwrap();
        drop(runtime);
        assert_eq!((wakes.count() <= 1, wakes.alive()), (true, 0));
    });
}
