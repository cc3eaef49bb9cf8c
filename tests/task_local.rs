//! Proves that a task-local is seen inside its scope and nowhere else: across waits,
//! workers, green threads that take turns, panics and drops.

#![cfg(not(virid_loom))]

#[path = "support/gate.rs"]
mod gate;
mod support;
#[path = "support/until.rs"]
mod until;
#[path = "support/workers.rs"]
mod workers;

use gate::Gate;
use std::cell::{Cell, RefCell};
use std::future::{Future, pending, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::task::{Context, Poll, Waker};
use std::thread::ThreadId;
use support::guard;
use until::until;
use virid::task::JoinSet;
use virid::{block_on, thread, yield_now};
use workers::workers;

virid::task_local! {
    static NUMBER: u32;
    static OTHER: u32;
    static TEXT: String;
    static SHARED: Rc<Cell<u32>>
}

/// Empty, as Tokio's may be.
mod empty {
    virid::task_local! {}
}

#[test]
fn a_value_is_set_inside_its_scope_only() {
    guard(|| {
        workers(2)
            .spawn(async {
                assert!(NUMBER.try_get().is_err());
                NUMBER.scope(1, async { assert_eq!(NUMBER.get(), 1) }).await;
                assert!(NUMBER.try_get().is_err());
                assert_eq!(NUMBER.sync_scope(2, || NUMBER.get()), 2);
                assert!(NUMBER.try_get().is_err());
            })
            .join()
            .unwrap();
    });
}

/// A task that waits goes on on the other worker, since its own is occupied.
#[test]
fn a_value_goes_along_to_another_worker() {
    fn here() -> ThreadId {
        std::thread::current().id()
    }
    guard(|| {
        let (runtime, gate) = (workers(2), Gate::default());
        let began = Arc::new(OnceLock::new());
        let (passed, begins) = (gate.clone().pass(), Arc::clone(&began));
        let task = runtime.spawn(NUMBER.scope(7, async move {
            begins.set(here()).unwrap();
            passed.await;
            (here(), NUMBER.get())
        }));
        until(|| began.get().is_some());
        let before = began.get().copied().unwrap();
        // One for each worker, which it stays on.
        let held = Arc::new(Mutex::new(Vec::new()));
        for _ in 0..2 {
            let held = Arc::clone(&held);
            runtime.spawn(async move {
                let release = Arc::new(AtomicBool::new(false));
                held.lock().unwrap().push((here(), Arc::clone(&release)));
                until(|| release.load(Ordering::SeqCst));
            });
        }
        until(|| held.lock().unwrap().len() == 2);
        let release = |is_own: bool| {
            for (thread, release) in held.lock().unwrap().iter() {
                release.fetch_or((*thread == before) == is_own, Ordering::SeqCst);
            }
        };
        release(false);
        gate.open();
        let (after, number) = task.join().unwrap();
        assert_ne!(before, after);
        assert_eq!(number, 7);
        release(true);
    });
}

#[test]
fn values_stay_with_their_tasks_among_many_workers() {
    guard(|| {
        let runtime = workers(8);
        let all = runtime.spawn(async {
            let mut set = JoinSet::new();
            for number in 0..1_000 {
                set.spawn(NUMBER.scope(number, async move {
                    for turn in 0..20 {
                        let nested = OTHER.scope(turn, async {
                            yield_now().await;
                            assert_eq!((NUMBER.get(), OTHER.get()), (number, turn));
                        });
                        nested.await;
                        assert!(OTHER.try_get().is_err());
                    }
                }));
            }
            set.join_all().await.len()
        });
        assert_eq!(all.join().unwrap(), 1_000);
    });
}

#[test]
fn inner_scopes_hide_outer_ones_of_their_key() {
    guard(|| {
        let read = || (NUMBER.try_get().ok(), OTHER.try_get().ok());
        let inner = async move {
            assert_eq!(read(), (Some(1), Some(2)));
            NUMBER
                .scope(3, async {
                    yield_now().await;
                    assert_eq!(read(), (Some(3), Some(2)));
                    let deepest = NUMBER.sync_scope(4, || OTHER.sync_scope(5, read));
                    assert_eq!(deepest, (Some(4), Some(5)));
                    assert_eq!(read(), (Some(3), Some(2)));
                })
                .await;
            assert_eq!(read(), (Some(1), Some(2)));
        };
        let runtime = workers(1);
        let task = runtime.spawn(NUMBER.scope(1, OTHER.scope(2, inner)));
        task.join().unwrap();
    });
}

#[test]
fn a_child_does_not_see_what_is_not_inherited() {
    guard(|| {
        let runtime = workers(1);
        let seen = runtime.spawn(NUMBER.scope(1, async {
            let read = || NUMBER.try_get().is_ok();
            let task = virid::spawn(async move { read() }).await.unwrap();
            let green = thread::spawn(read).await.unwrap();
            let blocking = virid::task::spawn_blocking(read).await.unwrap();
            [task, green, blocking, read()]
        }));
        assert_eq!(seen.join().unwrap(), [false, false, false, true]);
    });
}

/// Each of many threads of one worker has a value of its own, whoever ran in between.
#[test]
fn a_green_thread_takes_its_values_along() {
    guard(|| {
        workers(1).run(|| {
            let threads: Vec<_> = (0..100)
                .map(|number| {
                    thread::spawn(move || {
                        assert!(NUMBER.try_get().is_err());
                        NUMBER.sync_scope(number, || {
                            for turn in 0..10 {
                                thread::yield_now();
                                assert_eq!(NUMBER.get(), number);
                                OTHER.sync_scope(turn, || {
                                    block_on(yield_now());
                                    assert_eq!((NUMBER.get(), OTHER.get()), (number, turn));
                                });
                                assert!(OTHER.try_get().is_err());
                            }
                        });
                        thread::yield_now();
                        assert!(NUMBER.try_get().is_err());
                    })
                })
                .collect();
            for thread in threads {
                thread.join().unwrap();
            }
        });
    });
}

/// Futures of tasks that the worker polls while the green thread waits.
#[test]
fn a_task_does_not_see_the_values_of_a_green_thread_that_waits() {
    guard(|| {
        workers(1).run(|| {
            NUMBER.sync_scope(1, || {
                let task = virid::spawn(async { NUMBER.try_get().is_ok() });
                assert!(!task.join().unwrap());
                assert_eq!(NUMBER.get(), 1);
            });
        });
    });
}

#[test]
fn block_on_polls_inside_its_callers_scopes() {
    guard(|| {
        let both = || {
            NUMBER.sync_scope(1, || {
                block_on(async {
                    yield_now().await;
                    let nested = OTHER.scope(2, async {
                        yield_now().await;
                        (NUMBER.get(), OTHER.get())
                    });
                    nested.await
                })
            })
        };
        assert_eq!(both(), (1, 2));
        assert_eq!(workers(1).run(both), (1, 2));
        let runtime = workers(1);
        let here = NUMBER.sync_scope(3, || runtime.block_on(async { NUMBER.get() }));
        assert_eq!(here, 3);
    });
}

/// A green thread that is suspended inside the poll of a scope.
#[test]
fn a_wait_inside_a_poll_keeps_the_scopes_of_the_poll() {
    guard(|| {
        workers(1).run(|| {
            let threads = [1, 2].map(|number| {
                thread::spawn(move || {
                    block_on(NUMBER.scope(
                        number,
                        poll_fn(|_| {
                            thread::yield_now();
                            Poll::Ready(NUMBER.get())
                        }),
                    ))
                })
            });
            assert_eq!(threads.map(|thread| thread.join().unwrap()), [1, 2]);
        });
    });
}

#[test]
fn a_panic_leaves_the_scopes_that_it_passes() {
    guard(|| {
        let body = || {
            NUMBER.sync_scope(1, || {
                let caught = catch_unwind(AssertUnwindSafe(|| {
                    OTHER.sync_scope(2, || NUMBER.sync_scope(3, || panic!("inside")))
                }));
                assert!(caught.is_err());
                assert_eq!(NUMBER.get(), 1);
                assert!(OTHER.try_get().is_err());
            });
            assert!(NUMBER.try_get().is_err());
        };
        body();
        let runtime = workers(1);
        runtime.run(body);
        runtime.spawn(async move { body() }).join().unwrap();
        let bad = runtime.spawn(NUMBER.scope(1, async { panic!("in a poll") }));
        assert!(bad.join().unwrap_err().is_panic());
        let next = runtime.spawn(async { NUMBER.try_get().is_err() });
        assert!(next.join().unwrap());
    });
}

#[test]
fn a_cancelled_green_thread_leaves_its_scopes() {
    guard(|| {
        workers(1).run(|| {
            let thread = thread::spawn(|| {
                NUMBER.sync_scope(1, || {
                    loop {
                        thread::park();
                    }
                })
            });
            thread::yield_now();
            thread.cancel();
            assert!(thread.join().is_err());
            assert!(NUMBER.try_get().is_err());
            let next = thread::spawn(|| NUMBER.try_get().is_err());
            assert!(next.join().unwrap());
        });
    });
}

/// Reads its task-local when it is dropped.
struct Reads(Arc<AtomicU32>);

impl Drop for Reads {
    fn drop(&mut self) {
        let seen = NUMBER.try_get().unwrap_or(1_000);
        self.0.fetch_add(seen, Ordering::SeqCst);
    }
}

#[test]
fn a_future_is_dropped_inside_its_scope() {
    guard(|| {
        let runtime = workers(1);
        let seen = Arc::new(AtomicU32::new(0));
        let reads = || Reads(Arc::clone(&seen));
        // At its end, aborted, and before its first poll.
        let at_end = reads();
        let ended = NUMBER.scope(1, async move { drop(at_end) });
        runtime.spawn(ended).join().unwrap();
        let kept = reads();
        let waits = async move {
            let _kept = kept;
            pending::<()>().await;
        };
        let task = runtime.spawn(NUMBER.scope(10, waits));
        task.abort();
        assert!(task.join().is_err());
        let unpolled = reads();
        drop(NUMBER.scope(100, async move { drop(unpolled) }));
        until(|| seen.load(Ordering::SeqCst) == 111);
    });
}

#[test]
fn a_value_can_be_taken_back() {
    let mut future = Box::pin(TEXT.scope("text".into(), async { TEXT.with(String::len) }));
    assert_eq!(
        format!("{future:?}"),
        r#"TaskLocalFuture { value: "text" }"#
    );
    assert_eq!(block_on(future.as_mut()), 4);
    assert_eq!(future.as_mut().take_value().as_deref(), Some("text"));
    assert_eq!(future.as_mut().take_value(), None);
    assert_eq!(
        format!("{future:?}"),
        "TaskLocalFuture { value: <missing> }"
    );
    let again = catch_unwind(AssertUnwindSafe(|| {
        let _ = future
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()));
    }));
    assert!(again.is_err());
}

/// It hides the value around it, which is another scope's.
#[test]
fn a_value_that_was_taken_too_early_is_missing() {
    let inner = NUMBER.scope(2, async { NUMBER.try_get().is_err() });
    let mut inner = Box::pin(inner);
    assert_eq!(inner.as_mut().take_value(), Some(2));
    assert!(NUMBER.sync_scope(1, || block_on(inner)));
}

#[test]
fn what_is_read_outside_names_the_cure() {
    let caught = catch_unwind(|| NUMBER.get()).unwrap_err();
    let says: &String = caught.downcast_ref().unwrap();
    assert!(says.contains("task-local value not set"), "{says}");
    assert!(says.contains("sync_scope"), "{says}");
    let error = NUMBER.try_get().unwrap_err();
    assert_eq!(error.to_string(), "task-local value not set");
    assert_eq!(
        format!("{error:?} {NUMBER:?}"),
        "AccessError LocalKey { .. }"
    );
}

#[test]
fn values_need_be_neither_send_nor_clone() {
    guard(|| {
        workers(1).run(|| {
            let shared = Rc::new(Cell::new(1));
            SHARED.sync_scope(Rc::clone(&shared), || {
                thread::yield_now();
                SHARED.with(|value| value.set(value.get() + 1));
            });
            assert_eq!((shared.get(), Rc::strong_count(&shared)), (2, 1));
        });
    });
}

/// A scope that is polled by hand, turn about with another of its key.
#[test]
fn scopes_that_are_polled_in_turn_keep_apart() {
    let seen = RefCell::new(Vec::new());
    let make = |number| {
        let seen = &seen;
        Box::pin(NUMBER.scope(number, async move {
            for _ in 0..3 {
                seen.borrow_mut().push(NUMBER.get());
                yield_now().await;
            }
        }))
    };
    let mut both: [Pin<Box<dyn Future<Output = ()>>>; 2] = [make(1), make(2)];
    for _ in 0..3 {
        for one in &mut both {
            let polled = one.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            assert!(polled.is_pending());
        }
    }
    assert_eq!(*seen.borrow(), [1, 2, 1, 2, 1, 2]);
}
