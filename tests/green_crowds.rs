//! Proves that threads which only yield count for placement and for metrics, that
//! threads which come one by one spread over the workers, and that beside a thread that
//! yields others have their turn: one that waits in a spawn, and those from outside.

#![cfg(not(virid_loom))]

#[path = "support/occupied.rs"]
mod occupied;
#[path = "support/rest.rs"]
mod rest;
mod support;
#[path = "support/until.rs"]
mod until;
#[path = "support/workers.rs"]
mod workers;

use occupied::occupy;
use rest::rest;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use support::guard;
use until::until;
use virid::metrics::WorkerMetrics;
use virid::{Runtime, thread};
use workers::workers;

fn started(runtime: &Runtime) -> Vec<usize> {
    let metrics = runtime.metrics();
    let started = metrics.workers().iter().map(WorkerMetrics::started_threads);
    started.collect()
}

#[test]
fn threads_that_only_yield_are_counted() {
    guard(|| {
        let runtime = workers(1);
        let (begun, is_over) = (Arc::<AtomicUsize>::default(), Arc::<AtomicBool>::default());
        let threads = (0..100).map(|_| {
            let (begun, is_over) = (begun.clone(), is_over.clone());
            runtime.go(move || {
                begun.fetch_add(1, Ordering::SeqCst);
                while !is_over.load(Ordering::SeqCst) {
                    thread::yield_now();
                }
            })
        });
        let threads: Vec<_> = threads.collect();
        until(|| begun.load(Ordering::SeqCst) == 100);
        // Each of them yields a few times meanwhile.
        runtime.spawn(async {}).join().unwrap();
        let counted = started(&runtime);
        is_over.store(true, Ordering::SeqCst);
        for thread in threads {
            thread.join().unwrap();
        }
        assert!(counted[0] >= 99, "{counted:?} of 100");
    });
}

/// How often threads may come until they are spread: a worker that the system takes
/// its processor from begins none of the last ones, and the other does.
const ROUNDS: usize = 20;

/// The threads on each worker after a thousand have come one by one.
fn come_one_by_one() -> Vec<usize> {
    let runtime = workers(2);
    let threads = (0..1_000).map(|_| {
        let thread = runtime.go(thread::park);
        rest(&runtime);
        thread
    });
    let threads: Vec<_> = threads.collect();
    let spread = started(&runtime);
    for thread in threads {
        thread.thread().unpark();
        thread.join().unwrap();
    }
    spread
}

#[test]
fn threads_that_come_one_by_one_from_outside_spread_over_the_workers() {
    guard(|| {
        let mut uneven = Vec::new();
        while uneven.len() < ROUNDS {
            let spread = come_one_by_one();
            let (most, least) = (spread.iter().max().unwrap(), spread.iter().min().unwrap());
            if *most <= least + least / 4 + 64 + 16 {
                return;
            }
            uneven.push(spread);
        }
        panic!("{uneven:?}");
    });
}

#[test]
fn a_thread_that_waits_in_a_spawn_has_its_turn_beside_one_that_yields() {
    const CHILDREN: usize = 100_000;
    guard(|| {
        let runtime = workers(1);
        let has_begun = Arc::<AtomicBool>::default();
        let is_over = Arc::<AtomicBool>::default();
        let (begun, over) = (has_begun.clone(), is_over.clone());
        let yields = runtime.go(move || {
            let mut count = 0_usize;
            while !over.load(Ordering::SeqCst) {
                thread::yield_now();
                count += usize::from(begun.load(Ordering::SeqCst));
            }
            count
        });
        let spawner = runtime.go(move || {
            has_begun.store(true, Ordering::SeqCst);
            for _ in 0..CHILDREN {
                drop(thread::spawn(|| ()));
            }
            is_over.store(true, Ordering::SeqCst);
        });
        spawner.join().unwrap();
        let turns = yields.join().unwrap();
        assert!(
            turns < 2 * CHILDREN,
            "{turns} turns beside {CHILDREN} spawns"
        );
    });
}

#[test]
fn threads_from_outside_have_their_turn_beside_one_that_yields() {
    const THREADS: usize = 10_000;
    guard(|| {
        let runtime = workers(1);
        let busy = occupy(&runtime);
        let ran = Arc::<AtomicUsize>::default();
        let all = ran.clone();
        let yields = runtime.go(move || {
            let mut count = 0_usize;
            while all.load(Ordering::SeqCst) < THREADS {
                thread::yield_now();
                count += 1;
            }
            count
        });
        for _ in 0..THREADS {
            let ran = ran.clone();
            drop(runtime.go(move || ran.fetch_add(1, Ordering::SeqCst)));
        }
        drop(busy);
        let turns = yields.join().unwrap();
        assert!(
            turns < 100 * THREADS,
            "{turns} turns beside {THREADS} threads"
        );
    });
}
