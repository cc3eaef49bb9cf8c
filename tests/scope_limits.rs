//! Proves that limits and deadlines of a scope are kept, however its threads end.
#![cfg(all(feature = "sync", not(virid_loom)))]

#[path = "support/scopes.rs"]
mod scopes;
#[path = "support/sizes.rs"]
mod sizes;
mod support;
#[path = "support/workers.rs"]
mod workers;

use std::sync::atomic::{AtomicUsize, Ordering};

use scopes::{as_each_caller, is_cancelled, park_for_ever};
use sizes::on_each_size;
use virid::sync::Mutex;
use virid::thread;

#[cfg(feature = "time")]
#[test]
fn a_deadline_cancels_the_threads() {
    use std::time::{Duration, Instant};

    on_each_size(|runtime| {
        as_each_caller(&runtime, || {
            let hour = Duration::from_secs(3_600);
            thread::scope(|scope| {
                scope.timeout(hour);
                scope.deadline(Instant::now() + Duration::from_millis(1));
                scope.timeout(hour); // later, and does not count
                scope.timeout(Duration::MAX);
                assert!(is_cancelled(scope.spawn(|| park_for_ever()).join()));
                assert!(scope.token().is_cancelled());
            });
            // One in a thread of a scope ends with that.
            thread::scope(|outer| {
                outer.timeout(Duration::from_millis(1));
                let child = outer.spawn(|| {
                    thread::scope(|nested| {
                        nested.timeout(hour);
                        nested.spawn(|| ());
                    });
                    park_for_ever();
                });
                assert!(is_cancelled(child.join()));
            });
            let seven = thread::scope(|scope| {
                scope.timeout(hour);
                scope.spawn(|| 7).join().unwrap()
            });
            assert_eq!(seven, 7);
        });
    });
}

#[test]
fn a_limit_is_kept() {
    on_each_size(|runtime| {
        as_each_caller(&runtime, || {
            let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
            let mut numbers = vec![1; 300];
            thread::scope(|scope| {
                let few = scope.limit(3);
                for (n, number) in numbers.iter_mut().enumerate() {
                    let (now, most) = (&now, &most);
                    few.spawn(move || {
                        most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                        for _ in 0..n % 3 {
                            thread::yield_now();
                        }
                        *number = n;
                        now.fetch_sub(1, Ordering::SeqCst);
                    });
                    assert!(few.metrics().running() <= 3);
                }
            });
            assert!(most.load(Ordering::SeqCst) <= 3);
            assert!(numbers.into_iter().eq(0..300));
        });
    });
}

/// The turn of a thread comes back however it ends, and a wait that is cancelled takes
/// none.
#[test]
fn a_limit_outlives_panics_and_cancels() {
    on_each_size(|runtime| {
        as_each_caller(&runtime, || {
            let order = Mutex::new(Vec::new());
            thread::scope(|scope| {
                let one = scope.limit(1);
                let holds = one.spawn(|| park_for_ever());
                let waiting: Vec<_> = (0..10)
                    .map(|n| {
                        let (same, order) = (one.clone(), &order);
                        let waits = scope.spawn(move || {
                            same.spawn(move || order.lock().unwrap().push(n))
                                .join()
                                .unwrap();
                        });
                        while scope.metrics().waiting() <= n && one.metrics().waiting() <= n {
                            thread::yield_now();
                        }
                        waits
                    })
                    .collect();
                for waits in waiting.iter().step_by(3) {
                    waits.cancel();
                }
                holds.cancel();
                for (n, waits) in waiting.into_iter().enumerate() {
                    assert_eq!(is_cancelled(waits.join()), n % 3 == 0);
                }
                assert!(one.spawn(|| panic!("under a limit")).join().is_err());
                assert_eq!(one.spawn(|| 7).join().unwrap(), 7);
                scope.cancel();
                assert!(is_cancelled(one.spawn(|| 7).join()));
                assert!(is_cancelled(one.spawn(|| 7).join()));
            });
            let mut order = order.into_inner().unwrap();
            order.sort_unstable();
            assert_eq!(order, [1, 2, 4, 5, 7, 8]);
        });
    });
}

#[test]
fn limits_of_scopes_that_end_early() {
    on_each_size(|runtime| {
        as_each_caller(&runtime, || {
            let result = thread::try_scope(|scope| {
                let few = scope.limit(2);
                for n in 0..100 {
                    few.spawn(move || if n < 50 { Ok(()) } else { Err(n) });
                }
                Ok(())
            });
            assert!((50..100).contains(&result.unwrap_err()));
            let found = thread::any_scope(|scope| {
                let few = scope.limit(2);
                for n in 0..100 {
                    few.spawn(move || if n < 50 { Err(n) } else { Ok(n) });
                }
            });
            assert!(found.unwrap() >= 50);
        });
    });
}
