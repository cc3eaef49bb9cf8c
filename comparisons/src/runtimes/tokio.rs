//! Tokio's multi-thread runtime.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::sockets::ANYWHERE;
use crate::contender::{Contender, Engine, Entry, Job};
use crate::hosts::{JoinHost, Net, SetHost, TaskHost};
use crate::workloads::{Bursts, Measured, Workload, cold_start, echo, remote_wake};

/// The row of Tokio.
pub(crate) const CONTENDER: Contender = Contender {
    name: "tokio",
    engine: Engine::Rust {
        package: Some("tokio"),
        measure,
    },
    entries: &[
        Entry::new(Workload::Flat, 400),
        Entry::new(Workload::Tree, 400),
        Entry::new(Workload::Yield, 0),
        Entry::new(Workload::PingPong, 0),
        Entry::new(Workload::Parked, 800),
        Entry::new(Workload::JoinSet, 800),
        Entry::new(Workload::Bounded, 0),
        Entry::new(Workload::Chained, 0),
        Entry::new(Workload::SpawnJoin, 400),
        Entry::new(Workload::Scope, 0),
        Entry::new(Workload::Outside1, 400),
        Entry::new(Workload::Outside4, 400),
        Entry::new(Workload::Outside8, 400),
        Entry::new(Workload::YieldMany, 0),
        Entry::new(Workload::Wake, 0),
        Entry::new(Workload::WakeP99, 0),
        Entry::new(Workload::RemoteWake, 0),
        Entry::new(Workload::UsBurst1, 400),
        Entry::new(Workload::UsBurst2, 400),
        Entry::new(Workload::UsTree1, 400),
        Entry::new(Workload::UsTree2, 400),
        Entry::new(Workload::ColdStart, 0),
        Entry::new(Workload::Echo, 0),
        Entry::new(Workload::Skynet, 600),
        Entry::new(Workload::Fib, 600),
        Entry::new(Workload::Nqueens, 600),
        Entry::new(Workload::Backlog, 400),
        Entry::new(Workload::AfterBurst, 400),
        Entry::new(Workload::Idle, 0),
        Entry::new(Workload::Channel, 0),
    ],
};

pub(super) struct Host(tokio::runtime::Runtime);

impl TaskHost for Host {
    fn spawn<F>(future: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        drop(tokio::spawn(future));
    }

    fn run<F>(&self, future: F) -> F::Output
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        // `block_on` alone would run the burst on this thread, which is not a
        // worker: each spawn would take the locked queue for outside threads.
        self.0
            .block_on(self.0.spawn(future))
            .expect("the burst does not panic and is not cancelled")
    }

    fn yield_now() -> impl Future<Output = ()> + Send {
        // The only one that is fair in Tokio: it wakes the task after the worker
        // has looked at its driver.
        tokio::task::yield_now()
    }
}

impl JoinHost for Host {
    type Join = tokio::task::JoinHandle<u64>;

    fn spawn_join<F>(future: F) -> Self::Join
    where
        F: Future<Output = u64> + Send + 'static,
    {
        tokio::spawn(future)
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

    // Tokio's sets have no limit; its documentation shows a semaphore whose permit goes
    // into the task.
    type Bounded = (JoinSet<u64>, Arc<Semaphore>);

    fn bounded_set(limit: usize) -> Self::Bounded {
        (JoinSet::new(), Arc::new(Semaphore::new(limit)))
    }

    async fn spawn_bounded<F>((set, limit): &mut Self::Bounded, future: F)
    where
        F: Future<Output = u64> + Send + 'static,
    {
        let permit = Arc::clone(limit).acquire_owned().await;
        let permit = permit.expect("nobody closes it");
        set.spawn(async move {
            let result = future.await;
            drop(permit);
            result
        });
    }

    fn try_join_bounded((set, _): &mut Self::Bounded) -> Option<u64> {
        Some(set.try_join_next()?.expect("as above"))
    }

    async fn join_bounded((set, _): &mut Self::Bounded) -> Option<u64> {
        Self::join_next(set).await
    }
}

/// Its own sockets, by its own traits.
struct Sockets;

impl Net for Sockets {
    type Listener = TcpListener;
    type Stream = TcpStream;

    fn listen() -> io::Result<(TcpListener, SocketAddr)> {
        let listener = std::net::TcpListener::bind(SocketAddr::from(ANYWHERE))?;
        let address = listener.local_addr()?;
        listener.set_nonblocking(true)?;
        Ok((TcpListener::from_std(listener)?, address))
    }

    async fn accept(listener: &TcpListener) -> io::Result<TcpStream> {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    async fn connect(address: SocketAddr) -> io::Result<TcpStream> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    async fn read(stream: &mut TcpStream, buffer: &mut [u8]) -> io::Result<usize> {
        stream.read(buffer).await
    }

    async fn write_all(stream: &mut TcpStream, bytes: &[u8]) -> io::Result<()> {
        stream.write_all(bytes).await
    }
}

pub(super) fn start(job: Job) -> io::Result<Host> {
    // No timer driver, and an I/O driver only for sockets: a burst needs neither, and without them an
    // idle worker parks on a condition variable, which is cheaper to wake than
    // epoll. The queue intervals stay at their defaults, which Tokio's own docs
    // advise unless a measurement of the application says otherwise.
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(job.workers);
    if job.workload == Workload::Echo {
        builder.enable_io();
    }
    Ok(Host(builder.build()?))
}

fn measure(job: Job) -> io::Result<Bursts<Measured>> {
    Ok(match job.workload {
        Workload::RemoteWake => remote_wake::measure_tasks(&[start(job)?, start(job)?], job.size),
        Workload::Echo => echo::measure_tasks::<_, Sockets>(&start(job)?, job.size),
        Workload::ColdStart => cold_start::measure_tasks(|| start(job))?,
        other => other.measure_sets(&start(job)?, job.size),
    })
}
