//! Proves that a green thread which computes holds up no task of its worker: what
//! yielded before it had its turn goes on at an idle worker.

#![cfg(not(virid_loom))]

#[path = "support/occupied.rs"]
mod occupied;
mod support;
#[path = "support/until.rs"]
mod until;
#[path = "support/workers.rs"]
mod workers;

use occupied::occupy;
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::task::Poll;
use support::guard;
use until::until;
use virid::{Runtime, thread};
use workers::workers;

/// Whether a worker is parked and no signal is on its way.
fn one_is_parked(runtime: &virid::Handle) -> bool {
    let metrics = runtime.metrics();
    let parked: u64 = metrics.workers().iter().map(|worker| worker.parked()).sum();
    let unparked: u64 = metrics
        .workers()
        .iter()
        .map(|worker| worker.unparked())
        .sum();
    parked == unparked + 1 && metrics.signals() == unparked
}

/// The task yields with the thread ready beside it, on one worker of two; the other
/// is parked.
fn yields_beside_a_computing_thread(runtime: &Runtime) {
    let other = occupy(runtime);
    let polls = Arc::<AtomicUsize>::default();
    let is_over = Arc::<AtomicBool>::default();
    let (handle, counts, ends) = (runtime.handle().clone(), polls.clone(), is_over.clone());
    let (tell, told) = channel();
    let computes = runtime.go(move || {
        let computes = thread::current();
        let (polled, mut is_first) = (counts.clone(), true);
        let task = virid::spawn(poll_fn(move |context| {
            polled.fetch_add(1, Ordering::SeqCst);
            if ends.load(Ordering::SeqCst) {
                return Poll::Ready(());
            }
            if is_first {
                is_first = false;
                tell.send(()).unwrap();
                until(|| one_is_parked(&handle));
                computes.unpark();
            }
            context.waker().wake_by_ref();
            Poll::Pending
        }));
        thread::park();
        // Here the task waits in the queue of this worker.
        let before = counts.load(Ordering::SeqCst);
        until(|| counts.load(Ordering::SeqCst) > before);
        task
    });
    told.recv().unwrap();
    drop(other);
    let task = computes.join().unwrap();
    is_over.store(true, Ordering::SeqCst);
    task.join().unwrap();
}

#[test]
fn a_task_that_yields_goes_on_while_a_green_thread_of_its_worker_computes() {
    guard(|| {
        let runtime = workers(2);
        (0..100).for_each(|_| yields_beside_a_computing_thread(&runtime));
    });
}
