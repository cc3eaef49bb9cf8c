// What std says of its channels. Included by tests/sync_mpsc.rs, once for each world.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use sync::mpsc::{
    RecvError, RecvTimeoutError, SendError, TryRecvError, TrySendError, channel, sync_channel,
};

const SHORT: Duration = Duration::from_millis(5);
const LONG: Duration = Duration::from_secs(3_600);

/// The bounds that a channel is tried with.
const BOUNDS: [usize; 4] = [0, 1, 3, 100];

fn settle() {
    (0..20).for_each(|_| thread::yield_now());
}

pub(super) fn what_one_sends_arrives_in_order() {
    let (sender, receiver) = channel();
    let sends = thread::spawn(move || (0..1_000).for_each(|n| sender.send(n).unwrap()));
    assert!((0..1_000).all(|n| receiver.recv() == Ok(n)));
    assert_eq!(receiver.recv(), Err(RecvError));
    sends.join().unwrap();
    for bound in BOUNDS {
        let (sender, receiver) = sync_channel(bound);
        let sends = thread::spawn(move || (0..500).for_each(|n| sender.send(n).unwrap()));
        assert!((0..500).all(|n| receiver.recv() == Ok(n)));
        assert_eq!(receiver.recv(), Err(RecvError));
        sends.join().unwrap();
    }
}

pub(super) fn what_many_send_arrives_once() {
    let check = |all: Vec<usize>| {
        for own in 0..4 {
            let of_one = all.iter().filter(|n| **n / 100 == own);
            assert!(of_one.copied().eq(own * 100..own * 100 + 100));
        }
        assert_eq!(all.len(), 400);
    };
    let (sender, receiver) = channel();
    let send = |own: usize| {
        let sender = sender.clone();
        thread::spawn(move || (0..100).for_each(|n| sender.send(own * 100 + n).unwrap()))
    };
    let threads: Vec<_> = (0..4).map(send).collect();
    drop(sender);
    check(receiver.iter().collect());
    threads
        .into_iter()
        .for_each(|thread| thread.join().unwrap());
    for bound in BOUNDS {
        let (sender, receiver) = sync_channel(bound);
        let send = |own: usize| {
            let sender = sender.clone();
            thread::spawn(move || (0..100).for_each(|n| sender.send(own * 100 + n).unwrap()))
        };
        let threads: Vec<_> = (0..4).map(send).collect();
        drop(sender);
        check(receiver.into_iter().collect());
        threads
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
    }
}

pub(super) fn what_was_sent_is_received_after_the_senders_are_gone() {
    let (sender, receiver) = channel();
    let other = sender.clone();
    sender.send(1).unwrap();
    other.send(2).unwrap();
    drop((sender, other));
    assert_eq!((receiver.recv(), receiver.try_recv()), (Ok(1), Ok(2)));
    assert_eq!(receiver.recv(), Err(RecvError));
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Disconnected));
    assert_eq!(
        receiver.recv_timeout(LONG),
        Err(RecvTimeoutError::Disconnected)
    );
}

pub(super) fn a_receiver_that_waits_hears_that_the_senders_are_gone() {
    let (sender, receiver) = channel::<()>();
    let waits = thread::spawn(move || receiver.recv());
    settle();
    drop(sender);
    assert_eq!(waits.join().unwrap(), Err(RecvError));
    for bound in BOUNDS {
        let (sender, receiver) = sync_channel::<()>(bound);
        let other = sender.clone();
        let waits = thread::spawn(move || receiver.recv_timeout(LONG));
        settle();
        drop((sender, other));
        assert_eq!(waits.join().unwrap(), Err(RecvTimeoutError::Disconnected));
    }
}

pub(super) fn a_send_without_a_receiver_gives_the_value_back() {
    let (sender, receiver) = channel();
    drop(receiver);
    assert_eq!(sender.send(1), Err(SendError(1)));
    for bound in BOUNDS {
        let (sender, receiver) = sync_channel(bound);
        drop(receiver);
        assert_eq!(sender.send(1), Err(SendError(1)));
        assert_eq!(sender.try_send(1), Err(TrySendError::Disconnected(1)));
    }
}

pub(super) fn senders_that_wait_get_their_values_back_when_the_receiver_goes() {
    for bound in BOUNDS {
        let (sender, receiver) = sync_channel(bound);
        (0..bound).for_each(|_| sender.send(7).unwrap());
        let send = |own| {
            let sender = sender.clone();
            thread::spawn(move || sender.send(own))
        };
        let threads: Vec<_> = (0..5).map(send).collect();
        settle();
        drop(receiver);
        for (own, thread) in threads.into_iter().enumerate() {
            assert_eq!(thread.join().unwrap(), Err(SendError(own)));
        }
    }
}

pub(super) fn what_is_in_the_channel_is_dropped_with_the_receiver() {
    let value = Arc::new(());
    let (sender, receiver) = channel();
    (0..100).for_each(|_| sender.send(value.clone()).unwrap());
    drop(receiver.recv());
    assert_eq!(Arc::strong_count(&value), 100);
    drop(receiver);
    assert_eq!(Arc::strong_count(&value), 1);
    for bound in [1, 3, 100] {
        let (sender, receiver) = sync_channel(bound);
        (0..bound).for_each(|_| sender.send(value.clone()).unwrap());
        drop(receiver);
        assert_eq!(Arc::strong_count(&value), 1);
    }
}

pub(super) fn a_bound_is_kept() {
    for bound in [1, 3, 100] {
        let (sender, receiver) = sync_channel(bound);
        assert!((0..bound).all(|n| sender.try_send(n).is_ok()));
        assert_eq!(sender.try_send(bound), Err(TrySendError::Full(bound)));
        let is_sent = Arc::<AtomicBool>::default();
        let flag = is_sent.clone();
        let sends = thread::spawn(move || {
            sender.send(bound).unwrap();
            flag.store(true, Ordering::SeqCst);
        });
        settle();
        assert!(!is_sent.load(Ordering::SeqCst));
        assert!((0..=bound).all(|n| receiver.recv() == Ok(n)));
        sends.join().unwrap();
    }
}

pub(super) fn without_room_a_send_returns_when_its_value_was_received() {
    let (sender, receiver) = sync_channel(0);
    assert_eq!(sender.try_send(0), Err(TrySendError::Full(0)));
    let received = Arc::<AtomicUsize>::default();
    let seen = received.clone();
    let sends = thread::spawn(move || {
        for n in 1..=100 {
            sender.send(n).unwrap();
            // `n` was taken, and the count is raised before the next is.
            assert!(seen.load(Ordering::SeqCst) + 1 >= n);
        }
    });
    settle();
    for n in 1..=100 {
        assert_eq!(receiver.recv(), Ok(n));
        received.store(n, Ordering::SeqCst);
    }
    sends.join().unwrap();
}

pub(super) fn without_room_try_send_needs_a_receiver_that_waits() {
    let (sender, receiver) = sync_channel(0);
    let waits = thread::spawn(move || receiver.recv());
    let mut value = 1;
    while let Err(error) = sender.try_send(value) {
        assert!(matches!(error, TrySendError::Full(1)));
        value = 1;
        thread::yield_now();
    }
    assert_eq!(waits.join().unwrap(), Ok(1));
}

pub(super) fn try_recv_does_not_wait() {
    let (sender, receiver) = channel();
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
    sender.send(1).unwrap();
    assert_eq!(receiver.try_recv(), Ok(1));
    drop(sender);
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Disconnected));
    let (sender, receiver) = sync_channel(0);
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
    let sends = thread::spawn(move || sender.send(1));
    while receiver.try_recv() != Ok(1) {
        thread::yield_now();
    }
    assert_eq!(sends.join().unwrap(), Ok(()));
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Disconnected));
}

pub(super) fn recv_timeout_waits_no_shorter_and_takes_what_is_there() {
    for bound in [usize::MAX, 0, 1, 3] {
        let start = Instant::now();
        if bound == usize::MAX {
            let (sender, receiver) = channel();
            assert_eq!(receiver.recv_timeout(SHORT), Err(RecvTimeoutError::Timeout));
            sender.send(1).unwrap();
            assert_eq!(receiver.recv_timeout(Duration::ZERO), Ok(1));
        } else {
            let (sender, receiver) = sync_channel::<()>(bound);
            assert_eq!(receiver.recv_timeout(SHORT), Err(RecvTimeoutError::Timeout));
            drop(sender);
        }
        assert!(start.elapsed() >= SHORT);
    }
    let (_sender, receiver) = channel::<()>();
    assert_eq!(
        receiver.recv_timeout(Duration::ZERO),
        Err(RecvTimeoutError::Timeout)
    );
    for timeout in [LONG, Duration::MAX] {
        let (sender, receiver) = channel();
        let waits = thread::spawn(move || receiver.recv_timeout(timeout));
        settle();
        sender.send(1).unwrap();
        assert_eq!(waits.join().unwrap(), Ok(1));
    }
}

pub(super) fn no_value_is_lost_to_a_timeout() {
    for bound in BOUNDS {
        let (sender, receiver) = sync_channel(bound);
        let sends = thread::spawn(move || (0..300).for_each(|n| sender.send(n).unwrap()));
        let mut next = 0;
        loop {
            match receiver.recv_timeout(Duration::from_micros(next % 7)) {
                Ok(value) => {
                    assert_eq!(value, next);
                    next += 1;
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        assert_eq!(next, 300);
        sends.join().unwrap();
    }
}

pub(super) fn a_receiver_is_an_iterator() {
    let (sender, receiver) = channel();
    (0..3).for_each(|n| sender.send(n).unwrap());
    assert!(receiver.try_iter().eq(0..3));
    assert_eq!(receiver.try_iter().next(), None);
    (0..6).for_each(|n| sender.send(n).unwrap());
    drop(sender);
    assert!(receiver.iter().take(2).eq(0..2));
    let mut rest = Vec::new();
    for n in &receiver {
        rest.push(n);
        if n == 3 {
            break;
        }
    }
    assert_eq!(rest, [2, 3]);
    assert!(receiver.into_iter().eq(4..6));
}

pub(super) fn an_iterator_has_ended_when_all_senders_are_gone() {
    let (sender, receiver) = channel();
    let other = sender.clone();
    drop(sender);
    other.send(1).unwrap();
    {
        let (mut all, mut those_there) = (receiver.iter(), receiver.try_iter());
        assert_eq!(all.next(), Some(1));
        assert_eq!(those_there.next(), None);
        drop(other);
        assert_eq!((all.next(), all.next()), (None, None));
        assert_eq!(those_there.next(), None);
    }
    assert_eq!(receiver.into_iter().next(), None);
}

pub(super) fn a_receiver_without_time_takes_from_a_sender_that_waits() {
    let (sender, receiver) = sync_channel(0);
    let sends = thread::spawn(move || sender.send(1));
    while receiver.recv_timeout(Duration::ZERO) != Ok(1) {
        thread::yield_now();
    }
    assert_eq!(sends.join().unwrap(), Ok(()));
}

pub(super) fn the_ends_show_their_names() {
    let (sender, receiver) = channel::<std::cell::Cell<u32>>();
    let (sync_sender, _receiver) = sync_channel::<u32>(1);
    assert_eq!(
        format!("{sender:?} {sync_sender:?} {receiver:?}"),
        "Sender { .. } SyncSender { .. } Receiver { .. }"
    );
}

pub(super) fn the_ends_can_be_sent_and_the_senders_shared() {
    fn is_send<T: Send>(_: &T) {}
    fn is_shared<T: Send + Sync>(_: &T) {}
    let (sender, receiver) = channel::<std::cell::Cell<u32>>();
    is_shared(&sender);
    is_send(&receiver);
    let (sender, receiver) = sync_channel::<std::cell::Cell<u32>>(1);
    is_shared(&sender);
    is_send(&receiver);
    thread::scope(|scope| {
        scope.spawn(|| sender.send(1.into()).unwrap());
    });
    assert_eq!(receiver.recv().unwrap().get(), 1);
}

pub(super) fn a_receiver_cannot_be_shared() {
    // Two of these traits hold for what is `Sync`, and `_` is then ambiguous.
    trait Ambiguous<A> {
        fn check() {}
    }
    impl<T: ?Sized> Ambiguous<()> for T {}
    impl<T: ?Sized + Sync> Ambiguous<u8> for T {}
    <sync::mpsc::Receiver<u32> as Ambiguous<_>>::check();
}

pub(super) fn a_channel_may_pass_channels() {
    let (requests, server) = channel::<(u32, sync::mpsc::Sender<u32>)>();
    let serves = thread::spawn(move || {
        for (n, answer) in server {
            answer.send(n * n).unwrap();
        }
    });
    for n in 0..50 {
        let (answer, answered) = channel();
        requests.send((n, answer)).unwrap();
        assert_eq!(answered.recv(), Ok(n * n));
    }
    drop(requests);
    serves.join().unwrap();
}
