//! Proves that a scope's threads have ended, and all that they had is gone, before the
//! scope is left: by the first error, the first success or a cancel.
#![cfg(all(feature = "sync", not(virid_loom)))]

#[path = "support/dice.rs"]
mod dice;
#[path = "support/drops.rs"]
mod drops;
#[path = "support/scopes.rs"]
mod scopes;
#[path = "support/sizes.rs"]
mod sizes;
mod support;
#[path = "support/workers.rs"]
mod workers;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};

use dice::Dice;
use drops::Drops;
use scopes::{as_each_caller, is_cancelled, park_for_ever};
use sizes::on_each_size;
use support::guard;
use virid::sync::{Arc, Barrier};
use virid::thread;
use workers::workers;

#[test]
fn the_first_error_ends_a_scope() {
    on_each_size(|runtime| {
        as_each_caller(&runtime, || {
            let drops = Drops::default();
            let borrowed = String::from("borrowed");
            let result = thread::try_scope(|scope| {
                for n in 0..50 {
                    let token = drops.token();
                    let borrowed = &borrowed;
                    scope.spawn(move || {
                        let _token = token;
                        assert_eq!(borrowed.len(), 8);
                        if n == 25 {
                            thread::yield_now();
                            return Err::<(), _>(n);
                        }
                        park_for_ever()
                    });
                }
                Ok(())
            });
            assert_eq!(result, Err(25));
            assert_eq!(drops.count(), 50);
        });
    });
}

#[test]
fn of_many_errors_one_is_kept() {
    on_each_size(|runtime| {
        as_each_caller(&runtime, || {
            let drops = Drops::default();
            let result = thread::try_scope(|scope| {
                for _ in 0..20 {
                    scope.spawn(|| Err::<(), _>(drops.token()));
                }
                Ok(())
            });
            let error = result.unwrap_err();
            // Those that never ran had none.
            assert!(drops.count() < 20);
            let before = drops.count();
            drop(error);
            assert_eq!(drops.count(), before + 1);
        });
    });
}

#[test]
fn what_handles_of_a_scope_that_may_fail_say() {
    on_each_size(|runtime| {
        as_each_caller(&runtime, || {
            let result = thread::try_scope(|scope| {
                assert_eq!(scope.spawn(|| Ok(7)).join().unwrap(), 7);
                assert!(is_cancelled(scope.spawn(|| Err::<(), _>(8)).join()));
                assert!(scope.token().is_cancelled());
                assert!(is_cancelled(
                    scope.spawn(|| -> Result<(), _> { unreachable!() }).join()
                ));
                Ok("the others go on")
            });
            assert_eq!(result, Err(8));
            let result = thread::try_scope(|scope| {
                scope.spawn(|| -> Result<(), _> { park_for_ever() });
                Err::<(), _>("the body")
            });
            assert_eq!(result, Err("the body"));
            let fine = thread::try_scope(|scope| {
                scope.spawn(|| Ok(()));
                Ok::<_, ()>(7)
            });
            assert_eq!(fine, Ok(7));
        });
    });
}

#[test]
fn a_panic_ends_a_scope_that_may_fail() {
    on_each_size(|runtime| {
        as_each_caller(&runtime, || {
            for which in 0..3 {
                let drops = Drops::default();
                let end = catch_unwind(AssertUnwindSafe(|| {
                    let spawn_and_panic = |body_panics| {
                        thread::try_scope(|scope| {
                            let token = drops.token();
                            scope.spawn(move || -> Result<(), ()> {
                                let _token = token;
                                park_for_ever()
                            });
                            if body_panics {
                                panic!("the body");
                            }
                            scope.spawn(|| -> Result<(), ()> { panic!("a thread") });
                            Ok::<(), ()>(())
                        })
                    };
                    if which < 2 {
                        return spawn_and_panic(which == 0).unwrap();
                    }
                    thread::any_scope(|scope| {
                        let token = drops.token();
                        scope.spawn(move || {
                            let _token = token;
                            park_for_ever()
                        });
                        scope.spawn(|| -> Result<(), ()> { panic!("a thread") });
                    })
                    .unwrap();
                }));
                let text = *end.unwrap_err().downcast::<&str>().unwrap();
                let expected = ["the body", "a scoped thread panicked"];
                assert_eq!(text, expected[which.min(1)]);
                assert_eq!(drops.count(), 1);
            }
        });
    });
}

#[test]
fn the_first_success_ends_a_scope() {
    on_each_size(|runtime| {
        as_each_caller(&runtime, || {
            let drops = Drops::default();
            let result = thread::any_scope(|scope| {
                for n in 0..50 {
                    let token = drops.token();
                    scope.spawn(move || {
                        let token = token;
                        match n {
                            10 => Ok((n, token)),
                            0..10 => Err(n),
                            _ => park_for_ever(),
                        }
                    });
                }
            });
            let (n, token) = result.unwrap();
            assert_eq!((n, drops.count()), (10, 49));
            drop(token);
            let result = thread::any_scope(|scope| {
                for n in 0..10 {
                    scope.spawn(move || Err::<(), _>(n)).join().unwrap();
                }
            });
            assert_eq!(result, Err((0..10).collect()));
            let nobody = thread::any_scope(|_: &thread::AnyScope<(), ()>| ());
            assert_eq!(nobody, Err(vec![]));
        });
    });
}

/// Several succeed at once: one value is kept, the others are dropped.
#[test]
fn a_race_of_successes_has_one_winner() {
    on_each_size(|runtime| {
        as_each_caller(&runtime, || {
            for _ in 0..20 {
                let (drops, made) = (Drops::default(), AtomicUsize::new(0));
                let winner = thread::any_scope(|scope| {
                    for _ in 0..20 {
                        scope.spawn(|| {
                            made.fetch_add(1, Ordering::Relaxed);
                            Ok::<_, ()>(drops.token())
                        });
                    }
                });
                let made = made.load(Ordering::Relaxed);
                assert_eq!(drops.count(), made - 1);
                drop(winner.unwrap());
                assert_eq!(drops.count(), made);
            }
        });
    });
}

#[test]
fn a_cancel_reaches_all_threads_and_those_that_come() {
    on_each_size(|runtime| {
        as_each_caller(&runtime, || {
            let drops = Drops::default();
            let said = thread::scope(|outer| {
                let mut handles = Vec::new();
                for _ in 0..50 {
                    let (token, below) = (drops.token(), drops.token());
                    handles.push(outer.spawn(move || {
                        let _token = token;
                        // A scope in a thread of a scope: it waits for its own first.
                        thread::scope(|nested| {
                            nested.spawn(move || {
                                let _below = below;
                                thread::yield_now();
                            });
                        });
                        park_for_ever();
                    }));
                }
                let token = outer.token();
                assert!(!token.is_cancelled());
                thread::yield_now();
                outer.cancel();
                outer.cancel();
                assert!(token.is_cancelled());
                handles.push(outer.spawn(|| unreachable!()));
                assert!(
                    handles
                        .into_iter()
                        .all(|handle| is_cancelled(handle.join()))
                );
                assert_eq!(drops.count(), 100);
                "goes on"
            });
            assert_eq!(said, "goes on");
            // Handles that nobody joins are no panics.
            thread::scope(|scope| {
                scope.spawn(|| park_for_ever());
                scope.cancel();
                scope.spawn(|| park_for_ever());
            });
        });
    });
}

/// A thread of the scope cancels it, with all others and itself.
#[test]
fn a_storm_of_cancels_ends_every_thread_once() {
    guard(|| {
        let mut dice = Dice::new();
        for count in [1, 2, 8] {
            let runtime = workers(count);
            for _ in 0..30 {
                let (drops, many) = (Drops::default(), dice.below(60) + 4);
                let mut dice = dice.fork();
                let counted = drops.clone();
                runtime.run(move || {
                    let barrier = Barrier::new(4);
                    thread::scope(|scope| {
                        let barrier = &barrier;
                        for n in 0..many {
                            let (token, mut dice) = (counted.token(), dice.fork());
                            scope.spawn(move || {
                                let _token = token;
                                if n < 4 {
                                    barrier.wait();
                                    return scope.cancel();
                                }
                                for _ in 0..dice.below(8) {
                                    thread::yield_now();
                                }
                                let child = counted_child(&mut dice);
                                scope.spawn(move || drop(child));
                                park_for_ever();
                            });
                        }
                    });
                    assert_eq!(counted.count() as u64, many);
                });
            }
        }
    });
}

fn counted_child(dice: &mut Dice) -> Vec<u64> {
    vec![0; dice.below(4) as usize]
}

/// Nobody leaves a scope whose owner is cancelled before the scope's threads.
#[test]
fn an_owner_that_is_cancelled_waits_for_its_threads() {
    on_each_size(|runtime| {
        for _ in 0..20 {
            let drops = Drops::default();
            let same = drops.clone();
            let (begun, begins) = std::sync::mpsc::channel();
            let thread = runtime.go(move || {
                _ = thread::try_scope(|scope| {
                    let cancel = scope.token();
                    for _ in 0..10 {
                        let (token, cancel) = (same.token(), cancel.clone());
                        scope.spawn(move || -> Result<(), ()> {
                            let _token = token;
                            cancel.wait();
                            Ok(())
                        });
                    }
                    begun.send(()).unwrap();
                    if false {
                        return Ok(());
                    }
                    // Its own end cancels the others, as every panic of a body does.
                    park_for_ever()
                });
            });
            begins.recv().unwrap();
            thread.cancel();
            assert!(is_cancelled(thread.join()));
            assert_eq!(drops.count(), 10);
        }
    });
}

#[test]
fn a_runtime_may_end_amid_scopes() {
    guard(|| {
        for count in [1, 2, 8] {
            for _ in 0..20 {
                let runtime = workers(count);
                let drops = Drops::default();
                for _ in 0..4 {
                    let tokens: Vec<_> = (0..10).map(|_| drops.token()).collect();
                    runtime.go(move || {
                        _ = thread::try_scope(|scope| {
                            let few = scope.limit(5);
                            for token in tokens {
                                few.spawn(move || {
                                    let _token = token;
                                    thread::yield_now();
                                    Ok::<_, Arc<()>>(())
                                });
                            }
                            Ok(())
                        });
                    });
                }
                drop(runtime);
                assert_eq!(drops.count(), 40);
            }
        }
    });
}
