//! async-executor, the executor of smol.

use std::future::{Future, pending};
use std::io;
use std::thread;

use async_executor::StaticExecutor;
use futures_lite::future::block_on;

use super::sockets::AsyncIo;
use crate::contender::{Contender, Engine, Entry, Job};
use crate::hosts::{JoinHost, TaskHost};
use crate::workloads::{Bursts, Measured, Workload, echo};

/// The row of async-executor.
pub(crate) const CONTENDER: Contender = Contender {
    name: "async-executor",
    engine: Engine::Rust {
        package: Some("async-executor"),
        measure,
    },
    entries: &[
        Entry::new(Workload::Flat, 200),
        Entry::new(Workload::Tree, 400),
        Entry::new(Workload::Yield, 0),
        Entry::new(Workload::PingPong, 0),
        Entry::new(Workload::Parked, 400),
        Entry::new(Workload::Chained, 0),
        Entry::new(Workload::SpawnJoin, 400),
        Entry::new(Workload::Scope, 0),
        Entry::new(Workload::Outside1, 400),
        Entry::new(Workload::Outside4, 400),
        Entry::new(Workload::Outside8, 400),
        Entry::new(Workload::YieldMany, 0),
        Entry::new(Workload::Wake, 0),
        Entry::new(Workload::WakeP99, 0),
        Entry::new(Workload::UsBurst1, 400),
        Entry::new(Workload::UsBurst2, 400),
        Entry::new(Workload::UsTree1, 400),
        Entry::new(Workload::UsTree2, 400),
        Entry::new(Workload::Echo, 0),
        Entry::new(Workload::Skynet, 600),
        Entry::new(Workload::Fib, 600),
        Entry::new(Workload::Nqueens, 600),
        Entry::new(Workload::Backlog, 400),
        Entry::new(Workload::AfterBurst, 200),
        Entry::new(Workload::Idle, 0),
        Entry::new(Workload::Channel, 0),
    ],
};

// Its documentation names the static executor as the one with less overhead: it
// does not register each task in a locked list for a later drop.
static EXECUTOR: StaticExecutor = StaticExecutor::new();

struct Host;

impl TaskHost for Host {
    fn spawn<F>(future: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        EXECUTOR.spawn(future).detach();
    }

    fn run<F>(&self, future: F) -> F::Output
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        block_on(EXECUTOR.spawn(future))
    }

    fn yield_now() -> impl Future<Output = ()> + Send {
        futures_lite::future::yield_now()
    }
}

impl JoinHost for Host {
    type Join = async_executor::Task<u64>;

    fn spawn_join<F>(future: F) -> Self::Join
    where
        F: Future<Output = u64> + Send + 'static,
    {
        EXECUTOR.spawn(future)
    }

    fn join(task: Self::Join) -> impl Future<Output = u64> + Send {
        task
    }

    fn spawn_from_outside<F>(&self, future: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Self::spawn(future);
    }
}

fn measure(job: Job) -> io::Result<Bursts<Measured>> {
    let has_sockets = job.workload == Workload::Echo;
    for worker in 0..job.workers {
        // `run` on each thread, as its documentation advises: it gives the
        // thread a queue of its own, which a loop over `tick` would not.
        let run = EXECUTOR.run(pending::<()>());
        // As smol does it: a thread with nothing to do watches the sockets.
        let body = move || match has_sockets {
            true => async_io::block_on(run),
            false => block_on(run),
        };
        let thread = thread::Builder::new().name(format!("executor-{worker}"));
        thread.spawn(body)?;
    }
    Ok(match job.workload {
        Workload::Echo => echo::measure_tasks::<_, AsyncIo>(&Host, job.size),
        other => other.measure_tasks(&Host, job.size),
    })
}
