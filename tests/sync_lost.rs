//! Proves that nobody waits for ever for what is there, and that who leaves wakes nobody
//! for nothing.

#![cfg(all(feature = "sync", feature = "time", not(virid_loom)))]

#[path = "support/rest.rs"]
mod rest;
#[path = "support/sizes.rs"]
mod sizes;
mod support;
#[path = "support/until.rs"]
mod until;
#[path = "support/wakes.rs"]
mod wakes;
#[path = "support/workers.rs"]
mod workers;

use rest::rest;
use sizes::on_each_size;
use std::future::Future;
use std::pin::Pin;
use std::task::Context;
use std::time::Duration;
use support::guard;
use until::until;
use virid::sync::mpsc::sync_channel;
use virid::sync::{Arc, Condvar, Mutex, RwLock, RwLockWriteGuard};
use virid::thread;
use wakes::Wakes;

/// A future that waits, and the count of its wakes.
struct Waits<'a> {
    future: Pin<Box<dyn Future<Output = ()> + 'a>>,
    wakes: Arc<Wakes>,
}

impl<'a> Waits<'a> {
    fn new(future: impl Future<Output = ()> + 'a) -> Self {
        let mut waits = Self {
            future: Box::pin(future),
            wakes: Wakes::new(),
        };
        assert!(!waits.poll());
        waits
    }

    fn poll(&mut self) -> bool {
        let waker = self.wakes.waker();
        let mut context = Context::from_waker(&waker);
        self.future.as_mut().poll(&mut context).is_ready()
    }

    fn count(&self) -> usize {
        self.wakes.count()
    }
}

fn reads(lock: &RwLock<u32>) -> Waits<'_> {
    Waits::new(async { drop(lock.read_async().await) })
}

fn writes(lock: &RwLock<u32>) -> Waits<'_> {
    Waits::new(async { *lock.write_async().await.unwrap() += 1 })
}

#[test]
fn a_writer_that_has_waited_and_reads_now_lets_readers_in_when_it_ends() {
    on_each_size(|runtime| {
        let lock = Arc::new(RwLock::new(0));
        let held = lock.write().unwrap();
        let same = lock.clone();
        let downgrades = runtime.go(move || {
            let guard = RwLockWriteGuard::downgrade(same.write().unwrap());
            thread::park();
            drop(guard);
        });
        rest(&runtime);
        drop(held);
        rest(&runtime);
        let same = lock.clone();
        let reads = runtime.go(move || *same.read().unwrap());
        rest(&runtime);
        downgrades.thread().unpark();
        downgrades.join().unwrap();
        assert_eq!(reads.join().unwrap(), 0);
    });
}

#[test]
fn a_reader_that_is_called_and_leaves_lets_a_writer_in() {
    guard(|| {
        let lock = RwLock::new(0);
        let held = lock.write().unwrap();
        let (mut reader, mut writer) = (reads(&lock), writes(&lock));
        drop(held);
        assert_eq!((reader.count(), writer.count()), (1, 0));
        drop(reader);
        assert_eq!(writer.count(), 1);
        assert!(writer.poll());
        // The same for one that has been polled since, and waits again.
        let held = lock.write().unwrap();
        reader = reads(&lock);
        writer = writes(&lock);
        drop(held);
        let held = lock.try_write().unwrap();
        assert!(!reader.poll());
        drop(held);
        drop(reader);
        assert!(writer.poll());
    });
}

#[test]
fn who_leaves_wakes_nobody_who_cannot_go_on() {
    guard(|| {
        let lock = RwLock::new(0);
        let held = lock.write().unwrap();
        let mut waits: Vec<_> = (0..40).map(|_| reads(&lock)).collect();
        waits.extend((0..40).map(|_| writes(&lock)));
        let mut own = 0;
        waits.retain(|_| {
            own += 1;
            own % 2 == 0
        });
        assert!(waits.iter().all(|waits| waits.count() == 0));
        drop(held);
        // All readers, and no writer.
        assert!(waits[..20].iter().all(|waits| waits.count() == 1));
        assert!(waits[20..].iter().all(|waits| waits.count() == 0));
        assert!(waits[..20].iter_mut().all(Waits::poll));
        let mut writers = waits.split_off(20);
        assert_eq!(writers.iter().map(Waits::count).sum::<usize>(), 1);
        while let Some(next) = writers.iter().position(|waits| waits.count() > 0) {
            assert!(writers.remove(next).poll());
        }
        assert!(writers.is_empty());
        // Readers that wait behind a writer, while others read.
        let held = lock.read().unwrap();
        let mut writer = writes(&lock);
        let mut readers: Vec<_> = (0..40).map(|_| reads(&lock)).collect();
        readers.truncate(20);
        assert!(readers.iter().all(|waits| waits.count() == 0) && writer.count() == 0);
        drop(held);
        assert!(writer.poll() && readers.iter_mut().all(Waits::poll));
        assert!(lock.try_write().is_ok());
    });
}

#[test]
fn a_bit_that_is_left_behind_keeps_nobody_out() {
    guard(|| {
        let lock = RwLock::new(0);
        for leaves in [reads, writes] {
            for waits in [reads, writes] {
                let held = lock.write().unwrap();
                drop(leaves(&lock));
                let mut waits = waits(&lock);
                drop(leaves(&lock));
                drop(held);
                assert!(waits.poll());
                drop(lock.read().unwrap());
                drop(lock.write().unwrap());
                // Beside a reader only a writer waits.
                let held = lock.read().unwrap();
                let writer = writes(&lock);
                let wakes = writer.wakes.clone();
                drop(writer);
                assert_eq!(wakes.alive(), 0);
                drop(lock.read().unwrap());
                drop(held);
                drop(lock.write().unwrap());
            }
        }
    });
}

#[test]
fn a_notification_that_meets_the_end_of_a_timeout_goes_to_another() {
    on_each_size(|runtime| {
        let both = Arc::new((Mutex::new(0), Condvar::new()));
        for round in 1..300 {
            let same = both.clone();
            let timeout = Duration::from_micros(round % 60);
            let brief = runtime.go(move || {
                let guard = same.0.lock().unwrap();
                let (_guard, result) = same.1.wait_timeout(guard, timeout).unwrap();
                result.timed_out()
            });
            let same = both.clone();
            let waits = move || {
                let mut guard = same.0.lock().unwrap();
                *guard = round;
                drop(same.1.wait(guard).unwrap());
            };
            let (green, plain) = match round % 2 {
                0 => (Some(runtime.go(waits)), None),
                _ => (None, Some(std::thread::spawn(waits))),
            };
            // Who has the lock after it said so finds it waiting.
            until(|| *both.0.lock().unwrap() == round);
            both.1.notify_one();
            if !brief.join().unwrap() {
                // It has taken that one.
                both.1.notify_one();
            }
            if let Some(thread) = green {
                thread.join().unwrap();
            }
            if let Some(thread) = plain {
                thread.join().unwrap();
            }
        }
    });
}

#[test]
fn room_that_meets_the_end_of_a_sender_goes_to_another() {
    on_each_size(|runtime| {
        for (bound, round) in [0, 1, 3]
            .into_iter()
            .flat_map(|bound| (0..100).map(move |n| (bound, n)))
        {
            let (sender, receiver) = sync_channel(bound);
            (0..bound).for_each(|_| sender.send(0).unwrap());
            let start = |value| {
                let sender = sender.clone();
                let thread = runtime.go(move || sender.send(value).unwrap());
                rest(&runtime);
                thread
            };
            let (first, second) = (start(1), start(2));
            if round % 2 == 0 {
                first.cancel();
            }
            let received = receiver.recv().unwrap();
            first.cancel();
            let is_sent = first.join().is_ok();
            if bound == 0 {
                // The second is received now, if it was not before.
                assert!(received == 2 || receiver.recv() == Ok(2));
                assert!(received != 2 || !is_sent);
            } else if is_sent {
                _ = receiver.recv().unwrap();
            }
            second.join().unwrap();
            drop(sender);
            let left: Vec<_> = receiver.iter().filter(|value| *value > 0).collect();
            let expected: &[_] = match (bound, is_sent) {
                (0, _) => &[],
                (1, true) => &[2],
                (_, true) => &[1, 2],
                (_, false) => &[2],
            };
            assert_eq!(left, expected, "{bound}");
        }
    });
}

#[test]
fn who_waits_to_send_has_its_turn_beside_one_that_never_stops() {
    guard(|| {
        for bound in [0, 1, 3] {
            // On one worker, where no luck is needed.
            workers::workers(1).run(move || {
                let (sender, receiver) = sync_channel(bound);
                let rare = sender.clone();
                let greedy = thread::spawn(move || while sender.send(0).is_ok() {});
                let rare = thread::spawn(move || (0..20).for_each(|_| rare.send(1).unwrap()));
                let turns = receiver.iter().filter(|value| *value == 1).take(20);
                assert_eq!(turns.count(), 20);
                rare.join().unwrap();
                drop(receiver);
                greedy.join().unwrap();
            });
        }
    });
}
