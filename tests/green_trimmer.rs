//! Proves that a green thread which gives memory back stays one: it waits as before,
//! and a scope that it is in waits for its threads.

#![cfg(not(virid_loom))]

mod support;
#[path = "support/workers.rs"]
mod workers;

use std::sync::atomic::{AtomicUsize, Ordering};
use support::guard;
use virid::{Handle, thread};
use workers::workers;

/// Leaves stacks that no thread is on.
fn leave_stacks() {
    let threads: Vec<_> = (0..32).map(|_| thread::spawn(thread::yield_now)).collect();
    threads
        .into_iter()
        .for_each(|thread| thread.join().unwrap());
}

#[test]
fn a_green_thread_that_trims_goes_on_as_one() {
    guard(|| {
        workers(1).run(|| {
            leave_stacks();
            Handle::current().trim();
            assert!(thread::is_green());
            assert_eq!(thread::spawn(|| 1).join().unwrap(), 1);
        });
    });
}

#[test]
fn a_scope_in_which_its_owner_trims_waits_for_its_threads() {
    guard(|| {
        let ended = workers(1).run(|| {
            leave_stacks();
            let ended: &AtomicUsize = Box::leak(Box::default());
            let scoped = std::panic::catch_unwind(|| {
                thread::scope(|scope| {
                    for _ in 0..8 {
                        scope.spawn(|| {
                            (0..9).for_each(|_| thread::yield_now());
                            ended.fetch_add(1, Ordering::SeqCst);
                        });
                    }
                    Handle::current().trim();
                });
            });
            (scoped.is_ok(), ended.load(Ordering::SeqCst))
        });
        assert_eq!(ended, (true, 8));
    });
}
