//! Proves what each caller may do with `virid::sync`: who is suspended, who is parked,
//! and who is told what to use instead.

#![cfg(all(feature = "sync", feature = "time", not(virid_loom)))]

#[path = "support/rest.rs"]
mod rest;
#[path = "support/said.rs"]
mod said;
#[path = "support/sizes.rs"]
mod sizes;
mod support;
#[path = "support/until.rs"]
mod until;
#[path = "support/workers.rs"]
mod workers;

use rest::rest;
use said::said;
use sizes::on_each_size;
use std::future::Future;
use std::task::{Context, Waker};
use std::time::Duration;
use support::guard;
use virid::sync::mpsc::{channel, sync_channel};
use virid::sync::{
    Arc, Barrier, Condvar, LazyLock, Mutex, Notify, Once, OnceLock, RwLock, Semaphore, oneshot,
};
use virid::thread;
use workers::workers;

const LONG: Duration = Duration::from_secs(3_600);

/// Each wait, with what a task is told to use instead.
fn waits() -> Vec<(fn(), &'static str)> {
    vec![
        (|| drop(Mutex::new(0).lock()), "`lock_async().await`"),
        (|| drop(RwLock::new(0).read()), "`read_async().await`"),
        (|| drop(RwLock::new(0).write()), "`write_async().await`"),
        (
            || {
                let mutex = Mutex::new(0);
                drop(Condvar::new().wait(mutex.try_lock().unwrap()));
            },
            "`wait_async().await`",
        ),
        (
            || {
                let mutex = Mutex::new(0);
                drop(Condvar::new().wait_timeout(mutex.try_lock().unwrap(), LONG));
            },
            "`wait_async().await`",
        ),
        (|| _ = Barrier::new(1).wait(), "`wait_async().await`"),
        (|| Once::new().wait(), "`_async` twin"),
        (|| _ = OnceLock::<u32>::new().wait(), "`_async` twin"),
        (
            || drop(Semaphore::new(1).blocking_acquire()),
            "`acquire().await`",
        ),
        (|| Notify::new().blocking_notified(), "`notified().await`"),
        (
            || _ = oneshot::channel::<u32>().1.blocking_recv(),
            "`.await`",
        ),
        (|| _ = channel::<u32>().1.recv(), "`recv_async().await`"),
        (
            || _ = channel::<u32>().1.recv_timeout(LONG),
            "`recv_async().await`",
        ),
        (|| _ = sync_channel(1).0.send(1), "`send_async().await`"),
    ]
}

#[test]
fn a_task_that_would_wait_is_told_what_to_use() {
    guard(|| {
        let runtime = workers(1);
        for (wait, instead) in waits() {
            let error = runtime.spawn(async move { wait() }).join().unwrap_err();
            let text = said(error.into_panic());
            assert!(text.contains(instead), "{text}");
        }
    });
}

#[test]
fn a_task_may_do_what_does_not_wait() {
    guard(|| {
        static LAZY: LazyLock<u32> = LazyLock::new(|| 5);
        let runtime = workers(1);
        let task = runtime.spawn(async {
            let (sender, receiver) = channel();
            sender.send(*LAZY).unwrap();
            assert_eq!(receiver.try_recv(), Ok(5));
            assert!(sync_channel(0).0.try_send(1).is_err());
            let mutex = Mutex::new(1);
            *mutex.try_lock().unwrap() += 1;
            assert_eq!(*RwLock::new(1).try_read().unwrap(), 1);
            Condvar::new().notify_all();
            Once::new().call_once(|| ());
            assert_eq!(OnceLock::new().get_or_init(|| 7), &7);
            assert!(Semaphore::new(1).try_acquire().is_ok());
        });
        task.join().unwrap();
    });
}

#[test]
fn a_task_that_meets_a_closure_that_runs_is_told_what_to_use() {
    guard(|| {
        let runtime = workers(2);
        let cell = Arc::new(OnceLock::new());
        let same = cell.clone();
        let fills = runtime.go(move || {
            _ = same.get_or_init(|| {
                thread::park();
                1
            });
        });
        rest(&runtime);
        let same = cell.clone();
        let task = runtime.spawn(async move { *same.get_or_init(|| 2) });
        let text = said(task.join().unwrap_err().into_panic());
        assert!(text.contains("`_async` twin"), "{text}");
        let waits = runtime.spawn(async move { *cell.get_or_init_async(|| async { 3 }).await });
        rest(&runtime);
        fills.thread().unpark();
        assert_eq!(waits.join().unwrap(), 1);
        fills.join().unwrap();
    });
}

#[test]
fn a_green_thread_that_waits_lets_its_worker_go_on() {
    guard(|| {
        let runtime = workers(1);
        let mutex = Arc::new(Mutex::new(0));
        let held = mutex.lock().unwrap();
        let same = mutex.clone();
        let waits = runtime.go(move || *same.lock().unwrap());
        rest(&runtime);
        runtime.go(|| ()).join().unwrap();
        runtime.spawn(async {}).join().unwrap();
        assert!(!waits.is_finished());
        drop(held);
        assert_eq!(waits.join().unwrap(), 0);
    });
}

#[test]
fn a_guard_may_be_held_over_any_wait() {
    on_each_size(|runtime| {
        runtime.run(|| {
            let mutex = Arc::new(Mutex::new(0));
            let mut value = mutex.lock().unwrap();
            // With a lock of std this would be a deadlock from some number on.
            let add = |_| {
                let mutex = mutex.clone();
                thread::spawn(move || *mutex.lock().unwrap() += 1)
            };
            let threads: Vec<_> = (0..1_500).map(add).collect();
            thread::yield_now();
            virid::block_on(virid::yield_now());
            *value = 1;
            drop(value);
            threads
                .into_iter()
                .for_each(|thread| thread.join().unwrap());
            assert_eq!(*mutex.lock().unwrap(), 1_501);
        });
    });
}

#[test]
fn who_holds_the_lock_over_each_of_its_waits_lets_others_have_it() {
    on_each_size(|runtime| {
        runtime.run(|| {
            let lock = Arc::new((RwLock::new(false), Mutex::new(false)));
            let same = lock.clone();
            // Each takes the lock again in the moment in which it gives it back.
            let greedy = |f: fn(&(RwLock<bool>, Mutex<bool>)) -> bool| {
                let same = lock.clone();
                thread::spawn(move || while !f(&same) {})
            };
            let threads = [
                greedy(|lock| {
                    let value = lock.1.lock().unwrap();
                    thread::yield_now();
                    *value
                }),
                greedy(|lock| {
                    let value = lock.0.write().unwrap();
                    thread::yield_now();
                    *value
                }),
                greedy(|lock| {
                    let value = lock.0.read().unwrap();
                    thread::yield_now();
                    *value
                }),
                greedy(|lock| {
                    let value = lock.0.read().unwrap();
                    thread::yield_now();
                    *value
                }),
            ];
            let ends = thread::spawn(move || {
                (0..10).for_each(|_| thread::yield_now());
                for _ in 0..10 {
                    assert!(!*same.0.read().unwrap());
                }
                *same.1.lock().unwrap() = true;
                *same.0.write().unwrap() = true;
            });
            ends.join().unwrap();
            threads
                .into_iter()
                .for_each(|thread| thread.join().unwrap());
        });
    });
}

#[test]
fn a_future_that_is_dropped_before_its_turn_leaves_no_trace() {
    guard(|| {
        let mut context = Context::from_waker(Waker::noop());
        let (mutex, lock) = (Mutex::new(0), RwLock::new(0));
        for _ in 0..100 {
            let (held, written) = (mutex.lock().unwrap(), lock.write().unwrap());
            let mut locks = Box::pin(mutex.lock_async());
            let mut reads = Box::pin(lock.read_async());
            let mut writes = Box::pin(lock.write_async());
            assert!(locks.as_mut().poll(&mut context).is_pending());
            assert!(reads.as_mut().poll(&mut context).is_pending());
            assert!(writes.as_mut().poll(&mut context).is_pending());
            drop((held, written));
            drop((locks, reads, writes));
            assert!(mutex.try_lock().is_ok() && lock.try_write().is_ok());
        }
        let (_sender, mut receiver) = channel::<u32>();
        let mut receives = Box::pin(receiver.recv_async());
        assert!(receives.as_mut().poll(&mut context).is_pending());
        drop(receives);
        let (sender, mut receiver) = sync_channel(0);
        let mut sends = Box::pin(sender.send_async(1));
        assert!(sends.as_mut().poll(&mut context).is_pending());
        drop(sends);
        assert!(receiver.try_recv().is_err());
        // A value that was given to a future that is dropped is for the next.
        let mut receives = Box::pin(receiver.recv_async());
        assert!(receives.as_mut().poll(&mut context).is_pending());
        sender.try_send(2).unwrap();
        drop(receives);
        assert_eq!(receiver.try_recv(), Ok(2));
        let barrier = Barrier::new(2);
        let mut waits = Box::pin(barrier.wait_async());
        assert!(waits.as_mut().poll(&mut context).is_pending());
        drop(waits);
        let mut waits = Box::pin(barrier.wait_async());
        assert!(waits.as_mut().poll(&mut context).is_pending());
        assert!(barrier.wait().is_leader());
        assert!(waits.as_mut().poll(&mut context).is_ready());
    });
}

#[test]
fn tasks_and_threads_share_them() {
    on_each_size(|runtime| {
        let shared = Arc::new((
            Mutex::new(0),
            RwLock::new(0),
            Barrier::new(30),
            Condvar::new(),
        ));
        let (sender, mut receiver) = sync_channel(2);
        let rounds = 50;
        for own in 0..30 {
            let (shared, sender) = (shared.clone(), sender.clone());
            let add = move || {
                for _ in 0..rounds {
                    *shared.0.lock().unwrap() += 1;
                    let seen = *shared.1.read().unwrap();
                    *shared.1.write().unwrap() += 1;
                    assert!(*shared.1.read().unwrap() > seen);
                    sender.send(own).unwrap();
                }
                shared.2.wait();
                shared.3.notify_all();
            };
            match own % 3 {
                0 => drop(runtime.go(add)),
                1 => drop(std::thread::spawn(add)),
                _ => {}
            }
        }
        for own in (2..30).step_by(3) {
            let (shared, sender) = (shared.clone(), sender.clone());
            drop(runtime.spawn(async move {
                for _ in 0..rounds {
                    *shared.0.lock_async().await.unwrap() += 1;
                    let seen = *shared.1.read_async().await.unwrap();
                    *shared.1.write_async().await.unwrap() += 1;
                    assert!(*shared.1.read_async().await.unwrap() > seen);
                    sender.send_async(own).await.unwrap();
                }
                shared.2.wait_async().await;
                shared.3.notify_all();
            }));
        }
        drop(sender);
        let receives = runtime.spawn(async move {
            let mut count = [0; 30];
            while let Ok(own) = receiver.recv_async().await {
                count[own] += 1;
            }
            count
        });
        let same = shared.clone();
        let all = runtime.spawn(async move {
            loop {
                let told = {
                    let total = same.0.lock_async().await.unwrap();
                    if *total == 30 * rounds {
                        return *total;
                    }
                    same.3.wait_async(total)
                };
                drop(told.await);
            }
        });
        assert_eq!(receives.join().unwrap(), [rounds; 30]);
        // Who began to wait after the last one had met.
        until::until(|| {
            shared.3.notify_all();
            all.is_finished()
        });
        assert_eq!(all.join().unwrap(), 30 * rounds);
        assert_eq!(*shared.1.read().unwrap(), 30 * rounds);
    });
}

#[test]
fn a_poisoned_lock_says_so_to_tasks_and_tasks_poison() {
    guard(|| {
        let runtime = workers(2);
        let mutex = Arc::new(Mutex::new(0));
        let same = mutex.clone();
        let task = runtime.spawn(async move {
            let _value = same.lock_async().await.unwrap();
            panic!("as the test wants");
        });
        assert!(task.join().is_err());
        assert!(mutex.is_poisoned());
        let task = runtime.spawn(async move { mutex.lock_async().await.is_err() });
        assert!(task.join().unwrap());
    });
}

#[test]
fn another_that_waits_while_it_panics_poisons_nothing() {
    struct Waits(Arc<Semaphore>);
    impl Drop for Waits {
        fn drop(&mut self) {
            drop(self.0.blocking_acquire());
        }
    }
    guard(|| {
        let runtime = workers(1);
        let semaphore = Arc::new(Semaphore::new(0));
        let waits = Waits(semaphore.clone());
        let panics = runtime.go(move || {
            let _waits = waits;
            panic!("as the test wants");
        });
        rest(&runtime);
        let mutex = Arc::new(Mutex::new(0));
        for panics in [false, true] {
            let same = mutex.clone();
            let thread = runtime.go(move || {
                let _value = same.lock().unwrap();
                assert!(!panics, "as the test wants");
            });
            assert_eq!(thread.join().is_err(), panics);
            assert_eq!(mutex.is_poisoned(), panics);
        }
        semaphore.add_permits(1);
        assert!(panics.join().is_err());
    });
}
