//! Proves that what waits, runs and has finished is counted exactly, for each kind of owner
//! that does not show it in a test of its own.

#![cfg(all(feature = "sync", not(virid_loom)))]

#[path = "support/gate.rs"]
mod gate;
mod support;
#[path = "support/workers.rs"]
mod workers;

use gate::Gate;
use std::future::{Future, pending};
use std::pin::{Pin, pin};
use std::task::{Context, Waker};
use support::guard;
use virid::metrics::OwnerMetrics;
use virid::task::{JoinSet, Keyed, map_ordered, map_unordered};
use workers::workers;

fn numbers(metrics: OwnerMetrics) -> (usize, usize, u64) {
    (metrics.waiting(), metrics.running(), metrics.finished())
}

fn is_ready<F: Future>(future: Pin<&mut F>) -> bool {
    let mut context = Context::from_waker(Waker::noop());
    future.poll(&mut context).is_ready()
}

#[test]
fn of_keys_those_without_the_turn_wait_and_all_ends_count() {
    guard(|| {
        let runtime = workers(2);
        let _entered = runtime.enter();
        let (keyed, gate) = (Keyed::new(), Gate::default());
        assert_eq!(numbers(keyed.metrics()), (0, 0, 0));
        let first = keyed.spawn("a", gate.clone().pass());
        let second = keyed.spawn("a", async { panic!("on purpose") });
        let third = keyed.go("a", || ());
        let fourth = keyed.spawn("a", async {});
        let other = keyed.spawn("b", pending::<()>());
        assert_eq!(numbers(keyed.metrics()), (3, 2, 0));

        fourth.abort();
        assert!(fourth.join().unwrap_err().is_cancelled());
        assert_eq!(numbers(keyed.metrics()), (2, 2, 1));

        gate.open();
        first.join().unwrap();
        assert!(second.join().unwrap_err().is_panic());
        third.join().unwrap();
        assert_eq!(numbers(keyed.metrics()), (0, 1, 4));

        keyed.abort_all();
        assert!(other.join().unwrap_err().is_cancelled());
        assert_eq!(numbers(keyed.metrics()), (0, 0, 5));
    });
}

#[test]
fn of_bounded_keys_callers_without_room_wait_too() {
    guard(|| {
        let runtime = workers(2);
        let _entered = runtime.enter();
        let keyed = Keyed::new().bound_per_key(2).bound_total(3);
        let gate = Gate::default();
        virid::block_on(async {
            let first = keyed.spawn("a", gate.clone().pass()).await;
            let second = keyed.spawn("a", async {}).await;
            assert_eq!(numbers(keyed.metrics()), (1, 1, 0));
            {
                let mut of_key = pin!(keyed.spawn("a", async {}));
                let third = keyed.spawn("b", gate.clone().pass()).await;
                let mut of_all = pin!(keyed.spawn("c", async {}));
                assert!(!is_ready(of_key.as_mut()) && !is_ready(of_all.as_mut()));
                assert_eq!(numbers(keyed.metrics()), (3, 2, 0));
                assert_eq!(numbers(Keyed::metrics(&keyed)), (1, 2, 0));
                drop(third);
            }
            // Who has stopped waiting does not count.
            assert_eq!(numbers(keyed.metrics()), (1, 2, 0));
            gate.open();
            first.await.unwrap();
            second.await.unwrap();
            keyed.wait().await;
            assert_eq!(numbers(keyed.metrics()), (0, 0, 3));
            assert!(keyed.is_empty());
        });
    });
}

#[test]
fn of_a_set_those_that_have_ended_are_finished_joined_or_not() {
    guard(|| {
        let runtime = workers(2);
        let _entered = runtime.enter();
        let (mut set, gate) = (JoinSet::new(), Gate::default());
        set.spawn(gate.clone().pass());
        set.spawn(pending());
        assert_eq!(numbers(set.metrics()), (0, 2, 0));
        gate.open();
        virid::block_on(set.join_next()).unwrap().unwrap();
        assert_eq!(numbers(set.metrics()), (0, 1, 1));
        set.abort_all();
        let aborted = virid::block_on(set.join_next()).unwrap();
        assert!(aborted.unwrap_err().is_cancelled());
        assert_eq!(numbers(set.metrics()), (0, 0, 2));
        // Places are used again, and those that let go leave the numbers as they are.
        set.spawn(pending());
        assert_eq!(numbers(set.metrics()), (0, 1, 2));
        set.detach_all();
        assert_eq!(numbers(set.metrics()), (0, 0, 3));

        let mut limited = set.limit(1);
        virid::block_on(limited.spawn(pending()));
        assert!(!is_ready(pin!(limited.spawn(pending()))));
        assert_eq!(numbers(limited.metrics()), (0, 1, 0));
        assert_eq!(numbers(JoinSet::metrics(&limited)), (0, 1, 3));
    });
}

#[test]
fn of_maps_what_was_taken_runs_until_it_has_ended() {
    guard(|| {
        let runtime = workers(2);
        let _entered = runtime.enter();
        let gate = Gate::default();
        let call = |n: u64| {
            let gate = gate.clone();
            async move {
                if n > 0 {
                    gate.pass().await;
                }
                n
            }
        };
        let mut ordered = map_ordered(0..3, 2, call);
        let mut unordered = map_unordered(0..3, 2, call);
        assert_eq!(numbers(ordered.metrics()), (0, 0, 0));
        assert_eq!(virid::block_on(ordered.next()).unwrap().unwrap(), 0);
        assert_eq!(virid::block_on(unordered.next()).unwrap().unwrap(), 0);
        assert_eq!(numbers(ordered.metrics()), (0, 1, 1));
        assert_eq!(numbers(unordered.metrics()), (0, 1, 1));
        gate.open();
        virid::block_on(async {
            while let Some(result) = ordered.next().await {
                result.unwrap();
            }
            while let Some(result) = unordered.next().await {
                result.unwrap();
            }
        });
        assert_eq!(numbers(ordered.metrics()), (0, 0, 3));
        assert_eq!(numbers(unordered.metrics()), (0, 0, 3));

        let mut threads = virid::thread::map_ordered(0..5, 2, |n| n);
        let mut others = virid::thread::map_unordered(0..5, 2, |n| n);
        assert_eq!((threads.by_ref().count(), others.by_ref().count()), (5, 5));
        assert_eq!(numbers(threads.metrics()), (0, 0, 5));
        assert_eq!(numbers(others.metrics()), (0, 0, 5));
    });
}
