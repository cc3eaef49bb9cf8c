//! Proves that a thread which the system refuses is made up for by those that there
//! are, and that with none the error names the cause.

#![cfg(all(not(virid_loom), target_os = "linux"))]

#[path = "support/closures.rs"]
mod closures;
#[path = "support/drops.rs"]
mod drops;
#[path = "support/refused.rs"]
mod refused;
#[path = "support/said.rs"]
mod said;
mod support;
#[path = "support/workers.rs"]
mod workers;

use closures::block;
use drops::{Drops, Token};
use refused::LEFT;
use said::said;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;
use support::guard;
use virid::task::spawn_blocking;
use virid::{Builder, thread};
use workers::workers;

fn closure(token: Token) -> impl FnOnce() + Send {
    move || drop(token)
}

/// Calls `f` while the system refuses all threads that the calling one wants to start.
fn refused<T>(f: impl FnOnce() -> T) -> T {
    LEFT.set(Some(0));
    let answer = f();
    LEFT.set(None);
    answer
}

#[test]
fn with_no_thread_at_all_the_handle_says_why() {
    guard(|| {
        let (runtime, held) = (workers(1), Arc::new(()));
        for _ in 0..10 {
            let kept = held.clone();
            let task = refused(|| runtime.spawn_blocking(|| drop(kept)));
            assert!(task.is_finished());
            assert_eq!(Arc::strong_count(&held), 1);
            let error = task.join().unwrap_err();
            assert!(error.is_panic());
            let text = said(error.into_panic());
            assert!(
                text.contains("os error 11") && text.contains("limit"),
                "{text}"
            );
            assert_eq!(runtime.metrics().blocking_queue_depth(), 0);
        }
        // And nothing of that is left.
        assert_eq!(runtime.spawn_blocking(|| 1).join().unwrap(), 1);
        assert!(
            runtime
                .shutdown_timeout(Duration::from_secs(3_600))
                .is_complete()
        );
    });
}

#[test]
fn what_the_refused_closure_owns_is_dropped_whatever_that_does() {
    struct Panics;
    impl Drop for Panics {
        fn drop(&mut self) {
            panic!("contained");
        }
    }
    guard(|| {
        let runtime = workers(1);
        let panics = Panics;
        let task = refused(|| runtime.spawn_blocking(move || drop(panics)));
        assert!(said(task.join().unwrap_err().into_panic()).contains("os error 11"));
        // Also the runtime itself, which the caller has entered.
        let handle = runtime.handle().clone();
        let entered = handle.enter();
        let task = refused(|| spawn_blocking(move || drop(runtime)));
        assert!(said(task.join().unwrap_err().into_panic()).contains("os error 11"));
        let late = spawn_blocking(|| ());
        assert!(late.join().unwrap_err().is_cancelled());
        drop(entered);
    });
}

#[test]
fn a_build_that_is_refused_leaves_no_closure_of_its_hooks_behind() {
    guard(|| {
        for _ in 0..50 {
            let drops = Drops::default();
            let tokens = drops.clone();
            let start = move || drop(spawn_blocking(closure(tokens.token())));
            let builder = Builder::new().worker_threads(2).on_thread_start(start);
            LEFT.set(Some(1));
            let built = builder.build();
            LEFT.set(None);
            assert!(built.is_err());
            assert_eq!(drops.count(), 1);
        }
    });
}

#[test]
fn with_others_there_the_closure_waits_for_one_of_them() {
    guard(|| {
        let runtime = workers(1);
        let (waits, release, has_begun) = block();
        drop(runtime.spawn_blocking(|| waits.wait()));
        has_begun.recv().unwrap();
        let tasks: Vec<_> = (0..20)
            .map(|n| refused(|| runtime.spawn_blocking(move || n)))
            .collect();
        let metrics = runtime.metrics();
        assert_eq!(metrics.blocking_queue_depth(), 20);
        assert_eq!(metrics.blocking_threads(), 1);
        drop(release);
        let sum: i32 = tasks.into_iter().map(|task| task.join().unwrap()).sum();
        assert_eq!(sum, 190);
    });
}

#[test]
fn a_green_thread_hears_of_it_as_a_panic() {
    guard(|| {
        let runtime = workers(1);
        let thread = runtime.go(|| {
            let mut runs = 0;
            let refused = || refused(|| thread::blocking(|| runs += 1));
            let caught = catch_unwind(AssertUnwindSafe(refused)).unwrap_err();
            LEFT.set(None);
            thread::blocking(|| runs += 10);
            (said(caught), runs)
        });
        let (text, runs) = thread.join().unwrap();
        assert!(text.contains("os error 11"), "{text}");
        assert_eq!(runs, 10);
    });
}

#[test]
fn a_runtime_whose_threads_were_refused_ends_as_any_other() {
    guard(|| {
        for _ in 0..20 {
            let runtime = workers(2);
            drop(refused(|| runtime.spawn_blocking(|| ())));
            let (waits, release, has_begun) = block();
            let first = runtime.spawn_blocking(|| waits.wait());
            has_begun.recv().unwrap();
            let waits = refused(|| runtime.spawn_blocking(|| ()));
            let dropper = std::thread::spawn(move || drop(runtime));
            assert!(waits.join().unwrap_err().is_cancelled());
            drop(release);
            first.join().unwrap();
            dropper.join().unwrap();
        }
    });
}
