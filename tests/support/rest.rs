//! The point at which all that could run has run.

use super::until::until;
use virid::Runtime;
use virid::metrics::WorkerMetrics;

/// Returns once every worker of `runtime` is parked and no signal is on its way:
/// each thread that has begun has ended or waits.
pub(crate) fn rest(runtime: &Runtime) {
    let is_parked = |worker: &WorkerMetrics| worker.parked() == worker.unparked() + 1;
    until(|| {
        let metrics = runtime.metrics();
        let unparked: u64 = metrics.workers().iter().map(WorkerMetrics::unparked).sum();
        metrics.workers().iter().all(is_parked) && metrics.signals() == unparked
    });
}
