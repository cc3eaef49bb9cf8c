//! Proves that no task waits for ever behind others: what waits is served
//! within a number of polls, whoever makes the load, and an idle worker starts
//! what a computing one has queued.

#![cfg(not(virid_loom))]

mod support;
#[path = "support/until.rs"]
mod until;
#[path = "support/workers.rs"]
mod workers;

use std::cell::Cell;
use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::thread;
use support::guard;
use until::until;
use virid::Runtime;
use virid::task::JoinHandle;
use workers::workers;

/// Polls of one worker within which a waiting task must have had its turn,
/// where fewer than a hundred others wait.
const BOUND: usize = 512;

/// The most workers a test has.
const WORKERS: usize = 4;

thread_local! {
    /// Where this worker counts, once it has polled a task of a load.
    static INDEX: Cell<Option<usize>> = const { Cell::new(None) };
}

/// Polls of tasks that never cease, counted for each worker.
#[derive(Default)]
struct Load {
    polls: [AtomicUsize; WORKERS],
    known: AtomicUsize,
    stop: AtomicBool,
}

impl Load {
    /// The counter of the calling worker.
    fn own(&self) -> usize {
        let index = INDEX.get().unwrap_or_else(|| {
            let index = self.known.fetch_add(1, Ordering::SeqCst);
            INDEX.set(Some(index));
            index
        });
        assert!(index < WORKERS);
        index
    }

    fn count_poll(&self) -> usize {
        self.polls[self.own()].fetch_add(1, Ordering::SeqCst)
    }

    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }

    /// How often each worker has polled the load so far.
    fn now(&self) -> [usize; WORKERS] {
        std::array::from_fn(|index| self.polls[index].load(Ordering::SeqCst))
    }

    fn sum(&self) -> usize {
        self.now().iter().sum()
    }
}

/// Spawns itself again and again.
fn respawn(load: Arc<Load>) {
    drop(virid::spawn(async move {
        load.count_poll();
        if !load.is_stopped() {
            respawn(load);
        }
    }));
}

/// Wakes itself again and again.
async fn wake_self(load: Arc<Load>) {
    poll_fn(move |context| {
        load.count_poll();
        if load.is_stopped() {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

#[derive(Clone, Copy)]
enum Kind {
    Respawning,
    SelfWaking,
}

/// A runtime under a load of `width` tasks that never cease.
fn loaded(kind: Kind, count: usize, width: usize) -> (Runtime, Arc<Load>) {
    let (runtime, load) = (workers(count), Arc::<Load>::default());
    let start = load.clone();
    let starter = runtime.spawn(async move {
        for _ in 0..width {
            match kind {
                Kind::Respawning => respawn(start.clone()),
                Kind::SelfWaking => drop(virid::spawn(wake_self(start.clone()))),
            }
        }
    });
    starter.join().unwrap();
    until(|| load.sum() > 1_000);
    (runtime, load)
}

/// How often the worker that runs this polled the load since `since`: with no
/// more than that many polls between, it could have come to this task.
fn waited(load: &Load, since: &Mutex<Option<[usize; WORKERS]>>) -> usize {
    let own = load.own();
    // Empty where this task was faster than its spawner: it waited for nothing.
    match *since.lock().unwrap() {
        Some(since) => load.now()[own] - since[own],
        None => 0,
    }
}

/// Tasks from outside, one at a time and many at once, under a load.
fn injected_tasks_are_served(kind: Kind) {
    guard(move || {
        for count in [1, 2, 4] {
            for width in [1, 3, 50] {
                let (runtime, load) = loaded(kind, count, width);
                // Of many, some would wait in the deque of a worker that the
                // operating system may stop: on one worker only.
                let bursts = if count == 1 { [1, 20, 50] } else { [1, 1, 1] };
                for burst in bursts {
                    let tasks: Vec<JoinHandle<usize>> = (0..burst)
                        .map(|_| {
                            let since = Arc::<Mutex<_>>::default();
                            let (load_there, since_there) = (load.clone(), since.clone());
                            let waits = async move { waited(&load_there, &since_there) };
                            let task = runtime.spawn(waits);
                            *since.lock().unwrap() = Some(load.now());
                            task
                        })
                        .collect();
                    for task in tasks {
                        let waited = task.join().unwrap();
                        assert!(waited <= burst * BOUND, "{waited} on {count} for {width}");
                    }
                }
                load.stop.store(true, Ordering::SeqCst);
            }
        }
    });
}

#[test]
fn tasks_from_outside_are_served_in_bounded_polls_while_tasks_respawn_themselves() {
    injected_tasks_are_served(Kind::Respawning);
}

#[test]
fn tasks_from_outside_are_served_in_bounded_polls_while_tasks_wake_themselves() {
    injected_tasks_are_served(Kind::SelfWaking);
}

/// How often a wake may come while the task is still in its poll: it waits in its
/// worker's deque then, and the system may stop that worker.
const ATTEMPTS: usize = 20;

/// How many polls a task waits for that is woken from outside.
fn waited_for_a_wake(runtime: &Runtime, load: &Arc<Load>) -> usize {
    let since = Arc::<Mutex<Option<[usize; WORKERS]>>>::default();
    let (send, waker) = channel::<Waker>();
    let (load_there, since_there) = (load.clone(), since.clone());
    let mut is_first = true;
    let task = runtime.spawn(poll_fn(move |context| {
        if std::mem::take(&mut is_first) {
            send.send(context.waker().clone()).unwrap();
            return Poll::Pending;
        }
        Poll::Ready(waited(&load_there, &since_there))
    }));
    waker.recv().unwrap().wake();
    *since.lock().unwrap() = Some(load.now());
    task.join().unwrap()
}

/// A task that was woken by another thread is served like a new one.
#[test]
fn a_wake_from_outside_is_served_in_bounded_polls_under_load() {
    guard(|| {
        for (kind, count) in [
            (Kind::Respawning, 1),
            (Kind::SelfWaking, 1),
            (Kind::Respawning, 2),
            (Kind::SelfWaking, 4),
        ] {
            let (runtime, load) = loaded(kind, count, 3);
            let attempts = if count == 1 { 1 } else { ATTEMPTS };
            for _ in 0..20 {
                let mut late = Vec::new();
                loop {
                    let waited = waited_for_a_wake(&runtime, &load);
                    if waited <= BOUND {
                        break;
                    }
                    late.push(waited);
                    assert!(late.len() < attempts, "{late:?} on {count}");
                }
            }
            load.stop.store(true, Ordering::SeqCst);
        }
    });
}

/// Old tasks beside an endless load of young ones. A queue works on its newest
/// tasks, in batches of 62, but every eighth batch is the oldest.
#[test]
fn tasks_that_have_aged_in_a_queue_have_every_eighth_turn() {
    const BATCH: usize = 62;
    const TURNS: usize = 8;
    guard(|| {
        let (runtime, load) = (workers(1), Arc::<Load>::default());
        let start = load.clone();
        let aged = runtime.spawn(async move {
            let aged: Vec<_> = (0..10_000_usize)
                .map(|index| {
                    // Between every two of them begins a task that respawns.
                    respawn(start.clone());
                    let load = start.clone();
                    virid::spawn(async move { (index, load.sum()) })
                })
                .collect();
            let mut polls = Vec::new();
            for task in aged {
                polls.push(task.await.unwrap());
            }
            start.stop.store(true, Ordering::SeqCst);
            polls
        });
        for (index, polls) in aged.join().unwrap() {
            // Two tasks for each index are as old, and batches are not cut.
            let older = (2 * index).next_multiple_of(BATCH) + BATCH;
            assert!(
                polls <= TURNS * older,
                "{polls} polls of younger ones before {index}"
            );
        }
    });
}

#[test]
fn tasks_that_wake_themselves_do_not_starve_an_ordinary_one() {
    guard(|| {
        for width in [1, 2, 10, 100] {
            let (runtime, load) = (workers(1), Arc::<Load>::default());
            let start = load.clone();
            let ordinary = runtime.spawn(async move {
                for _ in 0..width {
                    drop(virid::spawn(wake_self(start.clone())));
                }
                let mut turns = Vec::new();
                for _ in 0..100 {
                    let before = start.sum();
                    let load = start.clone();
                    let child = virid::spawn(async move { load.sum() - before });
                    turns.push(child.await.unwrap());
                }
                start.stop.store(true, Ordering::SeqCst);
                turns
            });
            for turn in ordinary.join().unwrap() {
                assert!(
                    turn <= width,
                    "{turn} polls of {width} before one of the other"
                );
            }
        }
    });
}

#[test]
fn a_ping_pong_pair_does_not_starve_a_third_task() {
    guard(|| {
        for count in [1, 2, 4] {
            let (runtime, load) = (workers(count), Arc::<Load>::default());
            let slots: [Arc<Mutex<Option<Waker>>>; 2] = Default::default();
            let tasks: Vec<_> = (0..2)
                .map(|own: usize| {
                    let (load, slots) = (load.clone(), slots.clone());
                    runtime.spawn(poll_fn(move |context| {
                        load.count_poll();
                        *slots[own].lock().unwrap() = Some(context.waker().clone());
                        let other = slots[1 - own].lock().unwrap().take();
                        match other {
                            Some(other) => other.wake(),
                            None => context.waker().wake_by_ref(),
                        }
                        match load.is_stopped() {
                            true => Poll::Ready(()),
                            false => Poll::Pending,
                        }
                    }))
                })
                .collect();
            until(|| load.sum() > 1_000);
            for _ in 0..100 {
                let since = Arc::<Mutex<_>>::default();
                let (load_there, since_there) = (load.clone(), since.clone());
                let victim = runtime.spawn(async move { waited(&load_there, &since_there) });
                *since.lock().unwrap() = Some(load.now());
                let waited = victim.join().unwrap();
                assert!(waited <= BOUND, "{waited} on {count}");
            }
            load.stop.store(true, Ordering::SeqCst);
            drop(tasks);
            thread::yield_now();
        }
    });
}
