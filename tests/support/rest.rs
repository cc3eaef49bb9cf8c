//! The point at which all that could run has run.

use super::until::until;
use virid::Runtime;
use virid::metrics::WorkerMetrics;

/// Returns once every worker of `runtime` is parked and no signal is on its way:
/// each thread that has begun has ended or waits.
///
/// Workers are read one after another, so one that was read as parked may have woken
/// another since. Numbers that never fall and are the same twice are of one moment.
pub(crate) fn rest(runtime: &Runtime) {
    let is_parked = |worker: &WorkerMetrics| worker.parked() == worker.unparked() + 1;
    until(|| {
        let metrics = runtime.metrics();
        let is_of_a_moment = runtime.metrics() == metrics;
        let unparked: u64 = metrics.workers().iter().map(WorkerMetrics::unparked).sum();
        let all_are_parked = metrics.workers().iter().all(is_parked);
        is_of_a_moment && all_are_parked && metrics.signals() == unparked
    });
}
