//! What is a spawn made of, and how close is it to what its parts cost?
//!
//! ```text
//! cargo bench --bench primitives
//! cargo bench --bench primitives -- queue
//! ```
//!
//! `parts` are the operations that a scheduler cannot do without, each on its
//! own and uncontended, but for the round trip of two threads. `queue` sets the
//! smallest thing that deserves the name of a task queue, a `VecDeque` of boxed
//! closures on one thread, beside virid on one worker: the same bounded backlog,
//! the same body. A run without arguments ends with the ratio of the two, taken
//! in turn and so free of what slows both.

use std::cell::Cell;
use std::collections::VecDeque;
use std::env;
use std::hint::black_box;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering, fence};
use std::thread;
use std::time::{Duration, Instant};

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
use crossbeam_deque::Worker;
use virid::{Builder, Runtime};

/// How many tasks wait at most: what a worker's queue and the allocator's free
/// list hold without growing.
const BACKLOG: u64 = 64;

fn parts(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("parts");
    brief(&mut group);
    let deque = Worker::new_fifo();
    group.bench_function("deque_push_pop", |bencher| {
        bencher.iter(|| {
            deque.push(black_box(1u64));
            deque.pop()
        });
    });
    group.bench_function("fence_seq_cst", |bencher| {
        bencher.iter(|| fence(Ordering::SeqCst));
    });
    let counter = AtomicU64::new(0);
    group.bench_function("fetch_add", |bencher| {
        bencher.iter(|| counter.fetch_add(1, Ordering::Relaxed));
    });
    group.bench_function("malloc_free_64", |bencher| {
        bencher.iter(|| drop(black_box(Box::<[u64; 8]>::new_uninit())));
    });
    group.bench_function("park_unpark_round_trip", |bencher| {
        bencher.iter_custom(round_trips);
    });
    group.finish();
}

/// Two threads wake each other in turn; one round trip is two of these wakes.
fn round_trips(trips: u64) -> Duration {
    let this = thread::current();
    let partners_turn = AtomicBool::new(false);
    let wait_until = |turn| {
        while partners_turn.load(Ordering::Acquire) != turn {
            thread::park();
        }
    };
    thread::scope(|scope| {
        let partner = scope.spawn(|| {
            // One more, to start with both threads running.
            for _ in 0..trips + 1 {
                wait_until(true);
                partners_turn.store(false, Ordering::Release);
                this.unpark();
            }
        });
        let round_trip = || {
            partners_turn.store(true, Ordering::Release);
            partner.thread().unpark();
            wait_until(false);
        };
        round_trip();
        let start = Instant::now();
        (0..trips).for_each(|_| round_trip());
        start.elapsed()
    })
}

fn queue(criterion: &mut Criterion) {
    let runtime = one_worker();
    let mut group = criterion.benchmark_group("queue");
    brief(&mut group);
    group.throughput(Throughput::Elements(BACKLOG));
    group.bench_function("closures", |bencher| bencher.iter_custom(run_closures));
    group.bench_function("virid", |bencher| {
        bencher.iter_custom(|rounds| run_tasks(&runtime, rounds));
    });
    group.finish();
}

fn one_worker() -> Runtime {
    let runtime = Builder::new().worker_threads(1).build();
    runtime.expect("no runtime to measure")
}

thread_local! {
    /// What the bodies add up. One thread runs them all, and an atomic addition
    /// would cost more than the queue.
    static SUM: Cell<u64> = const { Cell::new(0) };
}

fn add(i: u64) {
    SUM.set(SUM.get().wrapping_add(i));
}

/// Checks what `rounds` rounds have added up.
fn check(rounds: u64) {
    let expected = rounds * (BACKLOG * (BACKLOG - 1) / 2);
    assert_eq!(SUM.take(), expected, "a task was lost or ran twice");
}

/// Each round queues [`BACKLOG`] closures, then calls them all.
fn run_closures(rounds: u64) -> Duration {
    let mut queue = VecDeque::<Box<dyn FnOnce()>>::new();
    let start = Instant::now();
    for _ in 0..rounds {
        for i in 0..BACKLOG {
            queue.push_back(Box::new(move || add(i)));
        }
        while let Some(closure) = black_box(&mut queue).pop_front() {
            closure();
        }
    }
    let elapsed = start.elapsed();
    check(rounds);
    elapsed
}

/// Each round spawns [`BACKLOG`] detached tasks and lets the worker run them:
/// the spawner goes to the back of the queue, behind them all.
fn run_tasks(runtime: &Runtime, rounds: u64) -> Duration {
    let spawner = runtime.spawn(async move {
        let start = Instant::now();
        for _ in 0..rounds {
            for i in 0..BACKLOG {
                drop(virid::spawn(async move { add(i) }));
            }
            virid::yield_now().await;
        }
        let elapsed = start.elapsed();
        check(rounds);
        elapsed
    });
    spawner.join().unwrap()
}

/// Prints what a task costs as a multiple of a closure.
fn ratio(_: &mut Criterion) {
    const PAIRS: usize = 51;
    const ROUNDS: u64 = 2_000;
    // A filter asks for something else, and other flags for no measurement.
    if env::args().skip(1).any(|argument| argument != "--bench") || env::args().len() == 1 {
        return;
    }
    let runtime = one_worker();
    let per_task = |elapsed: Duration| elapsed.as_nanos() as f64 / (ROUNDS * BACKLOG) as f64;
    let pair = || {
        let closure = per_task(run_closures(ROUNDS));
        let task = per_task(run_tasks(&runtime, ROUNDS));
        (task, closure, task / closure)
    };
    pair();
    let pairs: Vec<_> = (0..PAIRS).map(|_| pair()).collect();
    let [low, middle, high] = [0, PAIRS / 2, PAIRS - 1];
    let sorted = |part: fn(&(f64, f64, f64)) -> f64| {
        let mut values: Vec<f64> = pairs.iter().map(part).collect();
        values.sort_unstable_by(f64::total_cmp);
        values
    };
    let ratios = sorted(|pair| pair.2);
    println!(
        "same-worker spawn and run: {:.1} ns, closure queue: {:.1} ns, ratio {:.2} \
         ({:.2} to {:.2}; medians of {PAIRS} pairs)",
        sorted(|pair| pair.0)[middle],
        sorted(|pair| pair.1)[middle],
        ratios[middle],
        ratios[low],
        ratios[high],
    );
}

/// These take nanoseconds: criterion's usual eight seconds each tell no more.
fn brief(group: &mut BenchmarkGroup<'_, WallTime>) {
    group
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2));
}

criterion_group!(benches, parts, queue, ratio);
criterion_main!(benches);
