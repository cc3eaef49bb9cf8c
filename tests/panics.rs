//! Proves that a panic stays in its task: the joiner gets it, the worker and
//! every other task go on.

#![cfg(not(virid_loom))]

#[path = "support/drops.rs"]
mod drops;
#[path = "support/gate.rs"]
mod gate;
mod support;
#[path = "support/until.rs"]
mod until;
#[path = "support/workers.rs"]
mod workers;

use drops::{Drops, Token};
use gate::Gate;
use std::collections::HashSet;
use std::error::Error;
use std::future::Future;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any, resume_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::task::{Context, Poll, Wake};
use std::thread;
use support::guard;
use until::until;
use virid::Runtime;
use virid::task::JoinError;
use workers::workers;

/// Every worker is still there and a thousand tasks still run.
fn assert_alive(runtime: &Runtime, count: usize) {
    let together = Arc::new(Barrier::new(count));
    let wait = |together: Arc<Barrier>| async move {
        together.wait();
        thread::current().id()
    };
    let tasks: Vec<_> = (0..count)
        .map(|_| runtime.spawn(wait(together.clone())))
        .collect();
    let threads: HashSet<_> = tasks.into_iter().map(|task| task.join().unwrap()).collect();
    assert_eq!(threads.len(), count);
    let tasks: Vec<_> = (0..1_000)
        .map(|i| runtime.spawn(async move { i }))
        .collect();
    let sum: usize = tasks.into_iter().map(|task| task.join().unwrap()).sum();
    assert_eq!(sum, (0..1_000).sum::<usize>());
}

fn boom() -> JoinError {
    let task = virid::spawn(async { panic!("boom") });
    task.join().unwrap_err()
}

fn cancelled() -> JoinError {
    let runtime = workers(1);
    let task = runtime.spawn(std::future::pending::<()>());
    drop(runtime);
    task.join().unwrap_err()
}

#[test]
fn a_panic_in_poll_reaches_the_joiner() {
    guard(|| {
        for count in [1, 2, 4] {
            let runtime = workers(count);
            let task = runtime.spawn(async { panic!("boom") });
            assert!(task.join().unwrap_err().is_panic());
            assert_alive(&runtime, count);
        }
    });
}

#[test]
fn a_panic_after_a_suspension_reaches_an_awaiting_task() {
    guard(|| {
        let (runtime, gate) = (workers(2), Gate::default());
        let passed = gate.clone().pass();
        let child = runtime.spawn(async {
            passed.await;
            panic!("late")
        });
        let parent = runtime.spawn(async { child.await.map(|()| 0) });
        gate.open();
        let error = parent.join().unwrap().unwrap_err();
        assert_eq!(error.into_panic().downcast_ref(), Some(&"late"));
    });
}

#[test]
fn ten_thousand_detached_panics_end_no_worker() {
    guard(|| {
        for count in [1, 2, 4] {
            let (runtime, drops) = (workers(count), Drops::default());
            for index in 0..10_000 {
                let token = drops.token();
                drop(runtime.spawn(async move {
                    let _token = token;
                    resume_unwind(Box::new(index));
                }));
            }
            until(|| drops.count() == 10_000);
            assert_alive(&runtime, count);
            drop(runtime);
            assert_eq!(drops.count(), 10_000);
        }
    });
}

#[test]
fn every_kind_of_payload_arrives_as_it_was_thrown() {
    guard(|| {
        let runtime = workers(1);
        let text = runtime.spawn(async { panic!("text") }).join();
        assert_eq!(text.unwrap_err().into_panic().downcast_ref(), Some(&"text"));
        let one = 1;
        let string = runtime.spawn(async move { panic!("string {one}") }).join();
        let string = string.unwrap_err().into_panic().downcast::<String>();
        assert_eq!(*string.unwrap(), "string 1");
        let any = runtime.spawn(async { panic_any(vec![1, 2]) }).join();
        let any = any.unwrap_err().try_into_panic().unwrap();
        assert_eq!(*any.downcast::<Vec<i32>>().unwrap(), [1, 2]);
    });
}

#[test]
fn a_panic_error_tells_what_happened() {
    guard(|| {
        let runtime = workers(1);
        let task = runtime.spawn(async { panic!("boom") });
        let id = task.id();
        let error = task.join().unwrap_err();
        assert_eq!(error.id(), id);
        assert!(error.is_panic() && !error.is_cancelled());
        assert_eq!(
            error.to_string(),
            format!("task {id} panicked with message \"boom\"")
        );
        assert!(format!("{error:?}").contains("boom"));
        let any = runtime.spawn(async { panic_any(1_u8) }).join().unwrap_err();
        assert!(
            any.to_string()
                .starts_with(&format!("task {} panicked", any.id()))
        );
        let boxed: Box<dyn Error + Send + Sync> = any.into();
        assert!(boxed.downcast::<JoinError>().unwrap().is_panic());
    });
}

#[test]
fn a_cancelled_error_tells_what_happened_and_holds_no_panic() {
    guard(|| {
        let error = cancelled();
        assert!(error.is_cancelled() && !error.is_panic());
        assert_eq!(
            error.to_string(),
            format!("task {} was cancelled", error.id())
        );
        let id = error.id();
        let error = error.try_into_panic().unwrap_err();
        assert_eq!(error.id(), id);
        assert!(catch_unwind(AssertUnwindSafe(|| error.into_panic())).is_err());
    });
}

#[test]
fn a_join_error_becomes_an_io_error_with_the_same_text() {
    guard(|| {
        for error in [boom(), cancelled()] {
            let text = error.to_string();
            assert!(io::Error::from(error).to_string().contains(&text));
        }
    });
}

#[test]
fn a_panicked_future_is_dropped_once_and_before_join_returns() {
    guard(|| {
        let (runtime, drops) = (workers(2), Drops::default());
        for round in 1..1_000 {
            let token = drops.token();
            let future = std::future::poll_fn(move |_| -> Poll<()> {
                let _token = &token;
                resume_unwind(Box::new(()))
            });
            assert!(runtime.spawn(future).join().is_err());
            assert_eq!(drops.count(), round);
        }
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

/// Ends at once; its own destructor panics.
struct Late(Explosive);

impl Future for Late {
    type Output = u8;
    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<u8> {
        assert!(self.0.0.is_some());
        Poll::Ready(9)
    }
}

#[test]
fn a_panic_in_the_drop_of_a_future_ends_no_worker_and_its_joiner_is_told() {
    guard(|| {
        for count in [1, 2, 4] {
            let (runtime, drops) = (workers(count), Drops::default());
            for _ in 0..100 {
                let late = || Late(Explosive(Some(drops.token())));
                match runtime.spawn(late()).join() {
                    Ok(output) => assert_eq!(output, 9),
                    Err(error) => assert!(error.is_panic()),
                }
                drop(runtime.spawn(late()));
            }
            until(|| drops.count() == 200);
            assert_alive(&runtime, count);
            drop(runtime);
            assert_eq!(drops.count(), 200);
        }
    });
}

#[test]
fn a_panic_in_the_drop_of_an_output_ends_no_worker() {
    guard(|| {
        for count in [1, 2, 4] {
            let (runtime, drops) = (workers(count), Drops::default());
            for index in 0..100 {
                let token = drops.token();
                let task = runtime.spawn(async move { Explosive(Some(token)) });
                if index % 2 == 0 {
                    until(|| task.is_finished());
                }
                _ = catch_unwind(AssertUnwindSafe(|| drop(task)));
            }
            until(|| drops.count() == 100);
            assert_alive(&runtime, count);
            drop(runtime);
            assert_eq!(drops.count(), 100);
        }
    });
}

#[test]
fn a_panic_in_the_drop_of_a_payload_ends_no_worker() {
    guard(|| {
        for count in [1, 2, 4] {
            let (runtime, drops) = (workers(count), Drops::default());
            for index in 0..100 {
                let payload = Explosive(Some(drops.token()));
                let task = runtime.spawn(async move { resume_unwind(Box::new(payload)) });
                if index % 2 == 0 {
                    until(|| task.is_finished());
                }
                _ = catch_unwind(AssertUnwindSafe(|| drop(task)));
            }
            until(|| drops.count() == 100);
            assert_alive(&runtime, count);
            drop(runtime);
            assert_eq!(drops.count(), 100);
        }
    });
}

#[test]
fn a_panic_in_the_drop_of_an_unfinished_future_does_not_stop_the_shutdown() {
    guard(|| {
        let (runtime, drops) = (workers(2), Drops::default());
        let tasks: Vec<_> = (0..100)
            .map(|_| {
                let held = Explosive(Some(drops.token()));
                runtime.spawn(async move {
                    std::future::pending::<()>().await;
                    drop(held);
                })
            })
            .collect();
        _ = catch_unwind(AssertUnwindSafe(|| drop(runtime)));
        assert_eq!(drops.count(), 100);
        assert!(tasks.into_iter().all(|task| task.join().is_err()));
    });
}

#[test]
fn a_join_waker_that_panics_ends_no_worker() {
    struct Bomb(AtomicUsize);
    impl Wake for Bomb {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
            resume_unwind(Box::new("woken"));
        }
    }
    guard(|| {
        for count in [1, 2, 4] {
            let (runtime, bomb) = (workers(count), Arc::new(Bomb(AtomicUsize::new(0))));
            for round in 1..=10 {
                let gate = Gate::default();
                let mut task = runtime.spawn(gate.clone().pass());
                let waker = bomb.clone().into();
                let pending = Pin::new(&mut task).poll(&mut Context::from_waker(&waker));
                assert!(pending.is_pending());
                gate.open();
                until(|| bomb.0.load(Ordering::SeqCst) == round);
                task.join().unwrap();
            }
            assert_alive(&runtime, count);
        }
    });
}

#[test]
fn no_worker_counts_as_panicking_after_its_tasks_panicked() {
    guard(|| {
        let runtime = workers(1);
        for _ in 0..100 {
            let panicked = runtime.spawn(async { resume_unwind(Box::new(())) });
            assert!(panicked.join().is_err());
            assert!(!runtime.spawn(async { thread::panicking() }).join().unwrap());
        }
    });
}
