//! Proves that green threads go on where the system refuses a thread which virid would
//! start beside its workers. Each case runs in a child process.

#![cfg(all(not(virid_loom), target_os = "linux"))]

#[path = "support/alone.rs"]
mod alone;
#[path = "support/child.rs"]
mod child;
#[path = "support/refused.rs"]
mod refused;
mod support;
#[path = "support/threads_named.rs"]
mod threads_named;
#[path = "support/workers.rs"]
mod workers;

use alone::alone;
use refused::LEFT;
use support::guard;
use threads_named::threads_named;
use virid::thread;
use workers::workers;

#[test]
fn where_the_watchdog_gets_no_thread_spawners_wait_without_it() {
    alone(
        "where_the_watchdog_gets_no_thread_spawners_wait_without_it",
        || {
            guard(|| {
                // One worker, from which nobody takes what makes a spawner wait.
                let runtime = workers(1);
                for _ in 0..3 {
                    let sum: u64 = runtime.run(|| {
                        LEFT.set(Some(0));
                        let threads: Vec<_> =
                            (0..10_000).map(|n| thread::spawn(move || n)).collect();
                        threads
                            .into_iter()
                            .map(|thread| thread.join().unwrap())
                            .sum()
                    });
                    assert_eq!(sum, 49_995_000);
                    assert_eq!(threads_named("virid-watchdog"), 0);
                }
                // Nor is there a thread to end.
                drop(runtime);
            });
        },
    );
}

/// Joins when it is dropped.
struct Joins(Option<thread::JoinHandle<()>>);

impl Drop for Joins {
    fn drop(&mut self) {
        self.0.take().unwrap().join().unwrap();
    }
}

#[test]
fn where_panics_cannot_be_taken_out_destructors_wait_all_the_same() {
    alone(
        "where_panics_cannot_be_taken_out_destructors_wait_all_the_same",
        || {
            // More than a pipe has room for: the standard library prints all it knows of
            // a panic that seems to be inside another.
            std::panic::set_hook(Box::new(|_| ()));
            guard(|| {
                let runtime = workers(1);
                let round = || {
                    let start = |number: u32| {
                        thread::spawn(move || {
                            let _joins = Joins(Some(thread::spawn(thread::yield_now)));
                            assert!(number > 10, "{number}");
                            thread::park();
                        })
                    };
                    let threads: Vec<_> = (0..20).map(start).collect();
                    // Until all have begun.
                    (0..100).for_each(|_| thread::yield_now());
                    threads.iter().for_each(thread::JoinHandle::cancel);
                    for (number, thread) in threads.into_iter().enumerate() {
                        let error = thread.join().unwrap_err();
                        assert_eq!(error.is::<virid::task::JoinError>(), number > 10);
                    }
                    assert!(!thread::panicking());
                };
                runtime.run(move || {
                    LEFT.set(Some(0));
                    round();
                });
                runtime.run(move || {
                    LEFT.set(None);
                    round();
                });
            });
        },
    );
}

#[cfg(feature = "time")]
#[test]
fn where_the_timers_get_no_thread_the_caller_panics_and_a_later_one_does_not() {
    use std::time::Duration;

    const NAME: &str = "where_the_timers_get_no_thread_the_caller_panics_and_a_later_one_does_not";
    alone(NAME, || {
        guard(|| {
            let runtime = workers(1);
            let refused = runtime.go(|| {
                LEFT.set(Some(0));
                thread::park_timeout(Duration::from_secs(3_600));
            });
            assert!(!refused.join().unwrap_err().is::<virid::task::JoinError>());
            runtime.run(|| {
                LEFT.set(None);
                thread::park_timeout(Duration::from_millis(2));
            });
        });
    });
}
