//! Proves that entering a runtime makes it current for as long as the guard
//! lives, that no order of dropping guards leaves anything dangling, and who
//! may block where.

#![cfg(not(virid_loom))]

mod support;
#[path = "support/workers.rs"]
mod workers;

use std::cell::RefCell;
use std::future::{pending, ready};
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use support::guard;
use virid::{Builder, EnterGuard, Handle, Runtime};
use workers::workers;

/// A runtime with one worker of the given name.
fn named(name: &str) -> Runtime {
    let builder = Builder::new().worker_threads(1).thread_name(name);
    builder.build().unwrap()
}

/// The name of the runtime that a free spawn goes to.
fn current() -> String {
    let name = virid::spawn(async { thread::current().name().unwrap_or_default().to_owned() });
    strip(&name.join().unwrap())
}

fn strip(name: &str) -> String {
    name.rsplit_once('-').unwrap().0.to_owned()
}

/// The same, inside a task.
async fn current_in_task() -> String {
    let name = virid::spawn(async { thread::current().name().unwrap_or_default().to_owned() });
    strip(&name.await.unwrap())
}

/// The runtime that [`Handle::try_current`] finds, by the name of its worker.
fn found() -> Option<String> {
    let handle = Handle::try_current().ok()?;
    let name = handle.spawn(async { thread::current().name().unwrap_or_default().to_owned() });
    Some(strip(&name.join().unwrap()))
}

#[test]
fn an_entered_runtime_is_current_until_the_guard_is_dropped() {
    guard(|| {
        let runtime = named("entered");
        assert_eq!((current().as_str(), found()), ("virid-worker", None));
        let entered = runtime.enter();
        assert_eq!(current(), "entered");
        assert_eq!(found().as_deref(), Some("entered"));
        drop(entered);
        assert_eq!((current().as_str(), found()), ("virid-worker", None));
        let entered = runtime.handle().enter();
        assert_eq!(current(), "entered");
        drop(entered);
        assert_eq!(found(), None);
    });
}

#[test]
fn entering_is_of_one_thread_only() {
    guard(|| {
        let runtime = named("entered");
        let _entered = runtime.enter();
        let other = thread::spawn(|| Handle::try_current().is_err());
        assert!(other.join().unwrap());
    });
}

#[test]
fn nested_guards_restore_what_was_before_them() {
    guard(|| {
        let (one, two) = (named("one"), named("two"));
        let first = one.enter();
        let second = two.enter();
        let third = one.enter();
        assert_eq!(current(), "one");
        drop(third);
        assert_eq!(current(), "two");
        drop(second);
        assert_eq!(current(), "one");
        drop(first);
        assert_eq!(found(), None);
    });
}

#[test]
fn a_guard_restores_also_where_a_panic_drops_it() {
    guard(|| {
        let (one, two) = (named("one"), named("two"));
        let _first = one.enter();
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            let _second = two.enter();
            let _third = one.enter();
            panic!("inside");
        }));
        assert!(panicked.is_err());
        assert_eq!(current(), "one");
    });
}

fn assert_out_of_order(panicked: thread::Result<()>) {
    let panic = panicked.unwrap_err();
    let said = panic.downcast_ref::<&str>().unwrap();
    assert!(said.contains("out of order"), "{said}");
}

#[test]
fn guards_dropped_out_of_order_panic_and_nothing_dangles() {
    guard(|| {
        for is_gone in [false, true] {
            let (one, two) = (named("one"), named("two"));
            let (first, second) = (one.enter(), two.enter());
            assert_out_of_order(catch_unwind(AssertUnwindSafe(|| drop(first))));
            assert_eq!(current(), "two");
            drop(second);
            // The first guard is gone and was never left.
            assert_eq!(current(), "one");
            if is_gone {
                drop((one, two));
                for _ in 0..100 {
                    let late = virid::spawn(async {});
                    assert!(late.join().unwrap_err().is_cancelled());
                    assert!(Handle::current().spawn(pending::<()>()).join().is_err());
                }
            }
            // The next round, or the end of the thread, comes on top of that.
        }
    });
}

#[test]
fn of_three_guards_any_order_is_safe() {
    guard(|| {
        for order in [
            [0, 1, 2],
            [0, 2, 1],
            [1, 0, 2],
            [1, 2, 0],
            [2, 0, 1],
            [2, 1, 0],
        ] {
            thread::spawn(move || {
                let runtimes = ["a", "b", "c"].map(named);
                let handles = [0, 1, 2].map(|index: usize| runtimes[index].handle().clone());
                let mut guards = handles.each_ref().map(|handle| Some(handle.enter()));
                for (step, index) in order.into_iter().enumerate() {
                    let guard = guards[index].take();
                    let covered = guards[index..].iter().any(Option::is_some);
                    let dropped = catch_unwind(AssertUnwindSafe(|| drop(guard)));
                    if covered {
                        assert_out_of_order(dropped);
                    } else if order.starts_with(&[2, 1, 0][..=step]) {
                        dropped.unwrap();
                    }
                    assert!(virid::spawn(async {}).join().is_ok());
                }
                drop(runtimes);
                // Whatever is current now is either none or one that has ended.
                if Handle::try_current().is_ok() {
                    assert!(virid::spawn(async {}).join().unwrap_err().is_cancelled());
                }
            })
            .join()
            .unwrap();
        }
    });
}

#[test]
fn a_forgotten_guard_stays_entered_and_outlives_its_runtime_safely() {
    guard(|| {
        thread::spawn(|| {
            let runtime = named("forgotten");
            mem::forget(runtime.enter());
            assert_eq!(current(), "forgotten");
            let other = named("other");
            let entered = other.enter();
            assert_eq!(current(), "other");
            drop(entered);
            assert_eq!(other.block_on(async { current_in_task().await }), "other");
            assert_eq!(current(), "forgotten");
            drop(runtime);
            assert!(virid::spawn(async {}).join().unwrap_err().is_cancelled());
            assert_eq!(Handle::current().metrics().workers().len(), 1);
        })
        .join()
        .unwrap();
    });
}

#[test]
fn a_guard_that_outlives_the_block_on_it_was_made_in_leaves_nothing_behind() {
    guard(|| {
        let (outer, inner) = (named("outer"), named("inner"));
        let kept = outer.block_on(async {
            let kept = inner.enter();
            assert_eq!(current(), "inner");
            kept
        });
        // With the block_on went what was entered inside.
        assert_eq!(found(), None);
        drop(outer);
        drop(kept);
        assert_eq!(found(), None);
        assert_eq!(current(), "virid-worker");
        let entered = inner.enter();
        assert_eq!(current(), "inner");
        drop(entered);
        assert_eq!(found(), None);
    });
}

#[test]
fn block_on_under_a_guard_is_of_its_own_runtime_and_gives_the_guard_back() {
    guard(|| {
        let (one, two) = (named("one"), named("two"));
        let _entered = one.enter();
        assert_eq!(two.block_on(current_in_task()), "two");
        assert_eq!(virid::block_on(current_in_task()), "one");
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            two.block_on(async { panic!("inside") })
        }));
        assert!(panicked.is_err());
        assert_eq!(current(), "one");
    });
}

#[test]
fn try_current_finds_the_runtime_of_every_caller() {
    guard(|| {
        let runtime = named("own");
        let error = Handle::try_current().unwrap_err();
        assert!(error.is_missing_context());
        assert_eq!(error.clone(), error);
        assert!(error.to_string().contains("no virid runtime"));
        assert!(runtime.block_on(async { found() }).is_some());
        let in_task = runtime.spawn(async {
            let handle = Handle::try_current().unwrap();
            handle.spawn(current_in_task()).await.unwrap()
        });
        assert_eq!(in_task.join().unwrap(), "own");
        let entered = runtime.enter();
        assert_eq!(found().as_deref(), Some("own"));
        drop(entered);
        assert!(virid::block_on(async { Handle::try_current().is_err() }));
        assert!(catch_unwind(|| drop(Handle::current())).is_err());
    });
}

#[test]
fn a_current_handle_keeps_working_when_the_guard_and_the_runtime_are_gone() {
    guard(|| {
        let runtime = named("kept");
        let entered = runtime.enter();
        let handle = Handle::current();
        drop(entered);
        assert_eq!(handle.spawn(async { 1 }).join().unwrap(), 1);
        drop(runtime);
        assert!(handle.spawn(async { 1 }).join().unwrap_err().is_cancelled());
        let entered = handle.enter();
        assert!(virid::spawn(async { 1 }).join().unwrap_err().is_cancelled());
        drop(entered);
        assert_eq!(virid::spawn(async { 1 }).join().unwrap(), 1);
    });
}

#[test]
fn a_task_that_enters_another_runtime_spawns_there_until_it_leaves() {
    guard(|| {
        let (here, there) = (named("here"), named("there"));
        let other = there.handle().clone();
        let task = here.spawn(async move {
            let entered = other.enter();
            let there = virid::spawn(current_in_task());
            let found = Handle::current().spawn(current_in_task());
            drop(entered);
            let here = current_in_task().await;
            (here, there.await.unwrap(), found.await.unwrap())
        });
        let (own, other, found) = task.join().unwrap();
        assert_eq!(own, "here");
        assert_eq!((other.as_str(), found.as_str()), ("there", "there"));
        assert_eq!(here.spawn(current_in_task()).join().unwrap(), "here");
    });
}

#[test]
fn entering_does_not_let_a_task_block() {
    guard(|| {
        let (here, there) = (workers(1), workers(1));
        let other = there.handle().clone();
        let task = here.spawn(async move {
            let _entered = other.enter();
            let blocked = |f: &dyn Fn()| catch_unwind(AssertUnwindSafe(f)).is_err();
            [
                blocked(&|| virid::block_on(ready(()))),
                blocked(&|| other.block_on(ready(()))),
                blocked(&|| Handle::current().block_on(ready(()))),
                blocked(&|| virid::spawn(async {}).join().unwrap()),
            ]
        });
        assert_eq!(task.join().unwrap(), [true; 4]);
        assert_eq!(here.spawn(async { 1 }).join().unwrap(), 1);
    });
}

#[test]
fn a_guard_that_a_closure_forgets_ends_with_it() {
    guard(|| {
        let builder = Builder::new().max_blocking_threads(1);
        let runtime = builder
            .worker_threads(1)
            .thread_name("own")
            .build()
            .unwrap();
        let other = named("other");
        let handle = other.handle().clone();
        let forgets = runtime.spawn_blocking(move || {
            mem::forget(handle.enter());
            current()
        });
        assert_eq!(forgets.join().unwrap(), "other");
        drop(other);
        assert_eq!(runtime.spawn_blocking(current).join().unwrap(), "own");
    });
}

#[test]
fn a_plain_thread_may_block_under_any_depth_of_guards_and_block_ons() {
    guard(|| {
        let (one, two) = (named("one"), named("two"));
        let _entered = one.enter();
        let deep = two.block_on(async {
            let _entered = one.enter();
            let inner = virid::block_on(async { two.block_on(async { one.block_on(ready(3)) }) });
            (inner, current(), virid::spawn(async { 4 }).join().unwrap())
        });
        assert_eq!(deep, (3, String::from("one"), 4));
        assert_eq!(current(), "one");
    });
}

thread_local! {
    static KEPT: RefCell<Vec<EnterGuard<'static>>> = const { RefCell::new(Vec::new()) };
}

/// A guard in a thread-local of a worker or a plain thread, dropped at its end.
#[test]
fn a_guard_that_ends_with_its_thread_is_left_safely() {
    guard(|| {
        for in_task in [false, true] {
            for _ in 0..20 {
                let (here, there) = (workers(2), workers(1));
                let handle: &'static Handle = Box::leak(Box::new(there.handle().clone()));
                let keep = move || KEPT.with_borrow_mut(|kept| kept.push(handle.enter()));
                if in_task {
                    here.spawn(async move { keep() }).join().unwrap();
                } else {
                    thread::spawn(keep).join().unwrap();
                }
                drop((here, there));
            }
        }
    });
}
