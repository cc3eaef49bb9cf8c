//! Proves that what is shielded goes on to its end though its caller is ended, and that the
//! end is taken right after.
#![cfg(all(feature = "sync", not(virid_loom)))]

#[path = "support/drops.rs"]
mod drops;
#[path = "support/sizes.rs"]
mod sizes;
mod support;
#[path = "support/until.rs"]
mod until;
#[path = "support/workers.rs"]
mod workers;

use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use drops::Drops;
use sizes::on_each_size;
use support::guard;
use until::until;
use virid::sync::{Semaphore, mpsc};
use virid::task::{self, CancellationToken, JoinError};
use virid::{thread, yield_now};
use workers::workers;

#[test]
fn a_shielded_future_goes_on_where_its_caller_is_aborted() {
    on_each_size(|runtime| {
        for abort_first in [false, true] {
            let drops = Drops::default();
            let (shielded, caller) = (drops.token(), drops.token());
            let (begun, gate) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
            let (begins, opens) = (begun.clone(), gate.clone());
            let task = runtime.spawn(async move {
                let _caller = caller;
                task::shield(async move {
                    begins.add_permits(1);
                    opens.acquire().await.unwrap().forget();
                    drop(shielded);
                    "its output"
                })
                .await
            });
            begun.blocking_acquire().unwrap().forget();
            if abort_first {
                task.abort();
                assert!(task.join().unwrap_err().is_cancelled());
                assert_eq!(drops.count(), 1);
                gate.add_permits(1);
                until(|| drops.count() == 2);
            } else {
                gate.add_permits(1);
                assert_eq!(task.join().unwrap(), "its output");
                assert_eq!(drops.count(), 2);
            }
        }
    });
}

#[test]
fn a_panic_that_is_shielded_reaches_who_awaits_it() {
    on_each_size(|runtime| {
        let end = runtime.spawn(async {
            task::shield(async {
                yield_now().await;
                panic!("shielded");
            })
            .await
        });
        let error = end.join().unwrap_err();
        assert_eq!(error.into_panic().downcast_ref(), Some(&"shielded"));
    });
}

#[test]
fn a_shielded_future_ends_with_its_runtime() {
    guard(|| {
        let runtime = workers(2);
        let drops = Drops::default();
        let token = drops.token();
        let shielded = {
            let _entered = runtime.enter();
            task::shield(async move {
                let _token = token;
                pending::<()>().await;
            })
        };
        drop(runtime);
        assert_eq!(drops.count(), 1);
        let end = catch_unwind(AssertUnwindSafe(|| virid::block_on(shielded)));
        let text = *end.unwrap_err().downcast::<&str>().unwrap();
        assert!(text.contains("the runtime ended"), "{text}");
    });
}

/// Each kind of wait inside a shield: none of them throws, and the next one after does.
#[test]
fn a_shielded_thread_is_ended_at_its_next_point() {
    on_each_size(|runtime| {
        let waits: [fn(&Waits); 6] = [
            |_| thread::yield_now(),
            |waits| waits.semaphore.blocking_acquire().unwrap().forget(),
            |waits| waits.token.wait(),
            |waits| virid::block_on(waits.token.cancelled()),
            |waits| {
                drop(thread::scope(|scope| {
                    scope.spawn(|| waits.token.wait()).join()
                }))
            },
            |_| thread::spawn(thread::yield_now).join().unwrap(),
        ];
        for wait in waits {
            let shared = Arc::new(Waits::default());
            let same = shared.clone();
            let (begun, begins) = mpsc::channel();
            let green = runtime.go(move || {
                thread::shield(|| {
                    // Nested, and with a panic that is caught inside.
                    begun.send(()).unwrap();
                    while !same.is_cancelled.load(Ordering::SeqCst) {
                        thread::yield_now();
                    }
                    _ = catch_unwind(|| thread::shield(|| panic!("inside a shield")));
                    wait(&same);
                    same.steps.fetch_add(1, Ordering::SeqCst);
                    wait(&same);
                    same.steps.fetch_add(1, Ordering::SeqCst);
                });
                same.steps.fetch_add(1, Ordering::SeqCst);
                thread::yield_now();
                unreachable!("it was cancelled");
            });
            begins.recv().unwrap();
            green.cancel();
            shared.is_cancelled.store(true, Ordering::SeqCst);
            shared.semaphore.add_permits(2);
            shared.token.cancel();
            let error = green.join().unwrap_err();
            assert!(error.downcast_ref::<JoinError>().unwrap().is_cancelled());
            assert_eq!(shared.steps.load(Ordering::SeqCst), 3);
        }
    });
}

#[derive(Default)]
struct Waits {
    token: CancellationToken,
    semaphore: Zero,
    is_cancelled: AtomicBool,
    steps: AtomicUsize,
}

struct Zero(Semaphore);

impl Default for Zero {
    fn default() -> Self {
        Self(Semaphore::new(0))
    }
}

impl std::ops::Deref for Zero {
    type Target = Semaphore;

    fn deref(&self) -> &Semaphore {
        &self.0
    }
}

/// The end of a runtime waits for what is shielded in it.
#[test]
fn a_runtime_that_ends_waits_for_shielded_threads() {
    guard(|| {
        for count in [1, 2, 8] {
            let runtime = workers(count);
            let done = Arc::new(AtomicUsize::new(0));
            let (begun, begins) = mpsc::channel();
            for _ in 0..8 {
                let (done, begun) = (done.clone(), begun.clone());
                runtime.go(move || {
                    thread::shield(|| {
                        begun.send(()).unwrap();
                        for _ in 0..100 {
                            thread::yield_now();
                        }
                        done.fetch_add(1, Ordering::SeqCst);
                    });
                    loop {
                        thread::park();
                    }
                });
            }
            (0..8).for_each(|_| begins.recv().unwrap());
            drop(runtime);
            assert_eq!(done.load(Ordering::SeqCst), 8);
        }
    });
}

#[test]
fn elsewhere_a_shield_only_calls() {
    assert_eq!(thread::shield(|| 7), 7);
    let in_a_task = virid::spawn(async { thread::shield(|| 7) });
    assert_eq!(in_a_task.join().unwrap(), 7);
}
