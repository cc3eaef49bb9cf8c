//! Rayon, a fork-join pool: closures without suspension.

use std::io;

use crate::contender::{Contender, Engine, Entry, Job};
use crate::hosts::{ScopeHost, tree_children};
use crate::workloads::{Bursts, Measured, Workload, cold_start};

/// The row of rayon.
pub(crate) const CONTENDER: Contender = Contender {
    name: "rayon",
    engine: Engine::Rust {
        package: Some("rayon"),
        measure,
    },
    // Its tasks cannot wait, and its `yield_now` runs another task on top of the
    // one that calls.
    entries: &[
        Entry::new(Workload::Flat, 200),
        Entry::new(Workload::Tree, 200),
        Entry::new(Workload::Chained, 0),
        Entry::new(Workload::Scope, 0),
        Entry::new(Workload::Outside1, 200),
        Entry::new(Workload::Outside4, 200),
        Entry::new(Workload::Outside8, 200),
        Entry::new(Workload::UsBurst1, 200),
        Entry::new(Workload::UsBurst2, 200),
        Entry::new(Workload::UsTree1, 200),
        Entry::new(Workload::UsTree2, 200),
        Entry::new(Workload::ColdStart, 0),
        Entry::new(Workload::Skynet, 0),
        Entry::new(Workload::Fib, 0),
        Entry::new(Workload::Nqueens, 0),
        Entry::new(Workload::Idle, 0),
    ],
};

struct Host(rayon::ThreadPool);

impl ScopeHost for Host {
    fn run<T, B>(&self, body: B) -> T
    where
        T: Send,
        B: FnOnce() -> T + Send,
    {
        self.0.install(body)
    }

    fn scope<T>(n: u64, task: T)
    where
        T: Fn(u64) + Copy + Send + Sync,
    {
        // `scope` and not `spawn`: a free spawn also counts references to the
        // pool, and its spawner could not wait without blocking a worker. The
        // order stays last-in-first-out, the one rayon calls the fast one.
        rayon::scope(|scope| {
            for i in 0..n {
                scope.spawn(move |_| task(i));
            }
        });
    }

    fn scope_tree<const ARITY: u64, T>(n: u64, task: T)
    where
        T: Fn(u64) + Copy + Send + Sync,
    {
        fn node<'scope, const ARITY: u64, T>(scope: &rayon::Scope<'scope>, i: u64, n: u64, task: T)
        where
            T: Fn(u64) + Copy + Send + Sync + 'scope,
        {
            for child in tree_children::<ARITY>(i, n) {
                scope.spawn(move |scope| node::<ARITY, _>(scope, child, n, task));
            }
            task(i);
        }
        // Not `join`, which spawns nothing unless another worker is idle.
        rayon::scope(|scope| scope.spawn(move |scope| node::<ARITY, _>(scope, 0, n, task)));
    }

    fn spawn_from_outside<B>(&self, body: B)
    where
        B: FnOnce() + Send + 'static,
    {
        self.0.spawn(body);
    }

    fn join<A, B>(one: A, other: B) -> (u64, u64)
    where
        A: FnOnce() -> u64 + Send,
        B: FnOnce() -> u64 + Send,
    {
        // What its documentation calls the way to divide and conquer: the other one
        // becomes a task only where an idle worker takes it, so that nothing is spawned
        // for most of the children.
        rayon::join(one, other)
    }
}

fn start(job: Job) -> io::Result<Host> {
    // A pool of its own, so that the worker count is ours and not that of
    // RAYON_NUM_THREADS.
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(job.workers)
        .build()
        .map_err(io::Error::other)?;
    Ok(Host(pool))
}

fn measure(job: Job) -> io::Result<Bursts<Measured>> {
    match job.workload {
        Workload::ColdStart => cold_start::measure_scope(|| start(job)),
        other => other.measure_scope(&start(job)?, job.size),
    }
}
