//! may, whose green threads have a stack from the moment they are spawned.

use std::io;

use may::coroutine::{self, Coroutine};
use may::go;

use crate::contender::{Contender, Engine, Entry, Job};
use crate::hosts::ThreadHost;
use crate::workloads::{Bursts, Measured, Workload};

/// The row of may.
pub(crate) const CONTENDER: Contender = Contender {
    name: "may",
    engine: Engine::Rust {
        package: Some("may"),
        measure,
    },
    entries: &[
        Entry::new(Workload::Flat, 10_000),
        Entry::new(Workload::Tree, 10_000),
        Entry::new(Workload::Yield, 0),
        Entry::new(Workload::PingPong, 0),
        Entry::new(Workload::Parked, 10_000),
    ],
};

struct Host;

impl ThreadHost for Host {
    type Handle = Coroutine;

    fn run<T, B>(&self, body: B) -> T
    where
        T: Send + 'static,
        B: FnOnce() -> T + Send + 'static,
    {
        go!(body).join().expect("the burst does not panic")
    }

    fn spawn<B>(body: B)
    where
        B: FnOnce() + Send + 'static,
    {
        drop(go!(body));
    }

    fn current() -> Coroutine {
        coroutine::current()
    }

    fn park() {
        coroutine::park();
    }

    fn unpark(thread: &Coroutine) {
        thread.unpark();
    }

    fn yield_now() {
        coroutine::yield_now();
    }
}

fn measure(job: Job) -> io::Result<Bursts<Measured>> {
    let e = |n: &str, d: usize| {
        std::env::var(n)
            .ok()
            .and_then(|v| v.parse().ok())
            .unwrap_or(d)
    };
    may::config()
        .set_workers(job.workers)
        .set_pool_capacity(e("MAY_POOL", 1000))
        .set_stack_size(e("MAY_STACK", 0x400));
    may::config().set_worker_pin(e("MAY_PIN", 0) == 1);
    Ok(job.workload.measure_threads(&Host, job.size))
}
