//! Proves that no green thread, and nothing that one waits for, waits for ever
//! behind others of its worker.

#![cfg(not(virid_loom))]

#[path = "support/rest.rs"]
mod rest;
mod support;
#[path = "support/until.rs"]
mod until;
#[path = "support/workers.rs"]
mod workers;

use rest::rest;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use support::guard;
use virid::thread::{self, JoinHandle};
use workers::workers;

#[test]
fn a_thread_that_others_wake_runs_beside_one_that_yields() {
    guard(|| {
        let runtime = workers(1);
        let is_awake = Arc::<AtomicBool>::default();
        let wakes = is_awake.clone();
        let sleeper = runtime.go(move || {
            thread::park();
            wakes.store(true, Ordering::SeqCst);
        });
        rest(&runtime);
        let yields = runtime.go(move || {
            while !is_awake.load(Ordering::SeqCst) {
                thread::yield_now();
            }
        });
        sleeper.thread().unpark();
        yields.join().unwrap();
        sleeper.join().unwrap();
    });
}

#[test]
fn a_task_runs_beside_threads_that_yield() {
    guard(|| {
        let runtime = workers(1);
        let ran = Arc::<AtomicUsize>::default();
        let yields = |ran: Arc<AtomicUsize>| {
            move || {
                while ran.load(Ordering::SeqCst) < 3 {
                    thread::yield_now();
                }
            }
        };
        let threads: Vec<_> = (0..5).map(|_| runtime.go(yields(ran.clone()))).collect();
        let outside = ran.clone();
        runtime.spawn(async move { outside.fetch_add(1, Ordering::SeqCst) });
        let inside = ran.clone();
        runtime.spawn(async move {
            virid::spawn(async move { inside.fetch_add(1, Ordering::SeqCst) });
        });
        runtime.go(move || ran.fetch_add(1, Ordering::SeqCst));
        threads
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
    });
}

/// Waits for a thread when it is dropped, without a call that could be thrown at.
struct WaitsFor(Option<JoinHandle<()>>);

impl Drop for WaitsFor {
    fn drop(&mut self) {
        let thread = self.0.take().unwrap();
        while !thread.is_finished() {
            thread::yield_now();
        }
    }
}

/// The thread is in the shared queue when the runtime ends, which no worker looks
/// into any more but to end what is there.
#[test]
fn a_destructor_that_yields_sees_the_end_of_a_thread_that_was_queued() {
    guard(|| {
        let runtime = workers(1);
        let ((sends, thread), (tell, told)) = (channel(), channel());
        let (release, released) = channel::<()>();
        let waits = runtime.go(move || {
            thread::yield_now();
            tell.send(()).unwrap();
            released.recv().unwrap();
            let _guard = WaitsFor(Some(thread.recv().unwrap()));
            loop {
                thread::park();
            }
        });
        told.recv().unwrap();
        sends.send(runtime.go(|| ())).unwrap();
        let handle = runtime.handle().clone();
        let releases = std::thread::spawn(move || {
            // What is queued before the end waits for the worker, and so for this.
            while !handle.spawn(async {}).is_finished() {
                std::thread::yield_now();
            }
            release.send(()).unwrap();
        });
        drop(runtime);
        releases.join().unwrap();
        assert!(waits.join().is_err());
    });
}

/// Nobody wakes the task, and the thread that yields never lets its worker rest.
#[test]
fn a_destructor_that_yields_sees_the_end_of_a_task_that_was_suspended() {
    struct WaitsFor(virid::task::JoinHandle<()>);

    impl Drop for WaitsFor {
        fn drop(&mut self) {
            while !self.0.is_finished() {
                thread::yield_now();
            }
        }
    }

    guard(|| {
        for count in [1, 2, 8] {
            let runtime = workers(count);
            let waits = runtime.go(|| {
                let _guard = WaitsFor(virid::spawn(std::future::pending()));
                loop {
                    thread::park();
                }
            });
            rest(&runtime);
            drop(runtime);
            assert!(waits.join().is_err());
        }
    });
}

/// Waits when it is dropped.
struct Yields;

impl Drop for Yields {
    fn drop(&mut self) {
        (0..100).for_each(|_| thread::yield_now());
    }
}

#[test]
fn results_that_wait_when_they_are_dropped_do_not_lose_the_end_of_their_dropper() {
    guard(|| {
        let runtime = workers(1);
        let drops = Arc::<AtomicUsize>::default();
        let counts = drops.clone();
        let dropper = runtime.go(move || {
            thread::scope(|scope| drop(scope.spawn(|| Yields)));
            let threads: Vec<_> = (0..1_500).map(|_| thread::spawn(|| Yields)).collect();
            while !threads.iter().all(JoinHandle::is_finished) {
                thread::yield_now();
            }
            counts.fetch_add(1, Ordering::SeqCst);
            drop(threads);
            counts.fetch_add(1, Ordering::SeqCst);
            loop {
                thread::park();
            }
        });
        until::until(|| drops.load(Ordering::SeqCst) > 0);
        dropper.cancel();
        assert!(dropper.join().is_err());
        assert_eq!(
            drops.load(Ordering::SeqCst),
            2,
            "the end came in the middle"
        );
        drop(runtime);
        assert_eq!(Arc::strong_count(&drops), 1);
    });
}
