//! Proves that a wait inside the panic hook blocks the thread of the system, whoever
//! has panicked: no other green thread runs inside the hook, and none panics there.

#![cfg(not(virid_loom))]

#[path = "support/alone.rs"]
mod alone;
#[path = "support/child.rs"]
mod child;
mod support;
#[path = "support/workers.rs"]
mod workers;

use alone::alone;
use std::panic::set_hook;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
#[cfg(feature = "time")]
use std::time::{Duration, Instant};
use support::guard;
use virid::{Runtime, thread};
use workers::workers;

/// Inside the hook, and how often something else ran there on the same worker.
static INSIDE: AtomicBool = AtomicBool::new(false);
static INTRUDED: AtomicUsize = AtomicUsize::new(0);
static HEARD: AtomicUsize = AtomicUsize::new(0);

/// Sets a hook that does this.
fn hook(waits: fn()) {
    set_hook(Box::new(move |_| {
        INSIDE.store(true, Ordering::SeqCst);
        waits();
        INSIDE.store(false, Ordering::SeqCst);
        HEARD.fetch_add(1, Ordering::SeqCst);
    }));
}

/// Another thread of the only worker that can go on.
fn intrudes() -> thread::JoinHandle<()> {
    thread::spawn(|| {
        for _ in 0..100 {
            if INSIDE.load(Ordering::SeqCst) {
                INTRUDED.fetch_add(1, Ordering::SeqCst);
            }
            thread::yield_now();
        }
    })
}

/// Three threads of one worker panic, and none comes into the hook of another.
fn panics_on_one_worker(waits: fn()) {
    hook(waits);
    guard(|| {
        workers(1).run(|| {
            let other = intrudes();
            let panics = [1, 2, 3].map(|n: u32| {
                thread::spawn(move || {
                    thread::yield_now();
                    panic!("{n}")
                })
            });
            for thread in panics {
                assert!(thread.join().unwrap_err().is::<String>());
            }
            other.join().unwrap();
        });
    });
    assert_eq!(HEARD.load(Ordering::SeqCst), 3);
    assert_eq!(INTRUDED.load(Ordering::SeqCst), 0);
}

/// Unparks the caller from a thread of the system.
fn be_unparked() {
    let own = thread::current();
    let unparks = std::thread::spawn(move || own.unpark());
    thread::park();
    unparks.join().unwrap();
}

/// What runs what the hook waits for.
static OTHER: LazyLock<Runtime> = LazyLock::new(|| workers(1));

/// Waits in each way there is.
fn waits() {
    thread::yield_now();
    be_unparked();
    assert_eq!(OTHER.go(|| 3).join().unwrap(), 3);
    assert_eq!(virid::block_on(OTHER.spawn(async { 4 })).unwrap(), 4);
    assert_eq!(OTHER.spawn(async { 5 }).join().unwrap(), 5);
    assert_eq!(OTHER.run(|| 6), 6);
    OTHER.block_on(async { virid::yield_now().await });
    #[cfg(feature = "time")]
    {
        thread::park_timeout(Duration::from_millis(3));
        thread::sleep(Duration::from_millis(1));
        thread::no_suspend(|| thread::sleep_until(Instant::now()));
    }
    thread::scope(|_| ());
    assert_eq!(OTHER.spawn_blocking(|| 7).join().unwrap(), 7);
    thread::blocking(|| std::thread::sleep(std::time::Duration::from_millis(1)));
    thread::no_suspend(|| thread::blocking(|| ()));
    // Not even that may panic here.
    thread::no_suspend(thread::yield_now);
    thread::no_suspend(|| OTHER.run(|| ()));
}

#[test]
fn a_yield_inside_the_hook_lets_no_other_thread_in() {
    alone("a_yield_inside_the_hook_lets_no_other_thread_in", || {
        panics_on_one_worker(|| (0..10).for_each(|_| thread::yield_now()));
    });
}

#[test]
fn every_wait_inside_the_hook_blocks_its_worker_and_ends() {
    alone(
        "every_wait_inside_the_hook_blocks_its_worker_and_ends",
        || panics_on_one_worker(waits),
    );
}

#[test]
fn spawning_inside_the_hook_lets_no_other_thread_in() {
    alone("spawning_inside_the_hook_lets_no_other_thread_in", || {
        panics_on_one_worker(|| (0..5_000).for_each(|_| drop(thread::spawn(|| ()))));
    });
}

#[test]
fn the_hook_joins_threads_that_the_other_worker_runs() {
    alone("the_hook_joins_threads_that_the_other_worker_runs", || {
        hook(|| {
            let mut numbers = [0; 10];
            thread::scope(|scope| {
                for number in &mut numbers {
                    scope.spawn(move || *number += 1);
                }
            });
            assert_eq!(numbers, [1; 10]);
            thread::spawn(thread::yield_now).join().unwrap();
        });
        guard(|| {
            let runtime = workers(2);
            for _ in 0..50 {
                assert!(runtime.go(|| panic!("heard")).join().is_err());
            }
        });
        assert_eq!(HEARD.load(Ordering::SeqCst), 50);
    });
}

#[test]
fn the_hook_waits_where_a_task_has_panicked_too() {
    alone("the_hook_waits_where_a_task_has_panicked_too", || {
        hook(waits);
        guard(|| {
            let runtime = workers(1);
            // From the first green thread on.
            runtime.run(|| ());
            let task = runtime.spawn(async { panic!("heard") });
            assert!(task.join().unwrap_err().is_panic());
            assert_eq!(runtime.run(|| 7), 7);
        });
        assert_eq!(HEARD.load(Ordering::SeqCst), 1);
    });
}
