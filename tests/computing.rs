//! Proves that a task which computes holds up nothing but itself: what it
//! spawned, woke or kept waiting starts on an idle worker while it goes on.

#![cfg(not(virid_loom))]

mod support;
#[path = "support/until.rs"]
mod until;
#[path = "support/workers.rs"]
mod workers;

use std::future::poll_fn;
use std::hint::spin_loop;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::thread;
use support::guard;
use until::until;
use virid::Runtime;
use virid::task::Keyed;
use workers::workers;

/// From none to longer than a worker takes to park.
fn pause(round: usize) {
    let spins = (round as u32).wrapping_mul(2_654_435_761) >> 20;
    (0..spins).for_each(|_| spin_loop());
}

/// Runs `body` in a task whose poll does not end before `body` does.
fn in_a_task(runtime: &Runtime, body: impl FnOnce() + Send + 'static) {
    runtime.spawn(async move { body() }).join().unwrap();
}

#[test]
fn a_spawned_child_starts_while_its_spawner_computes() {
    guard(|| {
        for count in [2, 4, 8] {
            let runtime = workers(count);
            for round in 0..1_000 {
                in_a_task(&runtime, move || {
                    let ran = Arc::<AtomicBool>::default();
                    let child = ran.clone();
                    drop(virid::spawn(
                        async move { child.store(true, Ordering::SeqCst) },
                    ));
                    until(|| ran.load(Ordering::SeqCst));
                });
                pause(round);
            }
        }
    });
}

/// A suspended task that counts its polls, and its waker.
fn suspended(runtime: &Runtime) -> (Arc<AtomicUsize>, Waker) {
    let slot = Arc::<Mutex<Option<Waker>>>::default();
    let polls = Arc::<AtomicUsize>::default();
    let (kept, counted) = (slot.clone(), polls.clone());
    drop(runtime.spawn(poll_fn(move |context| -> Poll<()> {
        *kept.lock().unwrap() = Some(context.waker().clone());
        counted.fetch_add(1, Ordering::SeqCst);
        Poll::Pending
    })));
    until(|| polls.load(Ordering::SeqCst) > 0);
    let waker = slot.lock().unwrap().take().unwrap();
    (polls, waker)
}

#[test]
fn a_woken_task_starts_while_its_waker_computes() {
    guard(|| {
        for count in [2, 4, 8] {
            let runtime = workers(count);
            for round in 0..500 {
                let (polls, waker) = suspended(&runtime);
                in_a_task(&runtime, move || {
                    let before = polls.load(Ordering::SeqCst);
                    waker.wake();
                    until(|| polls.load(Ordering::SeqCst) > before);
                });
                pause(round);
            }
        }
    });
}

/// Children that each wait until all of them run: only as many workers as there
/// are children can end them.
#[test]
fn a_child_for_each_idle_worker_starts_while_their_spawner_computes() {
    guard(|| {
        for count in [2, 4, 8] {
            let runtime = workers(count);
            for round in 0..200 {
                in_a_task(&runtime, move || {
                    let running = Arc::<AtomicUsize>::default();
                    for _ in 1..count {
                        let running = running.clone();
                        drop(virid::spawn(async move {
                            running.fetch_add(1, Ordering::SeqCst);
                            until(|| running.load(Ordering::SeqCst) >= count - 1);
                        }));
                    }
                    until(|| running.load(Ordering::SeqCst) == count - 1);
                });
                pause(round);
            }
        }
    });
}

/// The queue holds `ahead` tasks when the child comes, spawned or woken.
fn behind_others(count: usize, ahead: usize, is_woken: bool) {
    let runtime = workers(count);
    for round in 0..100 {
        let (polls, waker) = suspended(&runtime);
        in_a_task(&runtime, move || {
            let ran = Arc::<AtomicUsize>::default();
            let count_up = |ran: &Arc<AtomicUsize>| {
                let ran = ran.clone();
                async move { _ = ran.fetch_add(1, Ordering::SeqCst) }
            };
            let before = polls.load(Ordering::SeqCst);
            (0..ahead).for_each(|_| drop(virid::spawn(count_up(&ran))));
            if is_woken {
                waker.wake();
                until(|| polls.load(Ordering::SeqCst) > before);
            } else {
                drop(virid::spawn(count_up(&ran)));
            }
            let wanted = ahead + usize::from(!is_woken);
            until(|| ran.load(Ordering::SeqCst) == wanted);
        });
        pause(round);
    }
}

#[test]
fn a_child_that_is_queued_behind_others_starts_while_its_spawner_computes() {
    guard(|| {
        for count in [2, 4, 8] {
            for ahead in [1, 2, 31, 32, 33, 200] {
                behind_others(count, ahead, false);
            }
        }
    });
}

#[test]
fn a_woken_task_that_is_queued_behind_others_starts_while_its_waker_computes() {
    guard(|| {
        for count in [2, 4, 8] {
            for ahead in [1, 2, 31, 32, 33, 200] {
                behind_others(count, ahead, true);
            }
        }
    });
}

/// Tasks that were queued in earlier polls, not by the one that computes.
#[test]
fn tasks_that_were_queued_before_a_long_poll_run_while_it_lasts() {
    guard(|| {
        for count in [2, 4, 8] {
            let runtime = workers(count);
            for round in 0..300 {
                let parent = runtime.spawn(async move {
                    let ran = Arc::<AtomicUsize>::default();
                    for _ in 0..40 {
                        let ran = ran.clone();
                        drop(virid::spawn(async move {
                            virid::yield_now().await;
                            ran.fetch_add(1, Ordering::SeqCst);
                        }));
                    }
                    virid::yield_now().await;
                    until(|| ran.load(Ordering::SeqCst) == 40);
                });
                parent.join().unwrap();
                pause(round);
            }
        }
    });
}

/// Every worker but one computes, and the tasks of all of them go on.
#[test]
fn the_children_of_all_computing_tasks_share_the_last_worker() {
    guard(|| {
        for count in [2, 4, 8] {
            let runtime = workers(count);
            for _ in 0..100 {
                let computing: Vec<_> = (1..count)
                    .map(|_| {
                        runtime.spawn(async {
                            let ran = Arc::<AtomicUsize>::default();
                            for _ in 0..10 {
                                let ran = ran.clone();
                                drop(virid::spawn(
                                    async move { ran.fetch_add(1, Ordering::SeqCst) },
                                ));
                                thread::yield_now();
                            }
                            until(|| ran.load(Ordering::SeqCst) == 10);
                        })
                    })
                    .collect();
                computing.into_iter().for_each(|task| task.join().unwrap());
            }
        }
    });
}

/// What a worker goes on with when a task has ended that others of its key wait for.
#[derive(Clone, Copy)]
enum GoesOn {
    /// With what the task has spawned.
    Spawned,
    /// With who has awaited it.
    Joiner,
    /// With a green thread that it has woken.
    Thread,
}

/// The first task of a key ends while its worker has something else to do, which computes
/// until the second has run: that was handed the turn without a signal.
fn after_the_first_of_a_key(goes_on: GoesOn) {
    for count in [2, 4, 8] {
        let runtime = workers(count);
        let _entered = runtime.enter();
        for round in 0..300 {
            let keyed = Keyed::new();
            let ran = Arc::<AtomicBool>::default();
            let seen = ran.clone();
            let computes = move || until(|| seen.load(Ordering::SeqCst));
            let (go, gate) = virid::sync::oneshot::channel::<()>();
            let second = async move { ran.store(true, Ordering::SeqCst) };
            let computing = match goes_on {
                GoesOn::Spawned => {
                    let first = keyed.spawn((), async move {
                        gate.await.unwrap();
                        (virid::spawn(async move { computes() }),)
                    });
                    keyed.spawn((), second);
                    go.send(()).unwrap();
                    first.join().unwrap().0
                }
                GoesOn::Joiner => {
                    let first = keyed.spawn((), async { gate.await.unwrap() });
                    keyed.spawn((), second);
                    let joiner = virid::spawn(async move {
                        first.await.unwrap();
                        computes();
                    });
                    go.send(()).unwrap();
                    joiner
                }
                GoesOn::Thread => {
                    let (wake, woken) = virid::sync::oneshot::channel::<()>();
                    let thread = virid::thread::spawn(move || {
                        virid::block_on(woken).unwrap();
                        computes();
                    });
                    keyed.spawn((), async move {
                        gate.await.unwrap();
                        wake.send(()).unwrap();
                    });
                    keyed.spawn((), second);
                    go.send(()).unwrap();
                    virid::spawn(async { thread.await.unwrap() })
                }
            };
            computing.join().unwrap();
            virid::block_on(keyed.wait());
            pause(round);
        }
    }
}

#[test]
fn the_next_of_a_key_starts_while_what_the_first_has_spawned_computes() {
    guard(|| after_the_first_of_a_key(GoesOn::Spawned));
}

#[test]
fn the_next_of_a_key_starts_while_who_awaited_the_first_computes() {
    guard(|| after_the_first_of_a_key(GoesOn::Joiner));
}

#[test]
fn the_next_of_a_key_starts_while_a_green_thread_that_the_first_woke_computes() {
    guard(|| after_the_first_of_a_key(GoesOn::Thread));
}
