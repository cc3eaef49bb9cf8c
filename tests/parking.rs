//! Proves that no wake-up is lost: no runnable task waits while a worker is
//! idle, even behind a task that computes or blocks its worker.

#![cfg(not(virid_loom))]

mod support;
#[path = "support/until.rs"]
mod until;
#[path = "support/workers.rs"]
mod workers;

use std::future::poll_fn;
use std::hint::spin_loop;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::task::{Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};
use support::guard;
use until::until;
use virid::task::JoinHandle;
use workers::workers;

const FLIPS: usize = 20_000;

/// For so long a test repeats what it does at most. Where others use the processors, a
/// round takes some turns of the system's scheduler, which are of milliseconds.
const ENOUGH: Duration = Duration::from_secs(15);

/// So many rounds, or as many as there is time for.
fn rounds(most: usize) -> impl Iterator<Item = usize> {
    let start = Instant::now();
    (0..most).take_while(move |_| start.elapsed() < ENOUGH)
}

/// Waits between pushes, from none to longer than a worker takes to park.
fn pause(round: usize) {
    let spins = (round as u32).wrapping_mul(2_654_435_761) >> 21;
    for _ in 0..spins {
        spin_loop();
    }
}

fn flip_joined(count: usize) {
    guard(move || {
        let runtime = workers(count);
        for round in rounds(FLIPS) {
            assert_eq!(runtime.spawn(async move { round }).join().unwrap(), round);
            pause(round);
        }
    });
}

#[test]
fn one_task_at_a_time_never_stalls_on_one_worker() {
    flip_joined(1);
}

#[test]
fn one_task_at_a_time_never_stalls_on_two_workers() {
    flip_joined(2);
}

#[test]
fn one_task_at_a_time_never_stalls_on_three_workers() {
    flip_joined(3);
}

#[test]
fn one_task_at_a_time_never_stalls_on_eight_workers() {
    flip_joined(8);
}

#[test]
fn one_detached_task_at_a_time_never_stalls() {
    guard(|| {
        for count in [1, 2, 3, 8] {
            let (runtime, done) = (workers(count), Arc::new(AtomicUsize::new(0)));
            for round in rounds(FLIPS) {
                let task_done = done.clone();
                drop(runtime.spawn(async move { task_done.fetch_add(1, Ordering::SeqCst) }));
                until(|| done.load(Ordering::SeqCst) > round);
                pause(round);
            }
        }
    });
}

#[test]
fn a_parked_worker_wakes_for_the_wake_of_a_suspended_task() {
    guard(|| {
        for count in [1, 2, 3, 8] {
            let runtime = workers(count);
            let turn = Arc::new(AtomicUsize::new(0));
            let send = turn.clone();
            let waker = Arc::new(Mutex::new(None::<Waker>));
            let slot = waker.clone();
            let task = runtime.spawn(poll_fn(move |context| {
                *slot.lock().unwrap() = Some(context.waker().clone());
                match turn.load(Ordering::SeqCst) {
                    FLIPS => Poll::Ready(()),
                    _ => Poll::Pending,
                }
            }));
            for round in 0..FLIPS {
                until(|| waker.lock().unwrap().is_some());
                send.fetch_add(1, Ordering::SeqCst);
                let taken = waker.lock().unwrap().take();
                taken.unwrap().wake();
                pause(round);
            }
            task.join().unwrap();
        }
    });
}

fn meet(together: &Arc<Barrier>) -> impl Future<Output = ()> + Send + use<> {
    let together = together.clone();
    async move { _ = together.wait() }
}

#[test]
fn as_many_tasks_as_workers_run_at_the_same_time() {
    guard(|| {
        for count in [2, 3, 4, 8] {
            let runtime = workers(count);
            for round in 0..200 {
                let together = Arc::new(Barrier::new(count));
                let spawn = |_| runtime.spawn(meet(&together));
                let tasks: Vec<_> = (0..count).map(spawn).collect();
                tasks.into_iter().for_each(|task| task.join().unwrap());
                pause(round);
            }
        }
    });
}

#[test]
fn a_hundred_workers_all_wake_for_a_hundred_tasks() {
    guard(|| {
        for count in [48, 49, 100] {
            let runtime = workers(count);
            for round in 0..20 {
                let together = Arc::new(Barrier::new(count));
                let inside = together.clone();
                drop(runtime.spawn(async move {
                    (2..count).for_each(|_| drop(virid::spawn(meet(&inside))));
                    inside.wait();
                }));
                together.wait();
                pause(round);
            }
        }
    });
}

#[test]
fn children_run_on_the_other_workers_while_their_parent_blocks_its_own() {
    guard(|| {
        for count in [2, 3, 4, 8] {
            let runtime = workers(count);
            for round in 0..200 {
                let parent = runtime.spawn(async move {
                    let together = Arc::new(Barrier::new(count));
                    let spawn = |_| virid::spawn(meet(&together));
                    let children: Vec<_> = (1..count).map(spawn).collect();
                    together.wait();
                    children
                });
                let children: Vec<JoinHandle<()>> = parent.join().unwrap();
                children.into_iter().for_each(|task| task.join().unwrap());
                pause(round);
            }
        }
    });
}

fn line_up(together: Arc<Barrier>, behind: usize) {
    drop(virid::spawn(async move {
        if behind > 0 {
            line_up(together.clone(), behind - 1);
        }
        together.wait();
    }));
}

#[test]
fn each_of_a_row_of_blocked_tasks_gets_its_only_child_run_elsewhere() {
    guard(|| {
        for count in [2, 3, 4, 8] {
            let runtime = workers(count);
            for round in 0..200 {
                let together = Arc::new(Barrier::new(count + 1));
                let first = together.clone();
                drop(runtime.spawn(async move {
                    line_up(first.clone(), count - 2);
                    first.wait();
                }));
                together.wait();
                pause(round);
            }
        }
    });
}

/// Counts to `children` and keeps its worker busy until all of them have run.
fn compute_until_children_ran(count: usize, children: usize, rounds: usize) {
    let runtime = workers(count);
    for round in 0..rounds {
        let parent = runtime.spawn(async move {
            let ran = Arc::new(AtomicUsize::new(0));
            for _ in 0..children {
                let ran = ran.clone();
                drop(virid::spawn(
                    async move { ran.fetch_add(1, Ordering::SeqCst) },
                ));
            }
            // The yield is the operating system's: this worker stays taken.
            until(|| ran.load(Ordering::SeqCst) == children);
        });
        parent.join().unwrap();
        pause(round);
    }
}

#[test]
fn a_task_that_computes_does_not_stop_its_only_child() {
    guard(|| {
        for count in [2, 3, 8] {
            compute_until_children_ran(count, 1, 2_000);
        }
    });
}

#[test]
fn a_task_that_computes_does_not_stop_its_many_children() {
    guard(|| {
        for count in [2, 3, 8] {
            compute_until_children_ran(count, 50, 500);
            compute_until_children_ran(count, 1_000, 50);
            compute_until_children_ran(count, 50_000, 3);
        }
    });
}

#[test]
fn a_task_that_computes_does_not_stop_what_other_threads_spawn() {
    guard(|| {
        for count in [2, 3, 8] {
            let runtime = workers(count);
            for round in 0..200 {
                let ran = Arc::new(AtomicUsize::new(0));
                let busy: Vec<_> = (1..count)
                    .map(|_| {
                        let ran = ran.clone();
                        runtime.spawn(async move { until(|| ran.load(Ordering::SeqCst) == 300) })
                    })
                    .collect();
                for _ in 0..300 {
                    let ran = ran.clone();
                    drop(runtime.spawn(async move { ran.fetch_add(1, Ordering::SeqCst) }));
                }
                busy.into_iter().for_each(|task| task.join().unwrap());
                pause(round);
            }
        }
    });
}

#[test]
fn a_task_from_outside_that_computes_does_not_stop_a_yielding_one() {
    guard(|| {
        for count in [2, 3] {
            let (runtime, turns) = (workers(count), Arc::new(AtomicUsize::new(0)));
            let yielder = turns.clone();
            drop(runtime.spawn(async move {
                loop {
                    yielder.fetch_add(1, Ordering::SeqCst);
                    virid::yield_now().await;
                }
            }));
            for round in rounds(5_000) {
                let turns = turns.clone();
                let busy = runtime.spawn(async move {
                    let goal = turns.load(Ordering::SeqCst) + 10;
                    until(|| turns.load(Ordering::SeqCst) >= goal);
                });
                busy.join().unwrap();
                pause(round);
            }
        }
    });
}

#[test]
fn pushes_from_four_threads_to_sleeping_workers_never_stall() {
    guard(|| {
        for count in [1, 2, 3, 8] {
            let runtime = workers(count);
            thread::scope(|scope| {
                for offset in 0..4 {
                    let runtime = &runtime;
                    scope.spawn(move || {
                        for round in 0..3_000 {
                            runtime.spawn(async {}).join().unwrap();
                            pause(round + offset * 1_000);
                        }
                    });
                }
            });
        }
    });
}
