//! Proves the order of each key among many tasks. `VIRID_TASKS` changes how many there
//! are.

#![cfg(all(feature = "sync", not(virid_loom)))]

mod support;
#[path = "support/workers.rs"]
mod workers;

use std::env;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use support::guard;
use virid::task::Keyed;
use workers::workers;

/// For each key how many of its tasks have run. Loads and stores apart, so that two at a
/// time would lose one, and relaxed, so that only the hand-over of the turn orders them.
struct Seen(Vec<AtomicU64>);

impl Seen {
    fn add(&self, n: u64) {
        let keys = self.0.len() as u64;
        let seen = &self.0[(n % keys) as usize];
        let before = seen.load(Ordering::Relaxed);
        assert_eq!(before, n / keys, "task {n} out of its turn");
        seen.store(before + 1, Ordering::Relaxed);
    }
}

fn each_key_is_in_order(keys: u64) {
    let tasks: u64 = env::var("VIRID_TASKS").map_or(300_000, |text| text.parse().unwrap());
    guard(move || {
        let runtime = workers(2);
        let seen = Arc::new(Seen((0..keys).map(|_| AtomicU64::new(0)).collect()));
        let shared = seen.clone();
        let spawner = runtime.spawn(async move {
            // A part of them all at once, and the others as there is room.
            let at_once = Keyed::new();
            let bounded = Keyed::new().bound_total(100_000);
            let first = tasks / 10;
            for n in 0..first {
                let seen = shared.clone();
                at_once.spawn(n % keys, async move { seen.add(n) });
            }
            at_once.wait().await;
            for n in first..tasks {
                let seen = shared.clone();
                let task = async move {
                    if n % 7 == 0 {
                        virid::yield_now().await;
                    }
                    seen.add(n);
                };
                bounded.spawn(n % keys, task).await;
            }
            bounded.wait().await;
            assert!(at_once.is_empty() && bounded.is_empty());
        });
        spawner.join().unwrap();
        let sum: u64 = seen.0.iter().map(|seen| seen.load(Ordering::Relaxed)).sum();
        assert_eq!(sum, tasks);
    });
}

#[test]
fn one_key_is_in_order() {
    each_key_is_in_order(1);
}

#[test]
fn a_hundred_keys_are_each_in_order() {
    each_key_is_in_order(100);
}

#[test]
fn a_million_keys_are_each_in_order() {
    each_key_is_in_order(1_000_000);
}
