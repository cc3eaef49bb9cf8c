//! Proves that `trim` gives memory back and harms nothing, whoever calls it and
//! whenever: beside tasks that spawn, inside a task, while the runtime ends and
//! when it has ended.

#![cfg(not(virid_loom))]

#[path = "support/alone.rs"]
mod alone;
#[path = "support/child.rs"]
mod child;
#[path = "support/drops.rs"]
mod drops;
#[path = "support/queued.rs"]
mod queued;
#[path = "support/rest.rs"]
mod rest;
mod support;
#[path = "support/until.rs"]
mod until;
#[path = "support/workers.rs"]
mod workers;

use alone::alone;
use drops::{Drops, Token};
use queued::{at_rest, queue};
use std::future::pending;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Barrier};
use std::thread;
use support::guard;
use until::until;
use virid::task::JoinHandle;
use virid::{Handle, spawn, yield_now};
use workers::workers;

/// Bytes of a cell with a small future.
const CELL: usize = 64;
/// Whether single pages can be given back; else only what is free altogether.
const GIVES_PAGES: bool = cfg!(all(target_os = "linux", not(virid_sanitize)));

/// Threads that trim as often as they can until they are told to stop.
struct Trimmers {
    stop: Arc<AtomicBool>,
    threads: Vec<thread::JoinHandle<()>>,
}

impl Trimmers {
    /// Returns when each has trimmed once.
    fn start(handle: &Handle) -> Self {
        let (stop, begun) = (Arc::<AtomicBool>::default(), Arc::new(Barrier::new(4)));
        let trim = |_| {
            let (handle, stop, begun) = (handle.clone(), stop.clone(), begun.clone());
            thread::spawn(move || {
                handle.trim();
                begun.wait();
                while !stop.load(Ordering::Relaxed) {
                    handle.trim();
                }
            })
        };
        let threads = (0..3).map(trim).collect();
        begun.wait();
        Self { stop, threads }
    }

    fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        self.threads
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
    }
}

/// How often each task has run.
type Runs = Arc<Vec<AtomicU8>>;

fn runs(tasks: usize) -> Runs {
    Arc::new((0..tasks).map(|_| AtomicU8::new(0)).collect())
}

/// Spawns tasks of several sizes with these numbers, and awaits a quarter of
/// them; the others may run on.
async fn spawn_mixed(numbers: Range<usize>, runs: Runs) -> usize {
    let (mut awaited, mut sum) = (Vec::new(), 0);
    for number in numbers {
        let runs = runs.clone();
        let run = move || {
            runs[number].fetch_add(1, Ordering::Relaxed);
            number
        };
        match number % 4 {
            0 => awaited.push(spawn(async move { run() })),
            1 => drop(spawn(async move {
                yield_now().await;
                run()
            })),
            2 => {
                let filling = [number; 50];
                drop(spawn(async move {
                    yield_now().await;
                    assert_eq!(filling, [number; 50]);
                    run()
                }));
            }
            _ => drop(spawn(async move { run() })),
        }
        if awaited.len() == 500 {
            for task in awaited.drain(..) {
                sum += task.await.unwrap();
            }
        }
    }
    for task in awaited {
        sum += task.await.unwrap();
    }
    sum
}

#[test]
fn every_task_runs_once_while_three_threads_trim() {
    guard(|| {
        const PART: usize = 40_000;
        for count in [1, 2, 4] {
            let runtime = workers(count);
            let runs = runs(4 * PART);
            let trimmers = Trimmers::start(runtime.handle());
            let roots: Vec<_> = (0..4)
                .map(|part| {
                    let numbers = part * PART..(part + 1) * PART;
                    runtime.spawn(spawn_mixed(numbers, runs.clone()))
                })
                .collect();
            let sum: usize = roots.into_iter().map(|root| root.join().unwrap()).sum();
            // From plain threads too, which have no worker's cells.
            let outside: Vec<_> = (0..1_000)
                .map(|number| runtime.spawn(async move { [number; 20] }))
                .collect();
            for (number, task) in outside.into_iter().enumerate() {
                assert_eq!(task.join().unwrap(), [number; 20]);
            }
            until(|| Arc::strong_count(&runs) == 1);
            trimmers.stop();
            let every_fourth = 0..PART;
            assert_eq!(sum, every_fourth.map(|index| 4 * index).sum::<usize>());
            assert!(runs.iter().all(|ran| ran.load(Ordering::SeqCst) == 1));
        }
    });
}

#[test]
fn tasks_that_trim_while_others_do_lose_nothing() {
    guard(|| {
        for count in [1, 2, 4] {
            let runtime = workers(count);
            let runs = runs(8_000);
            let root = |part: usize| {
                let runs = runs.clone();
                runtime.spawn(async move {
                    let mut sum = 0;
                    for batch in 0..20 {
                        let first = part * 1_000 + batch * 50;
                        sum += spawn_mixed(first..first + 50, runs.clone()).await;
                        Handle::current().trim();
                    }
                    sum
                })
            };
            let roots: Vec<_> = (0..8).map(root).collect();
            let sum: usize = roots.into_iter().map(|root| root.join().unwrap()).sum();
            until(|| Arc::strong_count(&runs) == 1);
            assert_eq!(sum, (0..8_000).step_by(4).sum::<usize>());
            assert!(runs.iter().all(|ran| ran.load(Ordering::SeqCst) == 1));
        }
    });
}

/// Alone, as the next one is: runtimes share what is left of their batches.
#[test]
fn a_trim_gives_back_what_a_burst_took_and_the_next_finds_nothing() {
    let test = "a_trim_gives_back_what_a_burst_took_and_the_next_finds_nothing";
    alone(test, || {
        let runtime = workers(1);
        runtime.trim();
        assert_eq!(runtime.trim(), 0);
        for _ in 0..3 {
            queue(&runtime, 200_000, || {});
            let before = runtime.metrics().cell_memory();
            assert!(before >= 200_000 * CELL, "{before}");
            let given_back = runtime.trim();
            let after = runtime.metrics().cell_memory();
            if GIVES_PAGES {
                assert!(given_back >= 100_000 * CELL, "{given_back}");
                assert!(after <= before / 4, "{before}, {after}");
            }
            assert_eq!(runtime.trim(), 0);
            assert_eq!(runtime.handle().trim(), 0);
        }
    });
}

#[test]
fn a_worker_that_is_parked_keeps_no_cells() {
    guard(|| {
        for count in [1, 2, 4] {
            let runtime = workers(count);
            for _ in 0..20 {
                let runs = runs(8_000);
                let root = |part: usize| {
                    let numbers = part * 2_000..(part + 1) * 2_000;
                    runtime.spawn(spawn_mixed(numbers, runs.clone()))
                };
                let roots = [0, 1, 2, 3].map(root);
                for root in roots {
                    root.join().unwrap();
                }
                at_rest(&runtime);
                runtime.trim();
                let left = runtime.metrics().cell_memory();
                // A page or two for each size of cells.
                assert!(!GIVES_PAGES || left <= 64 << 10, "{left}");
            }
        }
    });
}

/// One of its own tasks trims the only worker, which it cannot wait for.
#[test]
fn a_task_trims_its_own_worker() {
    let root = async {
        for _ in 0..3 {
            let tasks: Vec<_> = (0..100_000_u64)
                .map(|number| spawn(async move { number }))
                .collect();
            let mut sum = 0;
            for task in tasks {
                sum += task.await.unwrap();
            }
            assert_eq!(sum, 100_000 * 99_999 / 2);
            let given_back = Handle::current().trim();
            assert!(!GIVES_PAGES || given_back >= 50_000 * CELL);
            assert_eq!(Handle::current().trim(), 0);
        }
    };
    alone("a_task_trims_its_own_worker", || {
        workers(1).spawn(root).join().unwrap();
    });
}

#[test]
fn a_trim_waits_for_no_task_and_not_for_the_runtime_it_is_inside_of() {
    guard(|| {
        let (runtime, other) = (workers(1), workers(1));
        let ((inside, is_inside), (release, released)) = (channel(), channel::<()>());
        let stranger = other.handle().clone();
        let busy = runtime.spawn(async move {
            inside.send(()).unwrap();
            // Of a runtime whose worker is inside a task that trims this one.
            stranger.trim();
            _ = released.recv();
        });
        is_inside.recv().unwrap();
        let handle = runtime.handle().clone();
        other.spawn(async move { handle.trim() }).join().unwrap();
        runtime.trim();
        runtime.block_on(async { Handle::current().trim() });
        drop(release);
        busy.join().unwrap();
    });
}

/// Trims when it is dropped.
struct TrimsLast(
    Handle,
    #[expect(dead_code, reason = "counts its drop")] Token,
);

impl Drop for TrimsLast {
    fn drop(&mut self) {
        self.0.trim();
    }
}

#[test]
fn a_trim_while_the_runtime_ends_and_afterwards_is_harmless() {
    guard(|| {
        for round in 0..20 {
            let (runtime, drops) = (workers(1 + round % 4), Drops::default());
            let handle = runtime.handle().clone();
            let suspended: Vec<_> = (0..500)
                .map(|_| {
                    let last = TrimsLast(handle.clone(), drops.token());
                    runtime.spawn(async move {
                        let _last = last;
                        pending::<()>().await;
                    })
                })
                .collect();
            let trimmers = Trimmers::start(&handle);
            drop(runtime);
            assert_eq!(drops.count(), 500);
            handle.trim();
            trimmers.stop();
            let is_cancelled =
                |task: JoinHandle<()>| task.join().is_err_and(|error| error.is_cancelled());
            assert!(suspended.into_iter().all(is_cancelled));
            handle.trim();
            let late = handle.spawn(async {});
            assert!(late.join().unwrap_err().is_cancelled());
            handle.trim();
        }
    });
}
