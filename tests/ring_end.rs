//! Proves that a runtime ends in order whose workers have full queues, while more
//! comes from outside.

#![cfg(not(virid_loom))]

#[path = "support/child.rs"]
mod child;
#[path = "support/until.rs"]
mod until;
#[path = "support/workers.rs"]
mod workers;

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::Poll;
use until::until;
use workers::workers;

/// Yields for ever.
async fn yields(polls: Arc<AtomicUsize>) {
    poll_fn::<(), _>(move |context| {
        polls.fetch_add(1, Ordering::Relaxed);
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

fn ends_under_load(count: usize) {
    let runtime = workers(count);
    let polls = Arc::<AtomicUsize>::default();
    let polled = polls.clone();
    drop(runtime.spawn(async move {
        // As many as a ring has room for, and no batch.
        (0..250).for_each(|_| drop(virid::spawn(yields(polled.clone()))));
    }));
    let stop = Arc::<AtomicBool>::default();
    let (handle, stops) = (runtime.handle().clone(), stop.clone());
    let spawner = std::thread::spawn(move || {
        while !stops.load(Ordering::SeqCst) {
            (0..100).for_each(|_| drop(handle.spawn(async {})));
            std::thread::yield_now();
        }
    });
    until(|| polls.load(Ordering::Relaxed) > 10_000);
    drop(runtime);
    stop.store(true, Ordering::SeqCst);
    spawner.join().unwrap();
}

#[test]
fn a_full_queue_takes_nothing_more_when_the_runtime_ends() {
    if child::role().is_some() {
        for round in 0..600 {
            ends_under_load([1, 2, 4][round % 3]);
        }
        return;
    }
    let output = child::run(
        "a_full_queue_takes_nothing_more_when_the_runtime_ends",
        "ends",
        &[],
    );
    assert!(output.status.success(), "{output:?}");
}
