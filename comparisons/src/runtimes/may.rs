//! may, whose green threads have a stack from the moment they are spawned.

use std::io;

use may::coroutine::{self, Coroutine, JoinHandle};
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
        Entry::new(Workload::Chained, 0),
        Entry::new(Workload::SpawnJoin, 7000).up_to(LIMIT),
        Entry::new(Workload::Scope, 0),
        Entry::new(Workload::Outside1, 7000).up_to(LIMIT),
        Entry::new(Workload::Outside4, 7000).up_to(LIMIT),
        Entry::new(Workload::Outside8, 7000).up_to(LIMIT),
        Entry::new(Workload::YieldMany, 0),
        Entry::new(Workload::Wake, 0),
        Entry::new(Workload::WakeP99, 0),
        Entry::new(Workload::UsBurst1, 7000).up_to(LIMIT),
        Entry::new(Workload::UsBurst2, 7000).up_to(LIMIT),
        Entry::new(Workload::UsTree1, 7000).up_to(LIMIT),
        Entry::new(Workload::UsTree2, 7000).up_to(LIMIT),
        Entry::new(Workload::Idle, 0),
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

    type Join = JoinHandle<u64>;

    fn spawn_join<B>(body: B) -> Self::Join
    where
        B: FnOnce() -> u64 + Send + 'static,
    {
        go!(body)
    }

    fn join(thread: Self::Join) -> u64 {
        thread.join().expect("no thread of a burst panics")
    }

    fn spawn_from_outside<B>(&self, body: B)
    where
        B: FnOnce() + Send + 'static,
    {
        drop(go!(body));
    }

    fn scope<T>(n: u64, task: T)
    where
        T: Fn(u64) + Copy + Send + Sync,
    {
        coroutine::scope(|scope| {
            for i in 0..n {
                go!(scope, move || task(i));
            }
        });
    }
}

fn measure(job: Job) -> io::Result<Bursts<Measured>> {
    may::config()
        .set_workers(job.workers)
        .set_stack_size(STACK_WORDS);
    // Its workers are pinned by default, which made it slower here, and no peer's
    // are.
    may::config().set_worker_pin(false);
    let at_once = match job.workload {
        Workload::Chained => 2,
        Workload::YieldMany => 200,
        Workload::Scope => 1000,
        other if other.facts().scales => job.size,
        _ => 0,
    };
    if at_once > 0 {
        // It maps this many stacks before the burst and keeps them after it; by
        // default 1,000, beyond which every thread maps its own and unmaps it:
        // five to ten times the time.
        let threads = usize::try_from(at_once).unwrap_or(usize::MAX);
        may::config().set_pool_capacity(threads.saturating_add(64));
    }
    Ok(job.workload.measure_threads(&Host, job.size))
}
