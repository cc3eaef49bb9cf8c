//! Proves that futures and results of every size and alignment arrive as they
//! were sent, stay where they are, and are dropped once: whether both fit the
//! task's cell, or one, or none, and however the task ends.

#![cfg(not(virid_loom))]

#[path = "support/alone.rs"]
mod alone;
#[path = "support/blocks.rs"]
mod blocks;
#[path = "support/child.rs"]
mod child;
#[path = "support/gate.rs"]
mod gate;
mod support;
#[path = "support/until.rs"]
mod until;

use alone::alone;
use blocks::*;
use gate::Gate;
use std::any::type_name;
use std::future::Future;
use std::marker::PhantomData;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::thread;
use support::guard;
use until::until;
use virid::task::JoinHandle;
use virid::{Builder, Runtime, spawn};

const MIB: usize = 1 << 20;
/// Room for copies of the largest payloads that unoptimised code makes.
const STACK: usize = 64 * MIB;

/// How a task lives and ends.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fate {
    /// Joined by a plain thread.
    Joined,
    /// Awaited by a task.
    Awaited,
    /// The handle goes before the task has ended.
    Detached,
    /// The handle goes when the result is there.
    Unread,
    /// Suspended and aborted.
    Aborted,
    /// Suspended when its runtime is dropped.
    Ended,
    /// The second poll panics.
    PanicsInPoll,
    /// The destructor of the future panics.
    PanicsInDrop,
    /// The second poll and the destructor of the future.
    PanicsTwice,
    /// The destructor of a result that nobody reads, as of `Unread`.
    PanicsUnread,
    /// The same on the worker, as of `Detached`.
    PanicsDetached,
}

const FATES: [Fate; 11] = [
    Fate::Joined,
    Fate::Awaited,
    Fate::Detached,
    Fate::Unread,
    Fate::Aborted,
    Fate::Ended,
    Fate::PanicsInPoll,
    Fate::PanicsInDrop,
    Fate::PanicsTwice,
    Fate::PanicsUnread,
    Fate::PanicsDetached,
];

/// What the one task that is watched has done. Not in the task, because a
/// payload of no bytes has no room to say so.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Record {
    fate: Fate,
    polls: usize,
    /// Where the future was at its first poll.
    address: usize,
    futures_dropped: usize,
    results_made: usize,
    results_dropped: usize,
    faults: usize,
}

static RECORD: Mutex<Record> = Mutex::new(Record::of(Fate::Joined));
/// Held by whoever's task is watched.
static ALONE: Mutex<()> = Mutex::new(());

impl Record {
    const fn of(fate: Fate) -> Self {
        Self {
            fate,
            polls: 0,
            address: 0,
            futures_dropped: 0,
            results_made: 0,
            results_dropped: 0,
            faults: 0,
        }
    }
}

fn record() -> MutexGuard<'static, Record> {
    RECORD.lock().expect("nobody panics with the lock")
}

/// No panic hook: its output would drown the rest.
fn bang() -> ! {
    resume_unwind(Box::new("bang"))
}

const OF_FUTURE: u8 = 11;
const OF_RESULT: u8 = 77;

/// A future made of `F`, whose second poll yields an `R`.
struct Life<F: Payload, R: Payload> {
    block: F,
    result: PhantomData<fn() -> R>,
}

/// A result that is watched.
struct Fruit<R: Payload>(R);

impl<F: Payload, R: Payload> Life<F, R> {
    fn new() -> Self {
        Self {
            block: F::new(OF_FUTURE),
            result: PhantomData,
        }
    }
}

impl<F: Payload, R: Payload> Future for Life<F, R> {
    type Output = Fruit<R>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Fruit<R>> {
        let address = (&raw const self.block).addr();
        let is_whole = self.block.is(OF_FUTURE);
        let mut record = record();
        record.polls += 1;
        if record.polls == 1 {
            record.address = address;
            record.faults += usize::from(!is_whole);
            if !matches!(record.fate, Fate::Aborted | Fate::Ended) {
                context.waker().wake_by_ref();
            }
            return Poll::Pending;
        }
        record.faults += usize::from(!is_whole || address != record.address);
        if matches!(record.fate, Fate::PanicsInPoll | Fate::PanicsTwice) {
            drop(record);
            bang();
        }
        record.results_made += 1;
        drop(record);
        Poll::Ready(Fruit(R::new(OF_RESULT)))
    }
}

impl<F: Payload, R: Payload> Drop for Life<F, R> {
    fn drop(&mut self) {
        let is_whole = self.block.is(OF_FUTURE);
        let mut record = record();
        record.futures_dropped += 1;
        record.faults += usize::from(!is_whole);
        if matches!(record.fate, Fate::PanicsInDrop | Fate::PanicsTwice) {
            drop(record);
            bang();
        }
    }
}

impl<R: Payload> Drop for Fruit<R> {
    fn drop(&mut self) {
        let is_whole = self.0.is(OF_RESULT);
        let mut record = record();
        record.results_dropped += 1;
        record.faults += usize::from(!is_whole);
        if matches!(record.fate, Fate::PanicsUnread | Fate::PanicsDetached) {
            drop(record);
            bang();
        }
    }
}

fn runtime(workers: usize) -> Runtime {
    Builder::new()
        .worker_threads(workers)
        .thread_stack_size(STACK)
        .build()
        .expect("no runtime for the test")
}

fn assert_panicked<R: Payload>(task: JoinHandle<Fruit<R>>) {
    let Err(error) = task.join() else {
        panic!("no panic")
    };
    assert_eq!(error.into_panic().downcast_ref(), Some(&"bang"));
}

fn assert_cancelled<R: Payload>(task: JoinHandle<Fruit<R>>) {
    assert!(task.join().is_err_and(|error| error.is_cancelled()));
}

/// Lets one task live, and looks at what came of it.
fn live<F: Payload, R: Payload>(runtime: &Runtime, fate: Fate) {
    *record() = Record::of(fate);
    let life = Life::<F, R>::new();
    let task = match fate {
        Fate::Ended => {
            let runtime = self::runtime(1);
            let task = runtime.spawn(life);
            until(|| record().polls == 1);
            task
        }
        Fate::Awaited => {
            let root = async { spawn(life).await.unwrap().0.is(OF_RESULT) };
            assert!(runtime.spawn(root).join().unwrap());
            return assert_record::<F, R>(fate);
        }
        _ => runtime.spawn(life),
    };
    match fate {
        Fate::Joined => assert!(task.join().unwrap().0.is(OF_RESULT)),
        Fate::Detached | Fate::PanicsDetached => drop(task),
        Fate::Unread | Fate::PanicsUnread => {
            until(|| task.is_finished());
            drop(task);
        }
        Fate::Aborted => {
            until(|| record().polls == 1);
            task.abort();
            assert_cancelled(task);
        }
        Fate::Ended => assert_cancelled(task),
        Fate::PanicsInPoll | Fate::PanicsInDrop | Fate::PanicsTwice => assert_panicked(task),
        Fate::Awaited => unreachable!("returned above"),
    }
    assert_record::<F, R>(fate);
}

/// Each part of the task was there once, and is gone.
fn assert_record<F: Payload, R: Payload>(fate: Fate) {
    let is_suspended = matches!(fate, Fate::Aborted | Fate::Ended);
    let has_no_result = is_suspended || matches!(fate, Fate::PanicsInPoll | Fate::PanicsTwice);
    let expected = |address| Record {
        polls: if is_suspended { 1 } else { 2 },
        address,
        futures_dropped: 1,
        results_made: usize::from(!has_no_result),
        results_dropped: usize::from(!has_no_result),
        ..Record::of(fate)
    };
    if matches!(fate, Fate::Detached | Fate::PanicsDetached) {
        until(|| record().results_dropped >= 1);
    }
    let record = *record();
    let (future, result) = (type_name::<F>(), type_name::<R>());
    assert_eq!(record, expected(record.address), "{future}, {result}");
}

fn live_all<F: Payload, R: Payload>(runtime: &Runtime) {
    FATES
        .into_iter()
        .for_each(|fate| live::<F, R>(runtime, fate));
}

/// Runs `body` with a runtime while no other test's task is watched.
fn watch(body: impl FnOnce(&Runtime) + Send + 'static) {
    guard(|| {
        let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let thread = thread::Builder::new()
            .stack_size(STACK)
            .spawn(move || body(&runtime(2)))
            .expect("no thread for the test");
        if let Err(panic) = thread.join() {
            resume_unwind(panic);
        }
    });
}

/// Every pair of a future and a result.
macro_rules! pairs {
    ($runtime:ident, [$($future:ty),+], $results:tt) => {
        $( pairs!($runtime, $future, $results); )+
    };
    ($runtime:ident, $future:ty, [$($result:ty),+]) => {
        $( live_all::<$future, $result>($runtime); )+
    };
}

/// 984 fill the largest cell.
#[test]
fn every_size_of_future_with_every_size_of_result() {
    watch(|runtime| {
        pairs!(
            runtime,
            [Bytes<0>, Bytes<1>, Bytes<24>, Bytes<200>, Bytes<984>, Bytes<985>, Bytes<MIB>],
            [Bytes<0>, Bytes<1>, Bytes<24>, Bytes<200>, Bytes<976>, Bytes<985>, Bytes<MIB>]
        );
    });
}

#[test]
fn every_alignment_of_future_with_every_alignment_of_result() {
    watch(|runtime| {
        pairs!(
            runtime,
            [Block<A2, 6>, Block<A16, 16>, Block<A64, 960>, Block<A128, 128>, Block<A4096, 4096>],
            [Block<A4, 4>, Block<A32, 32>, Block<A64, 64>, Block<A1024, 1024>, Block<A4096, 4096>]
        );
        // No bytes at all, and yet not everywhere.
        pairs!(
            runtime,
            [Block<A8, 0>, Block<A64, 0>, Block<A4096, 0>],
            [Block<A1, 0>, Block<A64, 0>, Block<A4096, 0>]
        );
    });
}

#[test]
fn sizes_around_those_of_the_cells() {
    watch(|runtime| {
        pairs!(
            runtime,
            [Bytes<23>, Bytes<25>, Bytes<88>, Bytes<89>, Bytes<216>, Bytes<217>, Bytes<472>,
             Bytes<473>, Bytes<983>, Bytes<1_024>, Bytes<4_096>, Block<A64, 961>],
            [Bytes<0>]
        );
        pairs!(
            runtime,
            [Bytes<0>],
            [Bytes<15>, Bytes<16>, Bytes<17>, Bytes<80>, Bytes<81>, Bytes<464>, Bytes<465>,
             Bytes<977>, Bytes<1_024>, Bytes<4_096>, Block<A16, 960>, Block<A64, 896>]
        );
    });
}

/// Holds an `F` across the gate, and answers with an `R`.
async fn hold<F: Payload, R: Payload>(seed: u8, gate: Gate) -> R {
    let block = F::new(seed);
    gate.pass().await;
    assert!(block.is(seed));
    R::new(seed.wrapping_add(1))
}

/// Spawns such a task; the answer joins it.
fn held<F: Payload, R: Payload>(runtime: &Runtime, seed: u8, gate: &Gate) -> Box<dyn FnOnce()> {
    let task = runtime.spawn(hold::<F, R>(seed, gate.clone()));
    Box::new(move || assert!(task.join().unwrap().is(seed.wrapping_add(1))))
}

#[test]
fn payloads_of_all_sizes_live_side_by_side() {
    watch(|runtime| {
        for round in 0..3 {
            let (gate, mut joins) = (Gate::default(), Vec::new());
            for seed in 0..200 {
                joins.push(held::<Bytes<1>, Bytes<8>>(runtime, seed, &gate));
                joins.push(held::<Bytes<50>, Bytes<300>>(runtime, seed, &gate));
                joins.push(held::<Bytes<150>, Bytes<1>>(runtime, seed, &gate));
                joins.push(held::<Bytes<400>, Bytes<4_000>>(runtime, seed, &gate));
                joins.push(held::<Bytes<900>, Bytes<900>>(runtime, seed, &gate));
                joins.push(held::<Block<A64, 64>, Block<A128, 128>>(
                    runtime, seed, &gate,
                ));
                if seed % 50 == round {
                    joins.push(held::<Bytes<MIB>, Bytes<MIB>>(runtime, seed, &gate));
                }
            }
            gate.open();
            joins.into_iter().for_each(|join| join());
        }
    });
}

/// A mebibyte of sevens.
struct Large([u8; MIB]);

impl Large {
    /// Made where it is: it has not been on a stack.
    fn boxed() -> Box<Self> {
        let mut large = Box::<Self>::new_uninit();
        // SAFETY: the bytes are the box's own, and as many as it has.
        unsafe { large.as_mut_ptr().cast::<u8>().write_bytes(7, MIB) };
        // SAFETY: all of its bytes were written.
        unsafe { large.assume_init() }
    }
}

impl Future for Large {
    type Output = bool;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<bool> {
        Poll::Ready(self.0.iter().all(|&byte| byte == 7))
    }
}

/// A stack of three mebibytes has room for the future that the caller passes and
/// for one copy; what needs more ends the process. (Tests are optimised. Code
/// that is not copies at every call on the way, which no library can help.)
#[test]
fn a_future_of_a_mebibyte_is_spawned_from_a_small_stack() {
    alone(
        "a_future_of_a_mebibyte_is_spawned_from_a_small_stack",
        || {
            let runtime = Builder::new()
                .worker_threads(1)
                .thread_stack_size(3 * MIB)
                .build()
                .unwrap();
            let root = runtime.spawn(async { spawn(*Large::boxed()).await.unwrap() });
            assert!(root.join().unwrap());
            let spawns = move || {
                assert!(runtime.spawn(*Large::boxed()).join().unwrap());
                assert!(runtime.handle().spawn(*Large::boxed()).join().unwrap());
                let _entered = runtime.enter();
                assert!(spawn(*Large::boxed()).join().unwrap());
            };
            let thread = thread::Builder::new().stack_size(3 * MIB).spawn(spawns);
            thread.unwrap().join().unwrap();
        },
    );
}
