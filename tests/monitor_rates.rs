//! How many of the spawns are samples. One test at a time, because the monitors of a
//! process share their samples.

#![cfg(not(virid_loom))]

mod support;
#[path = "support/workers.rs"]
mod workers;

use std::sync::{Mutex, MutexGuard, PoisonError};
use support::guard;
use virid::Runtime;
use virid::monitor::SpawnMonitor;
use workers::workers;

fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Spawns so many tasks on one worker, by one task.
fn spawn(runtime: &Runtime, count: u64) {
    let parent = runtime.spawn(async move {
        for _ in 0..count {
            virid::spawn(async {}).await.unwrap();
        }
    });
    parent.join().unwrap();
}

#[test]
fn of_every_so_many_spawns_of_a_thread_one_is_a_sample() {
    guard(|| {
        let _alone = alone();
        for every in [1_u32, 2, 7, 64, 1_000, 5_000] {
            let runtime = workers(1);
            let monitor = SpawnMonitor::builder().sampling(every).attach(&runtime);
            let rounds = 20_000 / u64::from(every);
            spawn(&runtime, rounds * u64::from(every));
            // And the parent, perhaps, which another thread has spawned.
            let samples = monitor.samples();
            assert!(
                (rounds..=rounds + 1).contains(&samples),
                "{samples} of {every}"
            );
        }
    });
}

#[test]
fn without_a_rate_the_first_thousand_are_samples_and_one_of_64_from_then_on() {
    guard(|| {
        let _alone = alone();
        let runtime = workers(1);
        let monitor = SpawnMonitor::attach(&runtime);
        spawn(&runtime, 900);
        assert_eq!(monitor.samples(), 901);
        spawn(&runtime, 100 + 64 * 100);
        assert_eq!(monitor.samples(), 1_002 + 100);
    });
}

#[test]
fn each_of_several_monitors_gets_what_it_wants() {
    guard(|| {
        let _alone = alone();
        let runtime = workers(1);
        let other = workers(1);
        let attach = |every| SpawnMonitor::builder().sampling(every).attach(&runtime);
        let (few, all, some) = (attach(100), attach(1), attach(10));
        let elsewhere = SpawnMonitor::builder().sampling(3).attach(&other);
        spawn(&runtime, 9_999);
        spawn(&other, 8_999);
        assert_eq!(all.samples(), 10_000);
        assert_eq!(some.samples(), 1_000);
        assert_eq!(few.samples(), 100);
        assert_eq!(elsewhere.samples(), 3_000);
        drop(all);
        spawn(&runtime, 10_000);
        assert!(
            (1_999..=2_002).contains(&some.samples()),
            "{}",
            some.samples()
        );
    });
}

#[test]
#[should_panic(expected = "one of 0 spawns")]
fn a_rate_of_zero_is_refused() {
    drop(SpawnMonitor::builder().sampling(0));
}

#[test]
#[should_panic(expected = "too large")]
fn an_endless_window_is_refused() {
    drop(SpawnMonitor::builder().window(usize::MAX));
}
