//! Proves that the builder gives what it was asked for, or an error.

#![cfg(not(virid_loom))]

mod support;

use std::collections::BTreeSet;
use std::io;
use std::sync::{Arc, Barrier};
use std::thread;
use support::guard;
use virid::{Builder, Runtime};

/// What `look` sees on each of `count` workers, which all run it at once.
fn on_each_worker<T: Ord + Send + 'static>(
    runtime: &Runtime,
    count: usize,
    look: fn() -> T,
) -> BTreeSet<T> {
    let together = Arc::new(Barrier::new(count));
    let tasks: Vec<_> = (0..count)
        .map(|_| {
            let together = together.clone();
            runtime.spawn(async move {
                together.wait();
                look()
            })
        })
        .collect();
    tasks.into_iter().map(|task| task.join().unwrap()).collect()
}

fn thread_name() -> String {
    thread::current().name().unwrap_or_default().to_owned()
}

fn named(name: &str, count: usize) -> BTreeSet<String> {
    (0..count).map(|index| format!("{name}-{index}")).collect()
}

#[test]
fn as_many_workers_run_as_were_asked_for() {
    guard(|| {
        for count in [1, 2, 3, 5, 16, 64] {
            let runtime = Builder::new().worker_threads(count).build().unwrap();
            let names = on_each_worker(&runtime, count, thread_name);
            assert_eq!(names, named("virid-worker", count));
        }
    });
}

#[test]
fn a_single_worker_runs_every_task() {
    guard(|| {
        let runtime = Builder::new().worker_threads(1).build().unwrap();
        let tasks: Vec<_> = (0..100)
            .map(|_| runtime.spawn(async { thread_name() }))
            .collect();
        let names: BTreeSet<_> = tasks.into_iter().map(|task| task.join().unwrap()).collect();
        assert_eq!(names, named("virid-worker", 1));
    });
}

#[test]
fn zero_workers_are_invalid_input() {
    guard(|| {
        let error = Builder::new().worker_threads(0).build().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        assert!(!error.to_string().is_empty());
        let error = Runtime::builder()
            .pin_workers(true)
            .worker_threads(0)
            .build();
        assert_eq!(error.unwrap_err().kind(), io::ErrorKind::InvalidInput);
    });
}

#[test]
fn a_name_with_a_nul_byte_is_an_error_or_is_worked_around_and_never_a_panic() {
    guard(|| {
        let built = Builder::new().worker_threads(1).thread_name("a\0b").build();
        if let Ok(runtime) = built {
            assert_eq!(runtime.spawn(async { 1 }).join().unwrap(), 1);
        }
    });
}

#[test]
fn workers_carry_the_name_they_were_given_and_their_index() {
    guard(|| {
        let builder = Runtime::builder()
            .worker_threads(3)
            .thread_name(String::from("named"));
        let runtime = builder.build().unwrap();
        assert_eq!(on_each_worker(&runtime, 3, thread_name), named("named", 3));
    });
}

#[test]
fn the_last_setting_counts() {
    guard(|| {
        let builder = Builder::new()
            .worker_threads(0)
            .thread_name("first")
            .pin_workers(true);
        let builder = builder
            .worker_threads(2)
            .thread_name("last")
            .pin_workers(false);
        let runtime = builder.build().unwrap();
        assert_eq!(on_each_worker(&runtime, 2, thread_name), named("last", 2));
    });
}

#[test]
fn a_default_runtime_has_a_worker_for_each_core_it_may_use() {
    guard(|| {
        let cores = thread::available_parallelism().unwrap().get();
        let runtime = Runtime::new().unwrap();
        let names = on_each_worker(&runtime, cores, thread_name);
        assert_eq!(names, named("virid-worker", cores));
    });
}

#[test]
fn free_spawns_share_one_default_runtime() {
    guard(|| {
        let spawn = || virid::spawn(async { thread::current().id() });
        let own = thread::current().id();
        let threads = [(); 4].map(|()| thread::spawn(move || [(); 50].map(|()| spawn())));
        let tasks = threads.map(|thread| thread.join().unwrap());
        let mut ids = Vec::new();
        for task in tasks.into_iter().flatten() {
            let id = task.join().unwrap();
            assert_ne!(id, own);
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
        assert!(ids.len() <= thread::available_parallelism().unwrap().get());
        let name = virid::task::spawn(async { thread_name() }).join().unwrap();
        assert!(name.starts_with("virid-worker-"), "{name}");
    });
}

#[cfg(target_os = "linux")]
mod pinning {
    use super::*;

    /// The cores the calling thread may run on, as the kernel lists them.
    fn allowed_cores() -> String {
        let status = std::fs::read_to_string("/proc/thread-self/status").unwrap();
        let line = status
            .lines()
            .find(|line| line.starts_with("Cpus_allowed_list:"));
        let cores = line.and_then(|line| line.split_whitespace().nth(1));
        cores.unwrap().to_owned()
    }

    fn is_single(cores: &str) -> bool {
        cores.bytes().all(|byte| byte.is_ascii_digit())
    }

    #[test]
    fn each_pinned_worker_may_run_on_one_core_only_and_each_on_its_own() {
        guard(|| {
            let count = thread::available_parallelism().unwrap().get();
            let builder = Builder::new().worker_threads(count).pin_workers(true);
            let runtime = builder.build().unwrap();
            let cores = on_each_worker(&runtime, count, allowed_cores);
            assert!(cores.iter().all(|cores| is_single(cores)), "{cores:?}");
            assert_eq!(cores.len(), count);
        });
    }

    #[test]
    fn more_pinned_workers_than_cores_share_them() {
        guard(|| {
            let builder = Builder::new().worker_threads(9).pin_workers(true);
            let runtime = builder.build().unwrap();
            let cores = on_each_worker(&runtime, 9, allowed_cores);
            assert!(cores.iter().all(|cores| is_single(cores)), "{cores:?}");
            assert_eq!(
                cores.len(),
                thread::available_parallelism().unwrap().get().min(9)
            );
        });
    }

    #[test]
    fn unpinned_workers_keep_the_cores_of_the_thread_that_built_them() {
        guard(|| {
            let builder = Builder::new().worker_threads(2).pin_workers(false);
            let runtime = builder.build().unwrap();
            let cores = on_each_worker(&runtime, 2, allowed_cores);
            assert_eq!(cores, BTreeSet::from([allowed_cores()]));
        });
    }

    #[test]
    fn building_a_pinned_runtime_does_not_pin_the_builder() {
        guard(|| {
            let before = allowed_cores();
            let builder = Builder::new().worker_threads(2).pin_workers(true);
            let runtime = builder.build().unwrap();
            runtime.block_on(async { virid::yield_now().await });
            assert_eq!(allowed_cores(), before);
        });
    }
}
