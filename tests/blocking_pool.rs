//! Proves that a runtime has no more threads for what blocks than it may have, that
//! closures wait their turn behind them, that idle threads are used again and end, and
//! that the metrics say so.

#![cfg(not(virid_loom))]

#[path = "support/closures.rs"]
mod closures;
mod support;
#[path = "support/until.rs"]
mod until;

use closures::block;
use std::collections::HashSet;
use std::io::ErrorKind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{current, sleep};
use std::time::Duration;
use support::guard;
use until::until;
use virid::{Builder, Runtime};

fn at_most(threads: usize) -> Runtime {
    Builder::new()
        .worker_threads(2)
        .max_blocking_threads(threads)
        .build()
        .unwrap()
}

/// Threads, idle ones, and closures that wait.
fn numbers(runtime: &Runtime) -> (usize, usize, usize) {
    let metrics = runtime.metrics();
    let (threads, idle) = (metrics.blocking_threads(), metrics.idle_blocking_threads());
    (threads, idle, metrics.blocking_queue_depth())
}

#[test]
fn no_more_closures_run_at_once_than_threads_are_allowed() {
    guard(|| {
        for most in [1, 2, 7] {
            let runtime = at_most(most);
            let (now, peak) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
            let tasks: Vec<_> = (0..300)
                .map(|_| {
                    let (now, peak) = (now.clone(), peak.clone());
                    runtime.spawn_blocking(move || {
                        let others = now.fetch_add(1, Ordering::SeqCst);
                        peak.fetch_max(others + 1, Ordering::SeqCst);
                        sleep(Duration::from_micros(50));
                        now.fetch_sub(1, Ordering::SeqCst);
                    })
                })
                .collect();
            tasks.into_iter().for_each(|task| task.join().unwrap());
            assert!(peak.load(Ordering::SeqCst) <= most);
            assert!(runtime.metrics().blocking_threads() <= most);
        }
    });
}

#[test]
fn as_many_run_at_once_as_threads_are_allowed() {
    guard(|| {
        for most in [1, 2, 20] {
            let runtime = at_most(most);
            assert_eq!(numbers(&runtime), (0, 0, 0));
            let blocks: Vec<_> = (0..most)
                .map(|n| {
                    let (waits, release, has_begun) = block();
                    let task = runtime.spawn_blocking(|| waits.wait());
                    has_begun.recv().unwrap();
                    assert_eq!(numbers(&runtime), (n + 1, 0, 0));
                    (task, release)
                })
                .collect();
            let behind: Vec<_> = (0..30).map(|n| runtime.spawn_blocking(move || n)).collect();
            assert_eq!(numbers(&runtime), (most, 0, 30));
            assert!(behind.iter().all(|task| !task.is_finished()));
            for (task, release) in blocks {
                drop(release);
                task.join().unwrap();
            }
            let sum: i32 = behind.into_iter().map(|task| task.join().unwrap()).sum();
            assert_eq!(sum, 30 * 29 / 2);
            until(|| numbers(&runtime) == (most, most, 0));
        }
    });
}

#[test]
fn closures_that_wait_run_first_in_first_out() {
    guard(|| {
        let (runtime, order) = (at_most(1), Arc::<Mutex<Vec<usize>>>::default());
        let (waits, release, has_begun) = block();
        drop(runtime.spawn_blocking(|| waits.wait()));
        has_begun.recv().unwrap();
        let tasks: Vec<_> = (0..100)
            .map(|n| {
                let order = order.clone();
                runtime.spawn_blocking(move || order.lock().unwrap().push(n))
            })
            .collect();
        drop(release);
        tasks.into_iter().for_each(|task| task.join().unwrap());
        assert!(order.lock().unwrap().iter().copied().eq(0..100));
    });
}

#[test]
fn an_idle_thread_is_used_again() {
    guard(|| {
        let (runtime, mut threads) = (at_most(100), HashSet::new());
        for _ in 0..100 {
            until(|| {
                let (threads, idle, _) = numbers(&runtime);
                threads == idle
            });
            threads.insert(runtime.spawn_blocking(|| current().id()).join().unwrap());
        }
        assert_eq!(threads.len(), 1);
        assert_eq!(numbers(&runtime).0, 1);
    });
}

#[test]
fn a_thread_that_has_been_idle_for_long_ends_and_others_come() {
    guard(|| {
        for keep_alive in [Duration::ZERO, Duration::from_millis(1)] {
            let builder = Builder::new()
                .worker_threads(1)
                .thread_keep_alive(keep_alive);
            let runtime = builder.build().unwrap();
            for _ in 0..50 {
                let tasks: Vec<_> = (0..5).map(|n| runtime.spawn_blocking(move || n)).collect();
                let sum: i32 = tasks.into_iter().map(|task| task.join().unwrap()).sum();
                assert_eq!(sum, 10);
                until(|| numbers(&runtime) == (0, 0, 0));
            }
        }
        // For ever, where no clock can say when that is over.
        let builder = Builder::new().worker_threads(1);
        let runtime = builder.thread_keep_alive(Duration::MAX).build().unwrap();
        runtime.spawn_blocking(|| ()).join().unwrap();
        until(|| numbers(&runtime) == (1, 1, 0));
    });
}

#[test]
fn closures_that_come_while_threads_end_all_run() {
    guard(|| {
        let builder = Builder::new().worker_threads(2).max_blocking_threads(3);
        let runtime = builder
            .thread_keep_alive(Duration::from_micros(50))
            .build()
            .unwrap();
        let spawners: Vec<_> = (0..4)
            .map(|_| {
                let handle = runtime.handle().clone();
                std::thread::spawn(move || {
                    for n in 0..2_000_u64 {
                        assert_eq!(handle.spawn_blocking(move || n).join().unwrap(), n);
                        if n % 16 == 0 {
                            sleep(Duration::from_micros(60));
                        }
                    }
                })
            })
            .collect();
        spawners
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
        until(|| numbers(&runtime) == (0, 0, 0));
    });
}

#[test]
fn each_runtime_has_threads_of_its_own() {
    guard(|| {
        let runtimes = [at_most(1), at_most(1)];
        let (waits, release, has_begun) = block();
        drop(runtimes[0].spawn_blocking(|| waits.wait()));
        has_begun.recv().unwrap();
        assert_eq!(runtimes[1].spawn_blocking(|| 1).join().unwrap(), 1);
        assert_eq!(numbers(&runtimes[0]), (1, 0, 0));
        drop(release);
    });
}

#[test]
fn a_hundred_thousand_closures_are_queued_and_run() {
    guard(|| {
        let runtime = at_most(4);
        let task = runtime.spawn(async {
            let spawn = |n: u64| virid::task::spawn_blocking(move || n);
            let mut sum = 0;
            for task in (0..100_000).map(spawn).collect::<Vec<_>>() {
                sum += task.await.unwrap();
            }
            sum
        });
        assert_eq!(task.join().unwrap(), 100_000 * 99_999 / 2);
        assert!(runtime.metrics().to_string().contains("blocking threads: "));
    });
}

#[test]
fn no_threads_at_all_are_invalid() {
    let error = Builder::new().max_blocking_threads(0).build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(
        error.to_string().contains("max_blocking_threads"),
        "{error}"
    );
    let most = Builder::new()
        .worker_threads(1)
        .max_blocking_threads(usize::MAX);
    let runtime = most.build().unwrap();
    assert_eq!(runtime.spawn_blocking(|| 1).join().unwrap(), 1);
}
