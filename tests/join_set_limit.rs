//! Proves that a set under a limit runs no more tasks than that, makes none before its
//! turn, and gets each turn back.

#![cfg(not(virid_loom))]
#![cfg(feature = "sync")]

#[path = "support/drops.rs"]
mod drops;
#[path = "support/gate.rs"]
mod gate;
mod support;
#[path = "support/workers.rs"]
mod workers;

use drops::Drops;
use gate::Gate;
use std::future::{Future, pending};
use std::panic::catch_unwind;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Waker};
use support::guard;
use virid::task::JoinSet;
use virid::yield_now;
use workers::workers;

fn on_workers<F>(body: F)
where
    F: Future<Output = ()> + Send + 'static,
{
    guard(|| workers(2).spawn(body).join().unwrap());
}

/// How many run, and did at most.
#[derive(Default)]
struct Running(AtomicUsize, AtomicUsize);

impl Running {
    fn begin(&self) {
        let now = self.0.fetch_add(1, Ordering::SeqCst) + 1;
        self.1.fetch_max(now, Ordering::SeqCst);
    }

    fn end(&self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[test]
fn no_more_run_than_the_limit_says_and_all_do() {
    on_workers(async {
        let running = Arc::new(Running::default());
        let mut set = JoinSet::new().limit(5);
        let mut sum = 0;
        for number in 0..10_000_u64 {
            let running = Arc::clone(&running);
            let body = async move {
                running.begin();
                for _ in 0..number % 4 {
                    yield_now().await;
                }
                running.end();
                number
            };
            set.spawn(body).await;
            if number % 100 == 99 {
                while let Some(result) = set.try_join_next() {
                    sum += result.unwrap();
                }
            }
        }
        while let Some(result) = set.join_next().await {
            sum += result.unwrap();
        }
        assert_eq!(sum, 49_995_000);
        assert!((1..=5).contains(&running.1.load(Ordering::SeqCst)));
        assert_eq!(set.metrics().finished(), 10_000);
    });
}

#[test]
fn blocking_closures_count() {
    on_workers(async {
        let running = Arc::new(Running::default());
        let here = virid::Handle::current();
        let mut set = JoinSet::new().limit(2);
        for number in 0..200 {
            let running = Arc::clone(&running);
            let body = move || {
                running.begin();
                std::thread::yield_now();
                running.end();
            };
            match number % 2 {
                0 => set.spawn_blocking(body).await,
                _ => set.spawn_blocking_on(body, &here).await,
            };
        }
        assert_eq!(set.join_all().await.len(), 200);
        assert!((1..=2).contains(&running.1.load(Ordering::SeqCst)));
    });
}

#[test]
fn who_waits_has_made_no_task_and_who_leaves_none_either() {
    on_workers(async {
        let (gate, drops) = (Gate::default(), Drops::default());
        let mut set = JoinSet::new().limit(1);
        set.spawn(gate.clone().pass()).await;
        {
            let token = drops.token();
            let waits = async move { drop(token) };
            let mut spawn = pin!(set.spawn(waits));
            let polled = spawn.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            assert!(polled.is_pending());
            assert_eq!(drops.count(), 0);
        }
        assert_eq!(drops.count(), 1);
        assert_eq!(set.len(), 1);
        gate.open();
        set.spawn(async {}).await;
        assert_eq!(set.join_all().await.len(), 2);
    });
}

/// Also of a task that was aborted, has panicked, or was never polled.
#[test]
fn each_turn_comes_back_when_the_future_is_gone() {
    on_workers(async {
        let here = virid::Handle::current();
        let mut set = JoinSet::new().limit(1);
        for round in 0..300 {
            let drops = Drops::default();
            let token = drops.token();
            let body = async move {
                let _token = token;
                match round % 3 {
                    0 => pending().await,
                    1 => panic!("its turn comes back too"),
                    _ => {}
                }
            };
            let task = set.spawn_on(body, &here).await;
            if round % 3 == 0 {
                task.abort();
            }
            set.spawn(async move { assert_eq!(drops.count(), 1) }).await;
            let mut failed = 0;
            while let Some(result) = set.join_next().await {
                failed += usize::from(result.is_err());
            }
            assert_eq!(failed, usize::from(round % 3 < 2));
        }
    });
}

#[test]
fn the_set_is_dropped_with_its_limit() {
    on_workers(async {
        let drops = Drops::default();
        let mut set = JoinSet::new().limit(2);
        for _ in 0..2 {
            let token = drops.token();
            let body = async move {
                let _token = token;
                pending::<()>().await;
            };
            set.spawn(body).await;
        }
        drop(set);
        while drops.count() < 2 {
            yield_now().await;
        }
    });
}

#[test]
fn a_limit_of_none_is_refused() {
    let refused = catch_unwind(|| JoinSet::<()>::new().limit(0)).unwrap_err();
    let says: &&str = refused.downcast_ref().unwrap();
    assert!(says.contains("use 1 or more"), "{says}");
}
