//! The limit of those who spawn, over the semaphore of `sync`: permits that come while who
//! waits for them leaves. Loom says if two run under a limit of one, and if one is left to
//! wait for ever.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Waker};

use loom::thread;

use crate::drive::drive;
use crate::primitives::UnsafeCell;
use crate::task::owner::limit::{Limit, Permit};

struct Limited {
    limit: Limit,
    value: UnsafeCell<u32>,
}

// SAFETY: that is what the models are about.
unsafe impl Sync for Limited {}
// SAFETY: the same.
unsafe impl Send for Limited {}

impl Limited {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            limit: Limit::new(1),
            value: UnsafeCell::new(0),
        })
    }

    fn run(&self) {
        let _permit = drive(self.limit.permit(), "a model", "");
        self.value.with_mut(|value| {
            // SAFETY: the limit is one; loom checks.
            unsafe { *value += 1 };
        });
    }
}

/// One who stands in line, and has not been given a permit.
fn in_line(limit: &Limit) -> Pin<Box<dyn Future<Output = Permit> + Send>> {
    let limit = limit.clone();
    let mut waits = Box::pin(async move { limit.permit().await });
    let mut context = Context::from_waker(Waker::noop());
    assert!(waits.as_mut().poll(&mut context).is_pending());
    waits
}

pub fn a_limit_of_one_lets_one_in() {
    loom::model(|| {
        let limited = Limited::new();
        let same = limited.clone();
        let other = thread::spawn(move || same.run());
        limited.run();
        other.join().unwrap();
        // SAFETY: nobody else is left.
        limited.value.with(|value| assert_eq!(unsafe { *value }, 2));
    });
}

pub fn who_leaves_the_line_leaves_no_hole() {
    loom::model(|| {
        let limited = Limited::new();
        let running = limited.limit.permit_at_once().unwrap();
        let leaves = in_line(&limited.limit);
        let others = [
            thread::spawn(move || drop(leaves)),
            thread::spawn({
                let behind = limited.clone();
                move || behind.run()
            }),
        ];
        drop(running);
        others.into_iter().for_each(|other| other.join().unwrap());
        assert!(limited.limit.permit_at_once().is_some());
    });
}

pub fn two_who_leave_keep_no_permit() {
    loom::model(|| {
        let limit = Limit::new(1);
        let running = limit.permit_at_once().unwrap();
        let others = [in_line(&limit), in_line(&limit)];
        let others = others.map(|leaves| thread::spawn(move || drop(leaves)));
        drop(running);
        others.into_iter().for_each(|other| other.join().unwrap());
        assert!(limit.permit_at_once().is_some());
    });
}
