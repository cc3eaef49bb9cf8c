//! Rayon, a fork-join pool: closures without suspension.

use std::io;

use crate::contender::{Contender, Engine, Job};
use crate::hosts::ScopeHost;
use crate::workloads::{Bursts, Measured};

/// The row of rayon.
pub(crate) const CONTENDER: Contender = Contender {
    name: "rayon",
    engine: Engine::Rust {
        package: "rayon",
        measure,
    },
    bytes_per_task: 200,
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
}

fn measure(job: Job) -> io::Result<Bursts<Measured>> {
    // A pool of its own, so that the worker count is ours and not that of
    // RAYON_NUM_THREADS.
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(job.workers)
        .build()
        .map_err(io::Error::other)?;
    Ok(job.workload.measure_scope(&Host(pool), job.tasks))
}
