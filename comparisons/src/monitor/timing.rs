//! How long the parts of a spawn take: the side that measures. Nothing is subtracted:
//! each single sample has one look at the clock in it, each batch one for all.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::thread;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use virid::Runtime;

use super::samples::Summary;
use crate::tally::Countdown;

/// Spawns in a batch: at 20 ns each, a hundred times the clock's step.
const BATCH: u32 = 64;

/// Spawns before anything is timed.
const WARM_UP: usize = 1_000;

/// What is timed in a process that has spawned before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Part {
    /// `spawn` returns.
    TaskReturns,
    /// From `spawn` to the first thing that the task does.
    TaskRuns,
    /// Spawned and joined.
    TaskJoined,
    /// The same for green threads.
    ThreadReturns,
    /// The same for green threads.
    ThreadRuns,
    /// The same for green threads.
    ThreadJoined,
    /// From a spawn outside to its first run, where all workers are parked.
    Wake,
    /// The same at a fixed rate, from when it was due.
    FromDue,
    /// The same, from when it was spawned.
    FromSpawn,
}

/// What is timed in a process that has not.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Cold {
    /// From before the runtime is built to the first run of its first task.
    pub(crate) start: f64,
    /// The first spawn from inside.
    pub(crate) first: f64,
    /// The thousand behind it, each.
    pub(crate) thousand: f64,
}

static DONE: Countdown = Countdown::new();

/// Times all parts, with so many samples each and so many spawns in a second.
pub(crate) fn parts(samples: usize, rate: u32) -> io::Result<Vec<(Part, Summary)>> {
    let lost = |_| io::Error::other("a task was lost");
    let runtime = Runtime::new()?;
    let mut parts = Vec::new();
    parts.extend(runtime.spawn(tasks(samples)).join().map_err(lost)?);
    let threads = runtime.go(move || threads(samples)).join();
    parts.extend(threads.map_err(|_| io::Error::other("a green thread was lost"))?);
    parts.push((Part::Wake, Times::of_singles(wakes(&runtime, samples))));
    let (due, spawned) = rated(&runtime, samples, rate);
    parts.push((Part::FromDue, Times::of_singles(due)));
    parts.push((Part::FromSpawn, Times::of_singles(spawned)));
    let summaries = parts
        .into_iter()
        .map(|(part, times)| Some((part, times.summary()?)));
    let summaries: Option<Vec<_>> = summaries.collect();
    summaries.ok_or_else(|| io::Error::other("no samples"))
}

/// Samples of one part.
#[derive(Debug, Default)]
struct Times {
    batches: Vec<f64>,
    singles: Vec<f64>,
}

impl Times {
    fn of_singles(singles: Vec<f64>) -> Self {
        Self {
            batches: singles.clone(),
            singles,
        }
    }

    /// A batch that ends now.
    fn batch(&mut self, start: Instant) {
        self.batches.push(nanos(start.elapsed()) / f64::from(BATCH));
    }

    fn single(&mut self, took: Duration) {
        self.singles.push(nanos(took));
    }

    fn summary(&self) -> Option<Summary> {
        Summary::of_batches(&self.batches, &self.singles)
    }
}

async fn tasks(samples: usize) -> [(Part, Times); 3] {
    let [mut returns, mut runs, mut joined] = [(); 3].map(|()| Times::default());
    for _ in 0..WARM_UP {
        let _ = virid::spawn(async {}).await;
    }
    for _ in 0..samples {
        DONE.arm(u64::from(BATCH));
        let start = Instant::now();
        for _ in 0..BATCH {
            drop(virid::spawn(async { DONE.count_down() }));
        }
        returns.batch(start);
        DONE.wait().await;

        let start = Instant::now();
        let handle = virid::spawn(async {});
        returns.single(start.elapsed());
        let _ = handle.await;

        DONE.arm(1);
        let start = Instant::now();
        drop(virid::spawn(Link(BATCH)));
        DONE.wait().await;
        runs.batch(start);

        let start = Instant::now();
        if let Ok(ran) = virid::spawn(async { Instant::now() }).await {
            runs.single(ran - start);
        }

        let start = Instant::now();
        for _ in 0..BATCH {
            let _ = virid::spawn(async {}).await;
        }
        joined.batch(start);

        let start = Instant::now();
        let _ = virid::spawn(async {}).await;
        joined.single(start.elapsed());
    }
    [
        (Part::TaskReturns, returns),
        (Part::TaskRuns, runs),
        (Part::TaskJoined, joined),
    ]
}

/// A task that spawns the next, so many times.
struct Link(u32);

impl Future for Link {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        match self.0 {
            0 | 1 => DONE.count_down(),
            left => drop(virid::spawn(Link(left - 1))),
        }
        Poll::Ready(())
    }
}

fn threads(samples: usize) -> [(Part, Times); 3] {
    let [mut returns, mut runs, mut joined] = [(); 3].map(|()| Times::default());
    for _ in 0..WARM_UP {
        let _ = virid::thread::spawn(|| ()).join();
    }
    for _ in 0..samples {
        DONE.arm(u64::from(BATCH));
        let start = Instant::now();
        for _ in 0..BATCH {
            drop(virid::thread::spawn(|| DONE.count_down()));
        }
        returns.batch(start);
        virid::block_on(DONE.wait());

        let start = Instant::now();
        let handle = virid::thread::spawn(|| ());
        returns.single(start.elapsed());
        let _ = handle.join();

        DONE.arm(1);
        let start = Instant::now();
        link(BATCH);
        virid::block_on(DONE.wait());
        runs.batch(start);

        let start = Instant::now();
        if let Ok(ran) = virid::thread::spawn(Instant::now).join() {
            runs.single(ran - start);
        }

        let start = Instant::now();
        for _ in 0..BATCH {
            let _ = virid::thread::spawn(|| ()).join();
        }
        joined.batch(start);

        let start = Instant::now();
        let _ = virid::thread::spawn(|| ()).join();
        joined.single(start.elapsed());
    }
    [
        (Part::ThreadReturns, returns),
        (Part::ThreadRuns, runs),
        (Part::ThreadJoined, joined),
    ]
}

/// A green thread that spawns the next, so many times.
fn link(left: u32) {
    drop(virid::thread::spawn(move || match left {
        0 | 1 => DONE.count_down(),
        left => link(left - 1),
    }));
}

/// Spawns from a thread that is no worker, each when all workers have had time to park.
fn wakes(runtime: &Runtime, samples: usize) -> Vec<f64> {
    const REST: Duration = Duration::from_millis(2);
    let wake = |_| {
        thread::sleep(REST);
        let start = Instant::now();
        let ran = runtime.spawn(async { Instant::now() }).join().ok()?;
        Some(nanos(ran - start))
    };
    (0..samples).filter_map(wake).collect()
}

/// Spawns at a fixed rate, whether the last one has run or not: one that waits for the
/// last asks for less just when it is slow, and so never sees how slow. The time counts
/// from when each was due; how late this thread was itself is in it.
fn rated(runtime: &Runtime, samples: usize, rate: u32) -> (Vec<f64>, Vec<f64>) {
    let period = Duration::from_secs(1) / rate;
    let mut due = Instant::now() + period;
    let mut handles = Vec::with_capacity(samples);
    for _ in 0..samples {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        let spawned = Instant::now();
        handles.push(runtime.spawn(async move {
            let ran = Instant::now();
            (nanos(ran - due), nanos(ran - spawned))
        }));
        due += period;
    }
    handles
        .into_iter()
        .filter_map(|handle| handle.join().ok())
        .unzip()
}

/// Times the first spawns of a process that has done nothing else.
pub(crate) fn cold(is_prewarmed: bool) -> io::Result<Cold> {
    const THOUSAND: u32 = 1_000;
    let start = Instant::now();
    let builder = Runtime::builder();
    let builder = if is_prewarmed {
        builder.prewarm(4 * THOUSAND as usize, 16)
    } else {
        builder
    };
    let runtime = builder.build()?;
    let task = runtime.spawn(async move {
        let ran = start.elapsed();
        let start = Instant::now();
        let handle = virid::spawn(async {});
        let first = start.elapsed();
        let _ = handle.await;
        let start = Instant::now();
        for _ in 0..THOUSAND {
            drop(virid::spawn(async {}));
        }
        let thousand = start.elapsed();
        Cold {
            start: nanos(ran),
            first: nanos(first),
            thousand: nanos(thousand) / f64::from(THOUSAND),
        }
    });
    task.join().map_err(|_| io::Error::other("a task was lost"))
}

fn nanos(time: Duration) -> f64 {
    time.as_nanos() as f64
}
