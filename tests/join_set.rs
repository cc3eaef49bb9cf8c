//! Proves what Tokio documents of its `JoinSet`, for virid's: one test for each
//! sentence.

#![cfg(not(virid_loom))]

#[path = "support/drops.rs"]
mod drops;
#[path = "support/gate.rs"]
mod gate;
mod support;
#[path = "support/until.rs"]
mod until;
#[path = "support/wakes.rs"]
mod wakes;
#[path = "support/workers.rs"]
mod workers;

use drops::Drops;
use gate::Gate;
use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use support::guard;
use until::until;
use virid::task::JoinSet;
use virid::{block_on, yield_now};
use wakes::Wakes;
use workers::workers;

/// Runs `body` as a task of a runtime with two workers.
fn on_workers<F>(body: F)
where
    F: Future<Output = ()> + Send + 'static,
{
    guard(|| workers(2).spawn(body).join().unwrap());
}

#[test]
fn all_results_come_and_each_once() {
    on_workers(async {
        let mut set = JoinSet::new();
        for number in 0..1_000 {
            set.spawn(async move { number });
        }
        assert_eq!(set.len(), 1_000);
        let mut seen = vec![false; 1_000];
        while let Some(result) = set.join_next().await {
            let number: usize = result.unwrap();
            assert!(!std::mem::replace(&mut seen[number], true));
        }
        assert!(seen.iter().all(|&seen| seen));
        assert!(set.is_empty());
    });
}

#[test]
fn results_come_in_the_order_in_which_tasks_end() {
    guard(|| {
        let runtime = workers(1);
        let gates: Vec<Gate> = (0..5).map(|_| Gate::default()).collect();
        let mut set = JoinSet::new();
        let mut ends = Vec::new();
        for (number, gate) in gates.iter().enumerate() {
            let gate = gate.clone();
            let passed = async move {
                gate.pass().await;
                number
            };
            ends.push(set.spawn_on(passed, runtime.handle()));
        }
        for number in [3, 1, 4, 0, 2] {
            gates[number].open();
            until(|| ends[number].is_finished());
        }
        assert_eq!(block_on(set.join_all()), [3, 1, 4, 0, 2]);
    });
}

#[test]
fn tasks_begin_though_nobody_awaits_the_set() {
    guard(|| {
        let runtime = workers(1);
        let ran = Arc::new(AtomicUsize::new(0));
        let mut set = JoinSet::new();
        let counts = Arc::clone(&ran);
        set.spawn_on(
            async move { counts.fetch_add(1, Ordering::SeqCst) },
            runtime.handle(),
        );
        until(|| ran.load(Ordering::SeqCst) == 1);
        assert_eq!(set.len(), 1);
    });
}

#[test]
fn an_empty_set_has_no_next() {
    on_workers(async {
        let mut set = JoinSet::<()>::new();
        assert!(set.join_next().await.is_none());
        assert!(set.join_next_with_id().await.is_none());
        assert!(set.try_join_next().is_none());
        assert!(set.try_join_next_with_id().is_none());
        set.shutdown().await;
        set.abort_all();
        set.detach_all();
        assert!(set.join_all().await.is_empty());
    });
}

#[test]
fn try_join_next_yields_only_what_has_ended() {
    guard(|| {
        let runtime = workers(1);
        let gate = Gate::default();
        let mut set = JoinSet::new();
        set.spawn_on(gate.clone().pass(), runtime.handle());
        assert!(set.try_join_next().is_none());
        assert_eq!(set.len(), 1);
        gate.open();
        loop {
            if let Some(result) = set.try_join_next() {
                break result.unwrap();
            }
        }
        assert!(set.is_empty());
        assert!(set.try_join_next().is_none());
    });
}

#[test]
fn numbers_come_with_the_results() {
    on_workers(async {
        let mut set = JoinSet::new();
        let first = set.spawn(async { 1 }).id();
        assert_eq!(set.join_next_with_id().await.unwrap().unwrap(), (first, 1));
        let second = set.spawn(async { panic!("no result") }).id();
        let error = set.join_next_with_id().await.unwrap().unwrap_err();
        assert_eq!(error.id(), second);
        let third = set.spawn(pending());
        third.abort();
        assert_eq!(set.join_next().await.unwrap().unwrap_err().id(), third.id());
        let fourth = set.spawn(async { 4 }).id();
        let (id, output) = loop {
            if let Some(result) = set.try_join_next_with_id() {
                break result.unwrap();
            }
            yield_now().await;
        };
        assert_eq!((id, output), (fourth, 4));
        assert_ne!(first, fourth);
    });
}

#[test]
fn a_panic_is_the_result_of_its_task_alone() {
    on_workers(async {
        let mut set = JoinSet::new();
        let bad = set.spawn(async { panic!("bad") }).id();
        for _ in 0..10 {
            set.spawn(async { 1 });
        }
        let (mut sum, mut panics) = (0, 0);
        while let Some(result) = set.join_next().await {
            match result {
                Ok(one) => sum += one,
                Err(error) => {
                    panics += 1;
                    assert_eq!(error.id(), bad);
                    assert_eq!(error.into_panic().downcast_ref(), Some(&"bad"));
                }
            }
        }
        assert_eq!((sum, panics), (10, 1));
    });
}

#[test]
fn the_answer_of_spawn_aborts_one_task() {
    on_workers(async {
        let (gate, drops) = (Gate::default(), Drops::default());
        let mut set = JoinSet::new();
        set.spawn(gate.clone().pass());
        let token = drops.token();
        let abort = set.spawn(async move {
            let _token = token;
            pending().await
        });
        let kept = abort.clone();
        abort.abort();
        let error = set.join_next().await.unwrap().unwrap_err();
        assert!(error.is_cancelled());
        assert_eq!(error.id(), kept.id());
        assert_eq!(drops.count(), 1);
        assert!(kept.is_finished());
        kept.abort();
        gate.open();
        set.join_next().await.unwrap().unwrap();
        assert!(set.is_empty());
    });
}

#[test]
fn only_the_waker_of_the_last_poll_is_woken() {
    guard(|| {
        let runtime = workers(1);
        let (first, second) = (Wakes::new(), Wakes::new());
        let gate = Gate::default();
        let mut set = JoinSet::new();
        set.spawn_on(gate.clone().pass(), runtime.handle());
        for wakes in [&first, &second, &second, &first, &second] {
            let waker = wakes.waker();
            let polled = set.poll_join_next(&mut Context::from_waker(&waker));
            assert!(polled.is_pending());
        }
        assert_eq!(first.alive(), 0);
        gate.open();
        until(|| second.count() == 1);
        assert_eq!(first.count(), 0);
        let mut context = Context::from_waker(Waker::noop());
        let polled = set.poll_join_next_with_id(&mut context);
        assert!(matches!(polled, Poll::Ready(Some(Ok(_)))));
        assert!(matches!(
            set.poll_join_next(&mut context),
            Poll::Ready(None)
        ));
        drop(set);
        until(|| second.alive() == 0);
    });
}

#[test]
fn a_wait_that_is_dropped_removes_nothing() {
    on_workers(async {
        let gate = Gate::default();
        let mut set = JoinSet::new();
        let passed = gate.clone().pass();
        set.spawn(async {
            passed.await;
            1
        });
        for _ in 0..3 {
            let mut next = Box::pin(set.join_next());
            let mut context = Context::from_waker(Waker::noop());
            assert!(next.as_mut().poll(&mut context).is_pending());
        }
        assert_eq!(set.len(), 1);
        gate.open();
        assert_eq!(set.join_next().await.unwrap().unwrap(), 1);
    });
}

#[test]
fn blocking_closures_are_members() {
    guard(|| {
        let (here, there) = (workers(1), workers(1));
        let there = there.handle();
        let mut set = here.block_on(async {
            let mut set = JoinSet::new();
            for number in 0..20 {
                set.spawn_blocking(move || number);
                set.spawn_blocking_on(move || number, there);
            }
            set.spawn(async { 100 });
            set
        });
        let mut all = Vec::new();
        while let Some(result) = block_on(set.join_next()) {
            all.push(result.unwrap());
        }
        all.sort_unstable();
        let twice = (0..20).flat_map(|number| [number; 2]);
        assert_eq!(all, twice.chain([100]).collect::<Vec<_>>());
    });
}

#[test]
fn green_threads_and_others_wait_with_block_on() {
    guard(|| {
        workers(2).run(|| {
            let mut set = JoinSet::new();
            for number in 0..100 {
                set.spawn(async move {
                    yield_now().await;
                    number
                });
            }
            let mut sum = 0;
            while let Some(result) = block_on(set.join_next()) {
                sum += result.unwrap();
            }
            assert_eq!(sum, 4_950);
        });
    });
}

#[test]
fn a_set_is_what_its_type_says() {
    fn is_all<T: Send + Sync + Unpin + std::panic::UnwindSafe>(_: &T) {}
    guard(|| {
        let runtime = workers(1);
        let _entered = runtime.enter();
        let set: JoinSet<_> = (0..3).map(|number| async move { number }).collect();
        is_all(&set);
        assert_eq!(format!("{set:?}"), "JoinSet { len: 3 }");
        assert_eq!(block_on(set.join_all()), [0, 1, 2]);
        assert!(JoinSet::<()>::default().is_empty());
    });
}

#[test]
fn a_panic_in_a_destructor_of_a_result_stays_there() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("in a destructor");
        }
    }
    guard(|| {
        let runtime = workers(1);
        let mut set = JoinSet::new();
        for _ in 0..3 {
            let task = set.spawn_on(async { Bomb }, runtime.handle());
            until(|| task.is_finished());
        }
        let outcome = catch_unwind(AssertUnwindSafe(|| drop(set)));
        assert!(outcome.is_ok());
        runtime.spawn(async {}).join().unwrap();
    });
}
