//! Proves that `yield_now` gives every other ready task its turn.

#![cfg(not(virid_loom))]

mod support;
#[path = "support/workers.rs"]
mod workers;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use support::guard;
use workers::workers;

/// Polls within which any ready task must have had its turn.
const BOUND: usize = 1_024;

#[test]
fn a_yielding_task_lets_its_queued_child_run_within_bounded_polls() {
    guard(|| {
        let runtime = workers(1);
        let yields = runtime.spawn(async {
            let ran = Arc::new(AtomicBool::new(false));
            let child = ran.clone();
            virid::spawn(async move { child.store(true, Ordering::SeqCst) });
            for yields in 0..BOUND {
                if ran.load(Ordering::SeqCst) {
                    return yields;
                }
                virid::yield_now().await;
            }
            BOUND
        });
        assert_eq!(yields.join().unwrap(), 1);
    });
}

#[test]
fn a_yielding_task_lets_a_task_from_outside_run_within_bounded_polls() {
    guard(|| {
        let runtime = workers(1);
        let ran = Arc::new(AtomicBool::new(false));
        let (outside, (spawned, started)) = (ran.clone(), channel());
        let busy = runtime.spawn(async move {
            while started.try_recv().is_err() {
                virid::yield_now().await;
            }
            for _ in 0..BOUND {
                if ran.load(Ordering::SeqCst) {
                    return true;
                }
                virid::yield_now().await;
            }
            false
        });
        runtime.spawn(async move { outside.store(true, Ordering::SeqCst) });
        spawned.send(()).unwrap();
        assert!(busy.join().unwrap());
    });
}

#[test]
fn a_yielding_pair_lets_a_woken_task_run_within_bounded_polls() {
    guard(|| {
        let runtime = workers(1);
        let (ran, turns) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicUsize::new(0)),
        );
        let pair = || {
            let (ran, turns) = (ran.clone(), turns.clone());
            async move {
                while !ran.load(Ordering::SeqCst) && turns.load(Ordering::SeqCst) < BOUND {
                    turns.fetch_add(1, Ordering::SeqCst);
                    virid::yield_now().await;
                }
            }
        };
        let (one, two, victim) = (pair(), pair(), ran.clone());
        let start = runtime.spawn(async move {
            let inner = virid::spawn(async {});
            let victim = virid::spawn(async move {
                inner.await.unwrap();
                victim.store(true, Ordering::SeqCst);
            });
            for task in [virid::spawn(one), virid::spawn(two), victim] {
                task.await.unwrap();
            }
        });
        start.join().unwrap();
        assert!(turns.load(Ordering::SeqCst) < BOUND);
    });
}

#[test]
fn two_yielders_alternate() {
    guard(|| {
        let runtime = workers(1);
        let log = Arc::new(Mutex::new(Vec::new()));
        let shared = log.clone();
        let start = runtime.spawn(async move {
            let tasks = ['a', 'b'].map(|name| {
                let log = shared.clone();
                virid::spawn(async move {
                    for _ in 0..1_000 {
                        log.lock().unwrap().push(name);
                        virid::yield_now().await;
                    }
                })
            });
            for task in tasks {
                task.await.unwrap();
            }
        });
        start.join().unwrap();
        let log = log.lock().unwrap();
        assert_eq!(log.len(), 2_000);
        assert!(log.windows(2).all(|pair| pair[0] != pair[1]));
    });
}

#[test]
fn a_thousand_yielders_all_make_progress_together() {
    guard(|| {
        let runtime = workers(1);
        let turns: Arc<Vec<_>> = Arc::new((0..1_000).map(|_| AtomicUsize::new(0)).collect());
        let shared = turns.clone();
        let start = runtime.spawn(async move {
            let yielder = |own: usize| {
                let turns = shared.clone();
                async move {
                    for _ in 0..100 {
                        turns[own].fetch_add(1, Ordering::SeqCst);
                        virid::yield_now().await;
                    }
                    turns.iter().all(|turns| turns.load(Ordering::SeqCst) > 0)
                }
            };
            let tasks: Vec<_> = (0..1_000).map(|own| virid::spawn(yielder(own))).collect();
            for task in tasks {
                assert!(task.await.unwrap());
            }
        });
        start.join().unwrap();
        assert!(
            turns
                .iter()
                .all(|turns| turns.load(Ordering::SeqCst) == 100)
        );
    });
}

#[test]
fn one_million_yields_return() {
    guard(|| {
        for count in [1, 3] {
            let runtime = workers(count);
            let yields = runtime.spawn(async {
                let mut yields = 0_u32;
                while yields < 1_000_000 {
                    virid::task::yield_now().await;
                    yields += 1;
                }
                yields
            });
            assert_eq!(yields.join().unwrap(), 1_000_000);
        }
    });
}

#[test]
fn yield_now_in_block_on_returns() {
    guard(|| {
        virid::block_on(async {
            for _ in 0..1_000 {
                virid::yield_now().await;
            }
        });
    });
}
