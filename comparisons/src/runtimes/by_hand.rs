//! What programs without `Keyed` do by hand: a mutex for each key, which does not keep
//! the order of the tasks, or one queue for all, which keeps it and runs one at a time.
//! On virid and on Tokio, each with its own mutexes and channels.

use std::future::Future;
use std::io;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;

use super::{tokio as on_tokio, virid as on_virid};
use crate::contender::{Contender, Engine, Entry, Job};
use crate::hosts::{KeyedHost, TaskHost};
use crate::workloads::{Bursts, Measured, Workload, keyed};

macro_rules! row {
    ($const:ident, $name:literal, $package:literal, $host:ident, $way:ident) => {
        /// A row of its own.
        pub(crate) const $const: Contender = Contender {
            name: $name,
            engine: Engine::Rust {
                package: Some($package),
                measure: |job: Job| -> io::Result<Bursts<Measured>> {
                    let host = ByHand::<_, $way>($host::start(job)?, PhantomData);
                    Ok(keyed::measure(&host, job.size))
                },
            },
            entries: &[Entry::new(Workload::Keyed, 640)],
        };
    };
}

row!(
    VIRID_MUTEXES,
    "virid-mutexes",
    "virid",
    on_virid,
    ViridMutexes
);
row!(VIRID_QUEUE, "virid-queue", "virid", on_virid, ViridQueue);
row!(
    TOKIO_MUTEXES,
    "tokio-mutexes",
    "tokio",
    on_tokio,
    TokioMutexes
);
row!(TOKIO_QUEUE, "tokio-queue", "tokio", on_tokio, TokioQueue);

/// How it is done.
trait Way: Send + Sync + 'static {
    const IS_IN_ORDER: bool;

    fn new<H: TaskHost>(keys: usize) -> Self;

    fn spawn<H: TaskHost>(
        this: &Arc<Self>,
        key: usize,
        future: impl Future<Output = ()> + Send + 'static,
    );
}

/// A runtime on which it is done.
struct ByHand<H, W>(H, PhantomData<W>);

impl<H: TaskHost, W: Way> TaskHost for ByHand<H, W> {
    fn spawn<F>(future: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        H::spawn(future);
    }

    fn run<F>(&self, future: F) -> F::Output
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.0.run(future)
    }

    fn yield_now() -> impl Future<Output = ()> + Send {
        H::yield_now()
    }
}

impl<H: TaskHost, W: Way> KeyedHost for ByHand<H, W> {
    type Keys = Arc<W>;

    const IS_IN_ORDER: bool = W::IS_IN_ORDER;

    fn keys(count: usize) -> Arc<W> {
        Arc::new(W::new::<H>(count))
    }

    fn spawn_with_key<F>(keys: &Arc<W>, key: usize, future: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        W::spawn::<H>(keys, key, future);
    }
}

/// All keys are known and small numbers: the fastest form there is. With other keys a
/// map has to find the mutex, and something has to take it away again.
macro_rules! mutexes {
    ($way:ident, $mutex:ty, |$lock:ident| $guard:expr) => {
        struct $way(Vec<$mutex>);

        impl Way for $way {
            const IS_IN_ORDER: bool = false;

            fn new<H: TaskHost>(keys: usize) -> Self {
                Self((0..keys).map(|_| <$mutex>::new(())).collect())
            }

            fn spawn<H: TaskHost>(
                this: &Arc<Self>,
                key: usize,
                future: impl Future<Output = ()> + Send + 'static,
            ) {
                let this = Arc::clone(this);
                H::spawn(async move {
                    let $lock = &this.0[key];
                    let _guard = $guard;
                    future.await;
                });
            }
        }
    };
}

mutexes!(ViridMutexes, virid::sync::Mutex<()>, |lock| lock
    .lock_async()
    .await
    .expect("no task panics"));
mutexes!(TokioMutexes, tokio::sync::Mutex<()>, |lock| lock
    .lock()
    .await);

type Boxed = Pin<Box<dyn Future<Output = ()> + Send>>;

/// One task takes the futures out of a channel and awaits them. It ends with the burst.
macro_rules! queue {
    ($way:ident, $sender:ty, $channel:expr, |$receiver:ident| $recv:expr) => {
        struct $way($sender);

        impl Way for $way {
            const IS_IN_ORDER: bool = true;

            fn new<H: TaskHost>(_: usize) -> Self {
                let (sender, mut $receiver) = $channel;
                H::spawn(async move {
                    while let Some(future) = $recv {
                        future.await;
                    }
                });
                Self(sender)
            }

            fn spawn<H: TaskHost>(
                this: &Arc<Self>,
                _: usize,
                future: impl Future<Output = ()> + Send + 'static,
            ) {
                let sent = this.0.send(Box::pin(future));
                assert!(sent.is_ok(), "the queue ends after the burst");
            }
        }
    };
}

queue!(
    ViridQueue,
    virid::sync::mpsc::Sender<Boxed>,
    virid::sync::mpsc::channel::<Boxed>(),
    |receiver| receiver.recv_async().await.ok()
);
queue!(
    TokioQueue,
    tokio::sync::mpsc::UnboundedSender<Boxed>,
    tokio::sync::mpsc::unbounded_channel::<Boxed>(),
    |receiver| receiver.recv().await
);
