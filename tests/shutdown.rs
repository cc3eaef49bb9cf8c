//! Proves that dropping a runtime ends every task: each future is dropped
//! exactly once, each waiting handle is told, and nothing panics or hangs.

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

use drops::{Drops, Token};
use gate::Gate;
use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Barrier, Mutex};
use std::task::Context;
use std::thread;
use support::guard;
use until::until;
use virid::task::JoinHandle;
use virid::{Builder, Handle};
use wakes::Wakes;
use workers::workers;

/// Stays suspended for ever and counts its drop.
async fn endless(token: Token) {
    let _token = token;
    pending::<()>().await;
}

#[test]
fn queued_suspended_and_running_tasks_are_each_dropped_once() {
    guard(|| {
        for count in [1, 2, 4] {
            let (runtime, drops) = (workers(count), Drops::default());
            let tasks = (0..1_000).map(|_| runtime.spawn(endless(drops.token())));
            let suspended: Vec<_> = tasks.collect();
            runtime.spawn(async {}).join().unwrap();
            let (busy, stop) = (
                Arc::new(Barrier::new(count + 1)),
                Arc::new(AtomicBool::new(false)),
            );
            let running: Vec<_> = (0..count)
                .map(|_| {
                    let (token, busy, stop) = (drops.token(), busy.clone(), stop.clone());
                    runtime.spawn(async move {
                        let _token = token;
                        busy.wait();
                        until(|| stop.load(Ordering::SeqCst));
                        pending::<()>().await;
                    })
                })
                .collect();
            busy.wait();
            let tasks = (0..1_000).map(|_| runtime.spawn(endless(drops.token())));
            let queued: Vec<_> = tasks.collect();
            assert_eq!(drops.count(), 0);
            let stopper = thread::spawn(move || stop.store(true, Ordering::SeqCst));
            drop(runtime);
            assert_eq!(drops.count(), 2_000 + count);
            stopper.join().unwrap();
            for task in suspended.into_iter().chain(running).chain(queued) {
                assert!(task.is_finished());
                assert!(task.join().unwrap_err().is_cancelled());
            }
        }
    });
}

#[test]
fn a_task_that_ends_during_the_shutdown_keeps_its_result() {
    guard(|| {
        for _ in 0..100 {
            let (runtime, busy) = (workers(1), Arc::new(Barrier::new(2)));
            let inside = busy.clone();
            let task = runtime.spawn(async move {
                inside.wait();
                inside.wait();
                "ended"
            });
            busy.wait();
            let dropper = thread::spawn(|| drop(runtime));
            busy.wait();
            dropper.join().unwrap();
            assert_eq!(task.join().unwrap(), "ended");
        }
    });
}

#[test]
fn threads_waiting_in_join_are_told_that_their_tasks_are_cancelled() {
    guard(|| {
        let (runtime, drops) = (workers(2), Drops::default());
        let waiting: Vec<_> = (0..8)
            .map(|index| {
                let task = runtime.spawn(endless(drops.token()));
                thread::spawn(move || match index % 2 {
                    0 => task.join().unwrap_err(),
                    _ => virid::block_on(task).unwrap_err(),
                })
            })
            .collect();
        runtime.spawn(async {}).join().unwrap();
        drop(runtime);
        for thread in waiting {
            assert!(thread.join().unwrap().is_cancelled());
        }
        assert_eq!(drops.count(), 8);
    });
}

#[test]
fn a_task_of_another_runtime_that_awaits_is_told_too() {
    guard(|| {
        let (ended, waiting) = (workers(1), workers(1));
        let task = ended.spawn(pending::<()>());
        let waiter = waiting.spawn(async { task.await.unwrap_err().is_cancelled() });
        waiting.spawn(async {}).join().unwrap();
        drop(ended);
        assert!(waiter.join().unwrap());
    });
}

#[test]
fn a_spawn_through_a_handle_after_the_end_is_cancelled() {
    guard(|| {
        let (runtime, drops) = (workers(2), Drops::default());
        let handle = runtime.handle().clone();
        drop(runtime);
        for round in 1..=1_000 {
            let token = drops.token();
            let task = handle.spawn(async move { drop(token) });
            assert_eq!(drops.count(), round);
            assert!(task.is_finished());
            assert!(task.join().unwrap_err().is_cancelled());
        }
        assert_eq!(handle.block_on(async { 4 }), 4);
    });
}

#[test]
fn spawning_from_three_threads_races_with_the_shutdown_and_loses_nothing() {
    guard(|| {
        for round in 0..50 {
            let (runtime, drops) = (workers(1 + round % 3), Drops::default());
            let start = Arc::new(Barrier::new(4));
            let ran = Arc::new(AtomicUsize::new(0));
            let threads = [(); 3].map(|()| {
                let tokens: Vec<_> = (0..500).map(|_| drops.token()).collect();
                let (handle, start, ran) = (runtime.handle().clone(), start.clone(), ran.clone());
                thread::spawn(move || {
                    start.wait();
                    let spawn = |token: Token| {
                        let ran = ran.clone();
                        handle.spawn(async move {
                            let _token = token;
                            virid::yield_now().await;
                            ran.fetch_add(1, Ordering::SeqCst);
                        })
                    };
                    tokens
                        .into_iter()
                        .map(spawn)
                        .collect::<Vec<JoinHandle<()>>>()
                })
            });
            start.wait();
            for _ in 0..round * 200 {
                std::hint::spin_loop();
            }
            drop(runtime);
            let mut joined = 0;
            for thread in threads {
                for task in thread.join().unwrap() {
                    match task.join() {
                        Ok(()) => joined += 1,
                        Err(error) => assert!(error.is_cancelled()),
                    }
                }
            }
            assert_eq!((ran.load(Ordering::SeqCst), drops.count()), (joined, 1_500));
        }
    });
}

#[test]
fn handles_dropped_and_polled_while_the_runtime_is_dropped_free_everything_once() {
    guard(|| {
        for round in 0..200 {
            let (runtime, drops, wakes) = (workers(2), Drops::default(), Wakes::new());
            let start = Arc::new(Barrier::new(3));
            let threads = [false, true].map(|polls| {
                let spawn = |_| runtime.spawn(endless(drops.token()));
                let tasks: Vec<_> = (0..100).map(spawn).collect();
                let (start, waker) = (start.clone(), wakes.waker());
                thread::spawn(move || {
                    start.wait();
                    for mut task in tasks {
                        if polls {
                            let mut context = Context::from_waker(&waker);
                            _ = Pin::new(&mut task).poll(&mut context);
                        }
                    }
                })
            });
            start.wait();
            for _ in 0..round * 50 {
                std::hint::spin_loop();
            }
            drop(runtime);
            threads
                .into_iter()
                .for_each(|thread| thread.join().unwrap());
            assert_eq!((drops.count(), wakes.alive()), (200, 0));
            assert!(wakes.count() <= 100);
        }
    });
}

#[test]
fn dropping_a_runtime_in_its_own_task_starts_the_shutdown_and_returns() {
    guard(|| {
        for round in 0..600 {
            let (runtime, drops) = (workers(1 + round % 4), Drops::default());
            let others: Vec<_> = (0..10)
                .map(|_| runtime.spawn(endless(drops.token())))
                .collect();
            let handle = runtime.handle().clone();
            let own = drops.token();
            let last = handle.spawn(async move {
                let _own = own;
                drop(runtime);
                let late = virid::spawn(async {});
                (late, "returned")
            });
            let (late, text) = last.join().unwrap();
            assert_eq!(text, "returned");
            for task in others {
                assert!(task.join().unwrap_err().is_cancelled());
            }
            assert!(late.join().unwrap_err().is_cancelled());
            until(|| drops.count() == 11);
        }
    });
}

#[test]
fn a_runtime_whose_last_owner_is_its_own_suspended_task_ends() {
    guard(|| {
        let (runtime, drops, gate) = (Arc::new(workers(2)), Drops::default(), Gate::default());
        let (own, token, passed) = (runtime.clone(), drops.token(), gate.clone().pass());
        let task = runtime.spawn(async move {
            let _token = token;
            passed.await;
            drop(own);
            pending::<()>().await;
        });
        drop(runtime);
        gate.open();
        assert!(task.join().unwrap_err().is_cancelled());
        until(|| drops.count() == 1);
    });
}

#[test]
fn dropping_a_runtime_in_a_task_of_another_one_ends_only_the_dropped_one() {
    guard(|| {
        for _ in 0..50 {
            let (outer, inner, drops) = (workers(2), workers(2), Drops::default());
            let task = inner.spawn(endless(drops.token()));
            let parent = outer.spawn(async {
                drop(inner);
                virid::spawn(async { 5 }).await.unwrap()
            });
            assert_eq!(parent.join().unwrap(), 5);
            assert!(task.join().unwrap_err().is_cancelled());
            assert_eq!(drops.count(), 1);
        }
    });
}

#[test]
fn two_runtimes_work_side_by_side_and_one_outlives_the_other() {
    guard(|| {
        let build = |name: &str| Builder::new().worker_threads(2).thread_name(name).build();
        let (one, two) = (build("side-a").unwrap(), build("side-b").unwrap());
        let other = two.handle().clone();
        let task = one.spawn(async move {
            let there = other.spawn(async { thread::current().name().map(str::to_owned) });
            let here = virid::spawn(async { thread::current().name().map(str::to_owned) });
            (here.await.unwrap().unwrap(), there.await.unwrap().unwrap())
        });
        let (here, there) = task.join().unwrap();
        assert!(here.starts_with("side-a-") && there.starts_with("side-b-"));
        drop(one);
        assert_eq!(two.spawn(async { 6 }).join().unwrap(), 6);
    });
}

/// Spawns a counted future when it is dropped.
struct SpawnsWhenDropped(Handle, Drops, Arc<Mutex<Vec<JoinHandle<()>>>>);

impl Drop for SpawnsWhenDropped {
    fn drop(&mut self) {
        let mut tasks = self.2.lock().unwrap();
        tasks.push(self.0.spawn(endless(self.1.token())));
        tasks.push(self.0.spawn(endless(self.1.token())));
    }
}

#[test]
fn tasks_that_spawn_in_drop_during_the_shutdown_get_cancelled_handles() {
    guard(|| {
        for count in [1, 2, 4] {
            let (runtime, drops, tasks) = (workers(count), Drops::default(), Arc::default());
            for index in 0..100 {
                let clone = Drops::clone(&drops);
                let bomb = SpawnsWhenDropped(runtime.handle().clone(), clone, Arc::clone(&tasks));
                drop(runtime.spawn(async move {
                    let _bomb = bomb;
                    pending::<()>().await;
                }));
                if index == 50 {
                    runtime.spawn(async {}).join().unwrap();
                }
            }
            drop(runtime);
            assert_eq!(drops.count(), 200);
            for task in tasks.lock().unwrap().drain(..) {
                assert!(task.join().unwrap_err().is_cancelled());
            }
        }
    });
}

#[test]
fn a_result_kept_by_a_handle_is_readable_after_the_runtime_is_gone() {
    guard(|| {
        let (runtime, drops) = (workers(2), Drops::default());
        let spawn = |token| runtime.spawn(async { (token, vec![8; 100]) });
        let tasks: Vec<_> = (0..100).map(|_| spawn(drops.token())).collect();
        until(|| tasks.iter().all(JoinHandle::is_finished));
        drop(runtime);
        assert_eq!(drops.count(), 0);
        for (index, task) in tasks.into_iter().enumerate() {
            match index % 2 {
                0 => assert_eq!(task.join().unwrap().1, [8; 100]),
                _ => drop(task),
            }
            assert_eq!(drops.count(), index + 1);
        }
    });
}

#[test]
fn two_tasks_that_await_each_other_are_both_dropped() {
    guard(|| {
        for _ in 0..100 {
            let (runtime, drops) = (workers(2), Drops::default());
            let gates = [Gate::default(), Gate::default()];
            let slots: [Arc<Mutex<Option<JoinHandle<()>>>>; 2] = Default::default();
            let spawn = |own: usize| {
                let (passed, slot) = (gates[own].clone().pass(), slots[own].clone());
                let token = drops.token();
                runtime.spawn(async move {
                    let _token = token;
                    passed.await;
                    let other = slot.lock().unwrap().take().unwrap();
                    _ = other.await;
                })
            };
            let (one, two) = (spawn(0), spawn(1));
            *slots[0].lock().unwrap() = Some(two);
            *slots[1].lock().unwrap() = Some(one);
            gates.iter().for_each(Gate::open);
            until(|| slots.iter().all(|slot| slot.lock().unwrap().is_none()));
            drop(runtime);
            assert_eq!(drops.count(), 2);
        }
    });
}

#[test]
fn a_task_that_wakes_itself_for_ever_does_not_hold_up_the_shutdown() {
    guard(|| {
        let (runtime, drops) = (workers(2), Drops::default());
        let (started, start) = channel();
        for _ in 0..8 {
            let (token, started) = (drops.token(), started.clone());
            drop(runtime.spawn(async move {
                let _token = token;
                started.send(()).unwrap();
                loop {
                    virid::yield_now().await;
                }
            }));
        }
        (0..8).for_each(|_| start.recv().unwrap());
        drop(runtime);
        assert_eq!(drops.count(), 8);
    });
}

#[test]
fn tasks_that_spawn_for_ever_do_not_hold_up_the_shutdown() {
    fn again(token: Arc<Token>) {
        drop(virid::spawn(async move { again(token.clone()) }));
    }
    guard(|| {
        for count in [1, 2, 4] {
            let (runtime, drops) = (workers(count), Drops::default());
            let token = Arc::new(drops.token());
            let start: Vec<_> = (0..8)
                .map(|_| {
                    let token = token.clone();
                    runtime.spawn(async { again(token) })
                })
                .collect();
            drop(token);
            start.into_iter().for_each(|task| task.join().unwrap());
            drop(runtime);
            assert_eq!(drops.count(), 1);
        }
    });
}
