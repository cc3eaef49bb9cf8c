//! Green threads of virid, as they come: default settings, which are stacks of the
//! default size, and the worker count everyone gets.

use std::io;

use virid::thread::{self, Thread};

use crate::contender::{Contender, Engine, Entry, Job};
use crate::hosts::ThreadHost;
use crate::workloads::{Bursts, Measured, Workload};

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

    #[inline]
    fn yield_now() {
        thread::yield_now();
    }
}

fn measure(job: Job) -> io::Result<Bursts<Measured>> {
    let runtime = virid::Runtime::builder()
        .worker_threads(job.workers)
        .build()?;
    Ok(job.workload.measure_threads(&Host(runtime), job.size))
}
