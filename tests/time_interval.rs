//! Proves that an interval ticks at once and then by its schedule, what it makes of
//! ticks that come too late, and that it can begin anew.

#![cfg(all(not(virid_loom), feature = "time"))]

#[path = "support/sizes.rs"]
mod sizes;
mod support;
#[path = "support/until.rs"]
mod until;
#[path = "support/wakes.rs"]
mod wakes;
#[path = "support/workers.rs"]
mod workers;

use sizes::on_each_size;
use std::panic::catch_unwind;
use std::task::Context;
use std::time::{Duration, Instant};
use support::guard;
use until::until;
use virid::time::{Interval, MissedTickBehavior, interval, interval_at, sleep, timeout};
use wakes::Wakes;

const SHORT: Duration = Duration::from_millis(2);
const LATE: Duration = Duration::from_millis(10);
const AN_HOUR: Duration = Duration::from_secs(3_600);

#[test]
fn the_first_tick_is_at_once_and_the_others_a_period_apart() {
    on_each_size(|runtime| {
        let task = runtime.spawn(async {
            let before = Instant::now();
            let mut ticks = interval(SHORT);
            let first = ticks.tick().await;
            assert!(first >= before && first <= Instant::now());
            for n in 1..10 {
                let due = ticks.tick().await;
                assert_eq!(due, first + SHORT * n);
                assert!(Instant::now() >= due);
            }
        });
        task.join().unwrap();
    });
}

#[test]
fn it_may_begin_later_or_earlier() {
    guard(|| {
        virid::block_on(async {
            let now = Instant::now();
            for start in [now + SHORT, now, now.checked_sub(SHORT).unwrap_or(now)] {
                let mut ticks = interval_at(start, SHORT);
                assert_eq!(ticks.tick().await, start);
                assert_eq!(ticks.tick().await, start + SHORT);
            }
        });
    });
}

#[test]
fn one_without_a_length_panics_and_says_what_to_do() {
    let made = [
        catch_unwind(|| interval(Duration::ZERO)),
        catch_unwind(|| interval_at(Instant::now(), Duration::ZERO)),
    ];
    for made in made {
        let payload = made.unwrap_err();
        let text = payload.downcast_ref::<&str>().unwrap();
        assert!(text.contains("yield_now"), "{text}");
    }
}

#[test]
fn a_period_that_no_clock_can_say_ticks_once() {
    guard(|| {
        virid::block_on(async {
            for period in [Duration::from_secs(1 << 62), Duration::MAX] {
                for behavior in behaviors() {
                    let mut ticks = late(period, behavior);
                    ticks.tick().await;
                    assert!(timeout(SHORT, ticks.tick()).await.is_err());
                    // Nor does one come after a start that is too late for another.
                    let start = Instant::now() + Duration::from_secs(1 << 62);
                    let mut ticks = interval_at(start, period);
                    assert!(timeout(SHORT, ticks.tick()).await.is_err());
                }
            }
        });
    });
}

fn behaviors() -> [MissedTickBehavior; 3] {
    [
        MissedTickBehavior::Burst,
        MissedTickBehavior::Delay,
        MissedTickBehavior::Skip,
    ]
}

/// An interval whose first tick was due some time ago.
fn late(period: Duration, behavior: MissedTickBehavior) -> Interval {
    let start = Instant::now() - LATE;
    let mut ticks = interval_at(start, period);
    ticks.set_missed_tick_behavior(behavior);
    assert_eq!(ticks.missed_tick_behavior(), behavior);
    ticks
}

#[test]
fn burst_is_the_default_and_leaves_no_tick_out() {
    guard(|| {
        virid::block_on(async {
            assert_eq!(
                interval(SHORT).missed_tick_behavior(),
                MissedTickBehavior::default()
            );
            let mut ticks = late(SHORT, MissedTickBehavior::default());
            let first = ticks.tick().await;
            for n in 1..10 {
                assert_eq!(ticks.tick().await, first + SHORT * n);
            }
        });
    });
}

#[test]
fn delay_begins_a_new_schedule_with_the_late_tick() {
    guard(|| {
        virid::block_on(async {
            let before = Instant::now();
            let mut ticks = late(SHORT, MissedTickBehavior::Delay);
            let first = ticks.tick().await;
            assert!(first < before);
            let second = ticks.tick().await;
            assert!(second >= before + SHORT);
        });
    });
}

#[test]
fn skip_keeps_the_schedule_and_leaves_ticks_out() {
    guard(|| {
        virid::block_on(async {
            // Also where the period is longer than the delay.
            for period in [SHORT, LATE * 2, Duration::from_nanos(1)] {
                let before = Instant::now();
                let mut ticks = late(period, MissedTickBehavior::Skip);
                let first = ticks.tick().await;
                let second = ticks.tick().await;
                assert!(second > before);
                let since = second - first;
                assert_eq!(since.as_nanos() % period.as_nanos(), 0);
            }
        });
    });
}

#[test]
fn it_begins_anew_when_it_is_reset() {
    guard(|| {
        virid::block_on(async {
            let mut ticks = interval(AN_HOUR);
            assert_eq!(ticks.period(), AN_HOUR);
            ticks.reset();
            assert!(timeout(SHORT, ticks.tick()).await.is_err());
            ticks.reset_immediately();
            let now = ticks.tick().await;
            assert!(timeout(SHORT, ticks.tick()).await.is_err());
            ticks.reset_after(SHORT);
            assert!(ticks.tick().await >= now + SHORT);
            let later = Instant::now() + SHORT;
            ticks.reset_at(later);
            assert_eq!(ticks.tick().await, later);
            ticks.reset_after(Duration::MAX);
            assert!(timeout(SHORT, ticks.tick()).await.is_err());
        });
    });
}

#[test]
fn a_tick_that_nobody_waits_for_any_more_is_not_lost() {
    guard(|| {
        virid::block_on(async {
            let start = Instant::now() + Duration::from_millis(20);
            let mut ticks = interval_at(start, AN_HOUR);
            while timeout(SHORT, ticks.tick()).await.is_err() {
                assert!(Instant::now() < start + AN_HOUR);
            }
            assert!(timeout(SHORT, ticks.tick()).await.is_err());
            // Dropped between the wake and the poll.
            let wakes = Wakes::new();
            let waker = wakes.waker();
            let due = {
                let mut context = Context::from_waker(&waker);
                // Once more where the machine stalls until it is due.
                while {
                    ticks.reset_after(SHORT);
                    ticks.poll_tick(&mut context).is_ready()
                } {}
                until(|| wakes.count() == 1);
                ticks.tick().await
            };
            assert!(due > start);
            drop(ticks);
            until(|| wakes.alive() == 1);
        });
    });
}

#[test]
fn many_of_them_tick_beside_each_other() {
    on_each_size(|runtime| {
        let tasks: Vec<_> = (1..=500_u32)
            .map(|n| {
                runtime.spawn(async move {
                    let mut ticks = interval(Duration::from_micros(u64::from(n) * 10));
                    let first = ticks.tick().await;
                    let mut last = first;
                    for _ in 0..10 {
                        last = ticks.tick().await;
                    }
                    (last - first, ticks.period() * 10)
                })
            })
            .collect();
        for task in tasks {
            let (took, wanted) = task.join().unwrap();
            assert_eq!(took, wanted);
        }
        let mut ticks = interval(SHORT);
        runtime
            .spawn(async move { ticks.tick().await })
            .join()
            .unwrap();
        runtime.block_on(sleep(Duration::ZERO));
    });
}
