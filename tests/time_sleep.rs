//! Proves that a sleep ends at its deadline or later, whatever that is, that it is a
//! future which may be polled again, reset, moved and dropped at any time, and that one
//! which is dropped or over keeps no waker.

#![cfg(all(not(virid_loom), feature = "time"))]

#[path = "support/drops.rs"]
mod drops;
#[path = "support/rest.rs"]
mod rest;
#[path = "support/sizes.rs"]
mod sizes;
mod support;
#[path = "support/until.rs"]
mod until;
#[path = "support/wakes.rs"]
mod wakes;
#[path = "support/workers.rs"]
mod workers;

use drops::Drops;
use rest::rest;
use sizes::on_each_size;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use support::guard;
use until::until;
use virid::time::{Sleep, sleep, sleep_until};
use wakes::Wakes;
use workers::workers;

const SHORT: Duration = Duration::from_millis(2);
const AN_HOUR: Duration = Duration::from_secs(3_600);

/// Longer than any test; the last are times that no clock can say.
const LONG: [Duration; 6] = [
    AN_HOUR,
    Duration::from_millis(1 << 36),
    Duration::from_secs(1 << 62),
    Duration::from_secs(i64::MAX as u64 - 1),
    Duration::from_secs(u64::MAX / 10),
    Duration::MAX,
];

/// The last second that the clock can say.
fn last_second() -> Instant {
    let later = |at: Instant, bit| {
        at.checked_add(Duration::from_secs(1_u64 << bit))
            .unwrap_or(at)
    };
    (0..64).rev().fold(Instant::now(), later)
}

fn poll(sleep: &mut Sleep, wakes: &Arc<Wakes>) -> Poll<()> {
    Pin::new(sleep).poll(&mut Context::from_waker(&wakes.waker()))
}

#[test]
fn it_ends_and_not_before_its_deadline() {
    on_each_size(|runtime| {
        let tasks: Vec<_> = (0..10_000_u64)
            .map(|n| {
                runtime.spawn(async move {
                    let wait = Duration::from_nanos(n * n / 10);
                    let deadline = Instant::now() + wait;
                    if n % 2 == 0 {
                        sleep(wait).await;
                    } else {
                        sleep_until(deadline).await;
                    }
                    Instant::now() >= deadline
                })
            })
            .collect();
        assert!(tasks.into_iter().all(|task| task.join().unwrap()));
    });
}

#[test]
fn it_ends_under_any_executor() {
    guard(|| {
        virid::block_on(sleep(SHORT));
        futures_lite::future::block_on(sleep(SHORT));
        virid::run(|| virid::block_on(sleep(SHORT)));
    });
}

#[test]
fn a_deadline_that_has_passed_needs_no_second_poll() {
    guard(|| {
        let wakes = Wakes::new();
        let now = Instant::now();
        let past = now.checked_sub(Duration::from_millis(1)).unwrap_or(now);
        for mut over in [sleep(Duration::ZERO), sleep_until(now), sleep_until(past)] {
            assert!(over.is_elapsed());
            assert_eq!(poll(&mut over, &wakes), Poll::Ready(()));
        }
        assert_eq!((wakes.count(), wakes.alive()), (0, 0));
    });
}

#[test]
fn times_that_no_clock_can_say_never_come() {
    on_each_size(|runtime| {
        let tasks = LONG.map(|time| runtime.spawn(sleep(time)));
        let last = runtime.spawn(sleep_until(last_second()));
        rest(&runtime);
        // Timers that are due later than these are looked at, and fire.
        runtime.spawn(sleep(SHORT)).join().unwrap();
        assert!(tasks.iter().all(|task| !task.is_finished()) && !last.is_finished());
        let wakes = Wakes::new();
        for time in LONG {
            let mut wait = sleep(time);
            assert_eq!(poll(&mut wait, &wakes), Poll::Pending);
            assert!(!wait.is_elapsed() && wait.deadline() > Instant::now() + SHORT);
            // Who waited for ever hears of a deadline that can come.
            wait.reset(Instant::now());
            until(|| wakes.count() > 0);
            assert_eq!(poll(&mut wait, &wakes), Poll::Ready(()));
        }
    });
}

#[test]
fn it_is_over_as_often_as_it_is_polled() {
    guard(|| {
        virid::block_on(async {
            for wait in [Duration::ZERO, Duration::from_nanos(1), SHORT] {
                let mut over = sleep(wait);
                for _ in 0..3 {
                    (&mut over).await;
                }
                assert!(over.is_elapsed());
                over.reset(Instant::now() + SHORT);
                (&mut over).await;
                over.await;
            }
        });
    });
}

#[test]
fn wakes_come_in_the_order_of_the_deadlines() {
    struct Names(u32, Arc<Mutex<Vec<u32>>>);
    impl std::task::Wake for Names {
        fn wake(self: Arc<Self>) {
            self.1.lock().unwrap().push(self.0);
        }
    }
    guard(|| {
        let woken = Arc::<Mutex<Vec<u32>>>::default();
        let start = Instant::now() + Duration::from_millis(5);
        let mut waits: Vec<_> = (0..100_u32)
            .map(|n| n * 37 % 100)
            .map(|n| (n, sleep_until(start + Duration::from_micros(u64::from(n)))))
            .collect();
        for (n, wait) in &mut waits {
            let waker = Arc::new(Names(*n, woken.clone())).into();
            _ = Pin::new(wait).poll(&mut Context::from_waker(&waker));
        }
        if Instant::now() >= start {
            return; // The machine stalled: there is no order to see.
        }
        until(|| woken.lock().unwrap().len() == 100);
        assert!(woken.lock().unwrap().is_sorted());
    });
}

#[test]
fn a_reset_moves_it_both_ways() {
    guard(|| {
        let wakes = Wakes::new();
        let mut wait = sleep(AN_HOUR);
        assert_eq!(poll(&mut wait, &wakes), Poll::Pending);
        wait.reset(Instant::now() + SHORT);
        until(|| wakes.count() == 1);
        assert_eq!(poll(&mut wait, &wakes), Poll::Ready(()));
        let later = Instant::now() + AN_HOUR;
        wait.reset(later);
        assert_eq!(wait.deadline(), later);
        assert!(!wait.is_elapsed());
        assert_eq!(poll(&mut wait, &wakes), Poll::Pending);
        drop(wait);
        virid::block_on(sleep(SHORT));
        assert_eq!(wakes.count(), 1);
    });
}

#[test]
fn the_last_who_polled_is_woken() {
    guard(|| {
        let (first, last) = (Wakes::new(), Wakes::new());
        let mut wait = sleep(Duration::from_millis(20));
        let polled = [poll(&mut wait, &first), poll(&mut wait, &last)];
        if polled == [Poll::Pending; 2] {
            until(|| last.count() == 1);
            assert_eq!((first.count(), first.alive()), (0, 0));
        }
    });
}

#[test]
fn one_that_is_dropped_or_over_keeps_no_waker() {
    guard(|| {
        let (over, dropped) = (Wakes::new(), Wakes::new());
        for _ in 0..5_000 {
            let mut wait = sleep(AN_HOUR);
            assert_eq!(poll(&mut wait, &dropped), Poll::Pending);
        }
        let mut wait = sleep(SHORT);
        while poll(&mut wait, &over).is_pending() {
            std::thread::yield_now();
        }
        // Removals are worked off with the next timers.
        until(|| {
            virid::block_on(sleep(Duration::from_micros(100)));
            dropped.alive() == 0 && over.alive() == 0
        });
        assert_eq!(dropped.count(), 0);
    });
}

#[test]
fn aborted_sleepers_are_dropped_and_never_go_on() {
    on_each_size(|runtime| {
        let (drops, woke) = (Drops::default(), Arc::<AtomicUsize>::default());
        let spawn = |wait| {
            let (token, woke) = (drops.token(), woke.clone());
            runtime.spawn(async move {
                let _token = token;
                sleep(wait).await;
                woke.fetch_add(1, Ordering::SeqCst);
            })
        };
        let tasks: Vec<_> = (0..1_000).map(|_| spawn(AN_HOUR)).collect();
        rest(&runtime);
        tasks.iter().for_each(virid::task::JoinHandle::abort);
        for task in tasks {
            assert!(task.join().unwrap_err().is_cancelled());
        }
        assert_eq!((drops.count(), woke.load(Ordering::SeqCst)), (1_000, 0));
    });
}

#[test]
fn an_abort_that_races_the_timer_drops_each_task_once() {
    on_each_size(|runtime| {
        let drops = Drops::default();
        for round in 0..2_000_u64 {
            let token = drops.token();
            let wait = Duration::from_micros(round % 100);
            let task = runtime.spawn(async move {
                let _token = token;
                sleep(wait).await;
            });
            let abort = Instant::now() + wait;
            while Instant::now() < abort {
                std::hint::spin_loop();
            }
            task.abort();
            if let Err(error) = task.join() {
                assert!(error.is_cancelled());
            }
            assert_eq!(drops.count() as u64, round + 1);
        }
    });
}

#[test]
fn the_end_of_a_runtime_drops_all_sleepers() {
    on_each_size(|runtime| {
        let drops = Drops::default();
        let tasks: Vec<_> = (0..10_000_u64)
            .map(|n| {
                let token = drops.token();
                runtime.spawn(async move {
                    let _token = token;
                    // Of some the timer fires while the runtime ends.
                    sleep(Duration::from_micros(n)).await;
                    sleep(AN_HOUR).await;
                })
            })
            .collect();
        drop(runtime);
        assert_eq!(drops.count(), 10_000);
        assert!(
            tasks
                .into_iter()
                .all(|t| t.join().unwrap_err().is_cancelled())
        );
    });
}

#[test]
fn a_hundred_thousand_wait_at_once_and_all_go_on() {
    on_each_size(|runtime| {
        let deadline = Instant::now() + Duration::from_millis(200);
        let root = runtime.spawn(async move {
            let wait = |n: u64| {
                virid::spawn(async move {
                    sleep_until(deadline + Duration::from_nanos(n * 7_919 % 100_000)).await;
                    n
                })
            };
            let tasks: Vec<_> = (0..100_000).map(wait).collect();
            let mut sum = 0;
            for task in tasks {
                sum += task.await.unwrap();
            }
            sum
        });
        assert_eq!(root.join().unwrap(), 100_000 * 99_999 / 2);
    });
}

#[test]
fn tasks_go_on_while_others_sleep() {
    guard(|| {
        let runtime = workers(1);
        let sleeps = runtime.spawn(sleep(AN_HOUR));
        let works = runtime.spawn(async { virid::yield_now().await });
        works.join().unwrap();
        assert!(!sleeps.is_finished());
    });
}

#[test]
fn it_may_be_moved_between_polls_and_threads() {
    fn is_free<T: Send + Sync + Unpin + 'static>(_: &T) {}
    guard(|| {
        let mut wait = Box::new(sleep(SHORT));
        is_free(&wait);
        let wakes = Wakes::new();
        _ = poll(&mut wait, &wakes);
        let moved = std::thread::spawn(move || virid::block_on(*wait));
        moved.join().unwrap();
        virid::block_on(async {
            let mut pinned = pin!(sleep(AN_HOUR));
            pinned.as_mut().reset(Instant::now());
            pinned.await;
        });
    });
}
