//! Proves that tasks, green threads and what blocks, with all that can be held of them
//! in many hands, end in order however a runtime ends: nothing is dropped twice or
//! never, and no task is polled by two workers at once.

#![cfg(not(virid_loom))]

#[path = "support/child.rs"]
mod child;
#[path = "support/dice.rs"]
mod dice;
#[path = "support/drops.rs"]
mod drops;

use dice::Dice;
use drops::{Drops, Token};
use std::future::{Future, poll_fn};
use std::hint::spin_loop;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use virid::sync::{Condvar, Notify, Semaphore};
use virid::task::{self, AbortHandle};
use virid::thread::{self, Thread};
use virid::{Builder, Handle};

const MOST_KEPT: usize = 64;

type Kept<T> = Arc<Mutex<Vec<T>>>;

/// What all share.
#[derive(Clone)]
struct World {
    futures: Drops,
    made: Arc<AtomicUsize>,
    budget: Arc<AtomicI64>,
    tasks: Kept<task::JoinHandle<Token>>,
    threads: Kept<thread::JoinHandle<Token>>,
    aborts: Kept<AbortHandle>,
    wakers: Kept<Waker>,
    unparks: Kept<Thread>,
    semaphore: Arc<Semaphore>,
    notify: Arc<Notify>,
    lock: Arc<virid::sync::Mutex<u64>>,
    changed: Arc<Condvar>,
}

/// Keeps one; what is too much comes back, to be dropped where nothing is locked.
fn keep<T>(kept: &Kept<T>, one: T, at: usize) -> Option<T> {
    let mut kept = kept.lock().unwrap();
    if kept.len() < MOST_KEPT {
        kept.push(one);
        return None;
    }
    Some(std::mem::replace(&mut kept[at % MOST_KEPT], one))
}

fn take<T>(kept: &Kept<T>, at: usize) -> Option<T> {
    let mut kept = kept.lock().unwrap();
    if kept.is_empty() {
        return None;
    }
    let at = at % kept.len();
    Some(kept.swap_remove(at))
}

fn clear<T>(kept: &Kept<T>) {
    let all = std::mem::take(&mut *kept.lock().unwrap());
    drop(all);
}

impl World {
    fn new(budget: i64) -> Self {
        Self {
            futures: Drops::default(),
            made: Arc::default(),
            budget: Arc::new(AtomicI64::new(budget)),
            tasks: Arc::default(),
            threads: Arc::default(),
            aborts: Arc::default(),
            wakers: Arc::default(),
            unparks: Arc::default(),
            semaphore: Arc::new(Semaphore::new(2)),
            notify: Arc::default(),
            lock: Arc::default(),
            changed: Arc::default(),
        }
    }

    fn token(&self) -> Token {
        self.made.fetch_add(1, Ordering::SeqCst);
        self.futures.token()
    }

    fn may_spawn(&self) -> bool {
        self.budget.fetch_sub(1, Ordering::Relaxed) > 0
    }

    fn spawn_task(&self, handle: &Handle, dice: &mut Dice) {
        let life = self.clone().task(dice.fork());
        let task = handle.spawn(alone(life, self.token()));
        match dice.below(6) {
            0 => drop(keep(
                &self.aborts,
                task.abort_handle(),
                dice.below(64) as usize,
            )),
            1 => drop(keep(&self.tasks, task, dice.below(64) as usize)),
            2 => task.abort(),
            _ => drop(task),
        }
    }

    fn spawn_thread(&self, handle: &Handle, dice: &mut Dice) {
        let (world, own, fork) = (self.clone(), self.token(), dice.fork());
        let thread = handle.go(move || world.thread(fork, own));
        match dice.below(6) {
            0 => drop(keep(
                &self.unparks,
                thread.thread().clone(),
                dice.below(64) as usize,
            )),
            1 => drop(keep(&self.threads, thread, dice.below(64) as usize)),
            2 => thread.cancel(),
            _ => drop(thread),
        }
    }

    /// What anybody can do.
    fn act(&self, handle: &Handle, dice: &mut Dice) {
        let at = dice.below(64) as usize;
        match dice.below(14) {
            0..=3 if self.may_spawn() => self.spawn_task(handle, dice),
            4 | 5 if self.may_spawn() => self.spawn_thread(handle, dice),
            6 if self.may_spawn() => {
                let own = self.token();
                let task = handle.spawn_blocking(move || own);
                drop(keep(&self.tasks, task, at));
            }
            7 => drop(take(&self.tasks, at)),
            8 => drop(take(&self.threads, at)),
            9 => {
                if let Some(abort) = take(&self.aborts, at) {
                    abort.abort();
                }
            }
            10 => {
                if let Some(waker) = take(&self.wakers, at) {
                    waker.wake();
                }
            }
            11 => {
                if let Some(thread) = take(&self.unparks, at) {
                    thread.unpark();
                }
            }
            12 => self.notify.notify_one(),
            _ => (0..dice.below(2_000)).for_each(|_| spin_loop()),
        }
    }

    fn task(self, mut dice: Dice) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(async move {
            let handle = Handle::current();
            for _ in 0..dice.below(12) {
                match dice.below(10) {
                    0..=2 => virid::yield_now().await,
                    3 => {
                        let mut is_first = true;
                        poll_fn(|context| {
                            if !std::mem::take(&mut is_first) {
                                return Poll::Ready(());
                            }
                            drop(keep(&self.wakers, context.waker().clone(), 7));
                            Poll::Pending
                        })
                        .await;
                    }
                    4 => drop(self.semaphore.acquire().await),
                    5 => {
                        if let Some(task) = take(&self.tasks, 3) {
                            drop(task.await);
                        }
                    }
                    6 => {
                        *self
                            .lock
                            .lock_async()
                            .await
                            .unwrap_or_else(|e| e.into_inner()) += 1
                    }
                    _ => self.act(&handle, &mut dice),
                }
            }
        })
    }

    fn thread(self, mut dice: Dice, own: Token) -> Token {
        let handle = Handle::current();
        for _ in 0..dice.below(12) {
            match dice.below(12) {
                0..=2 => thread::yield_now(),
                3 => {
                    drop(keep(&self.unparks, thread::current(), 5));
                    thread::park();
                }
                4 => drop(self.semaphore.blocking_acquire()),
                5 => {
                    if let Some(thread) = take(&self.threads, 3) {
                        drop(thread.join());
                    }
                }
                6 => {
                    let guard = self.lock.lock().unwrap_or_else(|e| e.into_inner());
                    self.changed.notify_one();
                    if dice.below(2) == 0 {
                        drop(guard);
                    } else {
                        let wait = std::time::Duration::from_micros(dice.below(300));
                        drop(self.changed.wait_timeout(guard, wait));
                    }
                }
                7 => thread::blocking(|| (0..500).for_each(|_| spin_loop())),
                8 => {
                    let fork = dice.fork();
                    thread::scope(|scope| {
                        scope.spawn(|| self.act(&handle, &mut fork.clone()));
                        thread::yield_now();
                    });
                }
                _ => self.act(&handle, &mut dice),
            }
        }
        own
    }
}

/// Says so where two poll at once.
async fn alone(mut future: Pin<Box<dyn Future<Output = ()> + Send>>, own: Token) -> Token {
    let is_inside = AtomicBool::new(false);
    poll_fn(|context| {
        assert!(!is_inside.swap(true, Ordering::SeqCst), "polled by two");
        let poll = future.as_mut().poll(context);
        is_inside.store(false, Ordering::SeqCst);
        poll
    })
    .await;
    own
}

fn round(dice: &mut Dice) {
    let workers = [1, 2, 3, 8][dice.below(4) as usize];
    let builder = Builder::new().worker_threads(workers);
    let runtime = builder.max_blocking_threads(2).build().unwrap();
    let world = World::new(dice.below(6_000) as i64);
    let helpers: Vec<_> = (0..2)
        .map(|_| {
            let (world, handle, mut dice) = (world.clone(), runtime.handle().clone(), dice.fork());
            std::thread::spawn(move || {
                for _ in 0..dice.below(4_000) {
                    world.act(&handle, &mut dice);
                }
            })
        })
        .collect();
    for _ in 0..dice.below(300) {
        world.act(runtime.handle(), dice);
    }
    if dice.below(2) == 0 {
        (0..dice.below(2_000_000)).for_each(|_| spin_loop());
    }
    drop(runtime);
    helpers
        .into_iter()
        .for_each(|helper| helper.join().unwrap());
    clear(&world.tasks);
    clear(&world.threads);
    clear(&world.aborts);
    clear(&world.wakers);
    clear(&world.unparks);
    assert_eq!(world.futures.count(), world.made.load(Ordering::SeqCst));
}

#[test]
fn everything_ends_once_in_a_storm_of_all_kinds() {
    const TEST: &str = "everything_ends_once_in_a_storm_of_all_kinds";
    if child::role().is_some() {
        let mut dice = Dice::new();
        let rounds = std::env::var("ROUNDS").map_or(150, |rounds| rounds.parse().unwrap());
        (0..rounds).for_each(|_| round(&mut dice));
        return;
    }
    for membarrier in ["on", "off"] {
        let output = child::run(TEST, membarrier, &[("VIRID_MEMBARRIER", membarrier)]);
        assert!(output.status.success(), "{output:?}");
    }
}
