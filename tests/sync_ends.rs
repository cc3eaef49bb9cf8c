//! Proves what waits of `virid::sync` do where something ends: in destructors of
//! thread-locals, in those that run while a thread is unwound or its runtime ends, and in
//! the panic hook.

#![cfg(all(feature = "sync", feature = "time", not(virid_loom)))]

#[path = "support/alone.rs"]
mod alone;
#[path = "support/child.rs"]
mod child;
#[path = "support/drops.rs"]
mod drops;
#[path = "support/endless.rs"]
mod endless;
#[path = "support/rest.rs"]
mod rest;
#[path = "support/sizes.rs"]
mod sizes;
mod support;
#[path = "support/until.rs"]
mod until;
#[path = "support/workers.rs"]
mod workers;

use alone::alone;
use drops::{Drops, Token};
use endless::{endless, is_cancelled};
use rest::rest;
use sizes::on_each_size;
use std::cell::Cell;
use std::panic::set_hook;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use support::guard;
use virid::sync::mpsc::{RecvError, channel, sync_channel};
use virid::sync::{
    Arc, Barrier, Condvar, LazyLock, Mutex, Notify, Once, OnceLock, RwLock, Semaphore, oneshot,
};
use virid::thread;
use workers::workers;

/// Waits in each way there is, for a thread of the system.
fn waits() {
    let (barrier, mutex) = (Arc::new(Barrier::new(2)), Arc::new(Mutex::new(0)));
    let lock = Arc::new(RwLock::new(0));
    let (sender, receiver) = channel();
    let (meets, met) = sync_channel(0);
    let (tells, told) = oneshot::channel();
    let shared = Arc::new((
        Condvar::new(),
        Semaphore::new(0),
        Notify::new(),
        Once::new(),
    ));
    let cell = Arc::new(OnceLock::new());
    let other = std::thread::spawn({
        let (barrier, mutex, lock) = (barrier.clone(), mutex.clone(), lock.clone());
        let (shared, cell) = (shared.clone(), cell.clone());
        move || {
            let (held, written) = (mutex.lock().unwrap(), lock.write().unwrap());
            barrier.wait();
            // Time for who waits to find them held; none is needed.
            (0..50).for_each(|_| std::thread::yield_now());
            drop((held, written));
            let mut value = mutex.lock().unwrap();
            while *value == 0 {
                value = shared.0.wait(value).unwrap();
            }
            *value = 2;
            drop(value);
            shared.0.notify_all();
            sender.send(1).unwrap();
            drop(sender);
            assert_eq!(met.recv(), Ok(2));
            tells.send(3).unwrap();
            shared.1.add_permits(1);
            shared.2.notify_one();
            shared.3.call_once(|| ());
            cell.set(4).unwrap();
            barrier.wait();
        }
    });
    barrier.wait();
    let mut value = mutex.lock().unwrap();
    assert_eq!(*lock.read().unwrap(), 0);
    assert_eq!(*lock.write().unwrap(), 0);
    *value = 1;
    shared.0.notify_all();
    while *value == 1 {
        value = shared
            .0
            .wait_timeout(value, Duration::from_secs(3_600))
            .unwrap()
            .0;
    }
    drop(value);
    assert_eq!(receiver.recv(), Ok(1));
    assert_eq!(receiver.recv_timeout(Duration::from_secs(3_600)).ok(), None);
    meets.send(2).unwrap();
    assert_eq!(told.blocking_recv(), Ok(3));
    shared.1.blocking_acquire().unwrap().forget();
    shared.2.blocking_notified();
    shared.3.wait();
    assert_eq!(cell.wait(), &4);
    barrier.wait();
    other.join().unwrap();
}

/// Waits when it is dropped.
struct Waits(Cell<Option<Token>>);

impl Drop for Waits {
    fn drop(&mut self) {
        if let Some(token) = self.0.take() {
            waits();
            drop(token);
        }
    }
}

thread_local! {
    static WAITS: Waits = const { Waits(Cell::new(None)) };
}

#[test]
fn a_destructor_of_a_thread_local_may_wait() {
    guard(|| {
        let drops = Drops::default();
        let token = drops.token();
        let plain = std::thread::spawn(move || WAITS.with(|waits| waits.0.set(Some(token))));
        plain.join().unwrap();
        assert_eq!(drops.count(), 1);
        // And that of a worker, which ends with its runtime.
        let (green, task) = (drops.token(), drops.token());
        let runtime = workers(1);
        runtime.run(|| WAITS.with(|waits| waits.0.set(Some(green))));
        drop(runtime);
        assert_eq!(drops.count(), 2);
        let runtime = workers(1);
        let set = runtime.spawn(async { WAITS.with(|waits| waits.0.set(Some(task))) });
        set.join().unwrap();
        drop(runtime);
        assert_eq!(drops.count(), 3);
    });
}

#[test]
fn a_destructor_may_wait_while_its_thread_is_unwound() {
    guard(|| {
        let drops = Drops::default();
        let runtime = workers(2);
        let start = |panics: bool| {
            let waits = Waits(Cell::new(Some(drops.token())));
            runtime.go(move || {
                let _waits = waits;
                assert!(!panics, "as the test wants");
                loop {
                    thread::park();
                }
            })
        };
        let (panics, cancelled, ended) = (start(true), start(false), start(false));
        rest(&runtime);
        cancelled.cancel();
        assert!(panics.join().is_err());
        assert!(is_cancelled(cancelled.join()));
        drop(runtime);
        assert!(is_cancelled(ended.join()));
        assert_eq!(drops.count(), 3);
    });
}

#[test]
fn a_destructor_may_lock_what_another_holds_that_is_ended_with_it() {
    struct Locks(Arc<Mutex<u32>>, Arc<RwLock<u32>>);
    impl Drop for Locks {
        fn drop(&mut self) {
            *self.0.lock().unwrap_or_else(|error| error.into_inner()) += 1;
            *self.1.write().unwrap_or_else(|error| error.into_inner()) += 1;
        }
    }
    on_each_size(|runtime| {
        let (mutex, lock) = (Arc::new(Mutex::new(0)), Arc::new(RwLock::new(0)));
        let drops = Drops::default();
        let start = |holds: bool| {
            let (mutex, lock, token) = (mutex.clone(), lock.clone(), drops.token());
            runtime.go(move || {
                let _locks = Locks(mutex.clone(), lock.clone());
                let _held = holds.then(|| (mutex.lock(), lock.read()));
                endless(token);
            })
        };
        let threads = [false, false, true, false, false].map(|holds| {
            let thread = start(holds);
            rest(&runtime);
            thread
        });
        drop(runtime);
        assert!(
            threads
                .into_iter()
                .all(|thread| is_cancelled(thread.join()))
        );
        assert_eq!(drops.count(), 5);
        // Who held it for writing has poisoned it, and who only read has not.
        assert_eq!(*mutex.lock().unwrap_err().into_inner(), 5);
        assert_eq!(*lock.write().unwrap(), 5);
    });
}

#[test]
fn tasks_that_are_dropped_with_their_runtime_leave_the_line() {
    on_each_size(|runtime| {
        let (mutex, semaphore) = (Arc::new(Mutex::new(0)), Arc::new(Semaphore::new(0)));
        let held = mutex.lock().unwrap();
        for _ in 0..20 {
            let (mutex, semaphore) = (mutex.clone(), semaphore.clone());
            runtime.spawn(async move {
                *mutex.lock_async().await.unwrap() += 1;
            });
            runtime.spawn(async move { semaphore.acquire_many(2).await.map(drop) });
        }
        let (sender, mut receiver) = channel::<u32>();
        runtime.spawn(async move { receiver.recv_async().await });
        rest(&runtime);
        let same = mutex.clone();
        let waits = std::thread::spawn(move || *same.lock().unwrap());
        drop(runtime);
        drop(held);
        assert_eq!(waits.join().unwrap(), 0);
        semaphore.add_permits(1);
        assert!(semaphore.try_acquire().is_ok());
        assert!(sender.send(1).is_err());
    });
}

#[test]
fn a_guard_that_is_dropped_with_its_task_gives_the_lock_back_and_poisons_nothing() {
    on_each_size(|runtime| {
        let (mutex, lock) = (Arc::new(Mutex::new(0)), Arc::new(RwLock::new(0)));
        for ends_with_runtime in [false, true] {
            let same = (mutex.clone(), lock.clone());
            let holds = runtime.spawn(async move {
                let mut held = same.0.lock_async().await.unwrap();
                let _written = same.1.write_async().await.unwrap();
                *held += 1;
                std::future::pending::<()>().await;
            });
            rest(&runtime);
            assert!(mutex.try_lock().is_err() && lock.try_read().is_err());
            if ends_with_runtime {
                drop(holds);
                break;
            }
            holds.abort();
            assert!(holds.join().unwrap_err().is_cancelled());
            assert_eq!(*mutex.lock().unwrap() + *lock.read().unwrap(), 1);
        }
        drop(runtime);
        assert_eq!(*mutex.lock().unwrap() + *lock.read().unwrap(), 2);
    });
}

#[test]
fn a_value_whose_maker_is_ended_is_poisoned_or_made_by_the_next() {
    on_each_size(|runtime| {
        let lazy = Arc::new(LazyLock::new(|| -> u32 {
            loop {
                thread::park();
            }
        }));
        let cell = Arc::new(OnceLock::new());
        let start = |makes: Box<dyn FnOnce() + Send>| {
            let thread = runtime.go(makes);
            rest(&runtime);
            thread
        };
        let (same, other) = (lazy.clone(), cell.clone());
        let makes = start(Box::new(move || _ = **same));
        let fills = start(Box::new(move || {
            _ = other.get_or_init(|| {
                loop {
                    thread::park();
                }
            });
        }));
        let (same, other) = (lazy.clone(), cell.clone());
        let waits = start(Box::new(move || _ = **same));
        let takes_over = start(Box::new(move || assert_eq!(other.get_or_init(|| 7), &7)));
        makes.cancel();
        fills.cancel();
        assert!(is_cancelled(makes.join()) && is_cancelled(fills.join()));
        // It hears of the poison, which is a panic of its own.
        let error = waits.join().unwrap_err();
        assert!(error.downcast::<&str>().unwrap().contains("poisoned"));
        takes_over.join().unwrap();
        assert_eq!((LazyLock::get(&lazy), cell.get()), (None, Some(&7)));
        // A task that is dropped inside what it awaits.
        let (once, cell) = (Arc::new(Once::new()), Arc::new(OnceLock::new()));
        let (same, other) = (once.clone(), cell.clone());
        let does = runtime.spawn(async move { same.call_once_async(std::future::pending).await });
        let fills = runtime.spawn(async move {
            _ = other.get_or_init_async(std::future::pending::<u32>).await;
        });
        rest(&runtime);
        does.abort();
        fills.abort();
        assert!(does.join().is_err() && fills.join().is_err());
        once.call_once_force(|state| assert!(state.is_poisoned()));
        assert_eq!(cell.set(8), Ok(()));
    });
}

#[test]
fn a_thread_that_waits_for_one_that_is_ended_hears_so() {
    on_each_size(|runtime| {
        let (sender, receiver) = channel::<u32>();
        let (full, gone) = sync_channel::<u32>(0);
        let (tells, told) = oneshot::channel::<u32>();
        let drops = Drops::default();
        let token = drops.token();
        let holds = runtime.go(move || {
            let _ends = (sender, gone, tells);
            endless(token);
        });
        rest(&runtime);
        let plain = std::thread::spawn(move || (receiver.recv(), full.send(1).is_err()));
        let other = std::thread::spawn(move || told.blocking_recv().is_err());
        drop(runtime);
        assert!(is_cancelled(holds.join()));
        assert_eq!(plain.join().unwrap(), (Err(RecvError), true));
        assert!(other.join().unwrap());
    });
}

#[test]
fn every_wait_inside_the_panic_hook_blocks_its_worker_and_ends() {
    static HEARD: AtomicUsize = AtomicUsize::new(0);
    const NAME: &str = "every_wait_inside_the_panic_hook_blocks_its_worker_and_ends";
    alone(NAME, || {
        set_hook(Box::new(|_| {
            // Also where a wait may not suspend.
            waits();
            thread::no_suspend(waits);
            HEARD.fetch_add(1, Ordering::SeqCst);
        }));
        guard(|| {
            let runtime = workers(1);
            let panics = [1, 2].map(|n: u32| {
                runtime.go(move || {
                    thread::yield_now();
                    panic!("{n}")
                })
            });
            assert!(panics.into_iter().all(|thread| thread.join().is_err()));
            let task = runtime.spawn(async { panic!("3") });
            assert!(task.join().unwrap_err().is_panic());
        });
        assert_eq!(HEARD.load(Ordering::SeqCst), 3);
    });
}
