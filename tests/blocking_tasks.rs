//! Proves that `spawn_blocking` runs each closure once on a thread that is no worker,
//! that its handle is a task's, and what a panic and an abort make of it.

#![cfg(not(virid_loom))]

#[path = "support/closures.rs"]
mod closures;
#[path = "support/drops.rs"]
mod drops;
#[path = "support/said.rs"]
mod said;
#[path = "support/sizes.rs"]
mod sizes;
mod support;
#[path = "support/workers.rs"]
mod workers;

use closures::block;
use drops::Drops;
use said::said;
use sizes::on_each_size;
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::thread::current;
use support::guard;
use virid::task::{JoinHandle, spawn_blocking};
use virid::{Builder, Handle, Runtime};

#[test]
fn each_closure_runs_once_and_its_handle_yields_the_result() {
    on_each_size(|runtime| {
        let runs = Arc::<AtomicUsize>::default();
        let closure = |n: usize| {
            let runs = runs.clone();
            move || {
                runs.fetch_add(1, Ordering::SeqCst);
                n
            }
        };
        let plain: Vec<_> = (0..500)
            .map(|n| runtime.spawn_blocking(closure(n)))
            .collect();
        let tasks = (500..1_000).map(closure).collect::<Vec<_>>();
        let task = runtime.spawn(async {
            let handles: Vec<_> = tasks.into_iter().map(spawn_blocking).collect();
            let mut sum = 0;
            for handle in handles {
                sum += handle.await.unwrap();
            }
            sum
        });
        let green = (1_000..1_500).map(closure).collect::<Vec<_>>();
        let thread = runtime.go(|| {
            let handles: Vec<_> = green.into_iter().map(spawn_blocking).collect();
            handles
                .into_iter()
                .map(|h| h.join().unwrap())
                .sum::<usize>()
        });
        let sum = plain.into_iter().map(|h| h.join().unwrap()).sum::<usize>();
        let all = sum + task.join().unwrap() + thread.join().unwrap();
        assert_eq!(all, 1_500 * 1_499 / 2);
        assert_eq!(runs.load(Ordering::SeqCst), 1_500);
    });
}

#[test]
fn workers_go_on_beside_any_number_of_blocked_closures() {
    on_each_size(|runtime| {
        let blocks: Vec<_> = (0..50)
            .map(|_| {
                let (waits, release, has_begun) = block();
                let handle = runtime.spawn_blocking(|| waits.wait());
                has_begun.recv().unwrap();
                (handle, release)
            })
            .collect();
        let task = runtime.spawn(async { virid::spawn(async { 1 }).await.unwrap() });
        assert_eq!(task.join().unwrap(), 1);
        assert_eq!(
            runtime.run(|| virid::thread::spawn(|| 2).join().unwrap()),
            2
        );
        for (handle, release) in blocks {
            assert!(!handle.is_finished());
            drop(release);
            handle.join().unwrap();
        }
    });
}

#[test]
fn a_closure_is_on_a_plain_thread_inside_the_runtime() {
    on_each_size(|runtime| {
        let task = runtime.spawn_blocking(|| {
            assert!(!virid::thread::is_green());
            // What it spawns is the runtime's, and it may wait for all of it.
            assert_eq!(virid::spawn(async { 1 }).join().unwrap(), 1);
            assert_eq!(
                virid::block_on(async { virid::spawn(async { 2 }).await.unwrap() }),
                2
            );
            assert_eq!(virid::run(|| 3), 3);
            assert_eq!(spawn_blocking(|| 4).join().unwrap(), 4);
            virid::thread::scope(|scope| assert_eq!(scope.spawn(|| 5).join().unwrap(), 5));
            let own = current();
            let unparks = std::thread::spawn(move || own.unpark());
            virid::thread::park();
            unparks.join().unwrap();
            current().name().map(str::to_owned)
        });
        let name = task.join().unwrap().unwrap();
        assert!(name.starts_with("virid-worker-blocking-"), "{name}");
        let task = runtime.spawn_blocking(|| Handle::current().metrics().workers().len());
        assert_eq!(task.join().unwrap(), runtime.metrics().workers().len());
    });
}

#[test]
fn outside_any_runtime_it_is_the_default_ones() {
    guard(|| {
        let task = spawn_blocking(|| Handle::current().metrics().blocking_threads());
        assert!(task.join().unwrap() >= 1);
    });
}

#[test]
fn an_entered_runtime_is_the_one_that_runs_it() {
    guard(|| {
        let runtime = Builder::new().thread_name("entered").build().unwrap();
        let _entered = runtime.enter();
        let name = spawn_blocking(|| current().name().map(str::to_owned));
        let name = name.join().unwrap().unwrap();
        assert!(name.starts_with("entered-blocking-"), "{name}");
    });
}

#[test]
fn a_panic_is_the_handles_and_its_thread_goes_on() {
    guard(|| {
        let runtime = Builder::new()
            .worker_threads(1)
            .max_blocking_threads(1)
            .build()
            .unwrap();
        let first = runtime.spawn_blocking(|| current().id()).join().unwrap();
        for _ in 0..20 {
            let task = runtime.spawn_blocking(|| -> u32 { panic!("on purpose") });
            let id = task.id();
            let error = task.join().unwrap_err();
            assert!(error.is_panic() && error.id() == id);
            assert_eq!(said(error.into_panic()), "on purpose");
        }
        // Also a destructor's.
        struct Panics;
        impl Drop for Panics {
            fn drop(&mut self) {
                panic!("dropped");
            }
        }
        let panics = Panics;
        let task = runtime.spawn_blocking(move || drop(panics));
        assert!(task.join().unwrap_err().is_panic());
        let last = runtime.spawn_blocking(|| current().id()).join().unwrap();
        assert_eq!(first, last);
    });
}

/// A runtime with one blocking thread, and closures that wait behind one that runs.
fn queue(count: usize, drops: &Drops) -> (Runtime, closures::Release, Vec<JoinHandle<usize>>) {
    let runtime = Builder::new()
        .worker_threads(1)
        .max_blocking_threads(1)
        .build()
        .unwrap();
    let (waits, release, has_begun) = block();
    drop(runtime.spawn_blocking(|| waits.wait()));
    has_begun.recv().unwrap();
    let closure = |n| {
        let token = drops.token();
        move || {
            let _token = token;
            n
        }
    };
    let handles = (0..count)
        .map(|n| runtime.spawn_blocking(closure(n)))
        .collect();
    (runtime, release, handles)
}

#[test]
fn an_abort_before_the_closure_begins_cancels_it() {
    guard(|| {
        let drops = Drops::default();
        let (_runtime, release, handles) = queue(100, &drops);
        for (n, handle) in handles.iter().enumerate() {
            match n % 4 {
                0 => handle.abort(),
                1 => handle.abort_handle().abort(),
                _ => {}
            }
        }
        drop(release);
        for (n, handle) in handles.into_iter().enumerate() {
            match handle.join() {
                Ok(number) => assert!(number == n && n % 4 > 1),
                Err(error) => assert!(error.is_cancelled() && n % 4 < 2),
            }
        }
        assert_eq!(drops.count(), 100);
    });
}

#[test]
fn an_abort_of_a_closure_that_runs_changes_nothing() {
    on_each_size(|runtime| {
        let (waits, release, has_begun) = block();
        let task = runtime.spawn_blocking(|| {
            waits.wait();
            7
        });
        has_begun.recv().unwrap();
        let abort = task.abort_handle();
        (0..3).for_each(|_| abort.abort());
        task.abort();
        assert!(!abort.is_finished());
        drop(release);
        assert_eq!(task.join().unwrap(), 7);
        abort.abort();
        assert!(abort.is_finished());
    });
}

#[test]
fn a_handle_that_is_dropped_lets_the_closure_run_on() {
    on_each_size(|runtime| {
        let drops = Drops::default();
        let (ended, has_ended) = channel();
        for _ in 0..200 {
            let (ended, token, result) = (ended.clone(), drops.token(), drops.token());
            drop(runtime.spawn_blocking(move || {
                let _token = token;
                ended.send(()).unwrap();
                result
            }));
        }
        assert_eq!(has_ended.iter().take(200).count(), 200);
        drop(runtime);
        assert_eq!(drops.count(), 400);
    });
}

#[test]
fn aborts_that_race_the_threads_drop_each_closure_once() {
    on_each_size(|runtime| {
        let drops = Drops::default();
        for round in 0..1_000 {
            let token = drops.token();
            let task = runtime.spawn_blocking(move || drop(token));
            (0..round % 200).for_each(|_| std::hint::spin_loop());
            task.abort();
            assert!(task.join().map_err(|error| error.is_cancelled()) != Err(false));
            assert_eq!(drops.count(), round + 1);
        }
    });
}

#[test]
fn a_result_that_nobody_takes_may_panic_when_it_is_dropped() {
    struct Panics;
    impl Drop for Panics {
        fn drop(&mut self) {
            panic!("on purpose");
        }
    }
    on_each_size(|runtime| {
        for _ in 0..10 {
            drop(runtime.spawn_blocking(|| Panics));
            let (waits, release, has_begun) = block();
            let task = runtime.spawn_blocking(|| {
                waits.wait();
                Panics
            });
            has_begun.recv().unwrap();
            drop(task);
            drop(release);
        }
        assert_eq!(runtime.spawn_blocking(|| 1).join().unwrap(), 1);
    });
}

#[test]
fn thread_hooks_spawn_closures_and_after_the_end_they_are_cancelled() {
    guard(|| {
        let (begins, has_begun) = channel();
        let start = move || {
            let begins = begins.clone();
            drop(spawn_blocking(move || begins.send(()).unwrap()));
        };
        let (says, late) = channel();
        let stop = move || says.send(spawn_blocking(|| ())).unwrap();
        let builder = Builder::new().worker_threads(3).on_thread_start(start);
        let runtime = builder.on_thread_stop(stop).build().unwrap();
        assert_eq!(has_begun.iter().take(3).count(), 3);
        drop(runtime);
        let late: Vec<_> = late.try_iter().collect();
        assert_eq!(late.len(), 3);
        for task in late {
            assert!(task.is_finished() && task.join().unwrap_err().is_cancelled());
        }
    });
}

#[test]
fn results_of_any_size_come_back_and_numbers_are_never_used_twice() {
    on_each_size(|runtime| {
        let (small, large) = ([1_u8; 3], [2_u8; 5_000]);
        let small = runtime.spawn_blocking(move || small);
        let large = runtime.spawn_blocking(move || (large, Box::new(large)));
        let nothing = runtime.spawn_blocking(|| ());
        let ids: HashSet<_> = [small.id(), large.id(), nothing.id()].into();
        assert_eq!(ids.len(), 3);
        assert_eq!(small.join().unwrap(), [1; 3]);
        assert!(large.join().unwrap().1.iter().all(|&byte| byte == 2));
        nothing.join().unwrap();
    });
}

#[test]
fn handles_stay_readable_when_the_runtime_is_gone() {
    on_each_size(|runtime| {
        let task = runtime.spawn_blocking(|| String::from("kept"));
        let abort = task.abort_handle();
        while !task.is_finished() {
            std::thread::yield_now();
        }
        drop(runtime);
        assert!(abort.is_finished());
        assert_eq!(task.join().unwrap(), "kept");
    });
}
