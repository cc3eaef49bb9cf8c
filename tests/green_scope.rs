//! Proves that a scope gives what std's gives: threads that borrow have ended,
//! and all that borrows is gone, before the scope is left, however it is left.

#![cfg(not(virid_loom))]

#[path = "support/drops.rs"]
mod drops;
#[path = "support/occupied.rs"]
mod occupied;
#[path = "support/rest.rs"]
mod rest;
#[path = "support/said.rs"]
mod said;
#[path = "support/sizes.rs"]
mod sizes;
mod support;
#[path = "support/until.rs"]
mod until;
#[path = "support/workers.rs"]
mod workers;

use drops::Drops;
use occupied::occupy;
use rest::rest;
use said::said;
use sizes::on_each_size;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{TryRecvError, channel};
use std::sync::{Arc, Mutex};
use support::guard;
use virid::task::JoinError;
use virid::thread::{self, Scope};
use workers::workers;

/// What threads borrow. Says so if it is used after its end.
struct Borrowed {
    is_alive: AtomicBool,
    uses: AtomicUsize,
    misused: Arc<AtomicUsize>,
}

impl Borrowed {
    fn new(misused: &Arc<AtomicUsize>) -> Self {
        Self {
            is_alive: AtomicBool::new(true),
            uses: AtomicUsize::new(0),
            misused: misused.clone(),
        }
    }

    fn touch(&self) {
        if !self.is_alive.load(Ordering::SeqCst) {
            self.misused.fetch_add(1, Ordering::SeqCst);
        }
        self.uses.fetch_add(1, Ordering::SeqCst);
    }
}

impl Drop for Borrowed {
    fn drop(&mut self) {
        self.is_alive.store(false, Ordering::SeqCst);
    }
}

/// Uses what it borrows when it is dropped.
struct Touches<'a>(&'a Borrowed);

impl Drop for Touches<'_> {
    fn drop(&mut self) {
        self.0.touch();
    }
}

#[test]
fn threads_borrow_mutably_and_return_what_borrows() {
    on_each_size(|runtime| {
        let sum = runtime.run(|| {
            let (mut numbers, text) = (vec![1_u64; 2_000], String::from("borrowed"));
            let lengths = thread::scope(|scope| {
                let one = |number: &mut u64| {
                    thread::yield_now();
                    *number += 1;
                };
                let add = |number| drop(scope.spawn(move || one(number)));
                numbers.iter_mut().for_each(add);
                let part = |n: usize| (scope.spawn(move || n), scope.spawn(|| text.as_str()));
                let parts = [1, 2, 3].map(part);
                parts.map(|(n, text)| n.join().unwrap() + text.join().unwrap().len())
            });
            assert_eq!(lengths, [9, 10, 11]);
            numbers.iter().sum::<u64>()
        });
        assert_eq!(sum, 4_000);
    });
}

#[test]
fn a_scoped_thread_has_a_name_and_can_be_unparked_and_cancelled() {
    on_each_size(|runtime| {
        runtime.run(|| {
            thread::scope(|scope| {
                let named = thread::Builder::new().name("scoped".into());
                let name = || thread::current().name().map(str::to_owned);
                let named = named.spawn_scoped(scope, name).unwrap();
                assert_eq!(named.thread().name(), Some("scoped"));
                assert_eq!(named.join().unwrap().as_deref(), Some("scoped"));
                let parked = scope.spawn(thread::park);
                assert!(!parked.is_finished());
                parked.thread().unpark();
                parked.join().unwrap();
                let endless = scope.spawn(|| thread::park());
                thread::yield_now();
                endless.cancel();
                let error = endless.join().unwrap_err();
                assert!(error.downcast::<JoinError>().unwrap().is_cancelled());
            });
        });
    });
}

#[test]
fn a_panic_that_nobody_joined_is_the_scopes_and_one_that_was_is_not() {
    on_each_size(|runtime| {
        runtime.run(|| {
            let joined = thread::scope(|scope| {
                let error = scope.spawn(|| panic_any(7_u8)).join().unwrap_err();
                error.downcast_ref::<u8>().copied()
            });
            assert_eq!(joined, Some(7));
            let others = AtomicUsize::new(0);
            let unjoined = catch_unwind(AssertUnwindSafe(|| {
                thread::scope(|scope| {
                    scope.spawn(|| panic!("in a scoped thread"));
                    for _ in 0..10 {
                        scope.spawn(|| {
                            thread::yield_now();
                            others.fetch_add(1, Ordering::SeqCst)
                        });
                    }
                });
            }));
            assert_eq!(said(unjoined.unwrap_err()), "a scoped thread panicked");
            assert_eq!(others.into_inner(), 10);
            // A cancelled thread has not panicked.
            thread::scope(|scope| scope.spawn(|| thread::park()).cancel());
        });
    });
}

#[test]
fn a_scope_whose_function_panics_waits_for_its_threads() {
    on_each_size(|runtime| {
        runtime.run(|| {
            let ended = AtomicUsize::new(0);
            let left = catch_unwind(AssertUnwindSafe(|| {
                thread::scope(|scope| {
                    for _ in 0..100 {
                        scope.spawn(|| {
                            thread::yield_now();
                            ended.fetch_add(1, Ordering::SeqCst);
                        });
                    }
                    panic!("in the scope");
                })
            }));
            assert_eq!(said(left.unwrap_err()), "in the scope");
            assert_eq!(ended.into_inner(), 100);
        });
    });
}

#[test]
fn scopes_nest_and_scoped_threads_spawn_into_their_scope() {
    fn grow<'scope>(scope: &'scope Scope<'scope, '_>, count: &'scope AtomicUsize, depth: u32) {
        count.fetch_add(1, Ordering::SeqCst);
        if depth > 0 {
            scope.spawn(move || grow(scope, count, depth - 1));
            scope.spawn(move || {
                thread::scope(|inner| {
                    inner.spawn(|| grow(scope, count, depth - 1));
                });
            });
        }
    }
    on_each_size(|runtime| {
        let total = runtime.run(|| {
            let count = AtomicUsize::new(0);
            thread::scope(|scope| grow(scope, &count, 9));
            count.into_inner()
        });
        assert_eq!(total, 1_023);
    });
}

#[test]
fn a_scope_on_a_plain_thread_runs_its_threads_on_the_current_runtime() {
    guard(|| {
        let mut numbers = [0; 100];
        let mut run = || {
            thread::scope(|scope| {
                for number in &mut numbers {
                    scope.spawn(|| *number += i32::from(thread::is_green()));
                }
                scope
                    .spawn(|| std::thread::current().name().map(str::to_owned))
                    .join()
                    .unwrap()
                    .unwrap()
            })
        };
        assert!(run().starts_with("virid-worker-"));
        let builder = virid::Builder::new()
            .worker_threads(2)
            .thread_name("entered");
        let runtime = builder.build().unwrap();
        let entered = runtime.enter();
        assert!(run().starts_with("entered-"));
        drop(entered);
        assert_eq!(numbers, [2; 100]);
    });
}

#[test]
fn a_cancelled_owner_is_unwound_after_its_threads_have_ended() {
    on_each_size(|runtime| {
        let (misused, drops) = (Arc::<AtomicUsize>::default(), Drops::default());
        let ((inside, is_inside), (release, released)) = (channel(), channel::<()>());
        let (flag, token) = (misused.clone(), drops.token());
        let owner = runtime.go(move || {
            let _token = token;
            let mut own = 0;
            let borrowed = Borrowed::new(&flag);
            let gate = Mutex::new(released);
            thread::scope(|scope| {
                for _ in 0..20 {
                    scope.spawn(|| {
                        let _touches = Touches(&borrowed);
                        for _ in 0..50 {
                            thread::yield_now();
                            borrowed.touch();
                        }
                    });
                }
                scope.spawn(|| {
                    let _touches = Touches(&borrowed);
                    inside.send(()).unwrap();
                    while gate.lock().unwrap().try_recv() == Err(TryRecvError::Empty) {
                        thread::yield_now();
                    }
                    own += 1;
                });
            });
            unreachable!("the end of a scope is a cancellation point");
        });
        let thread = owner.thread().clone();
        is_inside.recv().unwrap();
        owner.cancel();
        (0..100).for_each(|_| thread.unpark());
        assert!(!owner.is_finished());
        drop(release);
        let error = owner.join().unwrap_err();
        assert!(error.downcast::<JoinError>().unwrap().is_cancelled());
        assert_eq!((misused.load(Ordering::SeqCst), drops.count()), (0, 1));
    });
}

#[test]
fn at_the_end_of_a_runtime_threads_end_before_what_they_borrow() {
    guard(|| {
        for round in 0..100 {
            let runtime = workers(1 + round % 3);
            let (misused, drops) = (Arc::<AtomicUsize>::default(), Drops::default());
            let owners: Vec<_> = (0..10)
                .map(|_| {
                    let (flag, token) = (misused.clone(), drops.token());
                    runtime.go(move || {
                        let _token = token;
                        let borrowed = Borrowed::new(&flag);
                        thread::scope(|scope| {
                            for _ in 0..20 {
                                let touches = Touches(&borrowed);
                                scope.spawn(move || {
                                    thread::park();
                                    drop(touches);
                                });
                            }
                        });
                    })
                })
                .collect();
            if round % 2 == 0 {
                rest(&runtime);
            }
            drop(runtime);
            assert_eq!((misused.load(Ordering::SeqCst), drops.count()), (0, 10));
            assert!(owners.iter().all(thread::JoinHandle::is_finished));
        }
    });
}

#[test]
fn a_result_that_nobody_takes_is_dropped_before_the_scope_is_left() {
    on_each_size(|runtime| {
        let misused = Arc::<AtomicUsize>::default();
        let flag = misused.clone();
        runtime.run(move || {
            for _ in 0..100 {
                let borrowed = Borrowed::new(&flag);
                thread::scope(|scope| {
                    for _ in 0..10 {
                        scope.spawn(|| Touches(&borrowed));
                    }
                    let kept = scope.spawn(|| Touches(&borrowed));
                    while !kept.is_finished() {
                        thread::yield_now();
                    }
                });
                assert_eq!(borrowed.uses.load(Ordering::SeqCst), 11);
            }
        });
        assert_eq!(misused.load(Ordering::SeqCst), 0);
    });
}

#[test]
fn what_a_thread_that_never_ran_has_captured_is_dropped_before_the_scope_is_left() {
    guard(|| {
        let misused = Arc::<AtomicUsize>::default();
        let runtime = workers(1);
        let release = occupy(&runtime);
        let borrowed = Borrowed::new(&misused);
        let (entered, dropper) = (
            runtime.handle().clone(),
            Mutex::new(Some((runtime, release))),
        );
        let entered = entered.enter();
        let left = catch_unwind(AssertUnwindSafe(|| {
            thread::scope(|scope| {
                for _ in 0..100 {
                    let touches = Touches(&borrowed);
                    scope.spawn(move || {
                        drop(touches);
                        unreachable!("the only worker is taken");
                    });
                }
                // Waits for the worker, which is let go when it has begun to wait.
                let (runtime, release) = dropper.lock().unwrap().take().unwrap();
                runtime.shutdown_background();
                drop(release);
            })
        }));
        assert!(said(left.unwrap_err()).contains("never ran"));
        drop(entered);
        assert_eq!(borrowed.uses.load(Ordering::SeqCst), 100);
        drop(borrowed);
        assert_eq!(misused.load(Ordering::SeqCst), 0);
    });
}

#[test]
fn a_scope_on_a_runtime_that_is_gone_runs_nothing_and_says_so() {
    guard(|| {
        let misused = Arc::<AtomicUsize>::default();
        let runtime = workers(2);
        let handle = runtime.handle().clone();
        let _entered = handle.enter();
        drop(runtime);
        let borrowed = Borrowed::new(&misused);
        let touches = Touches(&borrowed);
        let left = catch_unwind(AssertUnwindSafe(|| {
            thread::scope(|scope| {
                drop(scope.spawn(|| Touches(&borrowed)));
                let error = scope.spawn(move || drop(touches)).join().unwrap_err();
                assert!(error.downcast::<JoinError>().unwrap().is_cancelled());
            });
        }));
        assert!(said(left.unwrap_err()).contains("never ran"));
        assert_eq!(borrowed.uses.load(Ordering::SeqCst), 1);
    });
}
