//! Proves what `thread::map_ordered` and `thread::map_unordered` promise: every item once,
//! the order, the window, panics, and that dropping ends every thread before it returns.

#![cfg(not(virid_loom))]

#[path = "support/drops.rs"]
mod drops;
mod support;
#[path = "support/until.rs"]
mod until;
#[path = "support/workers.rs"]
mod workers;

use drops::Drops;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use support::guard;
use until::until;
use virid::task::JoinError;
use virid::thread::{self, map_ordered, map_unordered};
use workers::workers;

fn park_for_ever() -> ! {
    loop {
        thread::park();
    }
}

fn wander(n: u64) -> u64 {
    for _ in 0..n % 4 {
        thread::yield_now();
    }
    n
}

#[test]
fn every_item_comes_once_from_a_green_and_from_a_plain_thread() {
    fn check() {
        for limit in [1, 2, 7, 64] {
            let ordered = map_ordered(0..2_000u64, limit, wander);
            assert!(ordered.map(Result::unwrap).eq(0..2_000));
            let unordered = map_unordered(0..2_000u64, limit, wander);
            let mut all: Vec<_> = unordered.map(Result::unwrap).collect();
            all.sort_unstable();
            assert!(all.into_iter().eq(0..2_000));
        }
    }
    guard(|| {
        let runtime = workers(2);
        runtime.run(check);
        let _entered = runtime.enter();
        check();
    });
}

#[test]
fn no_more_than_the_limit_is_taken_and_not_handed_out() {
    guard(|| {
        let runtime = workers(2);
        runtime.run(|| {
            let taken = Arc::new(AtomicUsize::new(0));
            let count = taken.clone();
            let items = (0..500).inspect(move |_| {
                count.fetch_add(1, Ordering::SeqCst);
            });
            for (n, result) in map_ordered(items, 8, |n| n).enumerate() {
                assert_eq!(result.unwrap(), n);
                assert!(taken.load(Ordering::SeqCst) <= n + 8);
            }
        });
    });
}

#[test]
fn a_panic_comes_in_its_turn() {
    guard(|| {
        let runtime = workers(2);
        let _entered = runtime.enter();
        let call = |n: usize| {
            assert!(n % 3 != 1, "item {n}");
            n
        };
        for (n, result) in map_ordered(0..99, 5, call).enumerate() {
            match result {
                Ok(result) => assert_eq!(result, n),
                Err(panic) => {
                    let text = panic.downcast_ref::<String>().unwrap();
                    assert!(n % 3 == 1 && text.contains(&format!("item {n}")));
                }
            }
        }
        let unordered = map_unordered(0..99, 5, call);
        assert_eq!(unordered.filter(Result::is_err).count(), 33);
    });
}

#[test]
fn dropping_it_at_any_point_ends_every_thread_before_it_returns() {
    fn check() {
        for handed_out in 0..10 {
            let drops = Drops::default();
            let counts = drops.clone();
            let begun = Arc::new(AtomicUsize::new(0));
            let count = begun.clone();
            let call = move |n: usize| {
                let token = counts.token();
                count.fetch_add(1, Ordering::SeqCst);
                if n >= handed_out {
                    park_for_ever();
                }
                token
            };
            let mut map = map_ordered(0.., 6, call.clone());
            let mut unordered = map_unordered(0.., 6, call);
            for _ in 0..handed_out {
                map.next().unwrap().unwrap();
                unordered.next().unwrap().unwrap();
            }
            drop(map);
            drop(unordered);
            assert_eq!(drops.count(), begun.load(Ordering::SeqCst));
        }
    }
    guard(|| {
        let runtime = workers(2);
        let _entered = runtime.enter();
        check();
        runtime.run(check);
    });
}

#[test]
fn who_is_cancelled_while_it_waits_ends_all_of_them() {
    guard(|| {
        for is_ordered in [false, true] {
            let runtime = workers(2);
            let (drops, begun) = (Drops::default(), Arc::new(AtomicUsize::new(0)));
            let (counts, count) = (drops.clone(), begun.clone());
            let owner = runtime.go(move || {
                let call = move |_| {
                    let _token = counts.token();
                    count.fetch_add(1, Ordering::SeqCst);
                    park_for_ever();
                };
                let mut results: Box<dyn Iterator<Item = thread::Result<()>>> = match is_ordered {
                    true => Box::new(map_ordered(0..4, 4, call)),
                    false => Box::new(map_unordered(0..4, 4, call)),
                };
                results.next();
            });
            until(|| begun.load(Ordering::SeqCst) == 4);
            owner.cancel();
            let error = owner.join().unwrap_err();
            assert!(error.downcast_ref::<JoinError>().unwrap().is_cancelled());
            assert_eq!(drops.count(), 4);
        }
    });
}

#[test]
fn in_an_async_task_it_may_be_dropped_and_not_waited_for() {
    guard(|| {
        let runtime = workers(2);
        let _entered = runtime.enter();
        let begun = Arc::new(AtomicUsize::new(0));
        let (count, drops) = (begun.clone(), Drops::default());
        let counts = drops.clone();
        let mut map = map_ordered(0..3, 2, move |n| {
            let _token = counts.token();
            count.fetch_add(1, Ordering::SeqCst);
            if n > 0 {
                park_for_ever();
            }
        });
        map.next().unwrap().unwrap();
        virid::spawn(async move { drop(map) }).join().unwrap();
        until(|| drops.count() == begun.load(Ordering::SeqCst));
    });
}

#[test]
#[should_panic(expected = "a limit of 0")]
fn a_limit_of_nothing_is_refused() {
    drop(map_unordered(0..1, 0, |n: u32| n));
}
