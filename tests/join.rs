//! Proves that a join handle gives its task's result exactly once, wakes who
//! waits, and leaks or drops twice neither future, output nor waker.

#![cfg(not(virid_loom))]

#[path = "support/drops.rs"]
mod drops;
#[path = "support/gate.rs"]
mod gate;
mod support;
#[path = "support/until.rs"]
mod until;
#[path = "support/wakes.rs"]
mod wakes;
#[path = "support/workers.rs"]
mod workers;

use drops::{Drops, Token};
use gate::Gate;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Barrier};
use std::task::{Context, Poll, Waker};
use std::thread;
use support::guard;
use until::until;
use virid::task::{JoinError, JoinHandle};
use wakes::Wakes;
use workers::workers;

type Polled<T> = Poll<Result<T, JoinError>>;

fn poll<T>(handle: &mut JoinHandle<T>, waker: &Waker) -> Polled<T> {
    Pin::new(handle).poll(&mut Context::from_waker(waker))
}

#[test]
fn awaiting_a_handle_gives_the_output() {
    guard(|| {
        let runtime = workers(2);
        let task = runtime.spawn(async {
            let children: Vec<_> = (0..1_000).map(|i| virid::spawn(async move { i })).collect();
            let mut outputs = Vec::new();
            for child in children {
                outputs.push(child.await.unwrap());
            }
            outputs
        });
        assert_eq!(task.join().unwrap(), (0..1_000).collect::<Vec<_>>());
    });
}

#[test]
fn join_waits_for_a_task_that_has_not_ended() {
    guard(|| {
        let (runtime, gate) = (workers(1), Gate::default());
        let passed = gate.clone().pass();
        let task = runtime.spawn(async move {
            passed.await;
            "passed"
        });
        let joiner = thread::spawn(|| task.join().unwrap());
        gate.open();
        assert_eq!(joiner.join().unwrap(), "passed");
    });
}

#[test]
fn join_after_the_end_gives_the_kept_output() {
    guard(|| {
        let runtime = workers(1);
        let task = runtime.spawn(async { vec![1, 2, 3] });
        until(|| task.is_finished());
        assert_eq!(task.join().unwrap(), [1, 2, 3]);
    });
}

#[test]
fn join_inside_a_task_panics_and_names_await() {
    guard(|| {
        let runtime = workers(1);
        let task = runtime.spawn(async { virid::spawn(async {}).join() });
        let error = task.join().unwrap_err();
        assert!(error.to_string().contains(".await"), "{error}");
        assert_eq!(runtime.spawn(async { 1 }).join().unwrap(), 1);
    });
}

#[test]
fn is_finished_turns_true_with_the_end_of_the_task_and_not_before() {
    guard(|| {
        let (runtime, gate) = (workers(1), Gate::default());
        let task = runtime.spawn(gate.clone().pass());
        runtime.spawn(async {}).join().unwrap();
        assert!(!task.is_finished());
        gate.open();
        until(|| task.is_finished());
        task.join().unwrap();
    });
}

#[test]
fn a_polled_handle_wakes_its_waker_exactly_once() {
    guard(|| {
        let (runtime, gate, wakes) = (workers(1), Gate::default(), Wakes::new());
        let mut task = runtime.spawn(gate.clone().pass());
        assert!(poll(&mut task, &wakes.waker()).is_pending());
        assert_eq!(wakes.count(), 0);
        gate.open();
        until(|| wakes.count() > 0);
        assert!(poll(&mut task, Waker::noop()).is_ready());
        drop(runtime);
        assert_eq!((wakes.count(), wakes.alive()), (1, 0));
    });
}

#[test]
fn of_two_wakers_only_the_last_is_woken() {
    guard(|| {
        let (runtime, gate) = (workers(2), Gate::default());
        let (first, last) = (Wakes::new(), Wakes::new());
        let mut task = runtime.spawn(gate.clone().pass());
        for _ in 0..10 {
            assert!(poll(&mut task, &first.waker()).is_pending());
            assert!(poll(&mut task, &last.waker()).is_pending());
        }
        assert_eq!((first.alive(), last.alive()), (0, 1));
        gate.open();
        until(|| last.count() > 0);
        drop(runtime);
        assert_eq!((first.count(), last.count()), (0, 1));
        assert!(poll(&mut task, Waker::noop()).is_ready());
        assert_eq!((first.alive(), last.alive()), (0, 0));
    });
}

#[test]
fn polling_again_after_ready_panics_with_a_message_that_names_the_handle() {
    guard(|| {
        let runtime = workers(1);
        let mut task = runtime.spawn(async { 5 });
        until(|| task.is_finished());
        assert!(matches!(poll(&mut task, Waker::noop()), Poll::Ready(Ok(5))));
        let again = catch_unwind(AssertUnwindSafe(|| {
            poll(&mut task, Waker::noop()).is_ready()
        }));
        let payload = again.unwrap_err();
        let text = payload
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| payload.downcast_ref::<&str>().copied());
        assert!(text.unwrap().contains("JoinHandle"), "{text:?}");
    });
}

#[test]
fn a_handle_polled_on_one_thread_can_be_polled_and_dropped_on_others() {
    guard(|| {
        let (runtime, gate, wakes) = (workers(2), Gate::default(), Wakes::new());
        let mut tasks: Vec<_> = (0..100)
            .map(|_| runtime.spawn(gate.clone().pass()))
            .collect();
        for task in &mut tasks {
            assert!(poll(task, &wakes.waker()).is_pending());
        }
        let dropped = tasks.split_off(50);
        let second = wakes.clone();
        let mut tasks = thread::spawn(move || {
            for task in &mut tasks {
                assert!(poll(task, &second.waker()).is_pending());
            }
            tasks
        })
        .join()
        .unwrap();
        thread::spawn(move || drop(dropped)).join().unwrap();
        gate.open();
        for task in tasks.drain(..) {
            task.join().unwrap();
        }
        drop(runtime);
        assert_eq!(wakes.alive(), 0);
    });
}

/// A future and an output that count their drops. The future runs `poll`
/// before it hands over the output.
struct Counted {
    futures: Drops,
    outputs: Drops,
}

impl Counted {
    fn new() -> Self {
        Counted {
            futures: Drops::default(),
            outputs: Drops::default(),
        }
    }

    fn future<F: Future<Output = ()> + Send>(
        &self,
        first: F,
    ) -> impl Future<Output = Token> + Send + use<F> {
        let (own, mut output) = (self.futures.token(), Some(self.outputs.token()));
        let mut first = Box::pin(first);
        poll_fn(move |context| {
            let _own = &own;
            first
                .as_mut()
                .poll(context)
                .map(|()| output.take().unwrap())
        })
    }

    fn counts(&self) -> (usize, usize) {
        (self.futures.count(), self.outputs.count())
    }
}

#[test]
fn a_joined_future_is_dropped_before_join_returns_and_the_output_by_the_caller() {
    guard(|| {
        let (runtime, counted) = (workers(1), Counted::new());
        let output = runtime.spawn(counted.future(async {})).join();
        assert_eq!(counted.counts(), (1, 0));
        drop(output);
        assert_eq!(counted.counts(), (1, 1));
        drop(runtime);
        assert_eq!(counted.counts(), (1, 1));
    });
}

#[test]
fn a_handle_dropped_before_the_task_ran_detaches_it() {
    guard(|| {
        let (runtime, counted, barrier) = (workers(1), Counted::new(), Arc::new(Barrier::new(2)));
        let busy = barrier.clone();
        runtime.spawn(async move { busy.wait() });
        drop(runtime.spawn(counted.future(async {})));
        assert_eq!(counted.counts(), (0, 0));
        barrier.wait();
        until(|| counted.counts() == (1, 1));
        drop(runtime);
        assert_eq!(counted.counts(), (1, 1));
    });
}

#[test]
fn a_handle_dropped_while_the_task_is_polled_detaches_it() {
    guard(|| {
        let (runtime, counted, barrier) = (workers(1), Counted::new(), Arc::new(Barrier::new(2)));
        let inside = barrier.clone();
        let task = runtime.spawn(counted.future(async move {
            inside.wait();
            inside.wait();
        }));
        barrier.wait();
        drop(task);
        assert_eq!(counted.counts(), (0, 0));
        barrier.wait();
        until(|| counted.counts() == (1, 1));
        drop(runtime);
        assert_eq!(counted.counts(), (1, 1));
    });
}

#[test]
fn a_handle_dropped_while_the_task_is_suspended_detaches_it() {
    guard(|| {
        let (runtime, counted, gate) = (workers(1), Counted::new(), Gate::default());
        let mut task = runtime.spawn(counted.future(gate.clone().pass()));
        let wakes = Wakes::new();
        runtime.spawn(async {}).join().unwrap();
        assert!(poll(&mut task, &wakes.waker()).is_pending());
        drop(task);
        assert_eq!(counted.counts(), (0, 0));
        gate.open();
        until(|| counted.counts() == (1, 1));
        drop(runtime);
        assert_eq!(counted.counts(), (1, 1));
        assert_eq!((wakes.count(), wakes.alive()), (0, 0));
    });
}

#[test]
fn a_handle_dropped_after_the_end_drops_the_output_once() {
    guard(|| {
        let (runtime, counted) = (workers(1), Counted::new());
        let task = runtime.spawn(counted.future(async {}));
        until(|| task.is_finished());
        assert_eq!(counted.counts(), (1, 0));
        drop(task);
        assert_eq!(counted.counts(), (1, 1));
        drop(runtime);
        assert_eq!(counted.counts(), (1, 1));
    });
}

#[test]
fn dropping_handles_while_their_tasks_end_loses_and_doubles_nothing() {
    guard(|| {
        let (runtime, counted) = (workers(2), Counted::new());
        for round in 0..50_000_u32 {
            let task = runtime.spawn(counted.future(async {}));
            for _ in 0..round.wrapping_mul(2_654_435_761) >> 22 {
                std::hint::spin_loop();
            }
            drop(task);
        }
        until(|| counted.counts() == (50_000, 50_000));
        drop(runtime);
        assert_eq!(counted.counts(), (50_000, 50_000));
    });
}

#[test]
fn polling_handles_while_their_tasks_end_never_misses_the_wake() {
    guard(|| {
        let (runtime, counted, wakes) = (workers(2), Counted::new(), Wakes::new());
        for round in 0..50_000_u32 {
            let mut task = runtime.spawn(counted.future(async {}));
            for _ in 0..round.wrapping_mul(2_654_435_761) >> 22 {
                std::hint::spin_loop();
            }
            let before = wakes.count();
            let waker = wakes.waker();
            while poll(&mut task, &waker).is_pending() {
                until(|| wakes.count() > before);
            }
        }
        drop(runtime);
        assert_eq!(counted.counts(), (50_000, 50_000));
        assert_eq!(wakes.alive(), 0);
    });
}

#[test]
fn the_join_waker_is_dropped_once_however_the_wait_ends() {
    guard(|| {
        let (runtime, gate) = (workers(1), Gate::default());
        let wakes: Vec<_> = (0..4).map(|_| Wakes::new()).collect();
        let mut tasks: Vec<_> = wakes
            .iter()
            .map(|wakes| {
                let mut task = runtime.spawn(gate.clone().pass());
                assert!(poll(&mut task, &wakes.waker()).is_pending());
                assert_eq!(wakes.alive(), 1);
                task
            })
            .collect();
        drop(tasks.pop());
        gate.open();
        until(|| tasks.iter().all(JoinHandle::is_finished));
        assert!(poll(&mut tasks[0], Waker::noop()).is_ready());
        tasks.pop().unwrap().join().unwrap();
        let never = Gate::default();
        let mut stuck = runtime.spawn(never.clone().pass());
        assert!(poll(&mut stuck, &wakes[0].waker()).is_pending());
        drop(runtime);
        assert!(poll(&mut stuck, Waker::noop()).is_ready());
        drop((tasks, stuck));
        for wakes in wakes {
            assert_eq!(wakes.alive(), 0);
        }
    });
}
