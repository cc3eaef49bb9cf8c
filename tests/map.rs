//! Proves what `task::map_ordered` and `task::map_unordered` promise: every item once,
//! the order, the window, what becomes of panics and aborts, and that dropping ends all.

#![cfg(not(virid_loom))]

#[path = "support/dice.rs"]
mod dice;
#[path = "support/drops.rs"]
mod drops;
#[path = "support/gate.rs"]
mod gate;
mod support;
#[path = "support/until.rs"]
mod until;
#[path = "support/workers.rs"]
mod workers;

use dice::Dice;
use drops::Drops;
use gate::Gate;
use std::future::{Future, pending, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::task::{Context, Poll, Waker};
use support::guard;
use until::until;
use virid::task::{self, map_ordered, map_unordered};
use workers::workers;

/// Yields up to so often.
async fn wander(times: u64) {
    for _ in 0..times {
        task::yield_now().await;
    }
}

#[test]
fn every_item_comes_once_and_in_its_turn() {
    guard(|| {
        let runtime = workers(2);
        let mut dice = Dice::new();
        runtime
            .spawn(async move {
                for limit in [1, 2, 7, 64, usize::MAX] {
                    let mut yields = dice.fork();
                    let mut map = map_ordered(0..10_000u64, limit, |n| {
                        let times = yields.below(4);
                        async move {
                            wander(times).await;
                            n
                        }
                    });
                    for n in 0..10_000 {
                        assert_eq!(map.next().await.unwrap().unwrap(), n);
                    }
                    assert!(map.next().await.is_none() && map.next().await.is_none());
                }
            })
            .join()
            .unwrap();
    });
}

#[test]
fn the_unordered_yields_each_once_and_who_is_ready_first() {
    guard(|| {
        let runtime = workers(2);
        let mut dice = Dice::new();
        runtime
            .spawn(async move {
                for limit in [1, 2, 7, 64, usize::MAX] {
                    let mut yields = dice.fork();
                    let map = map_unordered(0..10_000u64, limit, |n| {
                        let times = yields.below(4);
                        async move {
                            wander(times).await;
                            n
                        }
                    });
                    let mut all: Vec<u64> = map.collect::<Result<_, _>>().await.unwrap();
                    all.sort_unstable();
                    assert!(all.into_iter().eq(0..10_000));
                }
                let gate = Gate::default();
                let opened = gate.clone();
                let mut map = map_unordered(0..3, 3, |n| {
                    let gate = (n == 0).then(|| gate.clone());
                    async move {
                        if let Some(gate) = gate {
                            gate.pass().await;
                        }
                        n
                    }
                });
                let mut first = [map.next().await, map.next().await].map(|n| n.unwrap().unwrap());
                first.sort_unstable();
                assert_eq!(first, [1, 2]);
                opened.open();
                assert_eq!(map.next().await.unwrap().unwrap(), 0);
                assert!(map.next().await.is_none());
            })
            .join()
            .unwrap();
    });
}

/// An iterator that says how many were taken.
fn counted(taken: &Arc<AtomicUsize>) -> impl Iterator<Item = usize> + use<> {
    let taken = taken.clone();
    (0..1_000).inspect(move |_| {
        taken.fetch_add(1, Ordering::SeqCst);
    })
}

#[test]
fn no_more_than_the_limit_is_taken_and_not_handed_out() {
    guard(|| {
        let runtime = workers(2);
        let _entered = runtime.enter();
        virid::block_on(async {
            let taken = Arc::new(AtomicUsize::new(0));
            let mut map = map_ordered(counted(&taken), 8, |n| async move { n });
            assert_eq!(taken.load(Ordering::SeqCst), 0);
            for n in 0..1_000 {
                assert_eq!(map.next().await.unwrap().unwrap(), n);
                let taken = taken.load(Ordering::SeqCst);
                assert!(taken <= n + 8, "{taken} taken, {} handed out", n + 1);
            }
            let taken = Arc::new(AtomicUsize::new(0));
            let mut map = map_unordered(counted(&taken), 8, |n| async move { n });
            for n in 0..1_000 {
                map.next().await.unwrap().unwrap();
                let taken = taken.load(Ordering::SeqCst);
                assert!(taken <= n + 8, "{taken} taken, {} handed out", n + 1);
            }
        });
    });
}

#[test]
fn tasks_run_on_while_nobody_polls() {
    guard(|| {
        let runtime = workers(2);
        let _entered = runtime.enter();
        let ran = Arc::new(AtomicUsize::new(0));
        let gate = Gate::default();
        let mut map = map_ordered(0..10, 10, |_| {
            let (ran, gate) = (ran.clone(), gate.clone());
            async move {
                gate.pass().await;
                ran.fetch_add(1, Ordering::SeqCst);
            }
        });
        let mut context = Context::from_waker(Waker::noop());
        assert!(pin!(map.next()).poll(&mut context).is_pending());
        gate.open();
        until(|| ran.load(Ordering::SeqCst) == 10);
        assert!(pin!(map.next()).poll(&mut context).is_ready());
    });
}

#[test]
fn a_panic_of_a_task_comes_in_its_turn() {
    guard(|| {
        let runtime = workers(2);
        let _entered = runtime.enter();
        virid::block_on(async {
            let work = |n: u32| async move {
                assert!(n % 3 != 1, "item {n}");
                n
            };
            let mut map = map_ordered(0..99, 5, work);
            for n in 0..99 {
                match map.next().await.unwrap() {
                    Ok(result) => assert_eq!(result, n),
                    Err(error) => {
                        assert!(n % 3 == 1 && error.is_panic());
                        assert!(error.to_string().contains(&format!("item {n}")));
                    }
                }
            }
            let results: Vec<_> = map_unordered(0..99, 5, work).collect().await;
            let panics = results.iter().filter(|result| result.is_err()).count();
            assert_eq!((results.len(), panics), (99, 33));
        });
    });
}

#[test]
fn a_panic_of_the_function_reaches_who_polls_and_loses_one_item() {
    guard(|| {
        let runtime = workers(2);
        let _entered = runtime.enter();
        let mut map = map_ordered(0..10, 3, |n| {
            assert!(n != 5, "no future");
            async move { n }
        });
        let mut seen = Vec::new();
        let mut panics = 0;
        loop {
            let next = std::panic::AssertUnwindSafe(|| virid::block_on(map.next()));
            match std::panic::catch_unwind(next) {
                Ok(Some(result)) => seen.push(result.unwrap()),
                Ok(None) => break,
                Err(_) => panics += 1,
            }
        }
        assert_eq!((seen, panics), (vec![0, 1, 2, 3, 4, 6, 7, 8, 9], 1));
    });
}

#[test]
fn dropping_it_at_any_point_ends_every_task() {
    guard(|| {
        let runtime = workers(2);
        let _entered = runtime.enter();
        for handed_out in 0..20 {
            let (made, drops) = (AtomicUsize::new(0), Drops::default());
            let work = |n: usize| {
                made.fetch_add(1, Ordering::SeqCst);
                let token = drops.token();
                async move {
                    if n >= handed_out {
                        pending::<()>().await;
                    }
                    token
                }
            };
            let mut map = map_ordered(0.., 6, &work);
            let mut unordered = map_unordered(0.., 6, &work);
            virid::block_on(async {
                for _ in 0..handed_out {
                    map.next().await.unwrap().unwrap();
                    unordered.next().await.unwrap().unwrap();
                }
                let mut context = Context::from_waker(Waker::noop());
                assert!(pin!(map.next()).poll(&mut context).is_pending());
                assert!(pin!(unordered.next()).poll(&mut context).is_pending());
            });
            assert_eq!(made.load(Ordering::SeqCst), 2 * (handed_out + 6));
            drop(map);
            drop(unordered);
            until(|| drops.count() == made.load(Ordering::SeqCst));
        }
    });
}

/// Lasts until every sender of the channel is gone.
struct LastsAsLong(Receiver<()>);

impl Drop for LastsAsLong {
    fn drop(&mut self) {
        assert!(self.0.recv().is_err());
    }
}

/// The future of one item, and a function that lasts as long as it.
fn lasting() -> impl FnMut(()) -> Pin<Box<dyn Future<Output = ()> + Send>> {
    let (sender, receiver) = channel();
    let (mut sender, lasts) = (Some(sender), LastsAsLong(receiver));
    move |()| {
        let _ = &lasts;
        let sender = sender.take();
        Box::pin(async move {
            pending::<()>().await;
            drop(sender);
        })
    }
}

#[test]
fn dropping_it_asks_the_tasks_to_end_before_anything_else() {
    guard(|| {
        let runtime = workers(1);
        let entered = runtime.enter();
        let mut context = Context::from_waker(Waker::noop());
        let mut ordered = map_ordered([()], 1, lasting());
        assert!(pin!(ordered.next()).poll(&mut context).is_pending());
        drop(ordered);
        let mut unordered = map_unordered([()], 1, lasting());
        assert!(pin!(unordered.next()).poll(&mut context).is_pending());
        drop(unordered);
        drop(entered);
    });
}

#[test]
fn the_end_of_the_runtime_cancels_and_the_map_says_so() {
    guard(|| {
        let runtime = workers(2);
        let entered = runtime.enter();
        let mut ordered = map_ordered(0..4, 2, |_| pending::<()>());
        let mut unordered = map_unordered(0..4, 2, |_| pending::<()>());
        let mut context = Context::from_waker(Waker::noop());
        assert!(pin!(ordered.next()).poll(&mut context).is_pending());
        assert!(pin!(unordered.next()).poll(&mut context).is_pending());
        drop(entered);
        let handle = runtime.handle().clone();
        drop(runtime);
        let _entered = handle.enter();
        for _ in 0..4 {
            assert!(
                virid::block_on(ordered.next())
                    .unwrap()
                    .unwrap_err()
                    .is_cancelled()
            );
            assert!(
                virid::block_on(unordered.next())
                    .unwrap()
                    .unwrap_err()
                    .is_cancelled()
            );
        }
        assert!(virid::block_on(ordered.next()).is_none());
        assert!(virid::block_on(unordered.next()).is_none());
    });
}

/// A stream that is not ready every other time, and cannot be moved.
struct Slow {
    left: u32,
    is_ready: bool,
    _pinned: std::marker::PhantomPinned,
}

impl futures_core::Stream for Slow {
    type Item = u32;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<u32>> {
        // SAFETY: nothing is moved.
        let this = unsafe { self.get_unchecked_mut() };
        this.is_ready = !this.is_ready;
        if this.is_ready {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let item = this.left.checked_sub(1);
        this.left = item.unwrap_or(0);
        Poll::Ready(item)
    }
}

#[test]
fn a_stream_is_a_source_and_a_map_is_a_stream() {
    guard(|| {
        let runtime = workers(2);
        let _entered = runtime.enter();
        virid::block_on(async {
            let slow = Slow {
                left: 100,
                is_ready: false,
                _pinned: std::marker::PhantomPinned,
            };
            let doubled = map_ordered(slow, 4, |n| async move { 2 * n });
            let sums = map_unordered(doubled, 3, |n| async move { n.unwrap() + 1 });
            let mut map = map_ordered(sums, 2, |n| async move { n.unwrap() });
            let mut sum = 0;
            while let Some(n) =
                poll_fn(|context| futures_core::Stream::poll_next(Pin::new(&mut map), context))
                    .await
            {
                sum += n.unwrap();
            }
            assert_eq!(sum, 9_900 + 100);
        });
    });
}

#[test]
#[should_panic(expected = "a limit of 0")]
fn a_limit_of_nothing_is_refused() {
    drop(map_ordered(0..1, 0, |n| async move { n }));
}
