//! Proves that a wait of `virid::sync` inside `no_suspend` panics where it would have to
//! suspend, names the call, and leaves no trace; and that what need not wait is fine.

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
use std::time::Duration;
use virid::sync::mpsc::{Receiver, SyncSender, TryRecvError, channel, sync_channel};
use virid::sync::{
    Arc, Barrier, Condvar, LazyLock, Mutex, Notify, Once, OnceLock, RwLock, Semaphore, oneshot,
};
use virid::thread;

const LONG: Duration = Duration::from_secs(3_600);

/// What one thread holds, makes and runs, so that others would have to wait.
struct Shared {
    mutex: Mutex<u32>,
    lock: RwLock<u32>,
    free: Mutex<u32>,
    condvar: Condvar,
    barrier: Barrier,
    once: Once,
    cell: OnceLock<u32>,
    semaphore: Arc<Semaphore>,
    notify: Notify,
    full: SyncSender<u32>,
    roomless: SyncSender<u32>,
    go_on: Semaphore,
}

impl Shared {
    fn new() -> (Arc<Self>, [Receiver<u32>; 2]) {
        let ((full, receives), (roomless, meets)) = (sync_channel(1), sync_channel(0));
        full.send(0).unwrap();
        let shared = Self {
            mutex: Mutex::new(0),
            lock: RwLock::new(0),
            free: Mutex::new(0),
            condvar: Condvar::new(),
            barrier: Barrier::new(2),
            once: Once::new(),
            cell: OnceLock::new(),
            semaphore: Arc::new(Semaphore::new(0)),
            notify: Notify::new(),
            full,
            roomless,
            go_on: Semaphore::new(0),
        };
        (Arc::new(shared), [receives, meets])
    }

    /// Holds all there is to hold until it may go on.
    fn hold(&self) {
        let _held = (self.mutex.lock().unwrap(), self.lock.write().unwrap());
        self.once.call_once(|| {
            self.cell.get_or_init(|| {
                self.go_on.blocking_acquire().unwrap().forget();
                7
            });
        });
    }

    /// Nobody has anything, and nobody is in any line.
    fn check(&self, [receives, meets]: &[Receiver<u32>; 2]) {
        assert_eq!(*self.mutex.try_lock().unwrap(), 0);
        assert_eq!(*self.free.try_lock().unwrap(), 0);
        assert_eq!(*self.lock.try_write().unwrap(), 0);
        assert_eq!(
            (self.once.is_completed(), self.cell.get()),
            (true, Some(&7))
        );
        self.semaphore.add_permits(1);
        assert!(self.semaphore.try_acquire().is_ok());
        self.notify.notify_one();
        self.notify.blocking_notified();
        assert!(receives.try_iter().eq([0]));
        assert_eq!(meets.try_recv(), Err(TryRecvError::Empty));
        thread::scope(|scope| {
            let other = scope.spawn(|| self.barrier.wait().is_leader());
            assert_ne!(self.barrier.wait().is_leader(), other.join().unwrap());
        });
    }
}

type Wait = fn(&Shared);

const EACH: [(&str, Wait); 17] = [
    ("Mutex::lock", |shared| drop(shared.mutex.lock())),
    ("RwLock::read", |shared| drop(shared.lock.read())),
    ("RwLock::write", |shared| drop(shared.lock.write())),
    ("Condvar::wait", |shared| {
        drop(shared.condvar.wait(shared.free.lock().unwrap()));
    }),
    ("Condvar::wait_timeout", |shared| {
        let free = shared.free.lock().unwrap();
        drop(shared.condvar.wait_timeout(free, LONG));
    }),
    ("Barrier::wait", |shared| _ = shared.barrier.wait()),
    ("Once::wait", |shared| shared.once.wait()),
    ("Once::wait_force", |shared| shared.once.wait_force()),
    ("Once::call_once", |shared| shared.once.call_once(|| ())),
    // That of a cell is that of its `Once`.
    ("Once::call_once", |shared| {
        _ = shared.cell.get_or_init(|| 1);
    }),
    ("SyncSender::send", |shared| _ = shared.full.send(1)),
    ("SyncSender::send", |shared| _ = shared.roomless.send(1)),
    ("Semaphore::blocking_acquire", |shared| {
        drop(shared.semaphore.blocking_acquire());
    }),
    ("Semaphore::blocking_acquire_many_owned", |shared| {
        drop(shared.semaphore.clone().blocking_acquire_many_owned(2));
    }),
    ("Notify::blocking_notified", |shared| {
        shared.notify.blocking_notified();
    }),
    ("Receiver::recv", |_| {
        let (_sender, receiver) = channel::<u32>();
        _ = receiver.recv();
    }),
    ("oneshot::Receiver::blocking_recv", |_| {
        let (_sender, receiver) = oneshot::channel::<u32>();
        _ = receiver.blocking_recv();
    }),
];

#[test]
fn a_wait_inside_no_suspend_panics_where_it_would_have_to() {
    on_each_size(|runtime| {
        let (shared, receivers) = Shared::new();
        let same = shared.clone();
        let holds = runtime.go(move || same.hold());
        rest(&runtime);
        for (name, wait) in EACH {
            let same = shared.clone();
            let thread = runtime.go(move || thread::no_suspend(|| wait(&same)));
            let text = said(thread.join().unwrap_err());
            assert!(text.contains(name) && text.contains("no_suspend"), "{text}");
        }
        shared.go_on.add_permits(1);
        holds.join().unwrap();
        shared.check(&receivers);
    });
}

#[test]
fn what_need_not_wait_is_fine_inside_no_suspend() {
    on_each_size(|runtime| {
        runtime.run(|| {
            thread::no_suspend(|| {
                *Mutex::new(0).lock().unwrap() += 1;
                *RwLock::new(0).write().unwrap() += 1;
                let (sender, receiver) = sync_channel(1);
                sender.send(1).unwrap();
                assert_eq!(receiver.recv(), Ok(1));
                drop(sender);
                assert!(receiver.recv_timeout(LONG).is_err());
            });
            thread::no_suspend(|| {
                assert!(Barrier::new(1).wait().is_leader());
                Once::new().call_once(|| ());
                assert_eq!(*LazyLock::new(|| 5), 5);
                assert!(Semaphore::new(1).blocking_acquire().is_ok());
                // Its receiver is gone, so that it does not wait.
                let sender = sync_channel(0).0;
                assert!(sender.send(1).is_err());
            });
        });
    });
}
