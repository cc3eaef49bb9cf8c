//! What the lives of a round share, and what anybody can do.
//!
//! So that a round can end by itself, no life waits for an older one: who waits for
//! another has a smaller number. And what would wake somebody is never dropped unused.

use super::ledger::{Kind, Ledger, Output};
use super::watch::{fail, step};
use crate::dice::Dice;
use std::future::{Future, poll_fn};
use std::hint::spin_loop;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Waker;
use virid::Handle;
use virid::sync::{Condvar, Notify, Semaphore};
use virid::task::{self, AbortHandle, Keyed};
use virid::thread::{self, Thread};

const MOST_KEPT: usize = 64;

pub(crate) const KEYS: u64 = 3;

/// A task's future, one size for all, but for `Tiny` and `Large`.
pub(crate) type Boxed = Pin<Box<dyn Future<Output = Output> + Send>>;

type Kept<T> = Mutex<Vec<T>>;

pub(crate) struct World {
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) handle: Handle,
    pub(crate) keyed: Keyed<u64>,
    /// Whether somebody has the turn of a key.
    turns: [AtomicBool; KEYS as usize],
    tasks: Kept<(usize, task::JoinHandle<Output>)>,
    threads: Kept<(usize, thread::JoinHandle<Output>)>,
    aborts: Kept<AbortHandle>,
    wakers: Kept<Waker>,
    unparks: Kept<Thread>,
    pub(crate) semaphore: Semaphore,
    pub(crate) notify: Notify,
    pub(crate) lock: virid::sync::Mutex<u64>,
    pub(crate) changed: Condvar,
}

/// Keeps one; what is too much comes back, to be used where nothing is locked.
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

/// One that is younger than life `than`.
fn take_younger<T>(kept: &Kept<(usize, T)>, than: usize) -> Option<T> {
    let mut kept = kept.lock().unwrap();
    let at = kept.iter().position(|(number, _)| *number > than)?;
    Some(kept.swap_remove(at).1)
}

fn take_all<T>(kept: &Kept<T>) -> Vec<T> {
    std::mem::take(&mut *kept.lock().unwrap())
}

pub(crate) fn spin(times: u64) {
    (0..times).for_each(|_| spin_loop());
}

impl World {
    pub(crate) fn new(most: usize, handle: &Handle) -> Arc<Self> {
        Arc::new(Self {
            ledger: Ledger::new(most),
            handle: handle.clone(),
            keyed: Keyed::new(),
            turns: Default::default(),
            tasks: Kept::default(),
            threads: Kept::default(),
            aborts: Kept::default(),
            wakers: Kept::default(),
            unparks: Kept::default(),
            semaphore: Semaphore::new(2),
            notify: Notify::default(),
            lock: virid::sync::Mutex::default(),
            changed: Condvar::default(),
        })
    }

    pub(crate) fn keep_waker(&self, waker: Waker, at: u64) {
        if let Some(other) = keep(&self.wakers, waker, at as usize) {
            other.wake();
        }
    }

    pub(crate) fn keep_current(&self, at: u64) {
        if let Some(other) = keep(&self.unparks, thread::current(), at as usize) {
            other.unpark();
        }
    }

    pub(crate) fn younger_task(&self, than: usize) -> Option<task::JoinHandle<Output>> {
        take_younger(&self.tasks, than)
    }

    pub(crate) fn younger_thread(&self, than: usize) -> Option<thread::JoinHandle<Output>> {
        take_younger(&self.threads, than)
    }

    fn keep_task(&self, number: usize, task: task::JoinHandle<Output>, dice: &mut Dice) {
        match dice.below(8) {
            0 | 1 => drop(keep(&self.aborts, task.abort_handle(), 0)),
            2 | 3 => drop(keep(&self.tasks, (number, task), dice.below(64) as usize)),
            4 => task.abort(),
            _ => drop(task),
        }
    }

    fn keep_thread(&self, number: usize, thread: thread::JoinHandle<Output>, dice: &mut Dice) {
        match dice.below(8) {
            0 => drop(self.keep_unpark(thread.thread().clone())),
            1 | 2 => drop(keep(
                &self.threads,
                (number, thread),
                dice.below(64) as usize,
            )),
            3 => thread.cancel(),
            _ => drop(thread),
        }
    }

    pub(crate) fn keep_unpark(&self, thread: Thread) -> Option<()> {
        keep(&self.unparks, thread, 9).map(|other| other.unpark())
    }

    pub(crate) fn spawn_task(self: &Arc<Self>, dice: &mut Dice) {
        let Some(life) = self.ledger.open(Kind::Task) else {
            return;
        };
        let number = life.number();
        let task = self.handle.spawn(self.task(life, dice.fork()));
        self.keep_task(number, task, dice);
    }

    pub(crate) fn spawn_thread(self: &Arc<Self>, dice: &mut Dice) {
        let Some(life) = self.ledger.open(Kind::Thread) else {
            return;
        };
        let (number, world, dice_of) = (life.number(), self.clone(), dice.fork());
        let thread = self.handle.go(move || world.thread(life, dice_of));
        self.keep_thread(number, thread, dice);
    }

    /// One that ends at its first poll, in the smallest cell or behind a box.
    pub(crate) fn spawn_small(self: &Arc<Self>, dice: &mut Dice) {
        let is_large = dice.below(8) == 0;
        let kind = if is_large { Kind::Large } else { Kind::Tiny };
        let Some(life) = self.ledger.open(kind) else {
            return;
        };
        let number = life.number();
        let task = if is_large {
            let bytes = [number as u8; 3_000];
            self.handle.spawn(async move {
                life.begin();
                virid::yield_now().await;
                if bytes.iter().any(|&byte| byte != life.number() as u8) {
                    fail("another wrote into a task's memory");
                }
                life.end()
            })
        } else {
            self.handle.spawn(async move {
                life.begin();
                life.end()
            })
        };
        self.keep_task(number, task, dice);
    }

    fn spawn_blocking(self: &Arc<Self>, dice: &mut Dice) {
        let Some(life) = self.ledger.open(Kind::Blocking) else {
            return;
        };
        let (number, times) = (life.number(), dice.below(3_000));
        let panics = dice.below(20) == 0;
        let task = self.handle.spawn_blocking(move || {
            life.begin();
            spin(times);
            if panics { life.panic() } else { life.end() }
        });
        self.keep_task(number, task, dice);
    }

    /// What anybody can do, on any thread.
    pub(crate) fn act(self: &Arc<Self>, dice: &mut Dice) {
        step();
        let at = dice.below(64) as usize;
        match dice.below(20) {
            0..=2 => self.spawn_task(dice),
            3 | 4 => self.spawn_thread(dice),
            5 | 6 => self.spawn_small(dice),
            7 => self.spawn_blocking(dice),
            8 => drop(take(&self.tasks, at)),
            9 => drop(take(&self.threads, at)),
            10 => drop(take(&self.aborts, at).map(|abort| abort.abort())),
            11 => drop(take(&self.threads, at).map(|(_, thread)| thread.cancel())),
            12 | 13 => self.wake_one(at),
            14 => drop(take(&self.unparks, at).map(|thread| thread.unpark())),
            15 => self.notify.notify_one(),
            16 if dice.below(200) == 0 => drop(self.handle.trim()),
            17 => drop(take(&self.tasks, at).map(|(_, task)| task.abort())),
            18 if dice.below(40) == 0 => spin(300_000),
            _ => spin(dice.below(2_000)),
        }
    }

    fn wake_one(&self, at: usize) {
        let Some(waker) = take(&self.wakers, at) else {
            return;
        };
        match at % 4 {
            0 => waker.wake_by_ref(),
            1 => {
                let clone = waker.clone();
                clone.wake();
                waker.wake();
            }
            // Keeps a waker of a task that may be over by then.
            2 => self.keep_waker_used(waker),
            _ => waker.wake(),
        }
    }

    fn keep_waker_used(&self, waker: Waker) {
        waker.wake_by_ref();
        self.keep_waker(waker, 3);
    }

    /// Wakes all who wait for somebody from outside.
    pub(crate) fn wake_all(&self) {
        take_all(&self.wakers).into_iter().for_each(Waker::wake);
        take_all(&self.unparks).iter().for_each(Thread::unpark);
        self.notify.notify_waiters();
    }

    /// Drops all that is held of lives.
    pub(crate) fn clear(&self) {
        drop(take_all(&self.tasks));
        drop(take_all(&self.threads));
        drop(take_all(&self.aborts));
        drop(take_all(&self.wakers));
        drop(take_all(&self.unparks));
    }
}

/// Held by a life of a key while it has the turn.
pub(crate) struct Turn(Arc<World>, usize);

impl Turn {
    pub(crate) fn begin(world: &Arc<World>, key: u64) -> Self {
        let key = key as usize;
        if world.turns[key].swap(true, Ordering::SeqCst) {
            fail("two have the turn of a key");
        }
        Self(world.clone(), key)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.turns[self.1].store(false, Ordering::SeqCst);
    }
}

/// Owned by a life; does something when it is dropped, wherever that is.
pub(crate) struct Cargo {
    pub(crate) world: Arc<World>,
    pub(crate) dice: Dice,
}

impl Drop for Cargo {
    fn drop(&mut self) {
        match self.dice.below(40) {
            0 => self.world.spawn_small(&mut self.dice),
            1 => self.world.wake_one(0),
            2 if thread::is_green() => thread::yield_now(),
            3 if !std::thread::panicking() => std::panic::resume_unwind(Box::new("cargo")),
            4 => spin(2_000),
            _ => {}
        }
    }
}

/// Says so where two poll at once.
pub(crate) async fn alone(mut future: Boxed) -> Output {
    let is_inside = AtomicBool::new(false);
    poll_fn(|context| {
        if is_inside.swap(true, Ordering::SeqCst) {
            fail("polled by two");
        }
        let poll = future.as_mut().poll(context);
        is_inside.store(false, Ordering::SeqCst);
        poll
    })
    .await
}
