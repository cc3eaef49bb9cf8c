//! The turns of a `Keyed`: workers that run the tasks of one key, and a thread that makes
//! them, aborts them, or ends the runtime meanwhile. Two tasks at a time are a race
//! on the cell that they share, and a turn that nobody gets is a deadlock: loom reports
//! both.

use std::future::{Future, pending};
use std::sync::Arc;

use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;

use super::idle::{Pool, prepare};
use crate::primitives::UnsafeCell;
use crate::scheduler::queue::Queue;
use crate::scheduler::shared::Shared;
use crate::task::work::Async;
use crate::task::{JoinHandle, Keyed};

struct Turns(UnsafeCell<u32>);

// SAFETY: that is what the models are about.
unsafe impl Sync for Turns {}
// SAFETY: the same.
unsafe impl Send for Turns {}

impl Turns {
    fn new() -> Arc<Self> {
        Arc::new(Self(UnsafeCell::new(0)))
    }

    fn add(&self) {
        // SAFETY: the caller has the turn; loom checks.
        self.0.with_mut(|turns| unsafe { *turns += 1 });
    }

    fn count(&self) -> u32 {
        // SAFETY: nobody runs any more; loom checks.
        self.0.with(|turns| unsafe { *turns })
    }
}

fn start(
    keyed: &Keyed<()>,
    shared: &Shared,
    future: impl Future<Output = ()> + Send + 'static,
) -> JoinHandle<()> {
    keyed.start(shared, (), Async(future), ())
}

/// The last of a model: ends the runtime.
fn start_last(keyed: &Keyed<()>, pool: &Pool, turns: &Arc<Turns>) {
    let (turns, shared) = (Arc::clone(turns), Arc::clone(&pool.shared));
    drop(start(keyed, &pool.shared, async move {
        turns.add();
        shared.close();
    }));
}

/// The first ends before, while or after the second is made, and another worker may
/// run that.
///
/// One preemption, whatever the environment says: at two the model runs for two minutes.
pub fn a_turn_is_handed_to_one_that_is_being_made() {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(1);
    model.check(|| {
        let pool = Pool::start(2);
        let (keyed, turns) = (Keyed::new(), Turns::new());
        let first = Arc::clone(&turns);
        drop(start(&keyed, &pool.shared, async move { first.add() }));
        start_last(&keyed, &pool, &turns);
        pool.join();
        assert_eq!((turns.count(), keyed.len()), (2, 0));
    });
}

/// The first never ends by itself, and is aborted before or after it has begun.
pub fn an_abort_hands_the_turn_on() {
    loom::model(|| {
        let pool = Pool::start(1);
        let (keyed, turns) = (Keyed::new(), Turns::new());
        let first = start(&keyed, &pool.shared, pending());
        start_last(&keyed, &pool, &turns);
        first.abort();
        drop(first);
        pool.join();
        assert_eq!((turns.count(), keyed.len()), (1, 0));
    });
}

/// The second is aborted while the first hands it the turn.
pub fn who_leaves_the_line_leaves_no_gap() {
    loom::model(|| {
        let pool = Pool::start(1);
        let (keyed, turns) = (Keyed::new(), Turns::new());
        let first = Arc::clone(&turns);
        drop(start(&keyed, &pool.shared, async move { first.add() }));
        let second = start(&keyed, &pool.shared, pending());
        start_last(&keyed, &pool, &turns);
        second.abort();
        drop(second);
        pool.join();
        assert_eq!((turns.count(), keyed.len()), (2, 0));
    });
}

/// A task is made that waits for one of another runtime, while its own ends: it is not
/// left.
pub fn the_end_finds_who_waits_for_a_turn() {
    loom::model(|| {
        let other = vec![Queue::new()];
        let ahead = prepare(&other);
        let pool = Pool::start(1);
        let keyed = Arc::new(Keyed::new());
        drop(start(&keyed, &ahead, async {}));
        let dropped = Arc::new(AtomicUsize::new(0));
        let spawner = thread::spawn({
            let (shared, keyed) = (Arc::clone(&pool.shared), Arc::clone(&keyed));
            let counts = Counts(Arc::clone(&dropped));
            move || {
                let future = async move {
                    let _counts = counts;
                    pending().await
                };
                drop(start(&keyed, &shared, future));
            }
        });
        pool.end();
        spawner.join().unwrap();
        assert_eq!(dropped.load(Ordering::Relaxed), 1, "a future was left");
        assert_eq!(keyed.len(), 1);
        Pool::of(ahead, other).end();
        assert_eq!(keyed.len(), 0);
    });
}

/// Counts its drop.
struct Counts(Arc<AtomicUsize>);

impl Drop for Counts {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}
