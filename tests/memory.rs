//! Proves that the memory of tasks is used again, that what is alive bounds it,
//! and that a cell stays while somebody holds it, also without its runtime.
//!
//! `VIRID_TASKS` changes how many tasks the two large tests spawn.

#![cfg(not(virid_loom))]

#[path = "support/alone.rs"]
mod alone;
#[path = "support/child.rs"]
mod child;
#[path = "support/dice.rs"]
mod dice;
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
use dice::Dice;
use drops::{Drops, Token};
use queued::at_rest;
use std::env;
use std::future::poll_fn;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::task::{Poll, Waker};
use std::thread;
use support::guard;
use until::until;
use virid::task::{AbortHandle, JoinHandle};
use virid::{Handle, Runtime, spawn};
use workers::workers;

const MIB: usize = 1 << 20;
/// Bytes of a cell with a small future.
const CELL: usize = 64;
/// Cells that move between threads at once.
const MAGAZINE: u64 = 62;

fn tasks_or(default: u64) -> u64 {
    env::var("VIRID_TASKS").map_or(default, |text| text.parse().expect("VIRID_TASKS"))
}

#[cfg(all(target_os = "linux", not(virid_sanitize)))]
mod resident {
    use super::*;
    use queued::queue;
    use std::fs;

    /// Bytes of this process that are in memory now.
    fn resident() -> usize {
        let numbers = fs::read_to_string("/proc/self/statm").unwrap();
        let pages = numbers.split(' ').nth(1).unwrap();
        // SAFETY: asks for a number, and touches no memory.
        let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
        pages.parse::<usize>().unwrap() * page as usize
    }

    #[test]
    fn ten_million_queued_tasks_take_eighty_bytes_each_and_give_them_back() {
        let test = "resident::ten_million_queued_tasks_take_eighty_bytes_each_and_give_them_back";
        alone(test, || {
            let tasks = tasks_or(10_000_000);
            let most = (80 * tasks as usize).max(16 * MIB);
            let runtime = workers(1);
            queue(&runtime, 1_000, || {});
            runtime.trim();
            let before = resident();
            let mut levels = Vec::new();
            for round in 0..5 {
                let peak = queue(&runtime, tasks, resident) - before;
                let trimmed = runtime.trim();
                let after = resident();
                let said = format!("round {round}: {before} + {peak}, {trimmed}, {after}");
                assert!(peak <= most, "{said}");
                assert!(after <= before + 16 * MIB, "{said}");
                levels.push(after);
            }
            assert!(levels[4] <= levels[0] + 16 * MIB, "{levels:?}");
        });
    }

    #[test]
    fn the_end_of_a_runtime_gives_its_memory_back() {
        let test = "resident::the_end_of_a_runtime_gives_its_memory_back";
        alone(test, || {
            drop(workers(2));
            let before = resident();
            for round in 0..2 {
                let runtime = workers(2);
                let spawns = async {
                    (0..1_000_000).for_each(|_| drop(spawn(std::future::pending::<()>())));
                };
                runtime.spawn(spawns).join().unwrap();
                drop(runtime);
                let after = resident();
                // What queued them belongs to the process: about eight bytes each.
                assert!(after <= before + 32 * MIB, "{round}: {before}, {after}");
            }
        });
    }
}

/// One task spawns and keeps its worker, the other worker runs what it steals:
/// every cell is carved, or taken back, on the one side and freed on the other.
#[test]
fn cells_go_back_from_the_worker_that_frees_them_to_the_one_that_spawns() {
    let test = "cells_go_back_from_the_worker_that_frees_them_to_the_one_that_spawns";
    alone(test, || {
        const BACKLOG: u64 = 100_000;
        const BOUND: usize = 64 * MIB;
        let tasks = tasks_or(5_000_000);
        let runtime = workers(2);
        let root = runtime.spawn(async move {
            let (done, handle) = (Arc::<AtomicU64>::default(), Handle::current());
            let mut most = 0;
            for spawned in 0..tasks {
                until(|| spawned - done.load(Ordering::Acquire) < BACKLOG);
                if spawned % BACKLOG == 0 {
                    most = handle.metrics().cell_memory().max(most);
                }
                let done = done.clone();
                drop(spawn(async move {
                    done.fetch_add(1, Ordering::Release);
                }));
            }
            until(|| done.load(Ordering::Acquire) == tasks);
            handle.metrics().cell_memory().max(most)
        });
        let most = root.join().unwrap();
        let metrics = at_rest(&runtime);
        assert!(most <= BOUND, "{most}: {metrics}");
        let (put, taken) = (metrics.magazines_put(), metrics.magazines_taken());
        let limit = tasks / MAGAZINE * 6 / 5 + 1_000;
        assert!(put <= limit && taken <= limit, "{put}, {taken}: {metrics}");
        // What was not carved within the bound came back.
        let carved = metrics.cells_fresh();
        assert!(carved <= (BOUND / CELL) as u64, "{carved}: {metrics}");
        let recycled = metrics.cells_recycled();
        assert!(recycled + carved >= tasks, "{recycled} + {carved}");
    });
}

/// All that can outlive a task and its runtime.
struct Kept {
    number: usize,
    task: JoinHandle<Outcome>,
    abort: AbortHandle,
    wakers: Vec<Waker>,
}

/// A result that shows when it was overwritten.
struct Outcome(
    [usize; 40],
    #[expect(dead_code, reason = "counts its drop")] Token,
);

/// A third of these tasks end at once, a third when they are woken, and a third
/// never. The counts are of futures and of results.
fn keep(runtime: &Runtime, tasks: usize, futures: &Drops, results: &Drops) -> Vec<Kept> {
    let wakers: Arc<Vec<Mutex<Vec<Waker>>>> =
        Arc::new((0..tasks).map(|_| Mutex::default()).collect());
    let spawn = |number: usize| {
        let (wakers, token, results) = (wakers.clone(), futures.token(), results.clone());
        let filling = [number; 20];
        runtime.spawn(async move {
            let _token = token;
            let mut polls = 0;
            poll_fn(|context| {
                polls += 1;
                let waker = context.waker().clone();
                wakers[number].lock().unwrap().push(waker);
                if polls == number % 3 {
                    Poll::Ready(())
                } else {
                    Poll::Pending
                }
            })
            .await;
            assert_eq!(filling, [number; 20]);
            Outcome([number; 40], results.token())
        })
    };
    let tasks: Vec<_> = (0..tasks).map(spawn).collect();
    at_rest(runtime);
    for number in (2..tasks.len()).step_by(3) {
        wakers[number].lock().unwrap()[0].wake_by_ref();
    }
    at_rest(runtime);
    let keep = |(number, task): (usize, JoinHandle<Outcome>)| Kept {
        number,
        abort: task.abort_handle(),
        wakers: std::mem::take(&mut wakers[number].lock().unwrap()),
        task,
    };
    tasks.into_iter().enumerate().map(keep).collect()
}

/// Uses all of it and lets go of it, in an order that the dice choose.
fn let_go(kept: Kept, dice: &mut Dice) {
    let Kept { number, task, .. } = kept;
    let mut wakers = kept.wakers;
    assert!(task.is_finished() && kept.abort.is_finished());
    kept.abort.abort();
    wakers.iter().for_each(Waker::wake_by_ref);
    if dice.below(2) == 0 {
        drop(kept.abort);
        wakers.drain(..).for_each(Waker::wake);
    }
    match (dice.below(4), task) {
        // A result that nobody reads.
        (0, task) => drop(task),
        (_, task) => match task.join() {
            Ok(outcome) => assert!(number % 3 != 0 && outcome.0 == [number; 40]),
            Err(error) => assert!(number % 3 == 0 && error.is_cancelled()),
        },
    }
    wakers.into_iter().for_each(Waker::wake);
}

#[test]
fn what_outlives_its_runtime_is_used_and_dropped_by_other_threads() {
    guard(|| {
        const TASKS: usize = 10_000;
        let mut dice = Dice::new();
        for count in [1, 2, 4] {
            let (futures, results) = (Drops::default(), Drops::default());
            let runtime = workers(count);
            let kept = keep(&runtime, TASKS, &futures, &results);
            let handle = runtime.handle().clone();
            handle.trim();
            drop(runtime);
            assert_eq!((futures.count(), results.count()), (TASKS, 0));
            handle.trim();
            // Tasks of another runtime, which may use what is let go of.
            let other = workers(2);
            let start = Arc::new(Barrier::new(5));
            let mut shares: [Vec<Kept>; 4] = Default::default();
            for kept in kept {
                shares[dice.below(4) as usize].push(kept);
            }
            let threads = shares.map(|share| {
                let (start, mut dice) = (start.clone(), dice.fork());
                let (handle, other) = (handle.clone(), other.handle().clone());
                thread::spawn(move || {
                    start.wait();
                    for kept in share {
                        let number = kept.number;
                        let_go(kept, &mut dice);
                        let task = other.spawn(async move { [number; 40] });
                        assert_eq!(task.join().unwrap(), [number; 40]);
                        if dice.below(500) == 0 {
                            handle.trim();
                        }
                    }
                })
            });
            drop(handle);
            start.wait();
            threads
                .into_iter()
                .for_each(|thread| thread.join().unwrap());
            let ended = (0..TASKS).filter(|number| number % 3 != 0).count();
            assert_eq!((futures.count(), results.count()), (TASKS, ended));
        }
    });
}
