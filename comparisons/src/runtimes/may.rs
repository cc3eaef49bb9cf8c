//! may, whose green threads have a stack from the moment they are spawned.

use std::io;

use may::coroutine::{self, Coroutine};
use may::go;

use crate::contender::{Contender, Engine, Entry, Job, Limit};
use crate::hosts::ThreadHost;
use crate::workloads::{Bursts, Measured, Workload};

/// Beyond about this its spawn panics, or what waits for the thread hangs.
const LIMIT: Limit = Limit {
    most: 30_000,
    reason: "each of its stacks takes two of the 65,530 mappings that a process may have",
};

/// One page. It writes to both ends of a stack, so with two pages each thread would
/// take up twice the memory.
const STACK_WORDS: usize = 4096 / size_of::<usize>();

/// The row of may.
pub(crate) const CONTENDER: Contender = Contender {
    name: "may",
    engine: Engine::Rust {
        package: Some("may"),
        measure,
    },
    entries: &[
        Entry::new(Workload::Flat, 7000).up_to(LIMIT),
        Entry::new(Workload::Tree, 7000).up_to(LIMIT),
        Entry::new(Workload::Yield, 0),
        Entry::new(Workload::PingPong, 0),
        Entry::new(Workload::Parked, 7000).up_to(LIMIT),
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

    #[inline]
    fn yield_now() {
        coroutine::yield_now();
    }
}

fn measure(job: Job) -> io::Result<Bursts<Measured>> {
    may::config()
        .set_workers(job.workers)
        .set_stack_size(STACK_WORDS);
    // Its workers are pinned by default, which made it slower here, and no peer's
    // are.
    may::config().set_worker_pin(false);
    if job.workload.facts().scales {
        // It maps this many stacks before the burst and keeps them after it; by
        // default 1,000, beyond which every thread maps its own and unmaps it:
        // five to ten times the time.
        let threads = usize::try_from(job.size).unwrap_or(usize::MAX);
        may::config().set_pool_capacity(threads.saturating_add(64));
    }
    Ok(job.workload.measure_threads(&Host, job.size))
}
