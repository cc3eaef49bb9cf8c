//! Parked: `n` tasks start and wait, then all are released and end. What it asks is
//! what a task that waits takes of the memory.
//!
//! Something has to hold what wakes a task. Here that is a table with a place for
//! each, which counts as the memory of the tasks, as Go's queues of waiters do.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::{Bursts, Facts, Measured, Phase};
use crate::clock::{Elapsed, Stopwatch};
use crate::hosts::{TaskHost, ThreadHost, wait_for};
use crate::machine;
use crate::tally::{Countdown, Shards, expected_checksum};

pub(super) static FACTS: Facts = Facts {
    name: "parked",
    describe: "n tasks start and wait, then all are released and end",
    unit: "task",
    units: "tasks",
    sizes: &[10_000, 100_000, 1_000_000],
    quick: &[10_000],
    is_default: true,
    scales: true,
    workers: None,
    asks_for_memory: true,
    phases: &[Phase::Warm, Phase::Cold],
    budget: Duration::from_secs(55),
    checksum: expected_checksum,
};

static RESULTS: Shards = Shards::new();
/// Tasks that have not come to their wait yet.
static STARTING: Countdown = Countdown::new();
static RUNNING: Countdown = Countdown::new();
static IS_RELEASED: AtomicBool = AtomicBool::new(false);

/// What wakes each task.
#[derive(Debug)]
struct Places<T>(Vec<Mutex<Option<T>>>);

impl<T> Places<T> {
    /// Lives as long as the process, so that no task pays for a reference count.
    fn for_ever(n: u64) -> &'static Self {
        Box::leak(Box::new(Self((0..n).map(|_| Mutex::new(None)).collect())))
    }

    fn put(&self, i: u64, wakes_it: T) {
        let place = &self.0[i as usize];
        *place.lock().unwrap_or_else(PoisonError::into_inner) = Some(wakes_it);
    }

    fn take_all(&self) -> impl Iterator<Item = T> {
        let places = self.0.iter();
        places.filter_map(|place| {
            let mut place = place.lock().unwrap_or_else(PoisonError::into_inner);
            place.take()
        })
    }
}

fn begin(n: u64) -> Stopwatch {
    IS_RELEASED.store(false, Ordering::Relaxed);
    let stopwatch = Stopwatch::start();
    STARTING.arm(n);
    RUNNING.arm(n);
    stopwatch
}

/// While all wait. Looking at the memory is not part of the time.
fn look(stopwatch: Stopwatch) -> (Elapsed, Option<u64>) {
    (stopwatch.elapsed(), machine::resident_kib())
}

fn release() {
    IS_RELEASED.store(true, Ordering::Release);
}

fn end_task(i: u64) {
    RESULTS.add(i);
    RUNNING.count_down();
}

fn finish(stopwatch: Stopwatch, (starting, held_kib): (Elapsed, Option<u64>)) -> Measured {
    Measured {
        elapsed: starting + stopwatch.elapsed(),
        checksum: RESULTS.take(),
        held_kib,
    }
}

/// Measures the wait where tasks are futures.
pub(super) fn measure_tasks<H: TaskHost>(host: &H, n: u64) -> Bursts<Measured> {
    let places = Places::for_ever(n);
    Bursts::run(|| {
        host.run(async move {
            let stopwatch = begin(n);
            for i in 0..n {
                H::spawn(ParkedTask {
                    places,
                    i,
                    has_place: false,
                });
            }
            STARTING.wait().await;
            let looked = look(stopwatch);
            let stopwatch = Stopwatch::start();
            release();
            places.take_all().for_each(Waker::wake);
            RUNNING.wait().await;
            finish(stopwatch, looked)
        })
    })
}

/// A task that waits. Written by hand, because an `async fn` keeps its arguments
/// twice: what is measured shall be the runtime's memory and not the workload's.
struct ParkedTask {
    places: &'static Places<Waker>,
    i: u64,
    has_place: bool,
}

impl Future for ParkedTask {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if IS_RELEASED.load(Ordering::Acquire) {
            end_task(self.i);
            return Poll::Ready(());
        }
        if !self.has_place {
            self.has_place = true;
            self.places.put(self.i, context.waker().clone());
            STARTING.count_down();
        }
        Poll::Pending
    }
}

/// Measures the wait where tasks are threads.
pub(super) fn measure_threads<H: ThreadHost>(host: &H, n: u64) -> Bursts<Measured> {
    let places = Places::<H::Handle>::for_ever(n);
    Bursts::run(|| {
        host.run(move || {
            let stopwatch = begin(n);
            for i in 0..n {
                H::spawn(move || park_thread::<H>(places, i));
            }
            wait_for::<H>(STARTING.wait());
            let looked = look(stopwatch);
            let stopwatch = Stopwatch::start();
            release();
            places.take_all().for_each(|thread| H::unpark(&thread));
            wait_for::<H>(RUNNING.wait());
            finish(stopwatch, looked)
        })
    })
}

fn park_thread<H: ThreadHost>(places: &'static Places<H::Handle>, i: u64) {
    places.put(i, H::current());
    STARTING.count_down();
    while !IS_RELEASED.load(Ordering::Acquire) {
        H::park();
    }
    end_task(i);
}
