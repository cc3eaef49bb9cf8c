//! Proves that the bounds of a `Keyed` hold back who spawns, before the task is made, in
//! the order in which they came, and that who stops waiting leaves no gap.

#![cfg(all(feature = "sync", not(virid_loom)))]

#[path = "support/drops.rs"]
mod drops;
#[path = "support/gate.rs"]
mod gate;
mod support;
#[path = "support/until.rs"]
mod until;
#[path = "support/workers.rs"]
mod workers;

use drops::Drops;
use gate::Gate;
use std::future::{Future, pending};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use support::guard;
use until::until;
use virid::task::Keyed;
use workers::workers;

fn poll_once<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn a_bound_of_a_key_holds_back_that_key_alone() {
    guard(|| {
        let runtime = workers(2);
        let _entered = runtime.enter();
        let keyed = Keyed::new().bound_per_key(2);
        let gate = Gate::default();
        virid::block_on(async {
            keyed.spawn("full", gate.clone().pass()).await;
            keyed.spawn("full", async {}).await;
            let mut third = pin!(keyed.spawn("full", async {}));
            assert!(poll_once(third.as_mut()).is_pending());
            keyed.spawn("other", async {}).await.await.unwrap();
            assert_eq!(keyed.len(), 2);
            gate.open();
            third.await.await.unwrap();
        });
    });
}

#[test]
fn a_bound_of_all_holds_back_every_key() {
    guard(|| {
        let runtime = workers(2);
        let _entered = runtime.enter();
        let keyed = Keyed::new().bound_total(2);
        let gate = Gate::default();
        virid::block_on(async {
            keyed.spawn(1, gate.clone().pass()).await;
            keyed.spawn(2, gate.clone().pass()).await;
            let mut third = pin!(keyed.spawn(3, async {}));
            assert!(poll_once(third.as_mut()).is_pending());
            gate.open();
            third.await.await.unwrap();
        });
    });
}

#[test]
fn who_spawns_comes_in_order_and_leaves_no_gap() {
    guard(|| {
        let runtime = workers(2);
        let _entered = runtime.enter();
        let keyed = Keyed::new().bound_per_key(1).bound_total(10);
        let (gate, seen, drops) = (Gate::default(), Mutex::new(Vec::new()), Drops::default());
        let seen = Arc::new(seen);
        virid::block_on(async {
            keyed.spawn("key", gate.clone().pass()).await;
            let spawn = |n: usize| {
                let (seen, token) = (seen.clone(), drops.token());
                Box::pin(keyed.spawn("key", async move {
                    let _token = token;
                    seen.lock().unwrap().push(n);
                }))
            };
            let mut waiting: Vec<_> = (0..10).map(spawn).map(Some).collect();
            for future in waiting.iter_mut().flatten() {
                assert!(poll_once(future.as_mut()).is_pending());
            }
            for n in [0, 4, 9] {
                waiting[n] = None;
            }
            assert_eq!(drops.count(), 3);
            gate.open();
            for future in waiting.into_iter().flatten() {
                future.await.await.unwrap();
            }
        });
        assert_eq!(*seen.lock().unwrap(), [1, 2, 3, 5, 6, 7, 8]);
        assert_eq!(drops.count(), 10);
    });
}

#[test]
fn never_more_than_the_bounds_and_room_comes_back_however_a_task_ends() {
    guard(|| {
        let runtime = workers(2);
        let keyed = Arc::new(Keyed::new().bound_per_key(3).bound_total(20));
        let most = Arc::new(AtomicUsize::new(0));
        let spawners: Vec<_> = (0..4)
            .map(|spawner| {
                let (keyed, most) = (keyed.clone(), most.clone());
                runtime.spawn(async move {
                    for n in 0..2_000_usize {
                        let task = keyed.spawn((spawner * n) % 11, async move {
                            match n % 5 {
                                0 => panic!("a task"),
                                1 => pending().await,
                                _ => virid::yield_now().await,
                            }
                        });
                        let task = task.await;
                        most.fetch_max(keyed.len(), Ordering::SeqCst);
                        if n % 5 == 1 {
                            task.abort();
                        }
                    }
                })
            })
            .collect();
        spawners
            .into_iter()
            .for_each(|spawner| spawner.join().unwrap());
        virid::block_on(keyed.wait());
        // Numbers of the shards are read one after another.
        assert!(most.load(Ordering::SeqCst) <= 40);
        assert!(keyed.is_empty());
    });
}

#[test]
fn a_green_thread_waits_for_room_in_place() {
    guard(|| {
        let runtime = workers(1);
        runtime.run(|| {
            let keyed = Keyed::new().bound_total(1);
            let seen = Arc::new(Mutex::new(Vec::new()));
            for n in 0..100 {
                let seen = seen.clone();
                keyed.go(n % 3, move || {
                    virid::thread::yield_now();
                    seen.lock().unwrap().push(n);
                });
            }
            virid::block_on(keyed.wait());
            assert!(seen.lock().unwrap().iter().copied().eq(0..100));
        });
    });
}

#[test]
fn a_cancelled_green_thread_leaves_the_line() {
    guard(|| {
        let runtime = workers(1);
        let _entered = runtime.enter();
        let keyed = Arc::new(Keyed::new().bound_per_key(1));
        let gate = Gate::default();
        virid::block_on(keyed.spawn("key", gate.clone().pass()));
        let (waits, drops) = (keyed.clone(), Drops::default());
        let token = drops.token();
        let thread = virid::thread::spawn(move || {
            waits.go("key", move || drop(token));
        });
        until(|| runtime.metrics().workers()[0].parked() > 0);
        thread.cancel();
        assert!(thread.join().is_err());
        gate.open();
        let task = virid::block_on(keyed.spawn("key", async { 7 }));
        assert_eq!(task.join().unwrap(), 7);
        assert_eq!(drops.count(), 1);
    });
}

#[test]
#[should_panic(expected = "a bound of 0")]
fn a_bound_of_nothing_is_refused() {
    drop(Keyed::<u32>::new().bound_total(0));
}
