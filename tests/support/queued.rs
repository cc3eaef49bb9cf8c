//! A burst that waits in one worker's queue, and the numbers when all is over.

use super::rest::rest;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::channel;
use virid::Runtime;
use virid::metrics::RuntimeMetrics;

/// The numbers once every worker is parked and no signal is on its way.
pub(crate) fn at_rest(runtime: &Runtime) -> RuntimeMetrics {
    rest(runtime);
    runtime.metrics()
}

/// Queues so many tasks on the one worker that runs this. They wait until
/// `meanwhile`, and have run when this returns its answer.
pub(crate) fn queue<T>(runtime: &Runtime, tasks: u64, meanwhile: impl FnOnce() -> T) -> T {
    let ((queued, is_queued), (release, released)) = (channel(), channel::<()>());
    let done = Arc::<AtomicU64>::default();
    let shared = done.clone();
    let root = runtime.spawn(async move {
        for _ in 0..tasks {
            let done = shared.clone();
            drop(virid::spawn(async move {
                done.fetch_add(1, Ordering::Relaxed);
            }));
        }
        queued.send(()).unwrap();
        _ = released.recv();
    });
    is_queued.recv().unwrap();
    let answer = meanwhile();
    drop(release);
    root.join().unwrap();
    at_rest(runtime);
    assert_eq!(done.load(Ordering::SeqCst), tasks);
    answer
}
