//! Proves that `park_timeout` returns for an unpark and without one, that only the
//! calling green thread waits in it, and that a thread which is told to end meanwhile
//! is unwound.

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
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use support::guard;
use until::until;
use virid::Runtime;
use virid::task::JoinError;
use virid::thread::{self, park_timeout};
use workers::workers;

const SHORT: Duration = Duration::from_millis(2);
const AN_HOUR: Duration = Duration::from_secs(3_600);

/// Longer than any test; the last is a time that no clock can say.
const LONG: [Duration; 6] = [
    AN_HOUR,
    Duration::from_millis(1 << 36),
    Duration::from_secs(1 << 62),
    Duration::from_secs(i64::MAX as u64 - 1),
    Duration::from_secs(u64::MAX / 10),
    Duration::MAX,
];

/// Waits for an hour again and again, and drops the token when it is unwound.
fn for_hours(token: Token) {
    let _token = token;
    loop {
        park_timeout(AN_HOUR);
    }
}

#[test]
fn it_returns_though_nobody_unparks() {
    on_each_size(|runtime| {
        let short = [0, 1, 1_000, 2_000_000].map(Duration::from_nanos);
        runtime.run(move || short.into_iter().for_each(park_timeout));
        // Many at once, and those beside them that wait for good stay.
        let stays = LONG.map(|timeout| runtime.go(move || park_timeout(timeout)));
        let threads: Vec<_> = (0..10_000_u64)
            .map(|n| runtime.go(move || park_timeout(Duration::from_micros(n % 5_000))))
            .collect();
        for thread in threads {
            thread.join().unwrap();
        }
        assert!(stays.iter().all(|thread| !thread.is_finished()));
        for thread in stays {
            thread.thread().unpark();
            thread.join().unwrap();
        }
    });
}

#[test]
fn an_unpark_before_it_lets_it_return_at_once() {
    on_each_size(|runtime| {
        for timeout in LONG {
            runtime.run(move || {
                thread::current().unpark();
                thread::current().unpark();
                park_timeout(timeout);
            });
        }
        // Also one of no length takes the token: the second wait has none.
        let waits = runtime.go(|| {
            thread::current().unpark();
            park_timeout(Duration::ZERO);
            thread::park();
        });
        rest(&runtime);
        assert!(!waits.is_finished());
        waits.thread().unpark();
        waits.join().unwrap();
    });
}

#[test]
fn an_unpark_ends_it_and_its_timer() {
    on_each_size(|runtime| {
        for timeout in LONG {
            let waits = runtime.go(move || {
                park_timeout(timeout);
                // Nothing of the first is left: not the token, nor a wake.
                thread::park();
            });
            rest(&runtime);
            assert!(!waits.is_finished());
            waits.thread().unpark();
            rest(&runtime);
            assert!(!waits.is_finished());
            waits.thread().unpark();
            waits.join().unwrap();
        }
    });
}

#[test]
fn an_unpark_after_it_is_for_the_next_wait() {
    on_each_size(|runtime| {
        let is_over = Arc::new(AtomicBool::new(false));
        let says = is_over.clone();
        let waits = runtime.go(move || {
            park_timeout(SHORT);
            says.store(true, Ordering::SeqCst);
            park_timeout(Duration::MAX);
            thread::park();
        });
        until(|| is_over.load(Ordering::SeqCst));
        waits.thread().unpark();
        rest(&runtime);
        assert!(!waits.is_finished());
        waits.thread().unpark();
        waits.join().unwrap();
    });
}

#[test]
fn only_the_caller_waits_and_loops_of_short_waits_let_others_run() {
    guard(|| {
        for timeout in [Duration::ZERO, Duration::from_nanos(1), SHORT] {
            workers(1).run(move || {
                let waits = thread::spawn(|| park_timeout(AN_HOUR));
                let task = virid::spawn(async { virid::yield_now().await });
                let other = thread::spawn(thread::yield_now);
                while !(task.is_finished() && other.is_finished()) {
                    park_timeout(timeout);
                }
                waits.thread().unpark();
                waits.join().unwrap();
            });
        }
    });
}

#[test]
fn tokens_and_timers_that_race_lose_no_thread() {
    on_each_size(|runtime| {
        let returns = Arc::<AtomicUsize>::default();
        let threads: Vec<_> = (0..2_000_u64)
            .map(|n| {
                let returns = returns.clone();
                runtime.go(move || {
                    for _ in 0..5 {
                        park_timeout(Duration::from_micros(n % 400));
                        returns.fetch_add(1, Ordering::SeqCst);
                    }
                })
            })
            .collect();
        let others: Vec<_> = threads.iter().map(|t| t.thread().clone()).collect();
        let unparks = std::thread::spawn(move || {
            for _ in 0..5 {
                others.iter().for_each(thread::Thread::unpark);
            }
        });
        for thread in threads {
            thread.join().unwrap();
        }
        unparks.join().unwrap();
        assert_eq!(returns.load(Ordering::SeqCst), 10_000);
    });
}

#[test]
fn it_is_a_cancellation_point() {
    on_each_size(|runtime| {
        let drops = Drops::default();
        // While it waits.
        let waits = LONG.map(|timeout| {
            let token = drops.token();
            runtime.go(move || drop((park_timeout(timeout), token)))
        });
        rest(&runtime);
        waits.iter().for_each(thread::JoinHandle::cancel);
        assert!(waits.into_iter().all(|thread| is_cancelled(thread.join())));
        assert_eq!(drops.count(), LONG.len());
        // Before it waits, with a token and without, and however short.
        for (timeout, has_token) in [
            (AN_HOUR, false),
            (AN_HOUR, true),
            (Duration::ZERO, false),
            (Duration::ZERO, true),
        ] {
            let token = drops.token();
            let (has_begun, is_asked) = (Arc::<AtomicBool>::default(), Arc::default());
            let (begins, asked) = (has_begun.clone(), Arc::<AtomicBool>::clone(&is_asked));
            let thread = runtime.go(move || {
                let _token = token;
                begins.store(true, Ordering::SeqCst);
                until(|| asked.load(Ordering::SeqCst));
                if has_token {
                    thread::current().unpark();
                }
                park_timeout(timeout);
            });
            until(|| has_begun.load(Ordering::SeqCst));
            thread.cancel();
            is_asked.store(true, Ordering::SeqCst);
            assert!(is_cancelled(thread.join()));
        }
        assert_eq!(drops.count(), LONG.len() + 4);
    });
}

#[test]
fn a_destructor_may_wait_in_it_while_its_thread_is_unwound() {
    struct Waits {
        _token: Token,
    }
    impl Drop for Waits {
        fn drop(&mut self) {
            park_timeout(SHORT);
            park_timeout(Duration::ZERO);
        }
    }
    on_each_size(|runtime| {
        let drops = Drops::default();
        let waits = || Waits {
            _token: drops.token(),
        };
        let panics = waits();
        let panics = runtime.go(move || {
            let _waits = panics;
            panic!("on purpose");
        });
        assert!(!panics.join().unwrap_err().is::<JoinError>());
        let (cancelled, ended) = (waits(), waits());
        let cancelled = runtime.go(move || drop((park_timeout(AN_HOUR), cancelled)));
        let ended = runtime.go(move || drop((park_timeout(AN_HOUR), ended)));
        rest(&runtime);
        cancelled.cancel();
        assert!(is_cancelled(cancelled.join()));
        drop(runtime);
        assert!(is_cancelled(ended.join()));
        assert_eq!(drops.count(), 3);
    });
}

fn the_end_unwinds(runtime: Runtime) {
    const COUNT: usize = 10_000;
    let drops = Drops::default();
    let tokens: Vec<_> = (0..COUNT).map(|_| drops.token()).collect();
    let threads = runtime.run(|| {
        let spawn = |token| thread::spawn(move || for_hours(token));
        tokens.into_iter().map(spawn).collect::<Vec<_>>()
    });
    rest(&runtime);
    assert_eq!(drops.count(), 0);
    drop(runtime);
    assert_eq!(drops.count(), COUNT);
    assert!(
        threads
            .into_iter()
            .all(|thread| is_cancelled(thread.join()))
    );
}

#[test]
fn the_end_of_a_runtime_unwinds_ten_thousand_threads_that_wait_in_it() {
    on_each_size(the_end_unwinds);
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
                        park_timeout(Duration::from_micros(round % 50 * 4));
                    }
                }));
            }
            drop(runtime.go({
                let token = drops.token();
                move || endless(token)
            }));
            std::thread::sleep(Duration::from_micros(round % 20 * 10));
            drop(runtime);
            assert_eq!(drops.count(), 21);
        }
    });
}

#[test]
fn inside_an_async_task_it_panics_and_names_the_way_out() {
    guard(|| {
        let runtime = workers(1);
        let task = runtime.spawn(async { park_timeout(SHORT) });
        let said = said(task.join().unwrap_err().into_panic());
        assert!(said.contains("thread::park_timeout"), "{said}");
        assert!(said.contains("timer"), "{said}");
    });
}

#[test]
fn inside_no_suspend_it_panics_unless_it_need_not_wait() {
    guard(|| {
        workers(1).run(|| {
            for timeout in [Duration::ZERO, SHORT, Duration::MAX] {
                let waits = || thread::no_suspend(|| park_timeout(timeout));
                let text = said(catch_unwind(AssertUnwindSafe(waits)).unwrap_err());
                assert!(text.contains("thread::park_timeout"), "{text}");
                thread::current().unpark();
                waits();
            }
            park_timeout(SHORT);
        });
    });
}

#[test]
fn on_a_plain_thread_it_is_that_of_std() {
    guard(|| {
        park_timeout(Duration::ZERO);
        park_timeout(SHORT);
        std::thread::current().unpark();
        park_timeout(Duration::MAX);
        let thread = std::thread::spawn(|| {
            let own = thread::current();
            std::thread::spawn(move || own.unpark());
            park_timeout(AN_HOUR);
        });
        thread.join().unwrap();
    });
}

#[test]
fn in_a_poll_of_a_green_threads_own_block_on_it_suspends_the_thread() {
    on_each_size(|runtime| {
        runtime.run(|| virid::block_on(async { park_timeout(SHORT) }));
    });
}
