//! Proves that the end of a runtime is orderly in the worst of weather: wakers
//! of every task held and woken elsewhere, spawns still arriving, chains and
//! cycles of tasks. Every future is dropped exactly once.

#![cfg(not(virid_loom))]

#[path = "support/dice.rs"]
mod dice;
#[path = "support/drops.rs"]
mod drops;
mod support;
#[path = "support/until.rs"]
mod until;
#[path = "support/workers.rs"]
mod workers;

use dice::Dice;
use drops::{Drops, Token};
use std::future::{Future, pending, poll_fn};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};
use support::guard;
use until::until;
use virid::task::JoinHandle;
use virid::{Builder, Handle, Runtime};
use workers::workers;

/// Where tasks leave their wakers, for others to wake.
struct Wakers {
    slots: Vec<Mutex<Option<Waker>>>,
    left: AtomicUsize,
}

impl Wakers {
    fn new(count: usize) -> Arc<Self> {
        Arc::new(Self {
            slots: (0..count).map(|_| Mutex::default()).collect(),
            left: AtomicUsize::new(0),
        })
    }

    /// Never ends; leaves its waker in a slot at its first poll.
    fn endless(
        self: &Arc<Self>,
        slot: usize,
        token: Token,
    ) -> impl Future<Output = ()> + Send + use<> {
        let (wakers, mut is_first) = (self.clone(), true);
        poll_fn(move |context| {
            let _token = &token;
            if is_first {
                is_first = false;
                *wakers.slots[slot].lock().unwrap() = Some(context.waker().clone());
                wakers.left.fetch_add(1, Ordering::SeqCst);
            }
            Poll::Pending
        })
    }

    fn wake(&self, slot: usize) {
        if let Some(waker) = &*self.slots[slot].lock().unwrap() {
            waker.wake_by_ref();
        }
    }
}

/// Spawns until it is told to stop; returns how often.
fn spawn_on(handle: Handle, drops: Drops, stop: Arc<AtomicBool>) -> thread::JoinHandle<usize> {
    thread::spawn(move || {
        let mut spawned = 0;
        while !stop.load(Ordering::SeqCst) {
            let token = drops.token();
            drop(handle.spawn(async move {
                let _token = token;
                pending::<()>().await;
            }));
            spawned += 1;
            if spawned % 64 == 0 {
                thread::yield_now();
            }
        }
        spawned
    })
}

fn storm(mut dice: Dice, tasks: usize) {
    let runtime = workers(1 + dice.below(4) as usize);
    let (own, others, wakers) = (Drops::default(), Drops::default(), Wakers::new(tasks));
    let stop = Arc::<AtomicBool>::default();
    for slot in 0..tasks {
        drop(runtime.spawn(wakers.endless(slot, own.token())));
    }
    if dice.below(2) == 0 {
        until(|| wakers.left.load(Ordering::SeqCst) == tasks);
    }
    let spawners =
        [(); 3].map(|()| spawn_on(runtime.handle().clone(), others.clone(), stop.clone()));
    let waking = {
        let (wakers, stop, mut dice) = (wakers.clone(), stop.clone(), dice.fork());
        thread::spawn(move || {
            while !stop.load(Ordering::SeqCst) {
                wakers.wake(dice.below(tasks as u64) as usize);
            }
        })
    };
    (0..dice.below(20_000)).for_each(|_| std::hint::spin_loop());
    assert_eq!(own.count(), 0);
    drop(runtime);
    // What was spawned before the drop began is gone when it has returned.
    assert_eq!(own.count(), tasks);
    stop.store(true, Ordering::SeqCst);
    waking.join().unwrap();
    let spawned = spawners.map(|thread| thread.join().unwrap());
    assert_eq!(others.count(), spawned.iter().sum::<usize>());
    (0..tasks).for_each(|slot| wakers.wake(slot));
    drop(wakers);
    assert_eq!(own.count(), tasks);
}

#[test]
fn a_hundred_thousand_tasks_woken_elsewhere_are_dropped_once_fifty_times_in_a_row() {
    let mut dice = Dice::new();
    for _ in 0..50 {
        let dice = dice.fork();
        guard(|| storm(dice, 100_000));
    }
}

/// Takes its time to drop.
struct Slow {
    _token: Token,
}

impl Drop for Slow {
    fn drop(&mut self) {
        // Longer than a worker takes to leave. Where others want the processor, each of
        // these may be a turn of the system's scheduler, of milliseconds.
        let start = Instant::now();
        let is_early = |_: &u32| start.elapsed() < Duration::from_millis(20);
        (0..1_000)
            .take_while(is_early)
            .for_each(|_| thread::yield_now());
    }
}

#[test]
fn what_was_spawned_before_the_drop_began_is_gone_when_it_returns() {
    let mut dice = Dice::new();
    guard(move || {
        for _ in 0..300 {
            let (runtime, own, others) = (workers(1), Drops::default(), Drops::default());
            let stop = Arc::<AtomicBool>::default();
            let ((inside, is_inside), (release, released)) = (channel(), channel::<()>());
            drop(runtime.spawn(async move {
                inside.send(()).unwrap();
                _ = released.recv();
            }));
            is_inside.recv().unwrap();
            let slow = Slow {
                _token: own.token(),
            };
            drop(runtime.spawn(async move { drop(slow) }));
            let spawn = || spawn_on(runtime.handle().clone(), others.clone(), stop.clone());
            let spawners = [spawn(), spawn(), spawn()];
            let handle = runtime.handle().clone();
            let releaser = thread::spawn(move || {
                // The shutdown has begun when a spawn is cancelled at once.
                until(|| handle.spawn(async {}).is_finished());
                drop(release);
            });
            (0..dice.below(20_000)).for_each(|_| std::hint::spin_loop());
            drop(runtime);
            let gone = own.count();
            stop.store(true, Ordering::SeqCst);
            releaser.join().unwrap();
            let spawned = spawners.map(|thread| thread.join().unwrap());
            assert_eq!(others.count(), spawned.iter().sum::<usize>());
            assert_eq!(gone, 1);
        }
    });
}

const CHAIN: usize = 1_000_000;
const SMALL_STACK: usize = 96 << 10;

/// The last of a million tasks of which each awaits the one before.
fn chain(handle: &Handle, drops: &Drops, polls: &Arc<AtomicUsize>) -> [JoinHandle<()>; 2] {
    let first = handle.spawn(pending::<()>());
    let mut last = handle.spawn(async {});
    for index in 0..CHAIN {
        let (token, polls, before) = (drops.token(), polls.clone(), last);
        last = handle.spawn(async move {
            let _token = token;
            polls.fetch_add(1, Ordering::SeqCst);
            if index == 0 {
                pending::<()>().await;
            }
            _ = before.await;
        });
    }
    [first, last]
}

/// Runs `end` on a chain; no thread that takes part has a stack for recursion.
fn end_a_chain(is_polled: bool, end: fn(Runtime, [JoinHandle<()>; 2])) {
    guard(move || {
        let small = thread::Builder::new().stack_size(SMALL_STACK);
        let body = move || {
            let builder = Builder::new().worker_threads(2);
            let runtime = builder.thread_stack_size(SMALL_STACK).build().unwrap();
            let (drops, polls) = (Drops::default(), Arc::<AtomicUsize>::default());
            let ends = chain(runtime.handle(), &drops, &polls);
            if is_polled {
                until(|| polls.load(Ordering::SeqCst) == CHAIN);
            }
            end(runtime, ends);
            assert_eq!(drops.count(), CHAIN);
        };
        small.spawn(body).unwrap().join().unwrap();
    });
}

#[test]
fn a_chain_of_a_million_joins_is_dropped_without_recursion() {
    end_a_chain(true, |runtime, ends| {
        drop(runtime);
        for task in ends {
            assert!(task.join().unwrap_err().is_cancelled());
        }
    });
}

#[test]
fn a_chain_of_a_million_joins_is_dropped_without_recursion_also_half_polled() {
    end_a_chain(false, |runtime, ends| {
        drop(runtime);
        drop(ends);
    });
}

#[test]
fn a_chain_of_a_million_joins_that_is_cut_at_its_head_is_dropped_without_recursion() {
    end_a_chain(true, |runtime, [first, last]| {
        last.abort();
        assert!(last.join().unwrap_err().is_cancelled());
        drop(first);
        drop(runtime);
    });
}

#[test]
fn two_tasks_that_await_each_other_are_dropped_by_an_abort_of_one() {
    guard(|| {
        let (runtime, drops) = (workers(2), Drops::default());
        for round in 1..=200 {
            let slots = [(); 2].map(|()| channel::<JoinHandle<()>>());
            let (sends, receives): (Vec<_>, Vec<_>) = slots.into_iter().unzip();
            let receives = receives.into_iter().map(|slot| Arc::new(Mutex::new(slot)));
            let tasks: Vec<_> = receives
                .map(|slot| {
                    let token = drops.token();
                    runtime.spawn(async move {
                        let _token = token;
                        let other = loop {
                            let other = slot.lock().unwrap().try_recv();
                            match other {
                                Ok(other) => break other,
                                Err(_) => virid::yield_now().await,
                            }
                        };
                        _ = other.await;
                    })
                })
                .collect();
            let aborts: Vec<_> = tasks.iter().map(JoinHandle::abort_handle).collect();
            for (send, task) in sends.into_iter().zip(tasks.into_iter().rev()) {
                send.send(task).unwrap();
            }
            aborts[0].abort();
            until(|| aborts.iter().all(virid::task::AbortHandle::is_finished));
            assert_eq!(drops.count(), 2 * round);
        }
    });
}

/// Tasks in a ring, each of which holds the waker of the one before it.
#[test]
fn rings_of_wakers_are_dropped_and_their_tasks_freed() {
    const RING: usize = 100;
    guard(|| {
        for _ in 0..50 {
            let (runtime, drops, wakers) = (workers(2), Drops::default(), Wakers::new(RING));
            for own in 0..RING {
                let (shared, token, mut kept) = (wakers.clone(), drops.token(), None);
                let mut is_first = true;
                drop(runtime.spawn(poll_fn(move |context| -> Poll<()> {
                    let _token = &token;
                    if is_first {
                        is_first = false;
                        *shared.slots[own].lock().unwrap() = Some(context.waker().clone());
                        shared.left.fetch_add(1, Ordering::SeqCst);
                    }
                    if kept.is_none() {
                        kept = shared.slots[(own + RING - 1) % RING].lock().unwrap().take();
                        if kept.is_none() {
                            context.waker().wake_by_ref();
                        }
                    }
                    Poll::Pending
                })));
            }
            until(|| wakers.left.load(Ordering::SeqCst) == RING);
            let is_empty = |slot: &Mutex<Option<Waker>>| slot.lock().unwrap().is_none();
            until(|| wakers.slots.iter().all(is_empty));
            assert_eq!(drops.count(), 0);
            drop(runtime);
            assert_eq!(drops.count(), RING);
        }
    });
}
