//! Proves that a random mix of spawns, joins, drops, yields, panics and wakes
//! from other threads loses, doubles and leaks nothing. `VIRID_SEED` repeats a
//! run's choices; the seed is printed.

#![cfg(not(virid_loom))]

#[path = "support/dice.rs"]
mod dice;
#[path = "support/drops.rs"]
mod drops;
mod support;
#[path = "support/workers.rs"]
mod workers;

use dice::Dice;
use drops::{Drops, Token};
use std::future::{Future, poll_fn};
use std::panic::resume_unwind;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::thread;
use support::guard;
use virid::Handle;
use virid::task::JoinHandle;
use workers::workers;

/// A wait that a thread outside the runtime ends.
#[derive(Default)]
struct Signal {
    raised: AtomicUsize,
    waker: Mutex<Option<Waker>>,
}

/// What every task of a run shares.
#[derive(Clone)]
struct World {
    futures: Drops,
    outputs: Drops,
    ended: Arc<AtomicUsize>,
    panicked: Arc<AtomicUsize>,
    spawned: Arc<AtomicUsize>,
    foreign: Sender<Arc<Signal>>,
}

impl World {
    fn new() -> (Self, Receiver<Arc<Signal>>) {
        let (foreign, signals) = channel();
        let world = World {
            futures: Drops::default(),
            outputs: Drops::default(),
            ended: Arc::default(),
            panicked: Arc::default(),
            spawned: Arc::default(),
            foreign,
        };
        (world, signals)
    }

    fn spawn(&self, handle: &Handle, dice: Dice, depth: u64) -> JoinHandle<Token> {
        self.spawned.fetch_add(1, Ordering::SeqCst);
        handle.spawn(self.clone().life(dice, depth, self.futures.token()))
    }

    /// One task: a few random steps, then an output or a panic.
    fn life(
        self,
        mut dice: Dice,
        depth: u64,
        own: Token,
    ) -> Pin<Box<dyn Future<Output = Token> + Send>> {
        Box::pin(async move {
            let _own = own;
            let mut children = Vec::new();
            for _ in 0..dice.below(6) {
                match dice.below(8) {
                    0 | 1 => virid::yield_now().await,
                    2 | 3 if depth > 0 => {
                        let child = self.spawn(&Handle::current(), dice.fork(), depth - 1);
                        children.push(child);
                    }
                    4 => drop(children.pop()),
                    5 => {
                        if let Some(child) = children.pop() {
                            drop(child.await);
                        }
                    }
                    6 => self.wait_for_a_stranger().await,
                    _ => self_wake(dice.below(5)).await,
                }
            }
            if dice.below(2) == 0 {
                for child in children.drain(..) {
                    drop(child.await);
                }
            }
            if dice.below(10) == 0 {
                self.panicked.fetch_add(1, Ordering::SeqCst);
                resume_unwind(Box::new(self.outputs.token()));
            }
            self.ended.fetch_add(1, Ordering::SeqCst);
            self.outputs.token()
        })
    }

    async fn wait_for_a_stranger(&self) {
        let signal = Arc::new(Signal::default());
        let mut sent = false;
        poll_fn(|context| {
            *signal.waker.lock().unwrap() = Some(context.waker().clone());
            if !sent {
                sent = true;
                // Nobody listens once the shutdown has begun: then wait for ever.
                _ = self.foreign.send(signal.clone());
            }
            match signal.raised.load(Ordering::SeqCst) {
                0 => Poll::Pending,
                _ => Poll::Ready(()),
            }
        })
        .await;
    }
}

async fn self_wake(mut times: u64) {
    poll_fn(|context: &mut Context<'_>| {
        context.waker().wake_by_ref();
        let clone = context.waker().clone();
        clone.wake();
        times = times.saturating_sub(1);
        match times {
            0 => Poll::Ready(()),
            _ => Poll::Pending,
        }
    })
    .await;
}

/// Wakes whom it is told about: late, twice, by clone, or by a waker kept too long.
fn stranger(signals: Receiver<Arc<Signal>>, mut dice: Dice) {
    let mut kept: Vec<Waker> = Vec::new();
    for signal in signals {
        (0..dice.below(300)).for_each(|_| std::hint::spin_loop());
        if dice.below(2) == 0 {
            let early = signal.waker.lock().unwrap().clone();
            early.into_iter().for_each(Waker::wake);
        }
        signal.raised.store(1, Ordering::SeqCst);
        let waker = signal.waker.lock().unwrap().take();
        let Some(waker) = waker else { continue };
        waker.wake_by_ref();
        match dice.below(3) {
            0 => waker.wake(),
            1 => drop(waker),
            _ => kept.push(waker),
        }
        if kept.len() > 100 {
            let index = dice.below(100) as usize;
            kept.swap_remove(index).wake();
        }
    }
    kept.into_iter().for_each(Waker::wake);
}

/// Spawns `roots` trees of tasks on `count` workers from three threads.
/// Shuts down in their midst if `cut` says so, else waits for all of them.
fn run(mut dice: Dice, count: usize, roots: u64, cut: bool) {
    let (world, signals) = World::new();
    let runtime = workers(count);
    let listener = dice.fork();
    let listener = thread::spawn(move || stranger(signals, listener));
    let spawners = [(); 3].map(|()| {
        let (world, handle, mut dice) = (world.clone(), runtime.handle().clone(), dice.fork());
        thread::spawn(move || {
            for _ in 0..roots / 3 {
                let task = world.spawn(&handle, dice.fork(), 4);
                match dice.below(4) {
                    0 => drop(task.join()),
                    1 => drop(virid::block_on(task)),
                    _ => drop(task),
                }
            }
        })
    });
    let spawned = || world.spawned.load(Ordering::SeqCst);
    let over = || world.ended.load(Ordering::SeqCst) + world.panicked.load(Ordering::SeqCst);
    if cut {
        while (spawned() as u64) < roots / 2 {
            thread::yield_now();
        }
    } else {
        spawners
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
        while over() < spawned() {
            thread::yield_now();
        }
        drop(runtime);
        assert_eq!(over(), spawned());
        return finish(world, listener);
    }
    drop(runtime);
    spawners
        .into_iter()
        .for_each(|thread| thread.join().unwrap());
    assert!(over() <= spawned());
    finish(world, listener);
}

/// After the shutdown: every future and every output was dropped once.
fn finish(world: World, listener: thread::JoinHandle<()>) {
    let spawned = world.spawned.load(Ordering::SeqCst);
    let outputs = world.ended.load(Ordering::SeqCst) + world.panicked.load(Ordering::SeqCst);
    let World {
        futures,
        outputs: dropped,
        foreign,
        ..
    } = world;
    drop(foreign);
    listener.join().unwrap();
    assert_eq!((futures.count(), dropped.count()), (spawned, outputs));
}

#[test]
fn a_random_mix_of_everything_ends_with_all_counts_right() {
    let mut dice = Dice::new();
    for _ in 0..24 {
        let (dice, count) = (dice.fork(), 2 + dice.below(15) as usize);
        guard(move || run(dice, count, 18_000, false));
    }
}

#[test]
fn a_random_mix_cut_short_by_the_shutdown_leaks_nothing() {
    let mut dice = Dice::new();
    for _ in 0..1_000 {
        let (dice, count) = (dice.fork(), 2 + dice.below(15) as usize);
        guard(move || run(dice, count, 600, true));
    }
}
