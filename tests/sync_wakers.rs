//! Proves that who is woken by a semaphore, a notification or a channel may ask them
//! anything, and may leave, in the moment in which it is woken: a waker is code of others.

#![cfg(all(feature = "sync", not(virid_loom)))]

mod support;

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Wake};
use support::guard;
use virid::sync::mpsc::{Receiver, SyncSender, TryRecvError, TrySendError, sync_channel};
use virid::sync::{Notify, Semaphore, oneshot};

type Waits = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A task of nobody's runtime: what is to be done when it is woken, once.
struct Task {
    does: Mutex<Option<Box<dyn FnOnce() + Send>>>,
    woken: AtomicUsize,
}

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        self.woken.fetch_add(1, Ordering::SeqCst);
        let does = self.does.lock().unwrap().take();
        if let Some(does) = does {
            does();
        }
    }
}

fn task(does: impl FnOnce() + Send + 'static) -> Arc<Task> {
    Arc::new(Task {
        does: Mutex::new(Some(Box::new(does))),
        woken: AtomicUsize::new(0),
    })
}

fn poll(future: &mut Waits, task: &Arc<Task>) -> bool {
    let waker = task.clone().into();
    future
        .as_mut()
        .poll(&mut Context::from_waker(&waker))
        .is_ready()
}

/// All that somebody may wait for here.
struct All {
    semaphore: Semaphore,
    notify: Notify,
    sender: SyncSender<u32>,
    receiver: Mutex<Receiver<u32>>,
}

impl All {
    fn new() -> Arc<Self> {
        let (sender, receiver) = sync_channel(0);
        Arc::new(Self {
            semaphore: Semaphore::new(0),
            notify: Notify::new(),
            sender,
            receiver: Mutex::new(receiver),
        })
    }
}

type Wait = fn(Arc<All>) -> Waits;
type Tell = fn(&All);

/// Each way to wait, and to let that end.
const EACH: [(&str, Wait, Tell); 6] = [
    (
        "acquire",
        |all| Box::pin(async move { all.semaphore.acquire().await.unwrap().forget() }),
        |all| all.semaphore.add_permits(1),
    ),
    (
        "acquire until it is closed",
        |all| Box::pin(async move { assert!(all.semaphore.acquire().await.is_err()) }),
        |all| all.semaphore.close(),
    ),
    (
        "notified",
        |all| Box::pin(async move { all.notify.notified().await }),
        |all| all.notify.notify_one(),
    ),
    (
        "notified with all",
        |all| Box::pin(async move { all.notify.notified().await }),
        |all| all.notify.notify_waiters(),
    ),
    (
        "notified as the last",
        |all| Box::pin(async move { all.notify.notified().await }),
        |all| all.notify.notify_last(),
    ),
    (
        "send without room",
        |all| Box::pin(async move { all.sender.send_async(7).await.unwrap() }),
        |all| assert_eq!(all.receiver.lock().unwrap().try_recv(), Ok(7)),
    ),
];

/// Asks for everything that another one may have locked.
fn ask(all: &All) {
    _ = all.semaphore.available_permits();
    all.semaphore.add_permits(0);
    _ = all.semaphore.try_acquire().map(|permit| permit.forget());
    _ = all.semaphore.is_closed();
    all.notify.notify_waiters();
    assert!(matches!(all.sender.try_send(1), Err(TrySendError::Full(1))));
}

#[test]
fn who_is_woken_may_ask() {
    guard(|| {
        for (name, wait, tell) in EACH {
            let all = All::new();
            let same = all.clone();
            let task = task(move || ask(&same));
            let mut waits = wait(all.clone());
            assert!(!poll(&mut waits, &task), "{name}");
            tell(&all);
            assert!(poll(&mut waits, &task), "{name}");
            assert_eq!(task.woken.load(Ordering::SeqCst), 1, "{name}");
        }
    });
}

#[test]
fn who_is_woken_may_leave_at_once() {
    guard(|| {
        for (name, wait, tell) in EACH {
            let all = All::new();
            let waits = Arc::new(Mutex::new(Some(wait(all.clone()))));
            let same = waits.clone();
            let first = task(move || {
                let waits = same.lock().unwrap().take();
                drop(waits);
            });
            let second = task(|| ());
            let mut next = wait(all.clone());
            // The one that leaves is the one that is told first.
            let comes = |is_it: bool, next: &mut Waits| {
                let is_ready = if is_it {
                    poll(waits.lock().unwrap().as_mut().unwrap(), &first)
                } else {
                    poll(next, &second)
                };
                assert!(!is_ready, "{name}");
            };
            let is_first = name != "notified as the last";
            comes(is_first, &mut next);
            comes(!is_first, &mut next);
            tell(&all);
            assert!(waits.lock().unwrap().is_none(), "{name}");
            // What it was told and did not take is for the next; a value is sent.
            if name == "send without room" {
                tell(&all);
            }
            assert!(poll(&mut next, &second), "{name}");
            assert_eq!(first.woken.load(Ordering::SeqCst), 1, "{name}");
            assert_eq!(second.woken.load(Ordering::SeqCst), 1, "{name}");
        }
    });
}

#[test]
fn a_receiver_that_is_woken_may_leave_at_once() {
    guard(|| {
        let (sender, receiver) = sync_channel(0);
        let receives = Arc::new(Mutex::new(Some(receiver)));
        let same = receives.clone();
        let mut waits: Waits = Box::pin(async move {
            let mut receiver = same.lock().unwrap().take().unwrap();
            _ = receiver.recv_async().await;
        });
        assert!(!poll(&mut waits, &task(|| ())));
        let waits = Arc::new(Mutex::new(Some(waits)));
        let same = waits.clone();
        let task = task(move || drop(same.lock().unwrap().take()));
        assert!(!poll(waits.lock().unwrap().as_mut().unwrap(), &task));
        // It was given the value, and is gone with it.
        sender.try_send(3).unwrap();
        assert_eq!(sender.try_send(4), Err(TrySendError::Disconnected(4)));
        drop(receives);
    });
}

#[test]
fn the_ends_of_a_oneshot_channel_may_leave_when_they_are_woken() {
    guard(|| {
        let (sender, receiver) = oneshot::channel::<u32>();
        let waits: Arc<Mutex<Option<Waits>>> = Arc::new(Mutex::new(Some(Box::pin(async move {
            _ = receiver.await;
        }))));
        let same = waits.clone();
        let leaves = task(move || drop(same.lock().unwrap().take()));
        assert!(!poll(waits.lock().unwrap().as_mut().unwrap(), &leaves));
        sender.send(1).unwrap();
        assert!(waits.lock().unwrap().is_none());
        let (mut sender, mut receiver) = oneshot::channel::<u32>();
        let waits: Arc<Mutex<Option<Waits>>> = Arc::new(Mutex::new(Some(Box::pin(async move {
            sender.closed().await;
        }))));
        let same = waits.clone();
        let leaves = task(move || drop(same.lock().unwrap().take()));
        assert!(!poll(waits.lock().unwrap().as_mut().unwrap(), &leaves));
        receiver.close();
        assert!(waits.lock().unwrap().is_none());
        assert!(receiver.is_empty() && !receiver.is_terminated());
        assert!(receiver.try_recv().is_err() && receiver.is_terminated());
    });
}

#[test]
fn who_leaves_does_not_wake_itself() {
    guard(|| {
        for (name, wait, _) in EACH {
            let all = All::new();
            let task = task(|| ());
            let mut waits = wait(all.clone());
            assert!(!poll(&mut waits, &task), "{name}");
            drop(waits);
            assert_eq!(task.woken.load(Ordering::SeqCst), 0, "{name}");
            let empty = all.receiver.lock().unwrap().try_recv();
            assert_eq!(empty, Err(TryRecvError::Empty), "{name}");
        }
    });
}

#[test]
fn a_future_that_moves_is_woken_where_it_is() {
    guard(|| {
        for (name, wait, tell) in EACH {
            let all = All::new();
            let (before, after) = (task(|| ()), task(|| ()));
            let mut waits = wait(all.clone());
            assert!(
                !poll(&mut waits, &before) && !poll(&mut waits, &after),
                "{name}"
            );
            tell(&all);
            assert_eq!(before.woken.load(Ordering::SeqCst), 0, "{name}");
            assert_eq!(after.woken.load(Ordering::SeqCst), 1, "{name}");
            assert!(poll(&mut waits, &after), "{name}");
        }
    });
}
