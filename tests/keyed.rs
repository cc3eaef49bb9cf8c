//! Proves what `Keyed` promises: tasks of a key one at a time and in the order of their
//! spawning, other keys beside them, whatever becomes of a task.

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

use drops::{Drops, Token};
use gate::Gate;
use std::future::pending;
use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use support::guard;
use until::until;
use virid::task::{self, Keyed};
use workers::workers;

/// What the tasks of a test leave, in their order.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<usize>>>);

impl Log {
    fn add(&self, n: usize) {
        self.0.lock().unwrap().push(n);
    }

    fn take(&self) -> Vec<usize> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

#[test]
fn tasks_of_a_key_run_one_at_a_time_and_in_order() {
    guard(|| {
        let runtime = workers(2);
        let keyed = Arc::new(Keyed::new());
        let logs: Vec<_> = (0..3).map(|_| Log::default()).collect();
        let is_inside: Vec<_> = (0..3).map(|_| Arc::new(AtomicBool::new(false))).collect();
        let (shared, kept) = (keyed.clone(), logs.clone());
        let spawner = runtime.spawn(async move {
            for n in 0..3_000 {
                let (log, is_inside) = (kept[n % 3].clone(), is_inside[n % 3].clone());
                shared.spawn(n % 3, async move {
                    assert!(!is_inside.swap(true, Ordering::SeqCst), "two at a time");
                    for _ in 0..n % 4 {
                        task::yield_now().await;
                    }
                    log.add(n);
                    is_inside.store(false, Ordering::SeqCst);
                });
            }
        });
        spawner.join().unwrap();
        virid::block_on(keyed.wait());
        for (key, log) in logs.iter().enumerate() {
            assert!(
                log.take().into_iter().eq((key..3_000).step_by(3)),
                "key {key}"
            );
        }
    });
}

#[test]
fn tasks_and_green_threads_of_a_key_take_turns_from_any_caller() {
    guard(|| {
        let runtime = workers(2);
        let _entered = runtime.enter();
        let (keyed, log) = (Arc::new(Keyed::new()), Log::default());
        let add = |n: usize| {
            let log = log.clone();
            move || {
                virid::thread::yield_now();
                log.add(n);
                n
            }
        };
        for n in 0..100 {
            let call = add(2 * n);
            keyed.spawn("key", async move {
                task::yield_now().await;
                virid::task::spawn(async {}).await.unwrap();
                call()
            });
            keyed.go("key", add(2 * n + 1));
        }
        assert_eq!(keyed.go("key", add(200)).join().unwrap(), 200);
        assert!(log.take().into_iter().eq(0..=200));
        let (inside, call) = (keyed.clone(), add(201));
        virid::run(move || assert_eq!(inside.go("key", call).join().unwrap(), 201));
        until(|| keyed.is_empty());
    });
}

#[test]
fn a_key_that_waits_stops_no_other() {
    guard(|| {
        let runtime = workers(1);
        let _entered = runtime.enter();
        let keyed = Keyed::new();
        let gate = Gate::default();
        let first = keyed.spawn(1, gate.clone().pass());
        let second = keyed.spawn(1, async { 2 });
        for key in 2..100 {
            keyed.spawn(key, async {}).join().unwrap();
        }
        assert!(!first.is_finished() && !second.is_finished());
        assert_eq!(keyed.len(), 2);
        gate.open();
        assert_eq!(second.join().unwrap(), 2);
        first.join().unwrap();
    });
}

#[test]
fn a_panic_does_not_stop_the_key_and_says_whose_it_is() {
    guard(|| {
        let runtime = workers(2);
        let _entered = runtime.enter();
        let keyed = Keyed::new();
        let tasks: Vec<_> = (0..100)
            .map(|n| {
                keyed.spawn("key", async move {
                    if n % 2 == 0 {
                        task::yield_now().await;
                        panic!("task {n}");
                    }
                    n
                })
            })
            .collect();
        for (n, task) in tasks.into_iter().enumerate() {
            let id = task.id();
            match task.join() {
                Ok(result) => assert_eq!(result, n),
                Err(error) => {
                    assert!(
                        n % 2 == 0 && error.is_panic() && error.id() == id,
                        "{error}"
                    );
                    assert!(error.to_string().contains(&format!("\"task {n}\"")));
                }
            }
        }
        let panic = keyed.go("key", || panic!("a thread")).join().unwrap_err();
        assert_eq!(panic.downcast_ref(), Some(&"a thread"));
        assert!(keyed.is_empty());
    });
}

#[test]
fn a_destructor_that_panics_hands_the_turn_on() {
    struct Panics;

    impl Drop for Panics {
        fn drop(&mut self) {
            panic!("dropped");
        }
    }

    guard(|| {
        let runtime = workers(2);
        let _entered = runtime.enter();
        let keyed = Keyed::new();
        let (ends, waits) = (Panics, Panics);
        let ended = keyed.spawn(1, async move { _ = &ends });
        let aborted = keyed.spawn(1, async move {
            _ = &waits;
            pending::<()>().await;
        });
        aborted.abort();
        assert_eq!(keyed.spawn(1, async { 3 }).join().unwrap(), 3);
        assert!(ended.join().unwrap_err().is_panic());
        assert!(aborted.join().unwrap_err().is_panic());
    });
}

#[test]
fn an_abort_ends_a_task_that_waits_for_its_turn_at_once() {
    guard(|| {
        let runtime = workers(2);
        let _entered = runtime.enter();
        let (keyed, log, drops) = (Keyed::new(), Log::default(), Drops::default());
        let gate = Gate::default();
        let first = keyed.spawn((), gate.clone().pass());
        let mut tasks: Vec<_> = (0..10)
            .map(|n| {
                let (log, token) = (log.clone(), drops.token());
                Some(keyed.spawn((), async move {
                    let _token = token;
                    log.add(n);
                }))
            })
            .collect();
        // The first of those who wait, some in the middle, and the last.
        for n in [5, 0, 4, 9, 6] {
            let task = tasks[n].take().unwrap();
            task.abort();
            assert!(task.join().unwrap_err().is_cancelled());
        }
        assert_eq!((drops.count(), keyed.len()), (5, 6));
        let thread = keyed.go((), || ());
        thread.cancel();
        assert!(thread.join().is_err());
        gate.open();
        tasks
            .into_iter()
            .flatten()
            .for_each(|task| task.join().unwrap());
        first.join().unwrap();
        assert_eq!(log.take(), [1, 2, 3, 7, 8]);
        assert_eq!((drops.count(), keyed.len()), (10, 0));
    });
}

#[test]
fn an_abort_of_the_task_that_has_the_turn_hands_it_on() {
    guard(|| {
        let runtime = workers(2);
        let _entered = runtime.enter();
        let keyed = Keyed::new();
        let stuck: Vec<_> = (0..10)
            .map(|_| keyed.spawn("key", pending::<()>()))
            .collect();
        let thread = keyed.go("key", virid::thread::park);
        let last = keyed.spawn("key", async { "last" });
        stuck.iter().for_each(task::JoinHandle::abort);
        thread.cancel();
        assert_eq!(last.join().unwrap(), "last");
        for task in stuck {
            assert!(task.join().unwrap_err().is_cancelled());
        }
    });
}

#[test]
fn dropping_it_and_abort_all_end_every_task() {
    guard(|| {
        let runtime = workers(2);
        let _entered = runtime.enter();
        for is_dropped in [false, true] {
            let (keyed, drops) = (Keyed::new(), Drops::default());
            let task = |n: usize| {
                let token = drops.token();
                keyed.spawn(n % 7, async move {
                    let _token = token;
                    pending::<()>().await;
                })
            };
            let tasks: Vec<_> = (0..100).map(task).collect();
            if is_dropped {
                drop(keyed);
            } else {
                keyed.abort_all();
                virid::block_on(keyed.wait());
                assert_eq!(drops.count(), 100);
                assert_eq!(
                    keyed.spawn(1, async { "goes on" }).join().unwrap(),
                    "goes on"
                );
            }
            for task in tasks {
                assert!(task.join().unwrap_err().is_cancelled());
            }
            assert_eq!(drops.count(), 100);
        }
    });
}

#[test]
fn a_task_may_drop_the_last_of_it() {
    guard(|| {
        let runtime = workers(2);
        let _entered = runtime.enter();
        let (keyed, gate) = (Arc::new(Keyed::new()), Gate::default());
        let (own, wait) = (keyed.clone(), gate.clone().pass());
        let first = keyed.spawn("key", async move {
            wait.await;
            drop(own);
            pending::<()>().await;
        });
        let second = keyed.spawn("key", async {});
        drop(keyed);
        gate.open();
        assert!(first.join().unwrap_err().is_cancelled());
        assert!(second.join().unwrap_err().is_cancelled());
    });
}

#[test]
fn the_end_of_the_runtime_ends_who_waits_for_its_turn() {
    guard(|| {
        for _ in 0..50 {
            let (keyed, drops) = (Keyed::new(), Drops::default());
            let runtime = workers(2);
            let spawn = |n: usize| {
                let token = drops.token();
                keyed.spawn(n % 3, async move {
                    let _token = token;
                    pending::<()>().await;
                })
            };
            let entered = runtime.enter();
            let mut tasks: Vec<_> = (0..30).map(spawn).collect();
            let handle = runtime.handle().clone();
            drop(entered);
            drop(runtime);
            assert_eq!((drops.count(), keyed.len()), (30, 0));
            // On a runtime that has ended: cancelled, and in nobody's way.
            let entered = handle.enter();
            tasks.extend((0..3).map(spawn));
            drop(entered);
            assert_eq!((drops.count(), keyed.len()), (33, 0));
            for task in tasks {
                assert!(task.join().unwrap_err().is_cancelled());
            }
            // The keys go on elsewhere.
            assert_eq!(keyed.spawn(0, async { 1 }).join().unwrap(), 1);
        }
    });
}

#[test]
fn who_waits_on_a_runtime_that_ends_is_in_nobodys_way_on_another() {
    guard(|| {
        let (one, other) = (workers(1), workers(1));
        let keyed = Keyed::new();
        let gate = Gate::default();
        let on = |runtime: &virid::Runtime, future| {
            let _entered = runtime.enter();
            keyed.spawn((), future)
        };
        let first = on(&one, gate.clone().pass());
        let lost = on(&other, Gate::default().pass());
        let opened = Gate::default();
        opened.open();
        let last = on(&one, opened.pass());
        drop(other);
        assert!(lost.join().unwrap_err().is_cancelled());
        gate.open();
        last.join().unwrap();
        first.join().unwrap();
    });
}

/// A key that counts its drops.
struct Key(usize, #[expect(dead_code, reason = "for its drop")] Token);

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        assert!(
            self.0 != 13 && other.0 != 13 || self.0 != other.0,
            "thirteen"
        );
        self.0 == other.0
    }
}

impl Eq for Key {}

#[test]
fn an_idle_key_is_not_kept() {
    guard(|| {
        let runtime = workers(2);
        let _entered = runtime.enter();
        let (keyed, drops) = (Keyed::new(), Drops::default());
        for n in 0..10_000 {
            keyed.spawn(Key(n % 1_000 + 100, drops.token()), async {});
        }
        virid::block_on(keyed.wait());
        until(|| drops.count() == 10_000);
        drop(keyed);
        assert_eq!(drops.count(), 10_000);
    });
}

#[test]
fn a_key_whose_eq_panics_makes_no_task() {
    guard(|| {
        let runtime = workers(1);
        let _entered = runtime.enter();
        let (keyed, drops) = (Arc::new(Keyed::new()), Drops::default());
        let gate = Gate::default();
        let first = keyed.spawn(Key(13, drops.token()), gate.clone().pass());
        let (same, key, token) = (keyed.clone(), Key(13, drops.token()), drops.token());
        let refused = thread::spawn(move || {
            same.spawn(key, async move { _ = &token });
        });
        assert!(refused.join().is_err());
        assert_eq!((keyed.len(), drops.count()), (1, 2));
        assert_eq!(
            keyed
                .spawn(Key(1, drops.token()), async { 1 })
                .join()
                .unwrap(),
            1
        );
        gate.open();
        first.join().unwrap();
        until(|| drops.count() == 4);
    });
}

#[test]
fn a_wait_can_be_dropped_and_hears_of_the_end() {
    guard(|| {
        let runtime = workers(2);
        let _entered = runtime.enter();
        let keyed = Arc::new(Keyed::new());
        virid::block_on(keyed.wait());
        for n in 0..200 {
            let gate = Gate::default();
            keyed.spawn(n, gate.clone().pass());
            let (begun, waits) = (Arc::new(AtomicUsize::new(0)), keyed.clone());
            let count = begun.clone();
            let dropped = virid::spawn(async move {
                count.fetch_add(1, Ordering::SeqCst);
                waits.wait().await;
            });
            let (waits, count) = (keyed.clone(), begun.clone());
            let kept = virid::spawn(async move {
                count.fetch_add(1, Ordering::SeqCst);
                waits.wait().await;
            });
            until(|| begun.load(Ordering::SeqCst) == 2);
            dropped.abort();
            gate.open();
            kept.join().unwrap();
            drop(dropped.join());
            assert!(keyed.is_empty());
        }
    });
}
