//! Proves that the end of a runtime waits for nothing that waits for it: not for
//! thread hooks, destructors of futures or of thread-locals; and that what one
//! task leaves entered does not reach the next.

#![cfg(not(virid_loom))]

mod support;

use std::cell::RefCell;
use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use support::guard;
use virid::task::JoinHandle;
use virid::{Builder, EnterGuard, Handle, Runtime};

/// A runtime of one worker whose start hook gets the runtime itself, and tells
/// what became of it.
fn with_start_hook<T: Send + 'static>(f: impl Fn(Runtime) -> T + Send + Sync + 'static) -> T {
    let (give, given) = channel::<Runtime>();
    let (tell, told) = channel();
    let given = Mutex::new(given);
    let hook = move || {
        let runtime = given.lock().unwrap().recv().unwrap();
        tell.send(f(runtime)).unwrap();
    };
    let builder = Builder::new().worker_threads(1).on_thread_start(hook);
    give.send(builder.build().unwrap()).unwrap();
    told.recv().unwrap()
}

#[test]
fn a_start_hook_may_drop_its_own_runtime() {
    guard(|| with_start_hook(drop));
}

#[test]
fn a_start_hook_that_ends_its_own_runtime_is_not_waited_for() {
    guard(|| {
        let report = with_start_hook(|runtime| runtime.shutdown_timeout(Duration::MAX));
        assert!(!report.is_complete());
    });
}

#[test]
fn a_thread_hook_that_joins_a_task_panics_and_the_runtime_ends() {
    guard(|| {
        let (tell, told) = channel();
        let hook = move || {
            let joins = || virid::spawn(async {}).join();
            let panic = catch_unwind(AssertUnwindSafe(joins)).unwrap_err();
            let text = panic.downcast::<String>().unwrap();
            tell.send(*text).unwrap();
        };
        let builder = Builder::new().worker_threads(2);
        drop(builder.on_thread_start(hook).build().unwrap());
        let texts: Vec<_> = told.iter().collect();
        assert_eq!(texts.len(), 2);
        assert!(
            texts.iter().all(|text| text.contains("`.await`")),
            "{texts:?}"
        );
    });
}

/// Joins another task when dropped, and swallows the panic.
struct Joins(Arc<Mutex<Option<JoinHandle<()>>>>);

impl Drop for Joins {
    fn drop(&mut self) {
        if let Some(task) = self.0.lock().unwrap().take() {
            assert!(catch_unwind(AssertUnwindSafe(|| task.join())).is_err());
        }
    }
}

#[test]
fn destructors_that_join_each_other_do_not_hold_up_the_end() {
    guard(|| {
        let runtime = Builder::new().worker_threads(1).build().unwrap();
        let (first, second) = <(Arc<Mutex<_>>, Arc<Mutex<_>>)>::default();
        let spawn = |joins: Joins| {
            let (started, has_started) = channel();
            let task = runtime.spawn(async move {
                let _joins = joins;
                started.send(()).unwrap();
                pending::<()>().await;
            });
            has_started.recv().unwrap();
            task
        };
        *first.lock().unwrap() = Some(spawn(Joins(second.clone())));
        *second.lock().unwrap() = Some(spawn(Joins(first.clone())));
        // Begins after the poll that started the second task.
        runtime.spawn(async {}).join().unwrap();
        drop(runtime);
        let left = [first.lock().unwrap().take(), second.lock().unwrap().take()];
        assert!(left.iter().all(Option::is_none), "a future was not dropped");
    });
}

/// Waits, when dropped, until the other end of the channel is gone.
struct Waits(Receiver<()>);

impl Drop for Waits {
    fn drop(&mut self) {
        let _ = self.0.recv();
    }
}

thread_local! {
    static SLOW: RefCell<Option<Waits>> = const { RefCell::new(None) };
}

#[test]
fn shutdown_timeout_does_not_wait_for_destructors_of_thread_locals() {
    guard(|| {
        let runtime = Builder::new().worker_threads(1).build().unwrap();
        let (release, released): (Sender<()>, _) = channel();
        let fill = async move { SLOW.set(Some(Waits(released))) };
        runtime.spawn(fill).join().unwrap();
        let report = runtime.shutdown_timeout(Duration::MAX);
        assert!(report.is_complete(), "{report}");
        drop(release);
    });
}

#[test]
fn a_guard_that_a_task_keeps_ends_with_its_poll() {
    thread_local! {
        static KEPT: RefCell<Option<EnterGuard<'static>>> = const { RefCell::new(None) };
    }
    guard(|| {
        let runtime = Builder::new().worker_threads(1).build().unwrap();
        let other = Builder::new().worker_threads(1).build().unwrap();
        static OTHER: OnceLock<Handle> = OnceLock::new();
        let handle = OTHER.get_or_init(|| other.handle().clone());
        drop(other);
        let keep = async move { KEPT.set(Some(handle.enter())) };
        runtime.spawn(keep).join().unwrap();
        // The other runtime has ended: a spawn onto it would be cancelled.
        let stranger = runtime.spawn(async { virid::spawn(async { 1 }).await.unwrap() });
        assert_eq!(stranger.join().unwrap(), 1);
        let drops = async { drop(KEPT.take()) };
        runtime.spawn(drops).join().unwrap();
        let after = runtime.spawn(async { virid::spawn(async { 2 }).await.unwrap() });
        assert_eq!(after.join().unwrap(), 2);
    });
}
