//! The word of `Mutex` and `RwLock`: two or three threads that take it, wait for it, or
//! leave. Loom says if two are inside, and if one is never told to go on.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Waker};

use loom::thread;

use crate::drive::drive;
use crate::primitives::UnsafeCell;
use crate::sync::raw::{Raw, Use};

struct Locked {
    raw: Raw,
    value: UnsafeCell<u32>,
}

// SAFETY: that is what the models are about.
unsafe impl Sync for Locked {}
// SAFETY: the same.
unsafe impl Send for Locked {}

impl Locked {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            raw: Raw::new(),
            value: UnsafeCell::new(0),
        })
    }

    fn take_to_write(&self) {
        if !self.raw.write_at_once() {
            drive(self.raw.wait_for(Use::Write), "a model", "");
        }
    }

    fn take_to_read(&self) {
        if !self.raw.read_at_once() {
            drive(self.raw.wait_for(Use::Read), "a model", "");
        }
    }

    fn add(&self) {
        self.value.with_mut(|value| {
            // SAFETY: the caller has the lock for writing; loom checks.
            unsafe { *value += 1 };
        });
    }

    fn end_write(&self) {
        // SAFETY: the caller has it.
        unsafe { self.raw.end_write() };
    }

    fn end_read(&self) {
        // SAFETY: the caller has it.
        unsafe { self.raw.end_read() };
    }

    fn write(&self) {
        self.take_to_write();
        self.add();
        self.end_write();
    }

    fn value(&self) -> u32 {
        // SAFETY: the caller has the lock; loom checks.
        self.value.with(|value| unsafe { *value })
    }

    fn read(&self) -> u32 {
        self.take_to_read();
        let value = self.value();
        self.end_read();
        value
    }

    /// Waits for two polls, and leaves. Whether it had its turn.
    fn try_for(&self, wanted: Use) -> bool {
        let mut waits = pin!(self.raw.wait_for(wanted));
        let mut context = Context::from_waker(Waker::noop());
        (0..2).any(|_| waits.as_mut().poll(&mut context).is_ready())
    }

    /// Reads or writes if it has its turn within two polls.
    fn try_briefly(&self, wanted: Use) {
        if !self.try_for(wanted) {
            return;
        }
        match wanted {
            Use::Read => {
                self.value();
                self.end_read();
            }
            Use::Write => {
                self.add();
                self.end_write();
            }
        }
    }
}

fn spawn(lock: &Arc<Locked>, f: impl FnOnce(&Locked) + 'static) -> thread::JoinHandle<()> {
    let lock = lock.clone();
    thread::spawn(move || f(&lock))
}

pub fn two_writers_take_turns() {
    loom::model(|| {
        let lock = Locked::new();
        let other = spawn(&lock, |lock| (0..2).for_each(|_| lock.write()));
        (0..2).for_each(|_| lock.write());
        other.join().unwrap();
        assert_eq!(lock.read(), 4);
    });
}

pub fn a_lock_passes_through_those_who_wait() {
    loom::model(|| {
        let lock = Locked::new();
        lock.take_to_write();
        let others = [spawn(&lock, Locked::write), spawn(&lock, Locked::write)];
        lock.add();
        lock.end_write();
        others.into_iter().for_each(|other| other.join().unwrap());
        assert_eq!(lock.read(), 3);
    });
}

pub fn a_reader_and_a_writer_wait_for_a_writer() {
    loom::model(|| {
        let lock = Locked::new();
        lock.take_to_write();
        let others = [
            spawn(&lock, Locked::write),
            spawn(&lock, |lock| _ = lock.read()),
        ];
        lock.add();
        lock.end_write();
        others.into_iter().for_each(|other| other.join().unwrap());
        assert_eq!(lock.read(), 2);
    });
}

pub fn a_writer_waits_for_readers() {
    loom::model(|| {
        let lock = Locked::new();
        let others = [
            spawn(&lock, Locked::write),
            spawn(&lock, |lock| _ = lock.read()),
        ];
        assert!(lock.read() <= 1);
        others.into_iter().for_each(|other| other.join().unwrap());
        assert_eq!(lock.read(), 1);
    });
}

pub fn readers_come_in_when_a_writer_becomes_one() {
    loom::model(|| {
        let lock = Locked::new();
        lock.take_to_write();
        let reader = spawn(&lock, |lock| assert_eq!(lock.read(), 1));
        lock.add();
        // SAFETY: it is held for writing.
        unsafe { lock.raw.downgrade() };
        // It reads beside this one.
        reader.join().unwrap();
        lock.end_read();
        assert!(lock.raw.try_take(Use::Write));
    });
}

pub fn who_leaves_passes_the_lock_on() {
    loom::model(|| {
        let lock = Locked::new();
        lock.take_to_write();
        let others = [
            spawn(&lock, |lock| lock.try_briefly(Use::Write)),
            spawn(&lock, Locked::write),
        ];
        lock.end_write();
        lock.write();
        others.into_iter().for_each(|other| other.join().unwrap());
        assert!(lock.read() >= 2);
    });
}

pub fn who_leaves_after_a_long_wait_keeps_nobody_out() {
    loom::model(|| {
        let lock = Locked::new();
        lock.take_to_write();
        let mut context = Context::from_waker(Waker::noop());
        let mut waits = Box::pin(lock.raw.wait_for(Use::Write));
        assert!(waits.as_mut().poll(&mut context).is_pending());
        lock.end_write();
        // It is notified, and overtaken.
        lock.take_to_write();
        assert!(waits.as_mut().poll(&mut context).is_pending());
        let other = spawn(&lock, Locked::write);
        drop(waits);
        lock.end_write();
        other.join().unwrap();
        assert_eq!(lock.read(), 1);
    });
}

pub fn a_writer_that_leaves_lets_a_reader_in() {
    loom::model(|| {
        let lock = Locked::new();
        lock.take_to_read();
        let others = [
            spawn(&lock, |lock| assert!(!lock.try_for(Use::Write))),
            spawn(&lock, |lock| _ = lock.read()),
        ];
        // The lock is held for reading until both have ended.
        others.into_iter().for_each(|other| other.join().unwrap());
        lock.end_read();
        assert!(lock.raw.try_take(Use::Write));
    });
}

pub fn a_reader_comes_in_though_a_writer_has_left_its_bit() {
    loom::model(|| {
        let lock = Locked::new();
        lock.take_to_write();
        // It leaves while the lock is held, and its bit stands.
        let mut context = Context::from_waker(Waker::noop());
        let mut waits = Box::pin(lock.raw.wait_for(Use::Write));
        assert!(waits.as_mut().poll(&mut context).is_pending());
        drop(waits);
        let reader = spawn(&lock, |lock| assert_eq!(lock.read(), 1));
        lock.add();
        lock.end_write();
        reader.join().unwrap();
    });
}

pub fn readers_come_in_after_a_writer_that_has_waited_reads() {
    loom::model(|| {
        let lock = Locked::new();
        lock.take_to_write();
        let mut context = Context::from_waker(Waker::noop());
        let mut waits = Box::pin(lock.raw.wait_for(Use::Write));
        assert!(waits.as_mut().poll(&mut context).is_pending());
        lock.end_write();
        // With its bit, though nobody is behind it.
        assert!(waits.as_mut().poll(&mut context).is_ready());
        lock.add();
        let reader = spawn(&lock, |lock| assert_eq!(lock.read(), 1));
        // SAFETY: it is held for writing.
        unsafe { lock.raw.downgrade() };
        lock.end_read();
        reader.join().unwrap();
    });
}

pub fn a_reader_that_was_called_leaves_to_a_writer() {
    loom::model(|| {
        let lock = Locked::new();
        lock.take_to_write();
        let mut context = Context::from_waker(Waker::noop());
        let mut waits = Box::pin(lock.raw.wait_for(Use::Read));
        assert!(waits.as_mut().poll(&mut context).is_pending());
        let writer = spawn(&lock, Locked::write);
        lock.end_write();
        drop(waits);
        writer.join().unwrap();
        assert_eq!(lock.read(), 1);
    });
}

pub fn who_leaves_lets_a_reader_in() {
    loom::model(|| {
        let lock = Locked::new();
        lock.take_to_write();
        let others = [
            spawn(&lock, |lock| {
                lock.try_briefly(Use::Write);
                lock.try_briefly(Use::Read);
            }),
            spawn(&lock, |lock| _ = lock.read()),
        ];
        lock.end_write();
        others.into_iter().for_each(|other| other.join().unwrap());
        assert!(lock.raw.try_take(Use::Write));
    });
}

pub fn who_leaves_lets_a_writer_in() {
    loom::model(|| {
        let lock = Locked::new();
        lock.take_to_write();
        let others = [
            spawn(&lock, |lock| {
                lock.try_briefly(Use::Write);
                lock.try_briefly(Use::Read);
            }),
            spawn(&lock, Locked::write),
        ];
        lock.end_write();
        others.into_iter().for_each(|other| other.join().unwrap());
        assert!(lock.read() >= 1);
    });
}
