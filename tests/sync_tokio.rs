//! Proves what Tokio says of `Semaphore`, `Notify` and `oneshot`, of virid's.

#![cfg(all(feature = "sync", not(virid_loom)))]

#[path = "support/rest.rs"]
mod rest;
#[path = "support/sizes.rs"]
mod sizes;
mod support;
#[path = "support/until.rs"]
mod until;
#[path = "support/workers.rs"]
mod workers;

use rest::rest;
use sizes::on_each_size;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use virid::sync::oneshot::error::TryRecvError;
use virid::sync::{Arc, Mutex, Notify, Semaphore, TryAcquireError, oneshot};
use virid::thread;

type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

fn poll<T>(future: &mut Boxed<'_, T>) -> Option<T> {
    match future
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
    {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

fn boxed<'a, T>(future: impl Future<Output = T> + 'a) -> Boxed<'a, T> {
    Box::pin(future)
}

#[test]
fn no_more_have_a_permit_than_there_are() {
    on_each_size(|runtime| {
        let shared = Arc::new((Semaphore::new(3), AtomicUsize::new(0)));
        let enter = |shared: &(Semaphore, AtomicUsize)| {
            assert!(shared.1.fetch_add(1, Ordering::SeqCst) < 3);
        };
        let start = |own: usize| {
            let shared = shared.clone();
            runtime.go(move || {
                for _ in 0..20 {
                    let permit = shared.0.blocking_acquire().unwrap();
                    enter(&shared);
                    if own.is_multiple_of(2) {
                        thread::yield_now();
                    }
                    shared.1.fetch_sub(1, Ordering::SeqCst);
                    drop(permit);
                }
            })
        };
        let threads: Vec<_> = (0..20).map(start).collect();
        let same = shared.clone();
        let task = runtime.spawn(async move {
            for _ in 0..20 {
                let _permit = same.0.acquire().await.unwrap();
                enter(&same);
                same.1.fetch_sub(1, Ordering::SeqCst);
            }
        });
        threads
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
        task.join().unwrap();
        assert_eq!(shared.0.available_permits(), 3);
    });
}

#[test]
fn permits_are_given_in_the_order_of_the_requests() {
    let semaphore = Semaphore::new(2);
    let mut many = boxed(semaphore.acquire_many(3));
    let mut one = boxed(semaphore.acquire());
    assert!(poll(&mut many).is_none() && poll(&mut one).is_none());
    // There are two, and they are not for who comes later.
    let error = semaphore.try_acquire().unwrap_err();
    assert_eq!(error, TryAcquireError::NoPermits);
    semaphore.add_permits(1);
    assert!(poll(&mut one).is_none());
    let many = poll(&mut many).unwrap().unwrap();
    drop(many);
    assert!(poll(&mut one).unwrap().is_ok());
}

#[test]
fn who_leaves_the_line_lets_the_next_have_its_turn() {
    let semaphore = Semaphore::new(1);
    let mut many = boxed(semaphore.acquire_many(3));
    let mut one = boxed(semaphore.acquire());
    assert!(poll(&mut many).is_none() && poll(&mut one).is_none());
    drop(many);
    let one = poll(&mut one).unwrap().unwrap();
    let mut next = boxed(semaphore.acquire());
    let mut last = boxed(semaphore.acquire());
    assert!(poll(&mut next).is_none() && poll(&mut last).is_none());
    drop(one);
    // It was given to this one, which does not want it any more.
    drop(next);
    let last = poll(&mut last).unwrap().unwrap();
    assert_eq!(semaphore.available_permits(), 0);
    drop(last);
    assert_eq!(semaphore.available_permits(), 1);
}

#[test]
fn a_closed_semaphore_gives_nothing() {
    on_each_size(|runtime| {
        let semaphore = Arc::new(Semaphore::new(0));
        let same = semaphore.clone();
        let waits = runtime.go(move || same.blocking_acquire().is_err());
        rest(&runtime);
        semaphore.close();
        assert!(waits.join().unwrap() && semaphore.is_closed());
        semaphore.add_permits(1);
        let error = semaphore.try_acquire().unwrap_err();
        assert_eq!(error, TryAcquireError::Closed);
        assert!(semaphore.blocking_acquire_many(1).is_err());
    });
}

#[test]
fn permits_are_split_merged_forgotten_and_sent() {
    let semaphore = Arc::new(Semaphore::new(5));
    let mut three = semaphore.try_acquire_many(3).unwrap();
    let one = three.split(1).unwrap();
    assert!(three.split(3).is_none());
    assert_eq!((three.num_permits(), one.num_permits()), (2, 1));
    three.merge(one);
    three.forget();
    assert_eq!(semaphore.available_permits(), 2);
    let owned = semaphore.clone().try_acquire_many_owned(2).unwrap();
    assert!(semaphore.clone().try_acquire_owned().is_err());
    std::thread::spawn(move || drop(owned)).join().unwrap();
    assert_eq!(semaphore.forget_permits(9), 2);
    assert_eq!(semaphore.available_permits(), 0);
}

#[test]
fn permits_know_their_semaphore_and_are_not_merged_with_those_of_another() {
    let (one, other) = (Arc::new(Semaphore::new(4)), Arc::new(Semaphore::new(4)));
    let mut permit = one.try_acquire().unwrap();
    assert!(std::ptr::eq(permit.semaphore(), &*one));
    let merged = catch_unwind(AssertUnwindSafe(|| {
        permit.merge(other.try_acquire().unwrap())
    }));
    assert!(merged.is_err());
    let mut owned = one.clone().blocking_acquire_owned().unwrap();
    assert!(Arc::ptr_eq(owned.semaphore(), &one));
    owned.merge(one.clone().blocking_acquire_many_owned(2).unwrap());
    assert_eq!((owned.num_permits(), permit.num_permits()), (3, 1));
    drop((permit, owned));
    assert_eq!((one.available_permits(), other.available_permits()), (4, 4));
}

#[test]
fn who_wants_no_permit_has_it_at_once_unless_it_is_closed() {
    let semaphore = Semaphore::new(0);
    let mut waits = boxed(semaphore.acquire());
    assert!(poll(&mut waits).is_none());
    assert!(semaphore.try_acquire_many(0).is_ok());
    assert!(poll(&mut boxed(semaphore.acquire_many(0))).unwrap().is_ok());
    semaphore.close();
    assert!(poll(&mut waits).unwrap().is_err());
    assert!(
        poll(&mut boxed(semaphore.acquire_many(0)))
            .unwrap()
            .is_err()
    );
}

#[test]
fn too_many_permits_are_refused_and_change_nothing() {
    let semaphore = Semaphore::new(Semaphore::MAX_PERMITS);
    let permit = semaphore.try_acquire().unwrap();
    for more in [2, usize::MAX] {
        assert!(catch_unwind(AssertUnwindSafe(|| semaphore.add_permits(more))).is_err());
    }
    drop(permit);
    assert_eq!(semaphore.available_permits(), Semaphore::MAX_PERMITS);
    assert!(catch_unwind(|| Semaphore::new(Semaphore::MAX_PERMITS + 1)).is_err());
}

#[test]
fn permits_that_were_given_when_it_is_closed_can_be_taken() {
    let semaphore = Semaphore::new(0);
    let (mut first, mut second) = (boxed(semaphore.acquire()), boxed(semaphore.acquire()));
    assert!(poll(&mut first).is_none() && poll(&mut second).is_none());
    semaphore.add_permits(1);
    semaphore.close();
    assert!(poll(&mut first).unwrap().is_ok());
    assert!(poll(&mut second).unwrap().is_err());
    assert_eq!(semaphore.available_permits(), 1);
}

#[test]
fn a_notification_is_kept_for_one_where_nobody_waits() {
    let notify = Notify::new();
    notify.notify_one();
    notify.notify_one();
    assert!(poll(&mut boxed(notify.notified())).is_some());
    assert!(poll(&mut boxed(notify.notified())).is_none());
    notify.notify_waiters();
    assert!(poll(&mut boxed(notify.notified())).is_none());
}

#[test]
fn one_is_notified_in_the_order_of_the_first_polls() {
    let notify = Notify::new();
    let (mut first, mut second) = (boxed(notify.notified()), boxed(notify.notified()));
    assert!(poll(&mut second).is_none() && poll(&mut first).is_none());
    notify.notify_one();
    assert!(poll(&mut first).is_none());
    assert!(poll(&mut second).is_some());
    notify.notify_one();
    assert!(poll(&mut first).is_some());
}

#[test]
fn two_notifications_reach_two_who_wait() {
    let notify = Notify::new();
    let (mut first, mut second) = (boxed(notify.notified()), boxed(notify.notified()));
    assert!(poll(&mut first).is_none() && poll(&mut second).is_none());
    notify.notify_one();
    notify.notify_one();
    assert!(poll(&mut first).is_some() && poll(&mut second).is_some());
}

#[test]
fn all_are_notified_that_were_made_before() {
    let notify = Notify::new();
    let (mut polled, mut made) = (boxed(notify.notified()), boxed(notify.notified()));
    assert!(poll(&mut polled).is_none());
    notify.notify_waiters();
    let mut late = boxed(notify.notified());
    assert!(poll(&mut polled).is_some() && poll(&mut made).is_some());
    assert!(poll(&mut late).is_none());
}

#[test]
fn a_notification_for_one_that_is_dropped_goes_on() {
    let notify = Notify::new();
    let (mut first, mut second) = (boxed(notify.notified()), boxed(notify.notified()));
    assert!(poll(&mut first).is_none() && poll(&mut second).is_none());
    notify.notify_one();
    drop(first);
    assert!(poll(&mut second).is_some());
    let mut only = boxed(notify.notified());
    assert!(poll(&mut only).is_none());
    notify.notify_one();
    drop(only);
    assert!(poll(&mut boxed(notify.notified())).is_some());
    // Not one for all.
    let mut only = boxed(notify.notified());
    assert!(poll(&mut only).is_none());
    notify.notify_waiters();
    drop(only);
    assert!(poll(&mut boxed(notify.notified())).is_none());
}

#[test]
fn the_last_who_waits_can_be_notified_first() {
    let notify = Arc::new(Notify::new());
    let mut first = boxed(notify.notified());
    let mut second = boxed(notify.clone().notified_owned());
    let mut third = boxed(notify.notified());
    assert!(
        [&mut first, &mut second, &mut third]
            .into_iter()
            .all(|one| poll(one).is_none())
    );
    notify.notify_last();
    // It does not want it, and the last of the others has it.
    drop(third);
    assert!(poll(&mut first).is_none());
    assert!(poll(&mut second).is_some());
    notify.notify_last();
    assert!(poll(&mut first).is_some());
    notify.notify_last();
    notify.notify_last();
    assert!(poll(&mut boxed(notify.notified())).is_some());
    assert!(poll(&mut boxed(notify.notified())).is_none());
}

#[test]
fn one_that_is_enabled_stands_in_line_and_one_for_all_leaves_the_permit() {
    let notify = Notify::new();
    notify.notify_one();
    let before = boxed(notify.notified());
    notify.notify_waiters();
    // It is one of those who were there, and takes no permit.
    let mut before = before;
    assert!(poll(&mut before).is_some() && poll(&mut before).is_some());
    let mut enabled = Box::pin(notify.notified());
    assert!(enabled.as_mut().enable());
    let mut waits = Box::pin(notify.notified());
    assert!(!waits.as_mut().enable() && !waits.as_mut().enable());
    notify.notify_one();
    assert!(waits.as_mut().enable());
    assert!(poll(&mut boxed(notify.notified())).is_none());
}

#[test]
fn notifications_between_threads_are_not_lost() {
    on_each_size(|runtime| {
        let shared = Arc::new((Notify::new(), Notify::new()));
        let same = shared.clone();
        let answers = runtime.go(move || {
            for _ in 0..1_000 {
                same.0.blocking_notified();
                same.1.notify_one();
            }
        });
        let same = shared.clone();
        let asks = runtime.spawn(async move {
            for _ in 0..1_000 {
                same.0.notify_one();
                same.1.notified().await;
            }
        });
        asks.join().unwrap();
        answers.join().unwrap();
    });
}

#[test]
fn one_value_goes_from_the_sender_to_the_receiver() {
    on_each_size(|runtime| {
        let (sender, receiver) = oneshot::channel();
        let waits = runtime.go(move || receiver.blocking_recv());
        rest(&runtime);
        sender.send(5).unwrap();
        assert_eq!(waits.join().unwrap(), Ok(5));
        let (sender, receiver) = oneshot::channel();
        let waits = runtime.spawn(receiver);
        rest(&runtime);
        sender.send(6).unwrap();
        assert_eq!(waits.join().unwrap(), Ok(6));
    });
}

#[test]
fn the_ends_hear_of_each_other() {
    let (sender, mut receiver) = oneshot::channel::<u32>();
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
    drop(sender);
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Closed));
    let (sender, receiver) = oneshot::channel::<u32>();
    drop(sender);
    assert!(receiver.blocking_recv().is_err());
    let (mut sender, receiver) = oneshot::channel::<u32>();
    {
        let mut closed = boxed(sender.closed());
        assert!(poll(&mut closed).is_none());
        drop(receiver);
        assert!(poll(&mut closed).is_some());
    }
    assert!(sender.is_closed());
    assert_eq!(sender.send(1), Err(1));
}

#[test]
fn a_receiver_that_is_closed_has_what_was_sent_before() {
    let (sender, mut receiver) = oneshot::channel();
    sender.send(1).unwrap();
    receiver.close();
    assert_eq!(receiver.try_recv(), Ok(1));
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Closed));
    let (sender, mut receiver) = oneshot::channel();
    receiver.close();
    assert_eq!(sender.send(1), Err(1));
    assert!(receiver.blocking_recv().is_err());
}

#[test]
fn a_receiver_says_whether_it_is_empty_and_whether_it_has_ended() {
    let (sender, mut receiver) = oneshot::channel();
    assert!(receiver.is_empty() && !receiver.is_terminated());
    assert!(
        Pin::new(&mut receiver)
            .poll(&mut Context::from_waker(Waker::noop()))
            .is_pending()
    );
    sender.send(1).unwrap();
    assert!(!receiver.is_empty() && !receiver.is_terminated());
    let ended = Pin::new(&mut receiver).poll(&mut Context::from_waker(Waker::noop()));
    assert_eq!(ended, Poll::Ready(Ok(1)));
    assert!(receiver.is_empty() && receiver.is_terminated());
    let again = catch_unwind(AssertUnwindSafe(|| receiver.blocking_recv()));
    assert!(again.is_err());
    let (sender, mut receiver) = oneshot::channel::<u32>();
    drop(sender);
    assert!(receiver.is_empty() && !receiver.is_terminated());
    assert!(receiver.try_recv().is_err() && receiver.is_terminated());
}

#[test]
fn a_value_that_nobody_takes_is_dropped_once() {
    let value = Arc::new(Mutex::new(()));
    let (sender, receiver) = oneshot::channel();
    sender.send(value.clone()).unwrap();
    assert_eq!(Arc::strong_count(&value), 2);
    drop(receiver);
    assert_eq!(Arc::strong_count(&value), 1);
}
