//! The roll of a group: children that leave, come in late, or are added while it is closed.
//! Loom says if the owner goes on before a child has ended, or never.

use std::future::poll_fn;
use std::sync::Arc;

use loom::thread;

use crate::drive::drive;
use crate::primitives::{AtomicUsize, Ordering, UnsafeCell};
use crate::task::owner::roll::{Roll, wake};

struct Group {
    roll: Roll<usize>,
    /// One for each child; the owner looks when all have ended.
    values: [UnsafeCell<u32>; 2],
}

// SAFETY: that is what the models are about.
unsafe impl Sync for Group {}
// SAFETY: the same.
unsafe impl Send for Group {}

impl Group {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            roll: Roll::new(),
            values: [UnsafeCell::new(0), UnsafeCell::new(0)],
        })
    }

    /// A child that has come in, and ends.
    fn child(&self, number: usize) {
        self.values[number].with_mut(|value| {
            // SAFETY: the child's own, until the owner has gone on; loom checks.
            unsafe { *value += 1 };
        });
        wake(self.roll.leave());
    }

    fn wait(&self) {
        let ended = poll_fn(|context| self.roll.poll_left(context.waker()));
        drive(ended, "a model", "");
    }

    /// What the owner does when it goes on.
    fn sum(&self) -> u32 {
        let values = self.values.iter();
        // SAFETY: the owner's, when the children have ended; loom checks.
        values
            .map(|value| value.with(|value| unsafe { *value }))
            .sum()
    }
}

pub fn an_owner_waits_for_two_children() {
    loom::model(|| {
        let group = Group::new();
        let children = [0, 1].map(|number| {
            assert!(group.roll.enter());
            let group = group.clone();
            thread::spawn(move || group.child(number))
        });
        group.wait();
        assert_eq!(group.sum(), 2);
        assert!(!group.roll.enter());
        children.into_iter().for_each(|child| child.join().unwrap());
    });
}

pub fn a_child_comes_in_before_the_end_or_not_at_all() {
    loom::model(|| {
        let group = Group::new();
        let spawner = thread::spawn({
            let group = group.clone();
            move || {
                let enters = group.roll.enter();
                if enters {
                    group.child(0);
                }
                u32::from(enters)
            }
        });
        // On a thread that joins none: loom's join ends by a wake that comes late.
        let owner = thread::spawn(move || {
            group.wait();
            group.sum()
        });
        assert_eq!(spawner.join().unwrap(), owner.join().unwrap());
    });
}

pub fn a_close_reaches_a_child_that_is_added() {
    loom::model(|| {
        let group = Group::new();
        let aborts = Arc::new(AtomicUsize::new(0));
        assert!(group.roll.enter());
        let (same, aborted) = (group.clone(), aborts.clone());
        let closer = thread::spawn(move || {
            let tasks = same.roll.close();
            aborted.fetch_add(tasks.len(), Ordering::Relaxed);
        });
        if group.roll.add(7, |_| false).is_some() {
            aborts.fetch_add(1, Ordering::Relaxed);
        }
        closer.join().unwrap();
        assert_eq!(aborts.load(Ordering::Relaxed), 1);
        assert!(group.roll.is_closed());
        group.child(0);
    });
}
