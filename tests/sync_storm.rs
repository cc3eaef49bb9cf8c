//! Proves that locks, permits and conditions are right and free in the end, whoever
//! used them at once: green threads, tasks and plain threads, of which many are ended in
//! the middle of a wait. `VIRID_SEED` repeats a run's choices, `VIRID_REPEAT` runs more.

#![cfg(all(feature = "sync", feature = "time", not(virid_loom)))]

#[path = "support/dice.rs"]
mod dice;
mod support;
#[path = "support/workers.rs"]
mod workers;

use dice::Dice;
use std::env;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::time::Duration;
use support::guard;
use virid::sync::{
    Arc, Barrier, Condvar, Mutex, Notify, PoisonError, RwLock, RwLockWriteGuard, Semaphore,
};
use virid::thread;
use workers::workers;

const PERMITS: usize = 3;

struct Shared {
    mutex: Mutex<u64>,
    lock: RwLock<(u64, u64)>,
    condvar: Condvar,
    semaphore: Semaphore,
    notify: Notify,
    barrier: Barrier,
    /// How many additions were made under the mutex, and under the lock.
    added: [AtomicU64; 2],
    inside: AtomicU64,
}

/// Held or not, ended or not: the value is right, because nobody is ended while it is
/// being changed.
fn whatever<T>(result: Result<T, PoisonError<T>>) -> T {
    result.unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    fn new() -> Self {
        Self {
            mutex: Mutex::new(0),
            lock: RwLock::new((0, 0)),
            condvar: Condvar::new(),
            semaphore: Semaphore::new(PERMITS),
            notify: Notify::new(),
            barrier: Barrier::new(2),
            added: [const { AtomicU64::new(0) }; 2],
            inside: AtomicU64::new(0),
        }
    }

    fn add(&self, value: &mut u64) {
        *value += 1;
        self.added[0].fetch_add(1, Ordering::SeqCst);
    }

    fn add_to_both(&self, value: &mut (u64, u64)) {
        assert_eq!(value.0, value.1);
        value.0 += 1;
        self.added[1].fetch_add(1, Ordering::SeqCst);
        value.1 += 1;
    }

    fn enter(&self) -> Inside<'_> {
        assert!(self.inside.fetch_add(1, Ordering::SeqCst) < PERMITS as u64);
        Inside(&self.inside)
    }

    /// One of the things that a thread may do.
    fn act(&self, dice: &mut Dice, pause: fn()) {
        let pauses = dice.below(3) == 0;
        let pause = || {
            if pauses {
                pause();
            }
        };
        match dice.below(9) {
            0 | 1 => {
                let mut value = whatever(self.mutex.lock());
                pause();
                self.add(&mut value);
            }
            2 | 3 => {
                let value = whatever(self.lock.read());
                pause();
                assert_eq!(value.0, value.1);
            }
            4 => {
                let mut value = whatever(self.lock.write());
                pause();
                self.add_to_both(&mut value);
                let own = value.0;
                if own.is_multiple_of(2) {
                    let value = RwLockWriteGuard::downgrade(value);
                    pause();
                    assert_eq!(*value, (own, own));
                }
            }
            5 => {
                if let Ok(mut value) = self.mutex.try_lock() {
                    pause();
                    self.add(&mut value);
                }
            }
            6 => {
                let count = 1 + dice.below(PERMITS as u64) as u32;
                let _permit = self.semaphore.blocking_acquire_many(count).unwrap();
                let _inside = self.enter();
                pause();
            }
            7 => {
                let value = whatever(self.mutex.lock());
                let timeout = Duration::from_micros(dice.below(200));
                let wait = self.condvar.wait_timeout(value, timeout);
                self.add(&mut whatever(wait).0);
            }
            _ => {
                self.condvar.notify_one();
                self.notify.notify_one();
            }
        }
    }

    /// The same for a task, which also leaves many waits in their middle.
    async fn act_async(&self, dice: &mut Dice) {
        let leaves = dice.below(3) == 0;
        match dice.below(7) {
            0 if leaves => once(self.mutex.lock_async()).await,
            1 if leaves => once(self.lock.read_async()).await,
            2 if leaves => once(self.lock.write_async()).await,
            3 if leaves => once(self.semaphore.acquire_many(2)).await,
            4 if leaves => once(self.notify.notified()).await,
            5 if leaves => once(self.barrier.wait_async()).await,
            0 | 1 => {
                let mut value = whatever(self.mutex.lock_async().await);
                virid::yield_now().await;
                self.add(&mut value);
            }
            2 => {
                let value = whatever(self.lock.read_async().await);
                virid::yield_now().await;
                assert_eq!(value.0, value.1);
            }
            3 => {
                let mut value = whatever(self.lock.write_async().await);
                virid::yield_now().await;
                self.add_to_both(&mut value);
            }
            4 | 5 => {
                let _permit = self.semaphore.acquire().await.unwrap();
                let _inside = self.enter();
                virid::yield_now().await;
            }
            _ => self.condvar.notify_one(),
        }
    }
}

struct Inside<'a>(&'a AtomicU64);

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Polls once, and drops.
async fn once<T>(future: impl Future<Output = T>) {
    let mut future = pin!(future);
    let mut is_polled = false;
    poll_fn(|context| {
        if is_polled || future.as_mut().poll(context).is_ready() {
            return Poll::Ready(());
        }
        is_polled = true;
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

fn storm(worker_count: usize, dice: &mut Dice) {
    const ACTS: usize = 60;
    let runtime = workers(worker_count);
    let shared = Arc::new(Shared::new());
    let (mut threads, mut tasks, mut plain) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..12 {
        let (same, mut own) = (shared.clone(), dice.fork());
        threads.push(runtime.go(move || {
            (0..ACTS).for_each(|_| same.act(&mut own, thread::yield_now));
        }));
        let (same, mut own) = (shared.clone(), dice.fork());
        tasks.push(runtime.spawn(async move {
            for _ in 0..ACTS {
                same.act_async(&mut own).await;
            }
        }));
    }
    for _ in 0..2 {
        let (same, mut own) = (shared.clone(), dice.fork());
        plain.push(std::thread::spawn(move || {
            (0..ACTS).for_each(|_| same.act(&mut own, std::thread::yield_now));
        }));
    }
    for _ in 0..dice.below(10) {
        (0..dice.below(20)).for_each(|_| std::thread::yield_now());
        let one = dice.below(12) as usize;
        match dice.below(2) {
            0 => threads[one].cancel(),
            _ => tasks[one].abort(),
        }
    }
    // Some are ended with the runtime.
    let is_dropped = dice.below(4) == 0;
    if is_dropped {
        drop(runtime);
    }
    threads.into_iter().for_each(|thread| {
        if let Err(error) = thread.join() {
            let error = error.downcast::<virid::task::JoinError>();
            assert!(error.expect("an assertion failed").is_cancelled());
        }
    });
    tasks.into_iter().for_each(|task| {
        if let Err(error) = task.join() {
            assert!(error.is_cancelled(), "{error}");
        }
    });
    plain.into_iter().for_each(|thread| thread.join().unwrap());
    shared.check();
}

impl Shared {
    /// Nobody has or waits for anything any more.
    fn check(&self) {
        self.mutex.clear_poison();
        self.lock.clear_poison();
        let value = *self.mutex.try_lock().unwrap();
        assert_eq!(value, self.added[0].load(Ordering::SeqCst));
        let value = *self.lock.try_write().unwrap();
        let expected = self.added[1].load(Ordering::SeqCst);
        assert_eq!(value, (expected, expected));
        assert_eq!(self.semaphore.available_permits(), PERMITS);
        assert!(self.semaphore.try_acquire_many(PERMITS as u32).is_ok());
        assert_eq!(self.inside.load(Ordering::SeqCst), 0);
    }
}

#[test]
fn whoever_comes_and_leaves_they_are_right_and_free_in_the_end() {
    guard(|| {
        let mut dice = Dice::new();
        let rounds = env::var("VIRID_REPEAT").map_or(12, |text| text.parse().unwrap());
        for _ in 0..rounds {
            for count in [1, 2, 8] {
                storm(count, &mut dice);
            }
        }
    });
}
