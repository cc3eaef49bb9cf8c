//! Proves that a green thread which waits in a destructor while it unwinds takes its
//! panics along: no other thread of its worker seems to panic, each can be ended, and
//! none is ended while it unwinds itself, which would abort the process.

#![cfg(not(virid_loom))]

#[path = "support/alone.rs"]
mod alone;
#[path = "support/child.rs"]
mod child;
#[path = "support/drops.rs"]
mod drops;
#[path = "support/endless.rs"]
mod endless;
#[path = "support/sizes.rs"]
mod sizes;
mod support;
#[path = "support/together.rs"]
mod together;
#[path = "support/workers.rs"]
mod workers;

use alone::alone;
use drops::Drops;
use endless::{endless, is_cancelled};
use sizes::on_each_size;
use std::panic::{catch_unwind, resume_unwind, set_hook};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use support::guard;
use together::{STEP, step, together};
use virid::thread;
use workers::workers;

/// Waits when it is dropped.
struct Waits;

impl Drop for Waits {
    fn drop(&mut self) {
        assert!(thread::panicking());
        STEP.set(2);
        step(3);
        assert!(thread::panicking());
    }
}

#[test]
fn a_destructor_that_waits_in_a_panic_is_alone_in_it() {
    static HEALTHY: Mutex<()> = Mutex::new(());
    static PANICKED: Mutex<()> = Mutex::new(());
    static OWN: Mutex<()> = Mutex::new(());
    together(
        || {
            step(1);
            let panicked = catch_unwind(|| {
                let _own = OWN.lock().unwrap();
                let _waits = Waits;
                panic!("in the first");
            });
            assert!(panicked.is_err() && !thread::panicking());
            assert!(OWN.is_poisoned());
        },
        || {
            let guard = HEALTHY.lock().unwrap();
            STEP.set(1);
            step(2);
            assert!(!thread::panicking());
            drop(guard);
            assert!(!HEALTHY.is_poisoned());
            let panicked = catch_unwind(|| {
                let _guard = PANICKED.lock().unwrap();
                panic!("in the second");
            });
            assert!(panicked.is_err() && !thread::panicking());
            assert!(PANICKED.is_poisoned());
            STEP.set(3);
        },
    );
}

/// Ends another thread when it is dropped.
struct Ends(Option<thread::JoinHandle<()>>);

impl Drop for Ends {
    fn drop(&mut self) {
        let other = self.0.take().unwrap();
        STEP.set(1);
        step(2);
        other.cancel();
        assert!(is_cancelled(other.join()));
    }
}

#[test]
fn a_thread_that_caught_a_panic_is_ended_by_one_that_unwinds() {
    guard(|| {
        workers(1).run(|| {
            let other = thread::spawn(|| {
                step(1);
                assert!(catch_unwind(|| panic!("caught")).is_err());
                STEP.set(2);
                loop {
                    thread::park();
                }
            });
            let ends = Ends(Some(other));
            let unwinds = thread::spawn(move || {
                let _ends = ends;
                panic!("unwinds");
            });
            assert!(unwinds.join().is_err());
        });
    });
}

/// Waits in each way when it is dropped, `depth` panics inside each other.
struct Nested {
    depth: usize,
    passed: &'static AtomicUsize,
}

impl Drop for Nested {
    fn drop(&mut self) {
        assert!(thread::panicking());
        thread::yield_now();
        if self.depth > 1 {
            let (depth, passed) = (self.depth - 1, self.passed);
            let caught = catch_unwind(move || {
                let _nested = Nested { depth, passed };
                // As a hook hears of every other one only.
                match depth % 2 {
                    0 => resume_unwind(Box::new(depth)),
                    _ => panic!("{depth}"),
                }
            });
            assert!(caught.is_err() && thread::panicking());
        }
        thread::spawn(|| assert!(!thread::panicking()))
            .join()
            .unwrap();
        thread::current().unpark();
        thread::park();
        self.passed.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn panics_inside_each_other_come_along() {
    alone("panics_inside_each_other_come_along", || {
        static PASSED: AtomicUsize = AtomicUsize::new(0);
        set_hook(Box::new(|_| ()));
        on_each_size(|runtime| {
            PASSED.store(0, Ordering::SeqCst);
            let start = |number: usize| {
                let depth = number % 5 + 1;
                runtime.go(move || {
                    let _nested = Nested {
                        depth,
                        passed: &PASSED,
                    };
                    thread::yield_now();
                    panic!("the first of {depth}");
                })
            };
            let threads: Vec<_> = (0..500).map(start).collect();
            for thread in threads {
                assert!(thread.join().unwrap_err().is::<String>());
            }
            assert_eq!(PASSED.load(Ordering::SeqCst), 100 * (1 + 2 + 3 + 4 + 5));
        });
    });
}

/// Comes to many cancellation points when it is dropped, none of which may end the
/// thread.
struct Passes;

impl Drop for Passes {
    fn drop(&mut self) {
        for _ in 0..10 {
            thread::yield_now();
            thread::scope(|scope| _ = scope.spawn(thread::yield_now));
            virid::block_on(virid::yield_now());
        }
    }
}

#[test]
fn a_thread_that_unwinds_is_not_ended_while_others_unwind() {
    on_each_size(|runtime| {
        let drops = Drops::default();
        let start = |number: usize| {
            let token = drops.token();
            runtime.go(move || {
                let _token = token;
                let _passes = Passes;
                match number % 3 {
                    // No hook hears of it.
                    0 => resume_unwind(Box::new(number)),
                    1 => panic!("{number}"),
                    _ => thread::park(),
                }
            })
        };
        let threads: Vec<_> = (0..30).map(start).collect();
        for thread in &threads {
            std::thread::yield_now();
            thread.cancel();
        }
        threads.into_iter().for_each(|thread| drop(thread.join()));
        assert_eq!(drops.count(), 30);
        let healthy = runtime.go(thread::panicking);
        assert!(!healthy.join().unwrap());
    });
}

#[test]
fn a_thread_that_waits_while_others_unwind_is_ended() {
    on_each_size(|runtime| {
        let drops = Drops::default();
        let spawn = |token| runtime.go(move || endless(token));
        let waits: Vec<_> = (0..100).map(|_| spawn(drops.token())).collect();
        let unwinds = waits.into_iter().map(|other| {
            runtime.handle().go(move || {
                struct Joins(Option<thread::JoinHandle<()>>);
                impl Drop for Joins {
                    fn drop(&mut self) {
                        thread::yield_now();
                        let other = self.0.take().unwrap();
                        other.cancel();
                        assert!(is_cancelled(other.join()));
                    }
                }
                let _joins = Joins(Some(other));
                resume_unwind(Box::new(()));
            })
        });
        let unwinds: Vec<_> = unwinds.collect();
        for thread in unwinds {
            assert!(thread.join().unwrap_err().is::<()>());
        }
        assert_eq!(drops.count(), 100);
    });
}

/// Takes the place of the hook that virid has installed, so a wait suspends.
#[test]
fn a_panic_during_a_hook_that_was_set_late_and_waits_does_not_abort() {
    alone(
        "a_panic_during_a_hook_that_was_set_late_and_waits_does_not_abort",
        || {
            guard(|| {
                let runtime = workers(1);
                runtime.run(|| ());
                set_hook(Box::new(|_| (0..10).for_each(|_| thread::yield_now())));
                runtime.run(|| {
                    let panics = [1, 2, 3].map(|n: u32| thread::spawn(move || panic!("{n}")));
                    for thread in panics {
                        assert!(thread.join().unwrap_err().is::<String>());
                    }
                });
            });
        },
    );
}
