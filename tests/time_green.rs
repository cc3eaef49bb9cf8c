//! Proves that `thread::sleep` and `thread::sleep_until` suspend the calling green
//! thread and nobody else, that they are cancellation points, and that elsewhere they
//! are std's or say what to do.

#![cfg(all(not(virid_loom), feature = "time"))]

#[path = "support/drops.rs"]
mod drops;
#[path = "support/endless.rs"]
mod endless;
#[path = "support/rest.rs"]
mod rest;
#[path = "support/said.rs"]
mod said;
#[path = "support/sizes.rs"]
mod sizes;
mod support;
#[path = "support/until.rs"]
mod until;
#[path = "support/workers.rs"]
mod workers;

use drops::{Drops, Token};
use endless::{endless, is_cancelled};
use rest::rest;
use said::said;
use sizes::on_each_size;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use support::guard;
use virid::thread::{self, sleep, sleep_until};
use workers::workers;

const SHORT: Duration = Duration::from_millis(2);
const AN_HOUR: Duration = Duration::from_secs(3_600);

/// Longer than any test; the last is a time that no clock can say.
const LONG: [Duration; 4] = [
    AN_HOUR,
    Duration::from_secs(1 << 62),
    Duration::from_secs(u64::MAX / 10),
    Duration::MAX,
];

#[test]
fn it_ends_and_not_before_its_deadline() {
    on_each_size(|runtime| {
        let stays = LONG.map(|time| runtime.go(move || sleep(time)));
        let later = Instant::now() + Duration::from_secs(1 << 62);
        let last = runtime.go(move || sleep_until(later));
        let threads: Vec<_> = (0..10_000_u64)
            .map(|n| {
                runtime.go(move || {
                    let wait = Duration::from_nanos(n * n / 10);
                    let deadline = Instant::now() + wait;
                    if n % 2 == 0 {
                        sleep(wait);
                    } else {
                        sleep_until(deadline);
                    }
                    Instant::now() >= deadline
                })
            })
            .collect();
        assert!(threads.into_iter().all(|thread| thread.join().unwrap()));
        assert!(stays.iter().all(|thread| !thread.is_finished()) && !last.is_finished());
    });
}

#[test]
fn an_unpark_does_not_end_it_and_is_kept() {
    on_each_size(|runtime| {
        runtime.run(|| {
            let deadline = Instant::now() + SHORT * 5;
            let own = thread::current();
            own.unpark();
            thread::spawn(move || own.unpark());
            sleep_until(deadline);
            assert!(Instant::now() >= deadline);
            thread::park();
        });
        let waits = runtime.go(|| sleep(Duration::MAX));
        rest(&runtime);
        waits.thread().unpark();
        rest(&runtime);
        assert!(!waits.is_finished());
    });
}

#[test]
fn only_the_caller_waits_and_loops_of_short_waits_let_others_run() {
    guard(|| {
        for wait in [Duration::ZERO, Duration::from_nanos(1), SHORT] {
            workers(1).run(move || {
                let waits = thread::spawn(|| sleep(AN_HOUR));
                let task = virid::spawn(async { virid::yield_now().await });
                let other = thread::spawn(thread::yield_now);
                while !(task.is_finished() && other.is_finished()) {
                    sleep(wait);
                    sleep_until(Instant::now());
                }
                waits.cancel();
                assert!(is_cancelled(waits.join()));
            });
        }
    });
}

#[test]
fn threads_wake_in_the_order_of_their_deadlines() {
    guard(|| {
        let (runtime, order) = (workers(1), Arc::<AtomicUsize>::default());
        let start = Instant::now() + Duration::from_millis(50);
        let threads: Vec<_> = (0..50_u32)
            .map(|n| n * 7 % 50)
            .map(|n| {
                let order = order.clone();
                runtime.go(move || {
                    sleep_until(start + Duration::from_micros(u64::from(n)));
                    (n, order.fetch_add(1, Ordering::SeqCst))
                })
            })
            .collect();
        rest(&runtime);
        // On a machine that slept there is no order to see.
        let are_all_asleep = Instant::now() < start;
        let mut came: Vec<_> = threads.into_iter().map(|t| t.join().unwrap()).collect();
        came.sort();
        assert!(!are_all_asleep || came.is_sorted_by_key(|&(_, place)| place));
    });
}

#[test]
fn it_is_a_cancellation_point() {
    on_each_size(|runtime| {
        let drops = Drops::default();
        let waits = LONG.map(|time| {
            let token = drops.token();
            runtime.go(move || drop((sleep(time), token)))
        });
        rest(&runtime);
        waits.iter().for_each(thread::JoinHandle::cancel);
        assert!(waits.into_iter().all(|thread| is_cancelled(thread.join())));
        assert_eq!(drops.count(), LONG.len());
        // However short it is.
        let token = drops.token();
        let loops = runtime.go(move || {
            let _token = token;
            loop {
                sleep(Duration::ZERO);
            }
        });
        loops.cancel();
        assert!(is_cancelled(loops.join()));
        assert_eq!(drops.count(), LONG.len() + 1);
    });
}

#[test]
fn a_cancel_that_races_the_timer_ends_each_thread_once() {
    on_each_size(|runtime| {
        let drops = Drops::default();
        for round in 0..1_000_u64 {
            let token = drops.token();
            let wait = Duration::from_micros(round % 100);
            let thread = runtime.go(move || {
                let _token = token;
                sleep(wait);
                sleep(wait);
            });
            let cancel = Instant::now() + wait;
            while Instant::now() < cancel {
                std::hint::spin_loop();
            }
            thread.cancel();
            let result = thread.join();
            assert!(result.is_ok() || is_cancelled(result));
            assert_eq!(drops.count() as u64, round + 1);
        }
    });
}

#[test]
fn the_end_of_a_runtime_unwinds_who_sleeps() {
    on_each_size(|runtime| {
        let drops = Drops::default();
        let for_hours = |token: Token| loop {
            let _token = &token;
            sleep(AN_HOUR);
        };
        let threads: Vec<_> = (0..2_000)
            .map(|_| drops.token())
            .map(|token| runtime.go(move || for_hours(token)))
            .collect();
        rest(&runtime);
        drop(runtime);
        assert_eq!(drops.count(), 2_000);
        assert!(threads.into_iter().all(|t| is_cancelled(t.join())));
    });
}

#[test]
fn a_timer_that_fires_while_its_runtime_ends_is_harmless() {
    guard(|| {
        for round in 0..200_u64 {
            let (runtime, drops) = (workers(1 + round as usize % 3), Drops::default());
            for _ in 0..20 {
                let token = drops.token();
                drop(runtime.go(move || {
                    let _token = token;
                    loop {
                        sleep(Duration::from_micros(round % 50 * 4));
                    }
                }));
            }
            let token = drops.token();
            drop(runtime.go(move || endless(token)));
            std::thread::sleep(Duration::from_micros(round % 20 * 10));
            drop(runtime);
            assert_eq!(drops.count(), 21);
        }
    });
}

#[test]
fn a_destructor_may_sleep_while_its_thread_is_unwound() {
    struct Sleeps {
        _token: Token,
    }
    impl Drop for Sleeps {
        fn drop(&mut self) {
            sleep(SHORT);
            sleep_until(Instant::now());
        }
    }
    on_each_size(|runtime| {
        let drops = Drops::default();
        let (first, second) = (drops.token(), drops.token());
        let panics = runtime.go(|| {
            let _sleeps = Sleeps { _token: first };
            panic!("on purpose");
        });
        assert!(panics.join().is_err());
        let ended = runtime.go(|| {
            let _sleeps = Sleeps { _token: second };
            sleep(AN_HOUR);
        });
        rest(&runtime);
        drop(runtime);
        assert!(is_cancelled(ended.join()));
        assert_eq!(drops.count(), 2);
    });
}

#[test]
fn inside_an_async_task_it_panics_and_names_the_way_out() {
    guard(|| {
        let runtime = workers(1);
        let tasks = [
            runtime.spawn(async { sleep(SHORT) }),
            runtime.spawn(async { sleep_until(Instant::now()) }),
        ];
        for (task, name) in tasks.into_iter().zip(["sleep", "sleep_until"]) {
            let said = said(task.join().unwrap_err().into_panic());
            assert!(said.contains(&format!("`thread::{name}`")), "{said}");
            assert!(
                said.contains(&format!("virid::time::{name}(..).await")),
                "{said}"
            );
        }
    });
}

#[test]
fn inside_no_suspend_it_panics_and_names_the_call() {
    guard(|| {
        workers(1).run(|| {
            for wait in [Duration::ZERO, SHORT, Duration::MAX] {
                let sleeps = || thread::no_suspend(|| sleep(wait));
                let text = said(catch_unwind(AssertUnwindSafe(sleeps)).unwrap_err());
                assert!(text.contains("thread::sleep"), "{text}");
            }
            sleep(SHORT);
        });
    });
}

#[test]
fn on_a_plain_thread_it_is_that_of_std() {
    guard(|| {
        let deadline = Instant::now() + SHORT;
        sleep(Duration::ZERO);
        sleep_until(deadline);
        assert!(Instant::now() >= deadline);
        sleep_until(deadline);
        std::thread::current().unpark();
        let deadline = Instant::now() + SHORT;
        sleep(SHORT);
        assert!(Instant::now() >= deadline);
        std::thread::park();
        // Also in a poll of its own `block_on`.
        virid::block_on(async { sleep(SHORT) });
    });
}

#[test]
fn in_a_poll_of_a_green_threads_own_block_on_it_suspends_the_thread() {
    on_each_size(|runtime| {
        runtime.run(|| virid::block_on(async { sleep(SHORT) }));
    });
}
