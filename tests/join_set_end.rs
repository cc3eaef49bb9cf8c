//! Proves how a `JoinSet` ends its tasks: aborted, detached, dropped, shut down, and all joined.

#![cfg(not(virid_loom))]

#[path = "support/drops.rs"]
mod drops;
#[path = "support/gate.rs"]
mod gate;
mod support;
#[path = "support/until.rs"]
mod until;
#[path = "support/workers.rs"]
mod workers;

use drops::Drops;
use gate::Gate;
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use support::guard;
use until::until;
use virid::task::JoinSet;
use virid::{block_on, yield_now};
use workers::workers;

/// Runs `body` as a task of a runtime with two workers.
fn on_workers<F>(body: F)
where
    F: Future<Output = ()> + Send + 'static,
{
    guard(|| workers(2).spawn(body).join().unwrap());
}

#[test]
fn abort_all_removes_nothing() {
    on_workers(async {
        let drops = Drops::default();
        let mut set = JoinSet::new();
        for _ in 0..100 {
            let token = drops.token();
            set.spawn(async move {
                let _token = token;
                pending::<()>().await;
            });
        }
        set.abort_all();
        assert_eq!(set.len(), 100);
        for left in (0..100).rev() {
            assert!(set.join_next().await.unwrap().unwrap_err().is_cancelled());
            assert_eq!(set.len(), left);
        }
        assert_eq!(drops.count(), 100);
        // The set goes on.
        set.spawn(async {});
        set.join_next().await.unwrap().unwrap();
    });
}

#[test]
fn a_result_that_was_there_before_abort_all_stays() {
    guard(|| {
        let runtime = workers(1);
        let mut set = JoinSet::new();
        let task = set.spawn_on(async { "faster" }, runtime.handle());
        until(|| task.is_finished());
        set.abort_all();
        assert_eq!(block_on(set.join_next()).unwrap().unwrap(), "faster");
    });
}

#[test]
fn detached_tasks_run_on_when_the_set_is_gone() {
    guard(|| {
        let runtime = workers(2);
        let (gate, drops) = (Gate::default(), Drops::default());
        let ran = Arc::new(AtomicUsize::new(0));
        let mut set = JoinSet::new();
        let mut ends = Vec::new();
        for number in 0..10 {
            // Some have ended by then, their results are dropped.
            let passed = (number >= 5).then(|| gate.clone().pass());
            let (token, ran) = (drops.token(), Arc::clone(&ran));
            let body = async move {
                if let Some(passed) = passed {
                    passed.await;
                }
                ran.fetch_add(1, Ordering::SeqCst);
                token
            };
            ends.push(set.spawn_on(body, runtime.handle()));
        }
        until(|| ran.load(Ordering::SeqCst) == 5);
        set.detach_all();
        assert!(set.is_empty());
        assert!(set.try_join_next().is_none());
        drop(set);
        until(|| drops.count() == 5);
        gate.open();
        until(|| drops.count() == 10);
        assert_eq!(ran.load(Ordering::SeqCst), 10);
        until(|| ends.iter().all(virid::task::AbortHandle::is_finished));
    });
}

#[test]
fn a_set_goes_on_after_detach_all() {
    on_workers(async {
        let gate = Gate::default();
        let mut set = JoinSet::new();
        let passed = gate.clone().pass();
        set.spawn(async {
            passed.await;
            "old"
        });
        set.detach_all();
        set.spawn(async { "new" });
        gate.open();
        assert_eq!(set.join_all().await, ["new"]);
    });
}

#[test]
fn dropping_the_set_aborts_its_tasks() {
    guard(|| {
        let runtime = workers(2);
        let drops = Drops::default();
        let mut set = JoinSet::new();
        for _ in 0..100 {
            let token = drops.token();
            let body = async move {
                let _token = token;
                pending::<()>().await;
            };
            set.spawn_on(body, runtime.handle());
        }
        drop(set);
        until(|| drops.count() == 100);
    });
}

#[test]
fn dropping_the_set_drops_results() {
    guard(|| {
        let runtime = workers(1);
        let drops = Drops::default();
        let mut set = JoinSet::new();
        let token = drops.token();
        let task = set.spawn_on(async { token }, runtime.handle());
        until(|| task.is_finished());
        drop(set);
        until(|| drops.count() == 1);
    });
}

#[test]
fn shutdown_waits_and_ignores_panics() {
    on_workers(async {
        let drops = Drops::default();
        let mut set = JoinSet::new();
        for number in 0..50 {
            let token = drops.token();
            set.spawn(async move {
                let _token = token;
                assert_ne!(number % 5, 0, "a panic that nobody asks for");
                pending::<()>().await;
            });
        }
        yield_now().await;
        set.shutdown().await;
        assert_eq!(drops.count(), 50);
        assert!(set.is_empty());
    });
}

#[test]
fn join_all_passes_the_first_panic_on_and_aborts_the_rest() {
    on_workers(async {
        let drops = Drops::default();
        let mut set = JoinSet::new();
        let token = drops.token();
        set.spawn(async move {
            let _token = token;
            pending::<()>().await;
        });
        set.spawn(async { panic!("first") });
        let error = virid::spawn(set.join_all()).await.unwrap_err();
        assert_eq!(error.into_panic().downcast_ref(), Some(&"first"));
        while drops.count() == 0 {
            yield_now().await;
        }
    });
}

#[test]
fn join_all_panics_where_a_task_was_cancelled() {
    on_workers(async {
        let mut set = JoinSet::new();
        let task = set.spawn(pending::<()>());
        task.abort();
        let error = virid::spawn(set.join_all()).await.unwrap_err();
        let says = error.to_string();
        assert!(says.contains("was cancelled"), "{says}");
    });
}

#[test]
fn a_runtime_that_has_ended_cancels_what_comes() {
    guard(|| {
        let runtime = workers(1);
        let handle = runtime.handle().clone();
        let mut set = JoinSet::new();
        let before = set.spawn_on(pending::<()>(), &handle);
        drop(runtime);
        let after = set.spawn_on(pending::<()>(), &handle);
        let blocking = set.spawn_blocking_on(|| (), &handle);
        for id in [before.id(), after.id(), blocking.id()] {
            let error = block_on(set.join_next()).unwrap().unwrap_err();
            assert!(error.is_cancelled());
            assert_eq!(error.id(), id);
        }
        assert!(block_on(set.join_next()).is_none());
    });
}
