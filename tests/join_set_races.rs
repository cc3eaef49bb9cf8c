//! Proves that a set loses nothing and leaks nothing when its tasks end while it is
//! waited for, let go of, or dropped.

#![cfg(not(virid_loom))]

#[path = "support/drops.rs"]
mod drops;
mod support;
#[path = "support/until.rs"]
mod until;
#[path = "support/workers.rs"]
mod workers;

use drops::Drops;
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use support::guard;
use until::until;
use virid::task::JoinSet;
use virid::{block_on, yield_now};
use workers::workers;

/// Two workers run what the test's own thread spawns, which does its part meanwhile.
const ROUNDS: usize = 2_000;

#[test]
fn every_future_and_every_result_is_dropped_once() {
    guard(|| {
        let runtime = workers(2);
        let (futures, results) = (Drops::default(), Drops::default());
        let mut spawned = 0;
        for round in 0..ROUNDS {
            let mut set = JoinSet::new();
            for number in 0..8 {
                spawned += 1;
                let (future, result) = (futures.token(), results.token());
                let body = async move {
                    let _future = future;
                    for _ in 0..number % 3 {
                        yield_now().await;
                    }
                    result
                };
                drop(set.spawn_on(body, runtime.handle()));
            }
            match round % 5 {
                0 => drop(set),
                1 => set.detach_all(),
                2 => block_on(set.shutdown()),
                3 => {
                    block_on(set.join_next()).unwrap().unwrap();
                    set.abort_all();
                    let mut context = Context::from_waker(Waker::noop());
                    let _ = set.poll_join_next(&mut context);
                }
                _ => assert_eq!(block_on(set.join_all()).len(), 8),
            }
        }
        until(|| futures.count() == spawned && results.count() == spawned);
        drop(runtime);
        assert_eq!((futures.count(), results.count()), (spawned, spawned));
    });
}

/// Tasks that end while the set changes who waits for it: no wake is lost.
#[test]
fn wakers_change_while_tasks_end() {
    /// Wakes whom it was made for, under another name.
    struct Other(Waker);
    impl Wake for Other {
        fn wake(self: Arc<Self>) {
            self.0.wake_by_ref();
        }
    }
    guard(|| {
        let runtime = workers(2);
        let total = runtime.spawn(async {
            let mut total = 0;
            for round in 0..ROUNDS {
                let mut set = JoinSet::new();
                for number in 0..4 {
                    set.spawn(async move {
                        if number == round % 4 {
                            yield_now().await;
                        }
                        1
                    });
                }
                while let Some(result) = poll_fn(|context| {
                    // The last of them is the one that counts.
                    for _ in 0..2 {
                        let waker = Waker::from(Arc::new(Other(context.waker().clone())));
                        let polled = set.poll_join_next(&mut Context::from_waker(&waker));
                        if polled.is_ready() {
                            return polled;
                        }
                    }
                    Poll::Pending
                })
                .await
                {
                    total += result.unwrap();
                }
            }
            total
        });
        assert_eq!(total.join().unwrap(), ROUNDS * 4);
    });
}

/// Members spawn into a set of their own, and the sets go from task to task.
#[test]
fn sets_move_between_tasks_while_their_members_end() {
    guard(|| {
        let runtime = workers(2);
        let sum = runtime.spawn(async {
            let mut outer = JoinSet::new();
            for _ in 0..200 {
                outer.spawn(async {
                    let mut inner = JoinSet::new();
                    for number in 0..20_usize {
                        inner.spawn(async move { number });
                    }
                    let first = inner.join_next().await.unwrap().unwrap();
                    (first, inner)
                });
            }
            let mut sum = 0;
            while let Some(result) = outer.join_next().await {
                let (first, inner) = result.unwrap();
                sum += first + inner.join_all().await.into_iter().sum::<usize>();
            }
            sum
        });
        assert_eq!(sum.join().unwrap(), 200 * 190);
    });
}

/// A waker whose call drops the set that it is called by.
#[test]
fn a_set_is_dropped_by_the_waker_that_it_calls() {
    struct Dropper(std::sync::Mutex<Option<JoinSet<()>>>, AtomicUsize);
    impl Wake for Dropper {
        fn wake(self: Arc<Self>) {
            drop(self.0.lock().unwrap().take());
            self.1.fetch_add(1, Ordering::SeqCst);
        }
    }
    guard(|| {
        let runtime = workers(2);
        for _ in 0..ROUNDS {
            let dropper = Arc::new(Dropper(std::sync::Mutex::default(), AtomicUsize::new(0)));
            let waker = Waker::from(Arc::clone(&dropper));
            let mut held = dropper.0.lock().unwrap();
            let set = held.insert(JoinSet::new());
            set.spawn_on(yield_now(), runtime.handle());
            set.spawn_on(async {}, runtime.handle());
            let polled = set.poll_join_next(&mut Context::from_waker(&waker));
            let waits = polled.is_pending();
            drop(held);
            if waits {
                until(|| dropper.1.load(Ordering::SeqCst) > 0);
            }
            drop(dropper.0.lock().unwrap().take());
        }
    });
}

/// A hundred thousand at once, spawned by a task and by a thread that is no worker.
#[test]
fn a_large_set_is_joined_while_it_grows() {
    guard(|| {
        let runtime = workers(2);
        let both = [true, false].map(|is_task| {
            let body = async {
                let (mut set, mut sum, mut count) = (JoinSet::new(), 0, 0);
                for number in 0..100_000_u64 {
                    set.spawn(async move { number });
                    if number % 3 == 0
                        && let Some(result) = set.try_join_next()
                    {
                        sum += result.unwrap();
                        count += 1;
                    }
                }
                assert_eq!(set.len(), 100_000 - count);
                while let Some(result) = set.join_next().await {
                    sum += result.unwrap();
                }
                sum
            };
            if is_task {
                runtime.spawn(body).join().unwrap()
            } else {
                runtime.block_on(body)
            }
        });
        assert_eq!(both, [4_999_950_000; 2]);
    });
}
