//! Proves that of ten million tasks spawned from inside a task each runs
//! exactly once. `VIRID_TASKS` and `VIRID_REPEAT` change how many and how often.

#![cfg(not(virid_loom))]

mod support;
#[path = "support/workers.rs"]
mod workers;

use std::env;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Sender, channel};
use support::guard;
use workers::workers;

const SHARDS: usize = 64;

/// One part of the sum, on cache lines of its own.
#[repr(align(128))]
#[derive(Default)]
struct Shard {
    sum: AtomicU64,
    runs: AtomicU64,
}

struct Sum {
    shards: [Shard; SHARDS],
    tasks: u64,
    open_shards: AtomicU64,
    complete: Sender<()>,
}

impl Sum {
    /// Adds `index` to its shard; the last task of the last shard reports.
    fn add(&self, index: u64) {
        let shard = &self.shards[index as usize % SHARDS];
        shard.sum.fetch_add(index, Ordering::Relaxed);
        let quota = self.tasks / SHARDS as u64;
        let complete = shard.runs.fetch_add(1, Ordering::AcqRel) + 1 == quota;
        if complete && self.open_shards.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.complete.send(()).unwrap();
        }
    }

    fn total(&self, part: impl Fn(&Shard) -> &AtomicU64) -> u64 {
        self.shards
            .iter()
            .map(|shard| part(shard).load(Ordering::SeqCst))
            .sum()
    }
}

fn number(name: &str, default: u64) -> u64 {
    env::var(name).map_or(default, |text| text.parse().expect(name))
}

fn every_task_runs_once(count: usize) {
    let tasks = number("VIRID_TASKS", 10_000_000).next_multiple_of(SHARDS as u64);
    for _ in 0..number("VIRID_REPEAT", 1) {
        guard(move || {
            let (complete, completed) = channel();
            let sum = Arc::new(Sum {
                shards: std::array::from_fn(|_| Shard::default()),
                tasks,
                open_shards: AtomicU64::new(SHARDS as u64),
                complete,
            });
            let runtime = workers(count);
            let shared = sum.clone();
            let root = runtime.spawn(async move {
                for index in 0..tasks {
                    let sum = shared.clone();
                    drop(virid::spawn(async move { sum.add(index) }));
                }
            });
            root.join().unwrap();
            completed.recv().unwrap();
            drop(runtime);
            assert_eq!(sum.total(|shard| &shard.runs), tasks);
            assert_eq!(sum.total(|shard| &shard.sum), tasks * (tasks - 1) / 2);
            assert_eq!(Arc::strong_count(&sum), 1);
        });
    }
}

#[test]
fn ten_million_tasks_each_run_once_on_one_worker() {
    every_task_runs_once(1);
}

#[test]
fn ten_million_tasks_each_run_once_on_two_workers() {
    every_task_runs_once(2);
}

#[test]
fn ten_million_tasks_each_run_once_on_three_workers() {
    every_task_runs_once(3);
}

#[test]
fn ten_million_tasks_each_run_once_on_eight_workers() {
    every_task_runs_once(8);
}
