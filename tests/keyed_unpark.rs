//! Proves that an unpark lets no green thread begin before its turn, and is not lost.

#![cfg(all(not(virid_loom), feature = "sync"))]

mod support;
#[path = "support/workers.rs"]
mod workers;

use std::sync::Arc;
use support::guard;
use virid::sync::Notify;
use virid::task::Keyed;
use virid::thread;
use workers::workers;

#[test]
fn an_unpark_of_a_thread_that_waits_for_its_turn_is_kept_for_its_park() {
    guard(|| {
        let runtime = workers(2);
        let entered = runtime.enter();
        for _ in 0..100 {
            let (keyed, notify) = (Keyed::new(), Arc::new(Notify::new()));
            let has_turn = notify.clone();
            let first = keyed.spawn((), async move { has_turn.notified().await });
            let second = keyed.go((), thread::park);
            for _ in 0..10 {
                second.thread().unpark();
                std::thread::yield_now();
            }
            assert!(!second.is_finished());
            notify.notify_one();
            first.join().unwrap();
            second.join().unwrap();
        }
        drop(entered);
    });
}

#[test]
fn unparks_that_race_the_turn_lose_no_thread() {
    guard(|| {
        let runtime = workers(2);
        let entered = runtime.enter();
        for _ in 0..2_000 {
            let keyed = Keyed::new();
            let first = keyed.spawn((), virid::yield_now());
            let second = keyed.go((), || {
                thread::park();
                thread::park();
            });
            while !second.is_finished() {
                second.thread().unpark();
            }
            first.join().unwrap();
            second.join().unwrap();
        }
        drop(entered);
    });
}
