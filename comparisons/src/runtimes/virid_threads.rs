//! Green threads of virid, as they come: default settings, which are stacks of the
//! default size, and the worker count everyone gets.

use std::io;

use virid::thread::{self, Thread};

use super::sockets::InPlace;
use crate::contender::{Contender, Engine, Entry, Job};
use crate::hosts::ThreadHost;
use crate::workloads::{Bursts, Measured, Workload, cold_start, echo, remote_wake};

/// The row of virid's green threads.
pub(crate) const CONTENDER: Contender = Contender {
    name: "virid-threads",
    engine: Engine::Rust {
        package: Some("virid"),
        measure,
    },
    entries: &[
        Entry::new(Workload::Flat, 320),
        Entry::new(Workload::Tree, 320),
        Entry::new(Workload::Yield, 0),
        Entry::new(Workload::PingPong, 0),
        Entry::new(Workload::Parked, 6000),
        Entry::new(Workload::Chained, 0),
        Entry::new(Workload::SpawnJoin, 400),
        Entry::new(Workload::Scope, 0),
        Entry::new(Workload::Outside1, 320),
        Entry::new(Workload::Outside4, 320),
        Entry::new(Workload::Outside8, 320),
        Entry::new(Workload::YieldMany, 0),
        Entry::new(Workload::Wake, 0),
        Entry::new(Workload::WakeP99, 0),
        Entry::new(Workload::RemoteWake, 0),
        Entry::new(Workload::UsBurst1, 320),
        Entry::new(Workload::UsBurst2, 320),
        Entry::new(Workload::UsTree1, 320),
        Entry::new(Workload::UsTree2, 320),
        Entry::new(Workload::ColdStart, 0),
        Entry::new(Workload::Echo, 0),
        Entry::new(Workload::Skynet, 6000),
        Entry::new(Workload::Fib, 6000),
        Entry::new(Workload::Nqueens, 6000),
        Entry::new(Workload::AfterBurst, 320),
        Entry::new(Workload::Idle, 0),
    ],
};

struct Host(virid::Runtime);

impl ThreadHost for Host {
    type Handle = Thread;

    fn run<T, B>(&self, body: B) -> T
    where
        T: Send + 'static,
        B: FnOnce() -> T + Send + 'static,
    {
        self.0.run(body)
    }

    fn spawn<B>(body: B)
    where
        B: FnOnce() + Send + 'static,
    {
        drop(thread::spawn(body));
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

    /// Always, as the function itself: this is a call that programs do not have.
    #[inline(always)]
    fn yield_now() {
        thread::yield_now();
    }

    type Join = thread::JoinHandle<u64>;

    fn spawn_join<B>(body: B) -> Self::Join
    where
        B: FnOnce() -> u64 + Send + 'static,
    {
        thread::spawn(body)
    }

    fn join(thread: Self::Join) -> u64 {
        thread
            .join()
            .expect("no thread of a burst panics or is cancelled")
    }

    fn spawn_from_outside<B>(&self, body: B)
    where
        B: FnOnce() + Send + 'static,
    {
        drop(self.0.go(body));
    }

    fn give_back(&self) {
        self.0.trim();
    }

    fn scope<T>(n: u64, task: T)
    where
        T: Fn(u64) + Copy + Send + Sync,
    {
        thread::scope(|scope| {
            for i in 0..n {
                scope.spawn(move || task(i));
            }
        });
    }
}

fn start(job: Job) -> io::Result<Host> {
    let runtime = virid::Runtime::builder()
        .worker_threads(job.workers)
        .build()?;
    Ok(Host(runtime))
}

fn measure(job: Job) -> io::Result<Bursts<Measured>> {
    Ok(match job.workload {
        Workload::RemoteWake => remote_wake::measure_threads(&[start(job)?, start(job)?], job.size),
        Workload::Echo => echo::measure_threads::<_, InPlace>(&start(job)?, job.size),
        Workload::ColdStart => cold_start::measure_threads(|| start(job))?,
        other => other.measure_threads(&start(job)?, job.size),
    })
}
