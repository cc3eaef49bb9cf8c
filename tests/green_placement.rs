//! Proves that green threads which wait spread over the workers, whoever spawns
//! them, that an idle worker begins what a busy one cannot, and that the metrics
//! say where threads are.

#![cfg(not(virid_loom))]

#[path = "support/gate.rs"]
mod gate;
#[path = "support/occupied.rs"]
mod occupied;
mod support;
#[path = "support/until.rs"]
mod until;
#[path = "support/workers.rs"]
mod workers;

use gate::Gate;
use occupied::occupy;
use support::guard;
use until::until;
use virid::metrics::WorkerMetrics;
use virid::{Runtime, thread};
use workers::workers;

const CONNECTIONS: usize = 10_000;

/// Threads on each worker, once as many as `all` wait.
fn waiting(runtime: &Runtime, all: usize) -> Vec<usize> {
    let numbers = || {
        let metrics = runtime.metrics();
        let waiting = metrics.workers().iter().map(WorkerMetrics::waiting_threads);
        waiting.collect::<Vec<_>>()
    };
    until(|| numbers().iter().sum::<usize>() == all);
    numbers()
}

/// How often a loop may run until its threads are spread: a worker that the system
/// takes its processor from for as long as a loop takes, some ms, begins none of them.
const ROUNDS: usize = 20;

/// Whether no worker has more than 1.5 times the threads of another.
fn is_even(spread: &[usize]) -> bool {
    let (most, least) = (spread.iter().max().unwrap(), spread.iter().min().unwrap());
    *most * 2 <= *least * 3
}

fn spreads(pause: impl Fn() + Send + Sync + Copy + 'static) {
    let mut uneven = Vec::new();
    while uneven.len() < ROUNDS {
        let spread = accept(pause);
        if is_even(&spread) {
            return;
        }
        uneven.push(spread);
    }
    panic!("{uneven:?}");
}

/// The threads on each worker after a loop that spawns threads which wait, and
/// between two does as `pause` says.
fn accept(pause: impl Fn() + Send + Sync + Copy + 'static) -> Vec<usize> {
    let runtime = workers(2);
    let gate = Gate::default();
    let closed = gate.clone();
    let listener = runtime.go(move || {
        let spawn = |_| {
            let gate = closed.clone();
            let connection = thread::spawn(move || virid::block_on(gate.pass()));
            pause();
            connection
        };
        let connections: Vec<_> = (0..CONNECTIONS).map(spawn).collect();
        for connection in connections {
            connection.join().unwrap();
        }
    });
    // The listener waits too: it joins.
    let spread = waiting(&runtime, CONNECTIONS + 1);
    gate.open();
    listener.join().unwrap();
    assert_eq!(waiting(&runtime, 0), [0, 0]);
    let left = |worker: &WorkerMetrics| worker.started_threads();
    until(|| runtime.metrics().workers().iter().map(left).sum::<usize>() == 0);
    spread
}

#[test]
fn threads_of_a_loop_spread_over_the_workers() {
    guard(|| spreads(|| ()));
}

#[test]
fn threads_of_a_loop_that_waits_between_them_spread_over_the_workers() {
    guard(|| spreads(thread::yield_now));
}

#[test]
fn an_idle_worker_begins_all_while_the_other_computes() {
    guard(|| {
        let runtime = workers(2);
        let computing = occupy(&runtime);
        let gate = Gate::default();
        let closed = gate.clone();
        let parent = runtime.go(move || {
            let wait = |_| {
                let gate = closed.clone();
                thread::spawn(move || virid::block_on(gate.pass()))
            };
            let children: Vec<_> = (0..1_000).map(wait).collect();
            for child in children {
                child.join().unwrap();
            }
        });
        let mut spread = waiting(&runtime, 1_001);
        spread.sort_unstable();
        assert_eq!(spread, [0, 1_001]);
        gate.open();
        parent.join().unwrap();
        drop(computing);
    });
}

#[test]
fn metrics_tell_threads_that_wait_from_those_that_go_on() {
    guard(|| {
        let runtime = workers(1);
        let threads: Vec<_> = (0..10).map(|_| runtime.go(thread::park)).collect();
        assert_eq!(waiting(&runtime, 10), [10]);
        for thread in &threads[..4] {
            thread.thread().unpark();
        }
        assert_eq!(waiting(&runtime, 6), [6]);
        until(|| runtime.metrics().workers()[0].started_threads() == 6);
        for thread in &threads {
            thread.thread().unpark();
        }
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(waiting(&runtime, 0), [0]);
    });
}
