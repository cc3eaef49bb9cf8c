//! Proves that each way to wait suspends a green thread and nobody else, and that
//! no token and no wake is lost, whatever it waits for meanwhile.

#![cfg(not(virid_loom))]

#[path = "support/gate.rs"]
mod gate;
#[path = "support/occupied.rs"]
mod occupied;
#[path = "support/rest.rs"]
mod rest;
#[path = "support/sizes.rs"]
mod sizes;
mod support;
#[path = "support/until.rs"]
mod until;
#[path = "support/workers.rs"]
mod workers;

use gate::Gate;
use occupied::occupy;
use rest::rest;
use sizes::on_each_size;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use support::guard;
use virid::thread;
use workers::workers;

#[test]
fn an_unpark_before_the_park_is_kept_also_for_a_thread_that_has_not_begun() {
    guard(|| {
        let runtime = workers(1);
        runtime.run(|| {
            thread::current().unpark();
            thread::park();
        });
        let release = occupy(&runtime);
        let late = runtime.go(thread::park);
        late.thread().unpark();
        late.thread().unpark();
        drop(release);
        late.join().unwrap();
    });
}

#[test]
fn an_unpark_survives_every_other_wait() {
    on_each_size(|runtime| {
        let gate = Gate::default();
        let passed = gate.clone().pass();
        let waits = runtime.go(move || {
            virid::block_on(passed);
            thread::spawn(thread::yield_now).join().unwrap();
            virid::spawn(async {}).join().unwrap();
            thread::yield_now();
            thread::park();
        });
        rest(&runtime);
        waits.thread().unpark();
        rest(&runtime);
        assert!(!waits.is_finished());
        gate.open();
        waits.join().unwrap();
    });
}

#[test]
fn threads_that_yield_take_turns() {
    guard(|| {
        let (order, begun) = (
            Arc::<Mutex<Vec<u8>>>::default(),
            Arc::<AtomicUsize>::default(),
        );
        let seen = order.clone();
        workers(1).run(move || {
            let threads = [0, 1].map(|own| {
                let (order, begun) = (seen.clone(), begun.clone());
                thread::spawn(move || {
                    begun.fetch_add(1, Ordering::SeqCst);
                    while begun.load(Ordering::SeqCst) < 2 {
                        thread::yield_now();
                    }
                    for _ in 0..100 {
                        order.lock().unwrap().push(own);
                        thread::yield_now();
                    }
                })
            });
            for thread in threads {
                thread.join().unwrap();
            }
        });
        let order = order.lock().unwrap();
        assert_eq!(order.len(), 200);
        // The one that began last may be a turn ahead.
        assert!(
            order[2..198].chunks(2).all(|pair| pair[0] != pair[1]),
            "{order:?}"
        );
    });
}

#[test]
fn a_thread_that_yields_lets_async_tasks_run() {
    guard(|| {
        workers(1).run(|| {
            let task = virid::spawn(async { virid::yield_now().await });
            while !task.is_finished() {
                thread::yield_now();
            }
        });
    });
}

#[test]
fn block_on_suspends_until_the_future_is_ready() {
    on_each_size(|runtime| {
        let (gate, second) = (Gate::default(), Gate::default());
        let (passed, nested) = (gate.clone().pass(), second.clone().pass());
        let waits = runtime.go(move || {
            let inner = virid::block_on(async {
                passed.await;
                // Another wait, inside the poll of the first.
                virid::block_on(nested);
                virid::block_on(async { virid::block_on(async { 5 }) })
            });
            inner + 1
        });
        rest(&runtime);
        runtime.run(|| ());
        gate.open();
        rest(&runtime);
        assert!(!waits.is_finished());
        runtime.run(move || second.open());
        assert_eq!(waits.join().unwrap(), 6);
    });
}

/// Ready when both are; polls both, in this order, each time.
async fn both(first: impl Future<Output = ()>, second: impl Future<Output = ()>) {
    let (mut first, mut second) = (pin!(first), pin!(second));
    let (mut is_first, mut is_second) = (false, false);
    poll_fn(|context| {
        is_first = is_first || first.as_mut().poll(context).is_ready();
        is_second = is_second || second.as_mut().poll(context).is_ready();
        match is_first && is_second {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    })
    .await;
}

#[test]
fn a_wake_that_comes_during_a_wait_inside_a_poll_is_not_lost() {
    on_each_size(|runtime| {
        let (outer, inner) = (Gate::default(), Gate::default());
        let (passed, nested) = (outer.clone().pass(), inner.clone().pass());
        let waits = runtime.go(move || {
            virid::block_on(both(passed, async { virid::block_on(nested) }));
        });
        rest(&runtime);
        outer.open();
        rest(&runtime);
        inner.open();
        waits.join().unwrap();
        let outer = Gate::default();
        let passed = outer.clone().pass();
        let waits = runtime.go(move || virid::block_on(both(passed, async { thread::park() })));
        rest(&runtime);
        outer.open();
        rest(&runtime);
        waits.thread().unpark();
        waits.join().unwrap();
    });
}

#[test]
fn in_a_storm_of_wakes_the_future_is_polled_after_the_last() {
    const WAKERS: usize = 4;
    const ROUNDS: usize = 5_000;
    on_each_size(|runtime| {
        let (waker, count) = (
            Arc::<Mutex<Option<Waker>>>::default(),
            Arc::<AtomicUsize>::default(),
        );
        let (slot, seen) = (waker.clone(), count.clone());
        let waits = runtime.go(move || {
            virid::block_on(poll_fn(|context| {
                *slot.lock().unwrap() = Some(context.waker().clone());
                match seen.load(Ordering::SeqCst) {
                    n if n == WAKERS * ROUNDS => Poll::Ready(n),
                    _ => Poll::Pending,
                }
            }))
        });
        let storm = [(); WAKERS].map(|()| {
            let (waker, count) = (waker.clone(), count.clone());
            std::thread::spawn(move || {
                for _ in 0..ROUNDS {
                    count.fetch_add(1, Ordering::SeqCst);
                    let waker = waker.lock().unwrap().clone();
                    waker.iter().for_each(Waker::wake_by_ref);
                }
            })
        });
        for thread in storm {
            thread.join().unwrap();
        }
        assert_eq!(waits.join().unwrap(), WAKERS * ROUNDS);
        // Of a thread that has ended.
        waker.lock().unwrap().take().unwrap().wake();
    });
}
