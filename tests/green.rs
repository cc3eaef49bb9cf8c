//! Proves that green threads behave as those of std do: results, panics, names,
//! ids; that they and async tasks wait for each other; and that what belongs to a
//! thread stays with it over a wait.

#![cfg(not(virid_loom))]

#[path = "support/said.rs"]
mod said;
#[path = "support/sizes.rs"]
mod sizes;
mod support;
#[path = "support/until.rs"]
mod until;
#[path = "support/workers.rs"]
mod workers;

use said::said;
use sizes::on_each_size;
use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::future::pending;
use std::panic::{catch_unwind, panic_any};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use support::guard;
use until::until;
use virid::{Builder, Handle, thread};
use workers::workers;

#[test]
fn threads_return_their_results() {
    on_each_size(|runtime| {
        let sum = runtime.run(|| {
            let square = |n: u64| thread::spawn(move || n * n);
            let threads: Vec<_> = (0..1_000).map(square).collect();
            threads.into_iter().map(|t| t.join().unwrap()).sum::<u64>()
        });
        assert_eq!(sum, 332_833_500);
    });
}

#[test]
fn a_panic_reaches_every_kind_of_joiner_with_its_payload() {
    struct Payload(u64);
    on_each_size(|runtime| {
        let number = |error: Box<dyn std::any::Any + Send>| error.downcast::<Payload>().unwrap().0;
        let bomb = || panic_any(Payload(7));
        let plain: Result<(), _> = runtime.go(bomb).join();
        assert_eq!(plain.map_err(number), Err(7));
        let green = runtime.go(move || thread::spawn(bomb).join().map_err(number));
        assert_eq!(green.join().unwrap(), Err::<(), _>(7));
        let awaited = runtime.spawn(async move { thread::spawn(bomb).await.map_err(number) });
        assert_eq!(awaited.join().unwrap(), Err::<(), _>(7));
        let run = catch_unwind(|| runtime.run(|| panic!("in run, {}", 1)));
        assert_eq!(run.map_err(said), Err::<(), _>("in run, 1".to_owned()));
    });
}

#[test]
fn detached_threads_run() {
    on_each_size(|runtime| {
        let ran = Arc::new(AtomicUsize::new(0));
        for _ in 0..500 {
            let (outer, inner) = (ran.clone(), ran.clone());
            drop(runtime.go(move || {
                drop(thread::spawn(move || inner.fetch_add(1, Ordering::SeqCst)));
                outer.fetch_add(1, Ordering::SeqCst)
            }));
        }
        until(|| ran.load(Ordering::SeqCst) == 1_000);
    });
}

#[test]
fn a_thread_knows_its_name_and_its_id() {
    on_each_size(|runtime| {
        runtime.run(|| {
            let named = |name: &str| thread::Builder::new().name(name.into());
            let who = || {
                thread::yield_now();
                (
                    thread::current().id(),
                    thread::current().name().map(str::to_owned),
                )
            };
            let (a, b) = (
                named("a").spawn(who).unwrap(),
                named("b").spawn(who).unwrap(),
            );
            let (id_a, id_b) = (a.thread().id(), b.thread().id());
            assert_eq!(
                (a.thread().name(), b.thread().name()),
                (Some("a"), Some("b"))
            );
            assert_eq!(a.join().unwrap(), (id_a, Some("a".to_owned())));
            assert_eq!(b.join().unwrap(), (id_b, Some("b".to_owned())));
            let nameless = thread::spawn(who).join().unwrap();
            assert_eq!(nameless.1, None);
            let mut ids = HashSet::from([id_a, id_b, nameless.0, thread::current().id()]);
            let threads: Vec<_> = (0..1_000).map(|_| thread::spawn(who)).collect();
            ids.extend(threads.into_iter().map(|t| t.join().unwrap().0));
            assert_eq!(ids.len(), 1_004);
        });
    });
}

#[test]
fn handles_of_ended_threads_are_harmless() {
    on_each_size(|runtime| {
        let mut stale = Vec::new();
        for _ in 0..100 {
            let threads: Vec<_> = (0..20).map(|n| runtime.go(move || n)).collect();
            stale.extend(threads.iter().map(|thread| thread.thread().clone()));
            for (n, thread) in threads.into_iter().enumerate() {
                assert_eq!(thread.join().unwrap(), n);
            }
            let go = Arc::new(AtomicBool::new(false));
            let waits = go.clone();
            let parked = runtime.go(move || {
                while !waits.load(Ordering::SeqCst) {
                    thread::park();
                }
            });
            stale.iter().for_each(thread::Thread::unpark);
            go.store(true, Ordering::SeqCst);
            parked.thread().unpark();
            parked.join().unwrap();
        }
        drop(runtime);
        stale.iter().for_each(thread::Thread::unpark);
        let ids: HashSet<_> = stale.iter().map(thread::Thread::id).collect();
        assert_eq!(ids.len(), 2_000);
    });
}

#[test]
fn tasks_await_threads_and_threads_join_tasks() {
    on_each_size(|runtime| {
        let task = runtime.spawn(async { thread::spawn(|| 6 * 7).await.unwrap() });
        assert_eq!(task.join().unwrap(), 42);
        let thread = runtime.go(|| {
            let tasks: Vec<_> = (0..100).map(|n| virid::spawn(async move { n })).collect();
            tasks
                .into_iter()
                .map(|task| task.join().unwrap())
                .sum::<u32>()
        });
        assert_eq!(thread.join().unwrap(), 4_950);
    });
}

/// A call, and what its panic says.
type Case = (fn(), [&'static str; 2]);

#[test]
fn what_would_block_an_async_task_panics_and_names_the_cure() {
    on_each_size(|runtime| {
        let cases: [Case; 4] = [
            (thread::park, ["`thread::park`", "an async channel or lock"]),
            (
                || thread::scope(|_| ()),
                ["`thread::scope`", "tasks that own"],
            ),
            (
                || thread::spawn(|| ()).join().unwrap(),
                ["join`", "`.await`"],
            ),
            (|| virid::run(|| ()), ["`run`", "`.await`"]),
        ];
        for (call, words) in cases {
            let error = runtime.spawn(async move { call() }).join().unwrap_err();
            let text = said(error.into_panic());
            assert!(words.iter().all(|word| text.contains(word)), "{text}");
        }
    });
}

#[test]
fn a_wait_inside_no_suspend_panics_and_names_the_call() {
    on_each_size(|runtime| {
        let cases: [(fn(), &str); 5] = [
            (thread::park, "`thread::park`"),
            (thread::yield_now, "`thread::yield_now`"),
            (|| virid::block_on(pending()), "`block_on`"),
            (|| thread::spawn(thread::park).join().unwrap(), "join`"),
            (|| virid::spawn(pending()).join().unwrap(), "join`"),
        ];
        for (call, word) in cases {
            runtime.run(move || {
                let error = catch_unwind(|| thread::no_suspend(call)).unwrap_err();
                let text = said(error);
                assert!(text.contains(word) && text.contains("no_suspend"), "{text}");
                // It is over with the panic.
                thread::yield_now();
            });
        }
    });
}

#[test]
fn spawning_inside_no_suspend_does_not_wait_and_the_end_of_a_scope_does() {
    guard(|| {
        let ran = Arc::new(AtomicUsize::new(0));
        let seen = ran.clone();
        workers(1).run(move || {
            thread::no_suspend(|| {
                for _ in 0..5_000 {
                    let ran = seen.clone();
                    drop(thread::spawn(move || ran.fetch_add(1, Ordering::SeqCst)));
                }
                assert_eq!(seen.load(Ordering::SeqCst), 0);
            });
            let mut numbers = [0; 100];
            thread::no_suspend(|| {
                thread::scope(|scope| {
                    for number in &mut numbers {
                        scope.spawn(|| *number += 1);
                    }
                });
                assert_eq!(numbers, [1; 100]);
            });
        });
        assert_eq!(ran.load(Ordering::SeqCst), 5_000);
    });
}

/// Which of these runtimes is current, by where a task of it says it runs.
fn current(names: [&str; 2]) -> &str {
    let name = virid::spawn(async { std::thread::current().name().map(str::to_owned) });
    let name = name.join().unwrap().unwrap();
    names.into_iter().find(|n| name.starts_with(n)).unwrap()
}

#[test]
fn an_entered_runtime_is_kept_over_waits_and_is_nobody_elses() {
    guard(|| {
        let names = ["own", "other"];
        let build = |name: &str| Builder::new().worker_threads(1).thread_name(name).build();
        let (own, other) = (build("own").unwrap(), build("other").unwrap());
        let handle = other.handle().clone();
        let enters = move |handle: Handle| {
            for _ in 0..50 {
                let entered = handle.enter();
                thread::yield_now();
                assert_eq!(current(names), "other");
                let inside = own_guard_inside(&handle);
                assert_eq!(inside, "other");
                drop(entered);
                assert_eq!(current(names), "own");
            }
        };
        own.run(move || {
            let threads = [0; 4]
                .map(|_| handle.clone())
                .map(|h| thread::spawn(move || enters(h)));
            while !threads.iter().all(thread::JoinHandle::is_finished) {
                assert_eq!(current(names), "own");
                thread::yield_now();
            }
            for thread in threads {
                thread.join().unwrap();
            }
        });
    });
}

/// Enters again, waits, and leaves.
fn own_guard_inside(handle: &Handle) -> &'static str {
    let _entered = handle.enter();
    current(["own", "other"])
}

#[test]
fn what_is_bound_to_a_system_thread_may_be_held_over_waits() {
    thread_local! {
        static SEEN: Cell<usize> = const { Cell::new(0) };
    }
    on_each_size(|runtime| {
        let body = || {
            let (rc, home) = (Rc::new(RefCell::new(0)), std::thread::current().id());
            for round in 0..50 {
                let shared = rc.clone();
                let mut guard = shared.borrow_mut();
                let lock = Mutex::new(0);
                let held = lock.lock().unwrap();
                SEEN.set(SEEN.get() + 1);
                match round % 4 {
                    0 => thread::yield_now(),
                    1 => thread::spawn(|| ()).join().unwrap(),
                    2 => virid::block_on(virid::spawn(async {})).unwrap(),
                    _ => thread::scope(|scope| drop(scope.spawn(|| ()))),
                }
                *guard += 1;
                drop(held);
                assert_eq!(std::thread::current().id(), home);
                assert!(SEEN.get() > 0);
            }
            assert_eq!((*rc.borrow(), Rc::strong_count(&rc)), (50, 1));
        };
        let threads: Vec<_> = (0..100).map(|_| runtime.go(body)).collect();
        threads
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
    });
}

#[test]
fn threads_are_spawned_from_plain_threads_and_from_hooks() {
    guard(|| {
        assert!(thread::spawn(thread::is_green).join().unwrap());
        assert!(!thread::is_green());
        let (sender, receiver) = channel();
        let hook = move || {
            let sender = sender.clone();
            drop(thread::spawn(move || {
                sender.send(thread::is_green()).unwrap()
            }));
        };
        let builder = Builder::new().worker_threads(2).on_thread_start(hook);
        let runtime = builder.build().unwrap();
        assert!(receiver.recv().unwrap() && receiver.recv().unwrap());
        let _entered = runtime.enter();
        assert!(thread::spawn(thread::is_green).join().unwrap());
    });
}

#[test]
fn a_lock_may_be_held_while_spawning_where_spawn_does_not_wait() {
    guard(|| {
        let runtime = Builder::new().worker_threads(2).spawn_yields(false).build();
        runtime.unwrap().run(|| {
            let count = Arc::new(Mutex::new(0));
            let held = count.lock().unwrap();
            let lock = |_| {
                let count = count.clone();
                thread::spawn(move || *count.lock().unwrap() += 1)
            };
            let threads: Vec<_> = (0..5_000).map(lock).collect();
            drop(held);
            threads
                .into_iter()
                .for_each(|thread| thread.join().unwrap());
            assert_eq!(*count.lock().unwrap(), 5_000);
        });
    });
}
