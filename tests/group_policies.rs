//! Proves which child decides the end of a group: the first error, the first success.
#![cfg(all(feature = "sync", not(virid_loom)))]

#[path = "support/awaiting.rs"]
mod awaiting;
#[path = "support/drops.rs"]
mod drops;
#[path = "support/sizes.rs"]
mod sizes;
mod support;
#[path = "support/workers.rs"]
mod workers;

use std::future::pending;

use awaiting::{as_each_caller, turns};
use drops::Drops;
use sizes::on_each_size;
use virid::task::{self, any_group, try_group};

#[test]
fn the_first_error_ends_a_group() {
    on_each_size(|runtime| {
        as_each_caller(&runtime, || async {
            let drops = Drops::default();
            let same = drops.clone();
            let result = try_group(|group| async move {
                let _body = same.token();
                for n in 0..50 {
                    let token = same.token();
                    group.spawn(async move {
                        let _token = token;
                        if n == 25 {
                            turns(3).await;
                            return Err("the 25th");
                        }
                        pending::<Result<(), _>>().await
                    });
                }
                pending::<Result<(), _>>().await
            });
            assert_eq!(result.await, Err("the 25th"));
            assert_eq!(drops.count(), 51);
        });
    });
}

#[test]
fn what_handles_of_a_group_that_may_fail_say() {
    on_each_size(|runtime| {
        as_each_caller(&runtime, || async {
            let (tell, told) = virid::sync::oneshot::channel();
            let result = try_group(|group| async move {
                let fine = group.spawn(async { Ok(7) }).await.unwrap();
                let fails = group.spawn(async { Err::<(), _>(8) });
                _ = tell.send(fails);
                Ok(fine)
            });
            // The body may have ended before the child has failed, or not.
            assert_eq!(result.await, Err(8));
            assert!(told.await.unwrap().await.unwrap_err().is_cancelled());

            let result = try_group(|group| async move {
                group.spawn(pending::<Result<(), _>>());
                Err::<(), _>("the body")
            });
            assert_eq!(result.await, Err("the body"));

            // Of two errors one is the group's, and the other dropped.
            let drops = Drops::default();
            let same = drops.clone();
            let result = try_group(|group| async move {
                for _ in 0..20 {
                    let error = same.token();
                    group.spawn(async move { Err::<(), _>(error) });
                }
                Ok(())
            });
            let error = result.await.unwrap_err();
            assert_eq!(drops.count(), 19);
            drop(error);
            assert_eq!(drops.count(), 20);
        });
    });
}

#[test]
fn the_first_panic_ends_a_group_that_may_fail() {
    on_each_size(|runtime| {
        let drops = Drops::default();
        let (one, other) = (drops.token(), drops.token());
        let tried = runtime.spawn(try_group(|group| async move {
            let (_token, token) = (one, other);
            group.spawn(async move {
                let _token = token;
                pending::<Result<(), ()>>().await
            });
            let child: task::JoinHandle<()> = group.spawn(async { panic!("a child") });
            child.await.unwrap();
            pending::<Result<(), _>>().await
        }));
        let error = tried.join().map(drop).unwrap_err();
        assert!(error.is_panic(), "{error}");
        assert_eq!(drops.count(), 2);

        let any = runtime.spawn(any_group(|group| async move {
            group.spawn(pending::<Result<(), ()>>());
            group.spawn(async { panic!("a child") });
        }));
        let error = any.join().map(drop).unwrap_err().to_string();
        assert!(error.contains("a task of a group panicked"), "{error}");
        assert!(error.contains(file!()), "{error}");
    });
}

#[test]
fn the_first_success_ends_a_group() {
    on_each_size(|runtime| {
        as_each_caller(&runtime, || async {
            let drops = Drops::default();
            let same = drops.clone();
            let result = any_group(|group| async move {
                let _body = same.token();
                for n in 0..50 {
                    let token = same.token();
                    group.spawn(async move {
                        let token = token;
                        match n {
                            10 => Ok((n, token)),
                            0..10 => Err(n),
                            _ => pending().await,
                        }
                    });
                }
                pending().await
            });
            let (n, token) = result.await.unwrap();
            assert_eq!((n, drops.count()), (10, 50));
            drop(token);

            let result = any_group(|group| async move {
                for n in 0..10 {
                    let attempt = group.spawn(async move { Err::<(), _>(n) });
                    attempt.await.unwrap(); // has ended by itself
                }
            });
            assert_eq!(result.await, Err((0..10).collect()));
            let nobody = any_group(|_: task::AnyGroup<(), ()>| async {});
            assert_eq!(nobody.await, Err(vec![]));
        });
    });
}

/// Values of those who come second are dropped, exactly once.
#[test]
fn a_race_of_successes_has_one_winner() {
    on_each_size(|runtime| {
        for _ in 0..50 {
            let drops = Drops::default();
            let same = drops.clone();
            let winner = runtime.block_on(any_group(|group| async move {
                for _ in 0..20 {
                    let value = same.token();
                    group.spawn(async move { Ok::<_, ()>(value) });
                }
            }));
            assert_eq!(drops.count(), 19);
            drop(winner);
            assert_eq!(drops.count(), 20);
        }
    });
}
