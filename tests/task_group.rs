//! Proves that children of a group end before it does, however it ends: futures, and results
//! that nobody awaits.
#![cfg(all(feature = "sync", not(virid_loom)))]

#[path = "support/awaiting.rs"]
mod awaiting;
#[path = "support/drops.rs"]
mod drops;
#[path = "support/sizes.rs"]
mod sizes;
mod support;
#[path = "support/until.rs"]
mod until;
#[path = "support/workers.rs"]
mod workers;

use std::future::{Future, pending};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Waker};

use awaiting::{as_each_caller, turns};
use drops::Drops;
use sizes::on_each_size;
use support::guard;
use until::until;
use virid::task::{self, Group, any_group, group, try_group};
use virid::yield_now;
use workers::workers;

#[test]
fn children_have_ended_when_their_group_has() {
    on_each_size(|runtime| {
        as_each_caller(&runtime, || async {
            let (futures, results) = (Drops::default(), Drops::default());
            let (one, other) = (futures.clone(), results.clone());
            let handles = group(|group| async move {
                let mut handles = Vec::new();
                for n in 0..100 {
                    let (future, result) = (one.token(), other.token());
                    let handle = group.spawn(async move {
                        let _future = future;
                        turns(n % 7).await;
                        result
                    });
                    if n % 2 == 0 {
                        handles.push(handle);
                    }
                }
                handles
            })
            .await;
            assert_eq!((futures.count(), results.count()), (100, 50));
            assert!(handles.iter().all(task::JoinHandle::is_finished));
            for handle in handles {
                handle.await.unwrap();
            }
            assert_eq!(results.count(), 100);
        });
    });
}

/// Each child spawns two, four levels deep, and nobody has a handle.
fn tree(group: Group, level: usize, ended: Arc<AtomicUsize>) {
    let same = group.clone();
    group.spawn(async move {
        if level > 0 {
            tree(same.clone(), level - 1, ended.clone());
            yield_now().await;
            tree(same, level - 1, ended.clone());
        }
        ended.fetch_add(1, Ordering::Relaxed);
    });
}

#[test]
fn children_of_children_are_waited_for() {
    on_each_size(|runtime| {
        as_each_caller(&runtime, || async {
            let ended = Arc::new(AtomicUsize::new(0));
            let same = ended.clone();
            let group = group(|group| async move {
                tree(group.clone(), 4, same);
                group
            })
            .await;
            assert_eq!(ended.load(Ordering::Relaxed), 31);
            assert_eq!(group.metrics().finished(), 31);
            assert_eq!(group.metrics().running(), 0);

            // It takes no more: a future is dropped, and not polled.
            let drops = Drops::default();
            let token = drops.token();
            let late = group.spawn(async move {
                let _token = token;
                unreachable!()
            });
            assert_eq!(drops.count(), 1);
            assert!(late.is_finished());
            assert!(late.await.unwrap_err().is_cancelled());
            assert!(group.token().is_cancelled());
            let late = group.limit(1).spawn(async {}).await;
            assert!(late.await.unwrap_err().is_cancelled());
        });
    });
}

#[test]
fn a_panic_that_nobody_awaits_is_the_groups() {
    on_each_size(|runtime| {
        as_each_caller(&runtime, || async {
            let drops = Drops::default();
            let (one, other) = (drops.token(), drops.clone());
            let heard = group(|group| async move {
                let error = group.spawn(async { panic!("heard") }).await;
                let error = error.unwrap_err();
                group.spawn(async move {
                    turns(5).await;
                    drop(one);
                });
                error
            })
            .await;
            assert_eq!(heard.into_panic().downcast_ref(), Some(&"heard"));
            assert_eq!(drops.count(), 1);

            let token = drops.token();
            let unheard = task::spawn(group(|group| async move {
                let child = group.spawn(async { panic!("not heard") });
                group.spawn(async move {
                    turns(5).await;
                    drop(token);
                });
                drop(child);
            }));
            let error = unheard.await.map(drop).unwrap_err().to_string();
            assert!(error.contains("a task of a group panicked"), "{error}");
            assert!(error.contains(file!()), "{error}");
            assert_eq!(other.count(), 2);
        });
    });
}

#[test]
fn a_body_that_panics_is_passed_on_when_the_children_have_ended() {
    on_each_size(|runtime| {
        for polled in [false, true] {
            for ends in 0..3 {
                let drops = Drops::default();
                let tokens = [0; 8].map(|_| drops.token());
                let body = move |spawn: &dyn Fn(drops::Token)| {
                    tokens.into_iter().for_each(spawn);
                    panic!("the body");
                };
                let task = match (ends, polled) {
                    (0, false) => runtime.spawn(group(move |group| {
                        body(&|token| {
                            group.spawn(async move {
                                turns(3).await;
                                drop(token);
                            });
                        });
                        async {}
                    })),
                    (0, true) => runtime.spawn(group(move |group| async move {
                        body(&|token| {
                            group.spawn(async move {
                                turns(3).await;
                                drop(token);
                            });
                        });
                    })),
                    (1, _) => runtime.spawn(async move {
                        let end = try_group(|group| async move {
                            body(&|token| {
                                group.spawn(async move {
                                    let _token = token;
                                    pending::<Result<(), ()>>().await
                                });
                            });
                            Ok(())
                        });
                        end.await.unwrap();
                    }),
                    _ => runtime.spawn(async move {
                        let end = any_group(|group| async move {
                            body(&|token| {
                                group.spawn(async move {
                                    let _token = token;
                                    pending::<Result<(), ()>>().await
                                });
                            });
                        });
                        end.await.unwrap();
                    }),
                };
                let error = task.join().unwrap_err();
                assert_eq!(error.into_panic().downcast_ref(), Some(&"the body"));
                assert_eq!(drops.count(), 8);
            }
        }
    });
}

#[test]
fn a_cancel_aborts_all_children_and_those_that_come() {
    on_each_size(|runtime| {
        as_each_caller(&runtime, || async {
            let drops = Drops::default();
            let same = drops.clone();
            let body = group(|outer| async move {
                let mut handles = Vec::new();
                for _ in 0..100 {
                    let (token, below) = (same.token(), same.token());
                    handles.push(outer.spawn(group(|nested| async move {
                        let _token = token;
                        nested.spawn(async move {
                            let _below = below;
                            pending::<()>().await;
                        });
                        pending::<()>().await;
                    })));
                }
                turns(3).await;
                let token = outer.token();
                assert!(!token.is_cancelled());
                outer.cancel();
                assert!(token.is_cancelled());
                handles.push(outer.spawn(async {}));
                for handle in handles {
                    assert!(handle.await.unwrap_err().is_cancelled());
                }
                "goes on"
            });
            assert_eq!(body.await, "goes on");
            // A child could not wait for those below it, which end soon.
            until_async(|| drops.count() == 200).await;
        });
    });
}

async fn until_async(done: impl Fn() -> bool) {
    while !done() {
        yield_now().await;
    }
}

/// The future of a group is dropped after each number of polls: its children end, all of
/// what they had is dropped once, and on a green thread before the drop returns.
#[test]
fn a_group_may_be_dropped_at_every_point() {
    on_each_size(|runtime| {
        for polls in 0..12 {
            let drops = Drops::default();
            let same = drops.clone();
            let work = move || {
                let tokens = [0; 16].map(|_| same.token());
                Box::pin(group(|group| async move {
                    for (n, token) in tokens.into_iter().enumerate() {
                        group.spawn(async move {
                            let _token = token;
                            turns(n).await;
                        });
                        if n % 2 == 0 {
                            yield_now().await;
                        }
                    }
                }))
            };
            let poll = move |work: &mut std::pin::Pin<Box<dyn Future<Output = ()> + Send>>| {
                let mut context = Context::from_waker(Waker::noop());
                (0..polls).any(|_| work.as_mut().poll(&mut context).is_ready())
            };
            let mut one: std::pin::Pin<Box<dyn Future<Output = ()> + Send>> = work();
            runtime
                .spawn(async move {
                    poll(&mut one);
                })
                .join()
                .unwrap();
            until(|| drops.count() == 16);
            let mut one: std::pin::Pin<Box<dyn Future<Output = ()> + Send>> = work();
            let count = drops.clone();
            runtime.run(move || {
                poll(&mut one);
                drop(one);
                assert_eq!(count.count(), 32);
            });
        }
    });
}

/// A green thread that is ended in a group passes it on when the children are gone.
#[test]
fn a_green_thread_that_is_cancelled_in_a_group_waits_for_it() {
    on_each_size(|runtime| {
        for _ in 0..20 {
            let drops = Drops::default();
            let same = drops.clone();
            let (begun, begins) = std::sync::mpsc::channel();
            let thread = runtime.go(move || {
                let after = same.clone();
                let _check = OnDrop(Some(move || assert_eq!(after.count(), 10)));
                virid::block_on(group(|group| async move {
                    for _ in 0..10 {
                        let token = same.token();
                        group.spawn(async move {
                            let _token = token;
                            pending::<()>().await;
                        });
                    }
                    begun.send(()).unwrap();
                    pending::<()>().await;
                }));
            });
            begins.recv().unwrap();
            thread.cancel();
            let error = thread.join().unwrap_err();
            let error = error.downcast_ref::<task::JoinError>().expect("no panic");
            assert!(error.is_cancelled());
            assert_eq!(drops.count(), 10);
        }
    });
}

struct OnDrop<F: FnOnce()>(Option<F>);

impl<F: FnOnce()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        if let Some(f) = self.0.take() {
            f();
        }
    }
}

/// The runtime ends while groups run in it: in tasks, and on green threads, which wait.
#[test]
fn a_runtime_may_end_amid_groups() {
    guard(|| {
        for count in [1, 2, 8] {
            for _ in 0..20 {
                let runtime = workers(count);
                let drops = Drops::default();
                let work = |n: usize| {
                    let tokens: Vec<_> = (0..n).map(|_| drops.token()).collect();
                    group(|group| async move {
                        let few = group.limit(5);
                        for token in tokens {
                            few.spawn(async move {
                                let _token = token;
                                turns(100).await;
                            })
                            .await;
                        }
                        pending::<()>().await;
                    })
                };
                runtime.spawn(work(10));
                runtime.spawn(work(20));
                for _ in 0..4 {
                    let work = work(10);
                    runtime.go(move || virid::block_on(work));
                }
                drop(runtime);
                assert_eq!(drops.count(), 70);
            }
        }
    });
}

#[test]
fn a_panic_in_what_nobody_awaits_is_contained() {
    struct Panics;
    impl Drop for Panics {
        fn drop(&mut self) {
            panic!("a destructor");
        }
    }
    on_each_size(|runtime| {
        // In the result of a child without a handle: as in a task, it is contained.
        runtime.block_on(group(|group| async move {
            group.spawn(async { Panics });
        }));
        // In a future that is aborted: a panic of the child.
        let end = catch_unwind(AssertUnwindSafe(|| {
            runtime.block_on(group(|group| async move {
                group.spawn(async {
                    let _panics = Panics;
                    pending::<()>().await;
                });
                turns(3).await;
                let metrics = group.metrics();
                assert_eq!(metrics.running(), 1);
                group.cancel();
            }));
        }));
        // It was polled before, or dropped as it was made, without a panic.
        drop(end);
        // The body is dropped where the group ends before it.
        let end = runtime.spawn(try_group(|group| async move {
            let _panics = Panics;
            group.spawn(async { Err::<(), _>(1) });
            pending::<Result<(), _>>().await
        }));
        assert!(end.join().map(drop).unwrap_err().is_panic());
    });
}
