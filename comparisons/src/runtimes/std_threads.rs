//! Threads of the operating system, which have no workers: the kernel schedules
//! them on the cores. It has no row where two take turns on one worker.

use std::io;
use std::thread::{self, JoinHandle, Thread};

use crate::contender::{Contender, Engine, Entry, Job, Limit};
use crate::hosts::ThreadHost;
use crate::workloads::{Bursts, Measured, Workload};

const LIMIT: Limit = Limit {
    most: 10_000,
    reason: "many systems allow no more threads",
};

/// The least that a thread may have. The C library then keeps the stacks of
/// threads that have ended, and a burst of them takes two thirds of the time that
/// it takes with the 2 MiB they have by default.
const STACK: usize = 16 * 1024;

/// The row of the standard library's threads.
pub(crate) const CONTENDER: Contender = Contender {
    name: "std",
    engine: Engine::Rust {
        package: None,
        measure,
    },
    // With what the kernel keeps for a thread, which is in no process's own count.
    entries: &[
        Entry::new(Workload::Flat, 40_000).up_to(LIMIT),
        Entry::new(Workload::Tree, 40_000).up_to(LIMIT),
        Entry::new(Workload::PingPong, 0),
        Entry::new(Workload::Parked, 40_000).up_to(LIMIT),
        Entry::new(Workload::Chained, 0).up_to(LIMIT),
        Entry::new(Workload::SpawnJoin, 40_000).up_to(LIMIT),
        Entry::new(Workload::Scope, 0).up_to(LIMIT),
        Entry::new(Workload::Wake, 0),
        Entry::new(Workload::WakeP99, 0),
    ],
};

struct Host;

impl ThreadHost for Host {
    type Handle = Thread;

    fn run<T, B>(&self, body: B) -> T
    where
        T: Send + 'static,
        B: FnOnce() -> T + Send + 'static,
    {
        start(body).join().expect("the burst does not panic")
    }

    fn spawn<B>(body: B)
    where
        B: FnOnce() + Send + 'static,
    {
        drop(start(body));
    }

    fn current() -> Thread {
        thread::current()
    }

    fn park() {
        thread::park();
    }

    fn unpark(thread: &Thread) {
        thread.unpark();
    }

    #[inline]
    fn yield_now() {
        thread::yield_now();
    }

    type Join = JoinHandle<u64>;

    fn spawn_join<B>(body: B) -> Self::Join
    where
        B: FnOnce() -> u64 + Send + 'static,
    {
        start(body)
    }

    fn join(thread: Self::Join) -> u64 {
        thread.join().expect("no thread of a burst panics")
    }

    fn spawn_from_outside<B>(&self, body: B)
    where
        B: FnOnce() + Send + 'static,
    {
        drop(start(body));
    }

    fn scope<T>(n: u64, task: T)
    where
        T: Fn(u64) + Copy + Send + Sync,
    {
        thread::scope(|scope| {
            for i in 0..n {
                let thread = thread::Builder::new().stack_size(STACK);
                let thread = thread.spawn_scoped(scope, move || task(i));
                drop(thread.expect("the system allows one more thread"));
            }
        });
    }
}

fn start<T: Send + 'static>(body: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    let thread = thread::Builder::new().stack_size(STACK).spawn(body);
    thread.expect("the system allows one more thread")
}

fn measure(job: Job) -> io::Result<Bursts<Measured>> {
    Ok(job.workload.measure_threads(&Host, job.size))
}
