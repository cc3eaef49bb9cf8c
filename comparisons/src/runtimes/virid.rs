//! Tasks of virid, as it comes: default settings and the worker count everyone gets.

use std::future::Future;
use std::io;

use virid::task::{JoinSet, Limited};

use super::sockets::AsyncIo;
use crate::contender::{Contender, Engine, Entry, Job};
use crate::hosts::{JoinHost, KeyedHost, SetHost, TaskHost};
use crate::workloads::{Bursts, Measured, Workload, cold_start, echo, keyed, remote_wake};

/// The row of virid's tasks.
pub(crate) const CONTENDER: Contender = Contender {
    name: "virid",
    engine: Engine::Rust {
        package: Some("virid"),
        measure,
    },
    entries: &[
        Entry::new(Workload::Flat, 320),
        Entry::new(Workload::Tree, 320),
        Entry::new(Workload::Yield, 0),
        Entry::new(Workload::PingPong, 0),
        Entry::new(Workload::Parked, 320),
        Entry::new(Workload::JoinSet, 320),
        Entry::new(Workload::Bounded, 0),
        Entry::new(Workload::Keyed, 640),
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
        Entry::new(Workload::Skynet, 600),
        Entry::new(Workload::Fib, 600),
        Entry::new(Workload::Nqueens, 600),
        Entry::new(Workload::Backlog, 320),
        Entry::new(Workload::AfterBurst, 320),
        Entry::new(Workload::Idle, 0),
        Entry::new(Workload::Channel, 0),
    ],
};

pub(super) struct Host(virid::Runtime);

impl TaskHost for Host {
    fn spawn<F>(future: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        drop(virid::spawn(future));
    }

    fn run<F>(&self, future: F) -> F::Output
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.0
            .spawn(future)
            .join()
            .expect("the burst does not panic and is not cancelled")
    }

    fn yield_now() -> impl Future<Output = ()> + Send {
        virid::yield_now()
    }
}

impl JoinHost for Host {
    type Join = virid::task::JoinHandle<u64>;

    fn spawn_join<F>(future: F) -> Self::Join
    where
        F: Future<Output = u64> + Send + 'static,
    {
        virid::spawn(future)
    }

    async fn join(task: Self::Join) -> u64 {
        task.await
            .expect("no task of a burst panics or is cancelled")
    }

    fn spawn_from_outside<F>(&self, future: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        drop(self.0.spawn(future));
    }

    fn give_back(&self) {
        self.0.trim();
    }
}

impl SetHost for Host {
    type Set = JoinSet<u64>;

    fn set() -> Self::Set {
        JoinSet::new()
    }

    fn spawn_into<F>(set: &mut Self::Set, future: F)
    where
        F: Future<Output = u64> + Send + 'static,
    {
        set.spawn(future);
    }

    async fn join_next(set: &mut Self::Set) -> Option<u64> {
        let result = set.join_next().await?;
        Some(result.expect("no task of a burst panics or is cancelled"))
    }

    type Bounded = Limited<JoinSet<u64>>;

    fn bounded_set(limit: usize) -> Self::Bounded {
        JoinSet::new().limit(limit)
    }

    async fn spawn_bounded<F>(set: &mut Self::Bounded, future: F)
    where
        F: Future<Output = u64> + Send + 'static,
    {
        set.spawn(future).await;
    }

    fn try_join_bounded(set: &mut Self::Bounded) -> Option<u64> {
        Some(set.try_join_next()?.expect("as above"))
    }

    async fn join_bounded(set: &mut Self::Bounded) -> Option<u64> {
        Self::join_next(set).await
    }
}

impl KeyedHost for Host {
    type Keys = virid::task::Keyed<usize>;

    const IS_IN_ORDER: bool = true;

    fn keys(_: usize) -> Self::Keys {
        virid::task::Keyed::new()
    }

    fn spawn_with_key<F>(keys: &Self::Keys, key: usize, future: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        drop(keys.spawn(key, future));
    }
}

pub(super) fn start(job: Job) -> io::Result<Host> {
    // Workers are not pinned, because no peer pins its threads either.
    let runtime = virid::Runtime::builder()
        .worker_threads(job.workers)
        .build()?;
    Ok(Host(runtime))
}

fn measure(job: Job) -> io::Result<Bursts<Measured>> {
    Ok(match job.workload {
        Workload::Keyed => keyed::measure(&start(job)?, job.size),
        Workload::RemoteWake => remote_wake::measure_tasks(&[start(job)?, start(job)?], job.size),
        Workload::Echo => echo::measure_tasks::<_, AsyncIo>(&start(job)?, job.size),
        Workload::ColdStart => cold_start::measure_tasks(|| start(job))?,
        other => other.measure_sets(&start(job)?, job.size),
    })
}
