//! Proves that a hundred thousand green threads may wait for one and the same, and that
//! all of them go on; and that as many may leave. `VIRID_TASKS` changes how many.

#![cfg(all(feature = "sync", not(virid_loom), target_os = "linux"))]

#[path = "support/rest.rs"]
mod rest;
mod support;
#[path = "support/until.rs"]
mod until;
#[path = "support/workers.rs"]
mod workers;

use rest::rest;
use std::env;
use std::future::Future;
use std::task::{Context, Waker};
use support::guard;
use virid::sync::mpsc::{Receiver, SyncSender, sync_channel};
use virid::sync::{Arc, Barrier, Condvar, Mutex, Notify, OnceLock, RwLock, Semaphore};
use virid::thread;
use workers::workers;

struct Waits {
    mutex: Mutex<usize>,
    lock: RwLock<usize>,
    condvar: Condvar,
    barrier: Barrier,
    semaphore: Semaphore,
    notify: Notify,
    cell: OnceLock<usize>,
    sender: SyncSender<usize>,
}

type Wait = fn(&Waits, usize);
type Tell = fn(&Waits, &Receiver<usize>, usize);

/// How many wait, and how they are told to go on.
const EACH: [(&str, Wait, Tell); 8] = [
    (
        "lock",
        |waits, _| *waits.mutex.lock().unwrap() += 1,
        |_, _, _| (),
    ),
    (
        "read and write",
        |waits, own| match own % 10 {
            0 => *waits.lock.write().unwrap() += 1,
            _ => drop(waits.lock.read().unwrap()),
        },
        |_, _, _| (),
    ),
    (
        "Condvar",
        |waits, _| {
            let go = waits.mutex.lock().unwrap();
            drop(waits.condvar.wait_while(go, |go| *go == 0).unwrap());
        },
        |waits, _, _| {
            *waits.mutex.lock().unwrap() = 1;
            waits.condvar.notify_all();
        },
    ),
    (
        "Barrier",
        |waits, _| _ = waits.barrier.wait(),
        |waits, _, _| _ = waits.barrier.wait(),
    ),
    (
        "Semaphore",
        |waits, _| waits.semaphore.blocking_acquire().unwrap().forget(),
        |waits, _, count| waits.semaphore.add_permits(count),
    ),
    (
        "Notify",
        |waits, _| waits.notify.blocking_notified(),
        |waits, _, _| waits.notify.notify_waiters(),
    ),
    (
        "OnceLock",
        |waits, _| _ = waits.cell.wait(),
        |waits, _, _| waits.cell.set(1).unwrap(),
    ),
    (
        "send without room",
        |waits, own| waits.sender.send(own).unwrap(),
        |_, receiver, count| {
            let sum: usize = receiver.iter().take(count).sum();
            assert_eq!(sum, (0..count).sum::<usize>());
        },
    ),
];

fn wait_for_each(worker_count: usize, count: usize) {
    let count = env::var("VIRID_TASKS").map_or(count, |text| text.parse().unwrap());
    guard(move || {
        let runtime = workers(worker_count);
        for (name, wait, tell) in EACH {
            let (sender, receiver) = sync_channel(0);
            let waits = Arc::new(Waits {
                mutex: Mutex::new(0),
                lock: RwLock::new(0),
                condvar: Condvar::new(),
                barrier: Barrier::new(count + 1),
                semaphore: Semaphore::new(0),
                notify: Notify::new(),
                cell: OnceLock::new(),
                sender,
            });
            let held = (name == "lock").then(|| waits.mutex.lock().unwrap());
            let written = (name == "read and write").then(|| waits.lock.write().unwrap());
            let same = waits.clone();
            let threads = runtime.run(move || {
                let start = |own| {
                    let waits = same.clone();
                    thread::spawn(move || wait(&waits, own))
                };
                (0..count).map(start).collect::<Vec<_>>()
            });
            rest(&runtime);
            assert!(
                !threads.iter().any(thread::JoinHandle::is_finished),
                "{name}"
            );
            drop((held, written));
            tell(&waits, &receiver, count);
            for thread in threads {
                thread.join().unwrap();
            }
            match name {
                "lock" => assert_eq!(*waits.mutex.lock().unwrap(), count),
                "read and write" => assert_eq!(*waits.lock.read().unwrap(), count / 10),
                _ => {}
            }
        }
    });
}

// One after the other, for the memory that each takes.
#[test]
fn all_who_wait_for_one_and_the_same_go_on() {
    wait_for_each(1, 100_000);
    wait_for_each(2, 100_000);
    // More workers than cores meet at one lock, the event's own, and take long.
    wait_for_each(8, 20_000);
}

/// So many wait, and leave in an order in which none of them has come.
fn leave<F: Future>(count: usize, wait: impl Fn() -> F) {
    let mut waits: Vec<_> = (0..count).map(|_| Some(Box::pin(wait()))).collect();
    let mut context = Context::from_waker(Waker::noop());
    for waits in waits.iter_mut().flatten() {
        assert!(waits.as_mut().poll(&mut context).is_pending());
    }
    let mut order: Vec<usize> = (0..count).collect();
    order.sort_by_key(|own| own.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    order.into_iter().for_each(|own| drop(waits[own].take()));
}

#[test]
fn all_who_wait_may_leave_in_any_order() {
    guard(|| {
        let count = env::var("VIRID_TASKS").map_or(100_000, |text| text.parse().unwrap());
        let (semaphore, notify) = (Semaphore::new(0), Notify::new());
        let (lock, mutex) = (RwLock::new(0), Mutex::new(0));
        let (sender, _receiver) = sync_channel(0);
        let (_written, _held) = (lock.write().unwrap(), mutex.lock().unwrap());
        leave(count, || semaphore.acquire());
        leave(count, || notify.notified());
        leave(count, || lock.read_async());
        leave(count, || lock.write_async());
        leave(count, || mutex.lock_async());
        leave(count, || sender.send_async(1));
        semaphore.add_permits(1);
        assert!(semaphore.try_acquire().is_ok());
    });
}
