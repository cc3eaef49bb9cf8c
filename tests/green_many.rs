//! Proves that green threads are many: that no order of waits among a hundred
//! thousand stops them, and that spawning ten million takes no memory.
//! `VIRID_TASKS` changes how many.

#![cfg(not(virid_loom))]

#[path = "support/child.rs"]
mod child;
#[path = "support/gate.rs"]
mod gate;
#[path = "support/rest.rs"]
mod rest;
#[path = "support/sizes.rs"]
mod sizes;
mod support;
#[path = "support/until.rs"]
mod until;
#[path = "support/workers.rs"]
mod workers;

use gate::Gate;
use rest::rest;
use sizes::on_each_size;
use std::env;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use support::guard;
use virid::thread;
use workers::workers;

#[test]
fn a_hundred_thousand_threads_each_wait_for_the_one_spawned_next() {
    on_each_size(|runtime| {
        let passed = runtime.run(|| {
            let passed = Arc::<AtomicUsize>::default();
            let (mut threads, mut flag) = (Vec::new(), Arc::<AtomicBool>::default());
            for index in 0..100_000 {
                let (own, count) = (Arc::<AtomicBool>::default(), passed.clone());
                let before: Option<thread::Thread> = threads
                    .last()
                    .map(|last: &thread::JoinHandle<()>| last.thread().clone());
                let (release, wait) = (std::mem::replace(&mut flag, own.clone()), own);
                threads.push(thread::spawn(move || {
                    release.store(true, Ordering::SeqCst);
                    before.iter().for_each(thread::Thread::unpark);
                    while index + 1 < 100_000 && !wait.load(Ordering::SeqCst) {
                        thread::park();
                    }
                    count.fetch_add(1, Ordering::SeqCst);
                }));
            }
            threads
                .into_iter()
                .for_each(|thread| thread.join().unwrap());
            passed.load(Ordering::SeqCst)
        });
        assert_eq!(passed, 100_000);
    });
}

#[test]
fn a_spawner_waits_for_the_last_of_its_hundred_thousand_threads() {
    on_each_size(|runtime| {
        runtime.run(|| {
            let (spawner, last) = (thread::current(), Arc::<AtomicBool>::default());
            for index in 0..100_000 {
                let (spawner, last) = (spawner.clone(), last.clone());
                drop(thread::spawn(move || {
                    if index + 1 == 100_000 {
                        last.store(true, Ordering::SeqCst);
                        spawner.unpark();
                    }
                }));
            }
            while !last.load(Ordering::SeqCst) {
                thread::park();
            }
        });
    });
}

#[test]
fn a_million_threads_are_joined() {
    on_each_size(|runtime| {
        let sum = runtime.run(|| {
            let threads: Vec<_> = (0..1_000_000_u64)
                .map(|n| thread::spawn(move || n))
                .collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .sum::<u64>()
        });
        assert_eq!(sum, 499_999_500_000);
    });
}

#[test]
fn a_hundred_thousand_threads_wait_at_once() {
    on_each_size(|runtime| {
        let gate = Gate::default();
        let threads: Vec<_> = (0..50_000)
            .flat_map(|n| {
                let passed = gate.clone().pass();
                let waits = runtime.go(move || {
                    virid::block_on(passed);
                    n
                });
                let parks = runtime.go(move || {
                    thread::park();
                    n
                });
                [waits, parks]
            })
            .collect();
        rest(&runtime);
        assert!(!threads.iter().any(thread::JoinHandle::is_finished));
        gate.open();
        threads.iter().for_each(|thread| thread.thread().unpark());
        let sum: u64 = threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .sum();
        assert_eq!(sum, 2 * 50_000 * 49_999 / 2);
    });
}

#[test]
fn a_loop_that_accepts_starts_ten_thousand_threads_that_wait() {
    guard(|| {
        let (runtime, served) = (workers(2), Arc::<AtomicUsize>::default());
        let seen = served.clone();
        let accepts = runtime.go(move || {
            let accept = |_| {
                // As a listener with a connection that is there already.
                virid::block_on(virid::yield_now());
                let served = seen.clone();
                thread::spawn(move || {
                    thread::park();
                    served.fetch_add(1, Ordering::SeqCst)
                })
            };
            (0..10_000).map(accept).collect::<Vec<_>>()
        });
        let threads = accepts.join().unwrap();
        rest(&runtime);
        assert_eq!(served.load(Ordering::SeqCst), 0);
        threads.iter().for_each(|thread| thread.thread().unpark());
        let mut order: Vec<_> = threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect();
        order.sort_unstable();
        assert!(order.into_iter().eq(0..10_000));
    });
}

/// The most memory that this process ever had, in KiB.
#[cfg(target_os = "linux")]
fn peak() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[cfg(target_os = "linux")]
fn spawn_many(count: usize) {
    let tasks = env::var("VIRID_TASKS").map_or(10_000_000, |text| text.parse().unwrap());
    guard(move || {
        let runtime = workers(count);
        runtime.run(move || {
            let ran = Arc::<AtomicUsize>::default();
            let before = peak();
            for _ in 0..tasks {
                let ran = ran.clone();
                drop(thread::spawn(move || ran.fetch_add(1, Ordering::Relaxed)));
            }
            while ran.load(Ordering::SeqCst) < tasks {
                thread::yield_now();
            }
            let more = peak() - before;
            println!("{tasks} threads on {count} workers took {more} KiB");
            assert!(more <= 16 << 10, "{tasks} threads took {more} KiB");
        });
    });
}

#[test]
#[cfg(target_os = "linux")]
fn ten_million_threads_spawned_by_one_take_no_memory() {
    if let Some(role) = child::role() {
        return spawn_many(role.parse().unwrap());
    }
    for count in ["1", "2", "8"] {
        let test = "ten_million_threads_spawned_by_one_take_no_memory";
        let output = child::run(test, count, &[]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "{count} workers, {}: {said}",
            output.status
        );
    }
}
