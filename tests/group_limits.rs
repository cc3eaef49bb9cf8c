//! Proves that limits and deadlines of a group are kept, however its children end.
#![cfg(all(feature = "sync", not(virid_loom)))]

#[path = "support/awaiting.rs"]
mod awaiting;
#[path = "support/sizes.rs"]
mod sizes;
mod support;
#[path = "support/workers.rs"]
mod workers;

use std::future::{Future, pending};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Waker};

use awaiting::{as_each_caller, turns};
use sizes::on_each_size;
use virid::task::{self, group};

#[cfg(feature = "time")]
#[test]
fn a_deadline_aborts_the_children() {
    use std::time::{Duration, Instant};

    on_each_size(|runtime| {
        as_each_caller(&runtime, || async {
            let hour = Duration::from_secs(3_600);
            let body = group(|group| async move {
                let child = group.spawn(pending::<()>());
                group.timeout(hour);
                group.deadline(Instant::now() + Duration::from_millis(1));
                group.timeout(hour); // later, and does not count
                group.timeout(Duration::MAX);
                let end = child.await;
                assert!(group.token().is_cancelled());
                end
            });
            assert!(body.await.unwrap_err().is_cancelled());

            // One in a child ends with its parent's.
            let body = group(|outer| async move {
                outer.timeout(Duration::from_millis(1));
                let child = outer.spawn(group(move |nested| async move {
                    nested.timeout(hour);
                    nested.spawn(pending::<()>()).await
                }));
                child.await.map(drop)
            });
            assert!(body.await.unwrap_err().is_cancelled());

            // One that the group has not come to does nothing.
            let one = group(|group| async move {
                group.timeout(hour);
                group.spawn(async { 7 }).await
            });
            assert_eq!(one.await.unwrap(), 7);
        });
    });
}

#[test]
fn a_limit_is_kept_and_fair() {
    on_each_size(|runtime| {
        as_each_caller(&runtime, || async {
            let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
            let (at_once, peak) = (now.clone(), most.clone());
            let metrics = group(|group| async move {
                let few = group.limit(3);
                for n in 0..300 {
                    let (now, most) = (at_once.clone(), peak.clone());
                    few.spawn(async move {
                        most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                        turns(n % 3).await;
                        now.fetch_sub(1, Ordering::SeqCst);
                    })
                    .await;
                    assert!(few.metrics().running() <= 3);
                }
                few
            })
            .await
            .metrics();
            assert!(most.load(Ordering::SeqCst) <= 3);
            assert_eq!((metrics.waiting(), metrics.running()), (0, 0));
            assert_eq!(metrics.finished(), 300);
        });
        // Those who wait have their turn in the order in which they came.
        let order = runtime.block_on(group(|group| async move {
            let one = group.limit(1);
            let (open, gate) = virid::sync::oneshot::channel::<()>();
            one.spawn(async move { gate.await.unwrap() }).await;
            let order = Arc::new(std::sync::Mutex::new(Vec::new()));
            let mut waiting: Vec<_> = (0..20)
                .map(|n| {
                    let (one, order) = (one.clone(), order.clone());
                    Box::pin(async move {
                        let child = one.spawn(async move { order.lock().unwrap().push(n) });
                        child.await.await.unwrap();
                    })
                })
                .collect();
            let mut context = Context::from_waker(Waker::noop());
            for one in &mut waiting {
                assert!(one.as_mut().poll(&mut context).is_pending());
            }
            assert_eq!(group.metrics().waiting(), 20);
            assert_eq!(one.metrics().waiting(), 20);
            // Who leaves takes no turn.
            for n in (0..20).rev().filter(|n| n % 3 == 0) {
                drop(waiting.remove(n));
            }
            open.send(()).unwrap();
            for one in waiting {
                one.await;
            }
            std::mem::take(&mut *order.lock().unwrap())
        }));
        assert_eq!(order, (0..20).filter(|n| n % 3 != 0).collect::<Vec<_>>());
    });
}

#[test]
#[should_panic(expected = "limit of 0")]
fn a_limit_of_nothing_is_refused() {
    virid::block_on(group(|group| async move {
        group.limit(0);
    }));
}

/// The turn of a child comes back however it ends, also where it never runs.
#[test]
fn a_limit_outlives_panics_aborts_and_cancels() {
    on_each_size(|runtime| {
        runtime.block_on(async {
            let end = task::spawn(group(|group| async move {
                let two = group.limit(2);
                for n in 0..100 {
                    let child = two.spawn(async move {
                        turns(n % 3).await;
                        assert!(n % 4 != 0, "one that panics");
                        pending::<()>().await;
                    });
                    let child = child.await;
                    if n % 4 != 0 {
                        child.abort();
                    }
                }
                group.cancel();
                for _ in 0..10 {
                    let late = two.spawn(async {}).await;
                    assert!(late.await.unwrap_err().is_cancelled());
                }
            }));
            assert!(end.await.unwrap_err().is_panic(), "25 panics");
        });
    });
}

/// Who waits at a limit goes on when a cancel has ended those who run.
#[test]
fn a_cancel_reaches_those_who_wait_at_a_limit() {
    on_each_size(|runtime| {
        runtime.block_on(group(|group| async move {
            let one = group.limit(1);
            one.spawn(pending::<()>()).await;
            let mut waits = pin!(one.spawn(pending::<()>()));
            let mut context = Context::from_waker(Waker::noop());
            assert!(waits.as_mut().poll(&mut context).is_pending());
            group.cancel();
            assert!(waits.await.await.unwrap_err().is_cancelled());
        }));
    });
}
