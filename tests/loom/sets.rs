//! The list of a set's members that have ended: its owner waits, changes its waker,
//! and leaves, while they end.
//!
//! Every model counts: each result is dropped once, no waker is kept, and loom's
//! allocator says if a cell was leaked.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use loom::thread;

use super::task::Scheduler;
use crate::drive::drive;
use crate::task::JoinSet;
use crate::task::header::Runnable;

/// A result that counts its drop.
struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// A set of two tasks that only end, and who runs them.
struct Setup {
    scheduler: Scheduler,
    set: JoinSet<Counted>,
    dropped: Arc<AtomicUsize>,
}

impl Setup {
    fn new() -> Self {
        Self {
            scheduler: Scheduler::new(),
            set: JoinSet::new(),
            dropped: Arc::default(),
        }
    }

    fn member(&mut self) -> Runnable {
        let result = Counted(Arc::clone(&self.dropped));
        let (runnable, handle) = self.scheduler.make(async move { result });
        drop(self.set.insert_new(handle));
        runnable
    }

    fn run_on_a_thread(&self, runnable: Runnable) -> thread::JoinHandle<()> {
        let scheduler = self.scheduler.clone();
        thread::spawn(move || scheduler.run(runnable))
    }

    fn assert_dropped(&self, count: usize) {
        assert_eq!(self.dropped.load(Ordering::Relaxed), count);
    }
}

/// A waker that counts its calls.
#[derive(Default)]
struct Owner(AtomicUsize);

impl Wake for Owner {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// The owner sleeps until both have ended: no wake is lost.
pub fn members_end_while_their_owner_waits() {
    loom::model(|| {
        let mut setup = Setup::new();
        let members = [setup.member(), setup.member()];
        let threads = members.map(|member| setup.run_on_a_thread(member));
        let set = &mut setup.set;
        let all = async {
            while let Some(result) = set.join_next().await {
                assert!(result.is_ok(), "no task of this model fails");
            }
        };
        drive(all, "a model", "");
        setup.assert_dropped(2);
        threads
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
    });
}

/// Who has taken the right to wake the owner is still about to, when that has another
/// waker, or leaves.
pub fn an_owner_changes_its_waker_while_a_member_ends() {
    loom::model(|| {
        let mut setup = Setup::new();
        let members = [setup.member(), setup.member()];
        let owners: [Arc<Owner>; 2] = Default::default();
        let wakers = owners.clone().map(Waker::from);
        let mut left = 2;
        let mut poll = |set: &mut JoinSet<Counted>, waker| {
            let polled = set.poll_join_next(&mut Context::from_waker(waker));
            left -= usize::from(matches!(polled, Poll::Ready(Some(Ok(_)))));
            left
        };
        poll(&mut setup.set, &wakers[0]);
        let threads = members.map(|member| setup.run_on_a_thread(member));
        poll(&mut setup.set, &wakers[1]);
        let left = poll(&mut setup.set, &wakers[1]);
        let set = std::mem::take(&mut setup.set);
        if left == 0 {
            drop(set);
            setup.assert_dropped(2);
            threads
                .into_iter()
                .for_each(|thread| thread.join().unwrap());
        } else {
            threads
                .into_iter()
                .for_each(|thread| thread.join().unwrap());
            let woken = owners[1].0.load(Ordering::Relaxed);
            assert!(woken > 0, "a wake was lost");
            drop(set);
            setup.assert_dropped(2);
        }
        drop(wakers);
        let kept = owners.map(|owner| Arc::strong_count(&owner));
        assert_eq!(kept, [1, 1]);
    });
}

/// The set lets go of members that end: who comes last frees the list.
pub fn a_set_is_dropped_while_its_members_end() {
    loom::model(|| {
        let mut setup = Setup::new();
        let members = [setup.member(), setup.member()];
        let owner = Arc::new(Owner::default());
        let waker = Waker::from(Arc::clone(&owner));
        let polled = setup.set.poll_join_next(&mut Context::from_waker(&waker));
        assert!(polled.is_pending());
        drop(waker);
        let threads = members.map(|member| setup.run_on_a_thread(member));
        setup.set.detach_all();
        threads
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
        setup.assert_dropped(2);
        assert_eq!(Arc::strong_count(&owner), 1, "the list was leaked");
    });
}

/// A task comes into the set when it may have ended.
pub fn a_task_is_enlisted_while_it_ends() {
    loom::model(|| {
        let mut setup = Setup::new();
        let result = Counted(Arc::clone(&setup.dropped));
        let (runnable, handle) = setup.scheduler.make(async move { result });
        let thread = setup.run_on_a_thread(runnable);
        drop(setup.set.insert(handle));
        let result = drive(setup.set.join_next(), "a model", "");
        assert!(result.is_some());
        drop(result);
        setup.assert_dropped(1);
        thread.join().unwrap();
    });
}
