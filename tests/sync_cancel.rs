//! Proves that every wait of `virid::sync` is a point where a green thread can be
//! ended, that it leaves no trace there, and that what it was told goes to another.

#![cfg(all(feature = "sync", feature = "time", not(virid_loom)))]

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

use drops::Drops;
use endless::{endless, is_cancelled};
use rest::rest;
use sizes::on_each_size;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use virid::Runtime;
use virid::sync::mpsc::{Receiver, SyncSender, TryRecvError, channel, sync_channel};
use virid::sync::{
    Arc, Barrier, Condvar, LazyLock, Mutex, Notify, Once, OnceLock, RwLock, Semaphore, oneshot,
};
use virid::thread::{self, JoinHandle};

const LONG: Duration = Duration::from_secs(3_600);

/// All that somebody may wait for, and for ever.
struct Waits {
    mutex: Mutex<u32>,
    lock: RwLock<u32>,
    /// Held by nobody.
    free: Mutex<u32>,
    condvar: Condvar,
    barrier: Barrier,
    once: Once,
    cell: OnceLock<u32>,
    semaphore: Semaphore,
    notify: Notify,
    full: SyncSender<u32>,
    roomless: SyncSender<u32>,
}

impl Waits {
    fn new() -> (Arc<Self>, [Receiver<u32>; 2]) {
        let ((full, receives), (roomless, meets)) = (sync_channel(1), sync_channel(0));
        full.send(0).unwrap();
        let waits = Self {
            mutex: Mutex::new(0),
            lock: RwLock::new(0),
            free: Mutex::new(0),
            condvar: Condvar::new(),
            barrier: Barrier::new(2),
            once: Once::new(),
            cell: OnceLock::new(),
            semaphore: Semaphore::new(0),
            notify: Notify::new(),
            full,
            roomless,
        };
        (Arc::new(waits), [receives, meets])
    }
}

type Wait = fn(&Waits);

const EACH: [(&str, Wait); 17] = [
    ("lock", |waits| drop(waits.mutex.lock())),
    ("read", |waits| drop(waits.lock.read())),
    ("write", |waits| drop(waits.lock.write())),
    ("Condvar::wait", |waits| {
        drop(waits.condvar.wait(waits.free.lock().unwrap()));
    }),
    ("wait_timeout", |waits| {
        drop(waits.condvar.wait_timeout(waits.free.lock().unwrap(), LONG));
    }),
    ("Barrier::wait", |waits| _ = waits.barrier.wait()),
    ("call_once", |waits| waits.once.call_once(|| unreachable!())),
    ("Once::wait", |waits| waits.once.wait()),
    ("get_or_init", |waits| {
        _ = waits.cell.get_or_init(|| unreachable!())
    }),
    ("OnceLock::wait", |waits| _ = waits.cell.wait()),
    ("acquire", |waits| drop(waits.semaphore.blocking_acquire())),
    ("notified", |waits| waits.notify.blocking_notified()),
    ("send", |waits| _ = waits.full.send(1)),
    ("send without room", |waits| _ = waits.roomless.send(1)),
    ("recv", |_| _ = channel_without_sends().recv()),
    ("recv_timeout", |_| {
        _ = channel_without_sends().recv_timeout(LONG)
    }),
    ("recv without room", |_| {
        let (sender, receiver) = sync_channel::<()>(0);
        _ = receiver.recv();
        drop(sender);
    }),
];

fn channel_without_sends() -> Receiver<()> {
    let (sender, receiver) = channel();
    // It is never dropped, so there may always be more.
    std::mem::forget(sender);
    receiver
}

/// Holds what the others wait for, until it is cancelled.
fn holder(runtime: &Runtime, waits: &Arc<Waits>) -> JoinHandle<()> {
    let waits = waits.clone();
    let holder = runtime.go(move || {
        let _mutex = waits.mutex.lock();
        let _lock = waits.lock.write();
        waits.once.call_once(|| {
            waits.cell.get_or_init(|| {
                loop {
                    thread::park();
                }
            });
        });
    });
    rest(runtime);
    holder
}

#[test]
fn a_wait_that_is_ended_leaves_no_trace() {
    on_each_size(|runtime| {
        let (waits, [receives, meets]) = Waits::new();
        let holder = holder(&runtime, &waits);
        let drops = Drops::default();
        for (name, wait) in EACH {
            let start = || {
                let (waits, token) = (waits.clone(), drops.token());
                runtime.go(move || {
                    let _token = token;
                    wait(&waits);
                })
            };
            let before = drops.count();
            let thread = start();
            rest(&runtime);
            assert!(!thread.is_finished(), "{name}");
            thread.cancel();
            assert!(is_cancelled(thread.join()), "{name}");
            assert_eq!(drops.count(), before + 1, "{name}");
        }
        assert!(!waits.free.is_poisoned());
        assert!(!waits.mutex.is_poisoned() && !waits.lock.is_poisoned());
        // Who held something over its end has poisoned it.
        holder.cancel();
        assert!(is_cancelled(holder.join()));
        assert!(waits.mutex.is_poisoned() && waits.lock.is_poisoned());
        assert!(!waits.once.is_completed());
        assert_eq!(waits.cell.get(), None);
        // Nothing is held or counted on behalf of the others.
        waits.mutex.clear_poison();
        assert!(waits.mutex.try_lock().is_ok() && waits.free.try_lock().is_ok());
        waits.lock.clear_poison();
        assert!(waits.lock.try_write().is_ok());
        waits
            .once
            .call_once_force(|state| assert!(state.is_poisoned()));
        assert_eq!(waits.cell.get_or_init(|| 5), &5);
        waits.semaphore.add_permits(1);
        assert!(waits.semaphore.try_acquire().is_ok());
        waits.notify.notify_one();
        waits.notify.blocking_notified();
        assert_eq!(receives.try_iter().collect::<Vec<_>>(), [0]);
        assert_eq!(meets.try_recv(), Err(TryRecvError::Empty));
        let other = waits.clone();
        let meets = runtime.go(move || other.barrier.wait().is_leader());
        rest(&runtime);
        assert!(!meets.is_finished());
        assert!(waits.barrier.wait().is_leader());
        assert!(!meets.join().unwrap());
    });
}

#[test]
fn a_thread_that_is_asked_to_end_does_so_also_where_it_need_not_wait() {
    on_each_size(|runtime| {
        let points: [fn(); 7] = [
            || drop(Mutex::new(0).lock()),
            || drop(RwLock::new(0).read()),
            || drop(RwLock::new(0).write()),
            || _ = Barrier::new(1).wait(),
            || _ = sync_channel(1).0.send(1),
            || {
                let (sender, receiver) = channel();
                sender.send(1).unwrap();
                _ = receiver.recv();
            },
            || drop(Semaphore::new(1).blocking_acquire()),
        ];
        for point in points {
            let thread = runtime.go(move || {
                loop {
                    point();
                }
            });
            thread.cancel();
            assert!(is_cancelled(thread.join()));
        }
    });
}

/// Cancels the first of two who wait in the moment in which it is told to go on, over
/// and over; the second then has to be. `tell` says so to one.
fn hand_over(
    runtime: &Runtime,
    wait: impl Fn() + Clone + Send + 'static,
    tell: impl Fn(),
    rounds: usize,
) {
    for round in 0..rounds {
        let done = Arc::<AtomicUsize>::default();
        let start = || {
            let (wait, done) = (wait.clone(), done.clone());
            runtime.go(move || {
                wait();
                done.fetch_add(1, Ordering::SeqCst);
            })
        };
        let (first, second) = (start(), start());
        rest(runtime);
        if round % 2 == 0 {
            tell();
            first.cancel();
        } else {
            first.cancel();
            tell();
        }
        // If the first has gone on all the same, the second needs another word.
        if !is_ended(first) {
            tell();
        }
        second.join().unwrap();
    }
}

fn is_ended(thread: JoinHandle<()>) -> bool {
    thread.join().is_err()
}

#[test]
fn a_notification_that_meets_the_end_of_a_thread_goes_to_another() {
    on_each_size(|runtime| {
        let rounds = 200;
        let pair = Arc::new((Mutex::new(()), Condvar::new()));
        let same = pair.clone();
        let wait = move || drop(same.1.wait(same.0.lock().unwrap()).unwrap());
        hand_over(&runtime, wait, || pair.1.notify_one(), rounds);
        let same = pair.clone();
        let wait = move || drop(same.1.wait_timeout(same.0.lock().unwrap(), LONG).unwrap());
        hand_over(&runtime, wait, || pair.1.notify_one(), rounds);
        let notify = Arc::new(Notify::new());
        let same = notify.clone();
        hand_over(
            &runtime,
            move || same.blocking_notified(),
            || notify.notify_one(),
            rounds,
        );
        let semaphore = Arc::new(Semaphore::new(0));
        let same = semaphore.clone();
        hand_over(
            &runtime,
            move || same.blocking_acquire().unwrap().forget(),
            || semaphore.add_permits(1),
            rounds,
        );
    });
}

#[test]
fn a_lock_that_meets_the_end_of_a_thread_goes_to_another() {
    on_each_size(|runtime| {
        for (reads, writes) in [(false, true), (true, true), (true, false), (false, false)] {
            for round in 0..200 {
                let lock = Arc::new(RwLock::new(()));
                let start = |reads: bool| {
                    let lock = lock.clone();
                    runtime.go(move || match reads {
                        true => drop(lock.read().unwrap()),
                        false => drop(lock.write().unwrap()),
                    })
                };
                let held = lock.write().unwrap();
                let (first, second, third) = (start(reads), start(!writes), start(true));
                rest(&runtime);
                if round % 2 == 0 {
                    drop(held);
                    first.cancel();
                } else {
                    first.cancel();
                    drop(held);
                }
                _ = first.join();
                second.join().unwrap();
                third.join().unwrap();
            }
        }
    });
}

#[test]
fn a_writer_that_leaves_lets_those_in_who_waited_behind_it() {
    on_each_size(|runtime| {
        let lock = Arc::new(RwLock::new(()));
        let reads = lock.read().unwrap();
        let same = lock.clone();
        let writer = runtime.go(move || drop(same.write()));
        rest(&runtime);
        let start = || {
            let lock = lock.clone();
            runtime.go(move || drop(lock.read().unwrap()))
        };
        let readers = [start(), start()];
        rest(&runtime);
        assert!(!readers[0].is_finished());
        writer.cancel();
        assert!(is_cancelled(writer.join()));
        // The lock is still held for reading.
        readers
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
        assert!(lock.try_read().is_ok());
        drop(reads);
        assert!(lock.try_write().is_ok());
    });
}

#[test]
fn a_value_that_meets_the_end_of_a_receiver_is_for_the_next() {
    on_each_size(|runtime| {
        for bound in [0, 1, 3] {
            let (sender, receiver) = sync_channel(bound);
            let receiver = Arc::new(Mutex::new(receiver));
            let sends = runtime.go(move || (0..200).for_each(|n| sender.send(n).unwrap()));
            let mut next = 0;
            while next < 200 {
                let same = receiver.clone();
                let (heard, hears) = oneshot::channel();
                let receives = runtime.go(move || {
                    let receiver = same.lock().unwrap_or_else(|error| error.into_inner());
                    let value = receiver.recv().unwrap();
                    heard.send(value).unwrap();
                });
                if next % 3 != 0 {
                    receives.cancel();
                }
                _ = receives.join();
                if let Ok(value) = hears.blocking_recv() {
                    assert_eq!(value, next);
                    next += 1;
                } else if next % 3 != 0 {
                    let receiver = receiver.lock().unwrap_or_else(|error| error.into_inner());
                    assert_eq!(receiver.recv(), Ok(next));
                    next += 1;
                }
            }
            sends.join().unwrap();
        }
    });
}

#[test]
fn the_end_of_a_runtime_ends_every_wait() {
    on_each_size(|runtime| {
        let (waits, _receivers) = Waits::new();
        let holder = holder(&runtime, &waits);
        let drops = Drops::default();
        let start = |(_, wait): (&str, Wait)| {
            let (waits, token) = (waits.clone(), drops.token());
            runtime.go(move || {
                let _token = token;
                wait(&waits);
            })
        };
        // Two at the barrier would meet.
        let each = EACH
            .into_iter()
            .filter(|(name, _)| *name != "Barrier::wait");
        let threads: Vec<_> = each.cycle().take(160).map(start).collect();
        rest(&runtime);
        drop(runtime);
        assert_eq!(drops.count(), 160);
        assert!(
            threads
                .into_iter()
                .all(|thread| is_cancelled(thread.join()))
        );
        assert!(is_cancelled(holder.join()));
        assert!(!waits.free.is_poisoned());
    });
}

#[test]
fn a_lock_is_had_again_after_the_end_of_a_runtime() {
    on_each_size(|runtime| {
        static LAZY: LazyLock<u32> = LazyLock::new(|| 1);
        let mutex = Arc::new(Mutex::new(0));
        let same = mutex.clone();
        let drops = Drops::default();
        let token = drops.token();
        let holds = runtime.go(move || {
            let _value = same.lock();
            endless(token);
        });
        rest(&runtime);
        let same = mutex.clone();
        let waits = std::thread::spawn(move || same.lock().is_err());
        drop(runtime);
        assert!(is_cancelled(holds.join()));
        // Its holder was ended, and a plain thread goes on.
        assert!(waits.join().unwrap());
        assert_eq!((drops.count(), *LAZY), (1, 1));
    });
}
