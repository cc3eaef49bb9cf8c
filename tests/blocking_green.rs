//! Proves that `thread::blocking` runs its closure on another thread, which may borrow
//! from the green thread that waits for it and from nobody else's stack meanwhile; and
//! what becomes of the wait when its thread is cancelled or its runtime ends.

#![cfg(not(virid_loom))]

#[path = "support/closures.rs"]
mod closures;
#[path = "support/drops.rs"]
mod drops;
#[path = "support/endless.rs"]
mod endless;
#[path = "support/said.rs"]
mod said;
#[path = "support/sizes.rs"]
mod sizes;
mod support;
#[path = "support/until.rs"]
mod until;
#[path = "support/workers.rs"]
mod workers;

use closures::block;
use drops::Drops;
use endless::{endless, is_cancelled};
use said::said;
use sizes::on_each_size;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::current;
use std::time::Duration;
use support::guard;
use until::until;
use virid::thread::{self, blocking};
use virid::{Builder, Runtime};
use workers::workers;

/// A runtime whose one blocking thread is taken until the answer is dropped.
fn busy() -> (Runtime, closures::Release) {
    let builder = Builder::new().worker_threads(1).max_blocking_threads(1);
    let runtime = builder.build().unwrap();
    let (waits, release, has_begun) = block();
    drop(runtime.spawn_blocking(|| waits.wait()));
    has_begun.recv().unwrap();
    (runtime, release)
}

#[test]
fn it_yields_what_the_closure_does_from_another_thread() {
    on_each_size(|runtime| {
        runtime.run(|| {
            let here = current().id();
            let (there, is_green) = blocking(|| (current().id(), thread::is_green()));
            assert!(here != there && !is_green);
            assert_eq!(current().id(), here);
            let large = blocking(|| [7_u8; 10_000]);
            assert!(large.iter().all(|&byte| byte == 7));
        });
    });
}

#[test]
fn the_closure_borrows() {
    on_each_size(|runtime| {
        runtime.run(|| {
            let (text, mut numbers) = (String::from("borrowed"), vec![1, 2, 3]);
            let own = Rc::new(Cell::new(1));
            for round in 0..100 {
                let first = blocking(|| {
                    numbers.push(round);
                    &text[..3]
                });
                assert_eq!(first, "bor");
                own.set(own.get() + 1);
            }
            assert_eq!((numbers.len(), own.get()), (103, 101));
            // Also what belongs to a scope around it.
            thread::scope(|scope| {
                for chunk in numbers.chunks_mut(10) {
                    scope.spawn(move || blocking(|| chunk.fill(5)));
                }
            });
            assert_eq!(numbers.iter().sum::<i32>(), 515);
        });
    });
}

#[test]
fn only_the_caller_waits() {
    on_each_size(|runtime| {
        let (waits, release, has_begun) = block();
        let thread = runtime.go(|| {
            let mut waits = Some(waits);
            blocking(|| waits.take().unwrap().wait());
        });
        has_begun.recv().unwrap();
        // More than there are workers, all on the worker that it is on or another.
        let others: Vec<_> = (0..100)
            .map(|n| runtime.go(move || blocking(|| n) + 1))
            .collect();
        let sum: u32 = others.into_iter().map(|o| o.join().unwrap()).sum();
        assert_eq!(sum, 5_050);
        assert_eq!(runtime.spawn(async { 1 }).join().unwrap(), 1);
        assert!(!thread.is_finished());
        drop(release);
        thread.join().unwrap();
    });
}

#[test]
fn ten_thousand_wait_for_few_threads() {
    guard(|| {
        let builder = Builder::new().worker_threads(2).max_blocking_threads(3);
        let runtime = builder.build().unwrap();
        let runs = AtomicUsize::new(0);
        let runs = Arc::new(runs);
        let threads: Vec<_> = (0..10_000)
            .map(|_| {
                let runs = runs.clone();
                runtime.go(move || blocking(|| _ = runs.fetch_add(1, Ordering::SeqCst)))
            })
            .collect();
        threads
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
        assert_eq!(runs.load(Ordering::SeqCst), 10_000);
        assert!(runtime.metrics().blocking_threads() <= 3);
    });
}

#[test]
fn a_panic_of_the_closure_is_the_callers() {
    on_each_size(|runtime| {
        let drops = Drops::default();
        let token = drops.token();
        let thread = runtime.go(move || {
            let _token = token;
            let caught = catch_unwind(AssertUnwindSafe(|| blocking(|| panic!("on purpose"))));
            let caught: Result<(), _> = caught;
            assert_eq!(said(caught.unwrap_err()), "on purpose");
            assert_eq!(blocking(|| 3), 3);
            blocking(|| -> u32 { panic!("again") })
        });
        assert_eq!(said(thread.join().unwrap_err()), "again");
        assert_eq!(drops.count(), 1);
    });
}

#[test]
fn an_unpark_meanwhile_is_kept_and_ends_nothing() {
    on_each_size(|runtime| {
        runtime.run(|| {
            let own = thread::current();
            let is_over = AtomicBool::new(false);
            blocking(|| {
                (0..100).for_each(|_| own.unpark());
                std::thread::sleep(Duration::from_millis(1));
                is_over.store(true, Ordering::SeqCst);
            });
            assert!(is_over.load(Ordering::SeqCst));
            thread::park();
        });
    });
}

#[test]
fn a_cancel_meanwhile_waits_for_the_closure() {
    on_each_size(|runtime| {
        let (waits, release, has_begun) = block();
        let (drops, has_returned) = (Drops::default(), Arc::<AtomicBool>::default());
        let (token, returned) = (drops.token(), has_returned.clone());
        let thread = runtime.go(move || {
            let mut waits = Some(waits);
            let number = blocking(|| {
                waits.take().unwrap().wait();
                7
            });
            returned.store(number == 7, Ordering::SeqCst);
            endless(token);
        });
        has_begun.recv().unwrap();
        (0..3).for_each(|_| thread.cancel());
        // It may be looked at as often as it likes.
        runtime.run(|| (0..100).for_each(|_| thread::yield_now()));
        assert!(!thread.is_finished() && !has_returned.load(Ordering::SeqCst));
        drop(release);
        assert!(is_cancelled(thread.join()));
        assert!(has_returned.load(Ordering::SeqCst));
        assert_eq!(drops.count(), 1);
    });
}

#[test]
fn a_cancel_before_it_unwinds_the_caller() {
    on_each_size(|runtime| {
        let (runs, is_asked) = (Arc::<AtomicUsize>::default(), Arc::<AtomicBool>::default());
        let (counts, asked) = (runs.clone(), is_asked.clone());
        let thread = runtime.go(move || {
            thread::yield_now();
            until(|| asked.load(Ordering::SeqCst));
            blocking(|| counts.fetch_add(1, Ordering::SeqCst))
        });
        thread.cancel();
        is_asked.store(true, Ordering::SeqCst);
        assert!(is_cancelled(thread.join()));
        assert_eq!(runs.load(Ordering::SeqCst), 0);
    });
}

#[test]
fn the_end_of_the_runtime_waits_for_a_closure_that_runs() {
    on_each_size(|runtime| {
        let (waits, release, has_begun) = block();
        let drops = Drops::default();
        let token = drops.token();
        let thread = runtime.go(move || {
            let mut waits = Some(waits);
            let mut text = String::from("on the stack");
            blocking(|| {
                waits.take().unwrap().wait();
                text.push_str(", and there still");
            });
            assert_eq!(text, "on the stack, and there still");
            endless(token);
        });
        has_begun.recv().unwrap();
        let report = runtime.shutdown_timeout(Duration::from_millis(10));
        assert!(!report.is_complete() && !thread.is_finished());
        assert!(report.to_string().contains("blocking_green.rs"), "{report}");
        drop(release);
        assert!(is_cancelled(thread.join()));
        assert_eq!(drops.count(), 1);
    });
}

#[test]
fn the_end_of_the_runtime_unwinds_who_waits_for_a_thread() {
    guard(|| {
        let (runtime, release) = busy();
        let (drops, runs) = (Drops::default(), Arc::<AtomicUsize>::default());
        let threads: Vec<_> = (0..100)
            .map(|_| {
                let (held, lent, runs) = (drops.token(), drops.token(), runs.clone());
                runtime.go(move || {
                    let _held = held;
                    blocking(move || {
                        let _lent = lent;
                        runs.fetch_add(1, Ordering::SeqCst);
                    });
                })
            })
            .collect();
        until(|| runtime.metrics().blocking_queue_depth() == 100);
        let dropper = std::thread::spawn(move || drop(runtime));
        assert!(threads.into_iter().all(|t| is_cancelled(t.join())));
        assert_eq!((drops.count(), runs.load(Ordering::SeqCst)), (200, 0));
        drop(release);
        dropper.join().unwrap();
    });
}

#[test]
fn a_destructor_gets_its_closure_run_however_late() {
    struct Flushes(Arc<AtomicUsize>);
    impl Drop for Flushes {
        fn drop(&mut self) {
            blocking(|| self.0.fetch_add(1, Ordering::SeqCst));
        }
    }
    on_each_size(|runtime| {
        let (flushed, begun) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let spawn = |ends: fn()| {
            let (flushes, begun) = (Flushes(flushed.clone()), begun.clone());
            runtime.go(move || {
                let _flushes = flushes;
                begun.fetch_add(1, Ordering::SeqCst);
                ends();
            })
        };
        // What one that never begins has captured is dropped on no green thread.
        let wait = |count| until(|| begun.load(Ordering::SeqCst) == count);
        assert!(spawn(|| panic!("on purpose")).join().is_err());
        spawn(|| ()).join().unwrap();
        let cancelled = spawn(thread::park);
        wait(3);
        cancelled.cancel();
        assert!(is_cancelled(cancelled.join()));
        assert_eq!(flushed.load(Ordering::SeqCst), 3);
        let ended: Vec<_> = (0..20).map(|_| spawn(thread::park)).collect();
        wait(23);
        drop(runtime);
        assert!(ended.into_iter().all(|t| is_cancelled(t.join())));
        assert_eq!(flushed.load(Ordering::SeqCst), 23);
    });
}

#[test]
fn ends_that_race_the_closures_run_each_once_or_not_at_all() {
    guard(|| {
        for round in 0..150_u64 {
            let (runtime, drops) = (workers(1 + round as usize % 3), Drops::default());
            let threads: Vec<_> = (0..20)
                .map(|n| {
                    let token = drops.token();
                    runtime.go(move || {
                        let _token = token;
                        let mut rounds = vec![0_u64];
                        for round in 1..50 {
                            let last = rounds[rounds.len() - 1];
                            assert_eq!(last, round - 1);
                            blocking(|| {
                                assert!(!thread::is_green(), "in place, on the worker");
                                rounds.push(round);
                            });
                        }
                        rounds.len() + n
                    })
                })
                .collect();
            std::thread::sleep(Duration::from_micros(round % 30 * 30));
            if round % 2 == 0 {
                threads.iter().for_each(thread::JoinHandle::cancel);
            }
            drop(runtime);
            for (n, thread) in threads.into_iter().enumerate() {
                match thread.join() {
                    Ok(len) => assert_eq!(len, 50 + n),
                    Err(error) => assert!(is_cancelled::<()>(Err(error))),
                }
            }
            assert_eq!(drops.count(), 20);
        }
    });
}

#[test]
fn ends_that_race_the_closures_of_a_scope_leave_none_with_what_it_borrows() {
    guard(|| {
        for round in 0..100_u64 {
            let runtime = workers(1 + round as usize % 3);
            let threads: Vec<_> = (0..5)
                .map(|_| {
                    runtime.go(|| {
                        let mut numbers = vec![0_u64; 50];
                        for _ in 0..20 {
                            thread::scope(|scope| {
                                for chunk in numbers.chunks_mut(10) {
                                    let adds = || chunk.iter_mut().for_each(|n| *n += 1);
                                    scope.spawn(|| blocking(adds));
                                }
                                blocking(|| ());
                            });
                        }
                        numbers.iter().sum()
                    })
                })
                .collect();
            std::thread::sleep(Duration::from_micros(round % 50 * 20));
            drop(runtime);
            for thread in threads {
                let sum: thread::Result<u64> = thread.join();
                assert!(sum.as_ref().is_ok_and(|&sum| sum == 1_000) || is_cancelled(sum));
            }
        }
    });
}

#[test]
fn inside_an_async_task_it_panics_and_names_the_way_out() {
    guard(|| {
        let runtime = workers(1);
        let task = runtime.spawn(async { blocking(|| ()) });
        let said = said(task.join().unwrap_err().into_panic());
        assert!(said.contains("`thread::blocking`"), "{said}");
        assert!(said.contains("virid::task::spawn_blocking"), "{said}");
    });
}

#[test]
fn inside_no_suspend_it_panics_before_the_closure_runs() {
    guard(|| {
        workers(1).run(|| {
            let mut runs = 0;
            let waits = || thread::no_suspend(|| blocking(|| runs += 1));
            let text = said(catch_unwind(AssertUnwindSafe(waits)).unwrap_err());
            assert!(text.contains("thread::blocking"), "{text}");
            assert_eq!(runs, 0);
        });
    });
}

#[test]
fn elsewhere_it_calls_the_closure_in_place() {
    guard(|| {
        let here = current().id();
        assert_eq!(blocking(|| current().id()), here);
        assert_eq!(virid::block_on(async { blocking(|| current().id()) }), here);
        let runtime = workers(1);
        let there = runtime.spawn_blocking(|| (current().id(), blocking(|| current().id())));
        let (there, inside) = there.join().unwrap();
        assert!(there != here && there == inside);
        assert!(catch_unwind(|| blocking(|| panic!("on purpose"))).is_err());
    });
}

#[test]
fn in_a_poll_of_a_green_threads_own_block_on_it_suspends_the_thread() {
    on_each_size(|runtime| {
        let number = runtime.run(|| {
            let mut number = 1;
            virid::block_on(async { blocking(|| number += 1) });
            // And the closure may wait for green threads and for tasks.
            blocking(|| {
                number += virid::run(|| blocking(|| 1));
                number += virid::block_on(virid::spawn(async { 1 })).unwrap();
            });
            number
        });
        assert_eq!(number, 4);
    });
}
