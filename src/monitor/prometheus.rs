//! The text format of Prometheus, version 0.0.4.

use std::fmt::{Display, Write};
use std::time::Duration;

use super::clock::Clock;
use super::stats::SpawnStats;
use crate::metrics::{RuntimeMetrics, WorkerMetrics};

/// The text, family by family.
#[derive(Debug)]
pub(super) struct Text(String);

/// One number of each worker.
type OfWorker = fn(&WorkerMetrics) -> u64;

/// Those of [`WorkerMetrics`] that only grow.
const GROWING: [(&str, &str, OfWorker); 7] = [
    (
        "spawned",
        "Tasks spawned by the worker's tasks.",
        WorkerMetrics::spawned,
    ),
    ("polled", "Polls of tasks.", WorkerMetrics::polled),
    (
        "stolen",
        "Tasks taken from another worker.",
        WorkerMetrics::stolen,
    ),
    (
        "injected",
        "Tasks taken from other threads.",
        WorkerMetrics::injected,
    ),
    (
        "parked",
        "Times parked for want of work.",
        WorkerMetrics::parked,
    ),
    ("unparked", "Times unparked.", WorkerMetrics::unparked),
    (
        "signals",
        "Signals sent to parked workers.",
        WorkerMetrics::signals,
    ),
];

/// And those that fall again.
const CURRENT: [(&str, &str, OfWorker); 3] = [
    ("queue_depth", "Tasks in the worker's queue.", |worker| {
        worker.queue_depth() as u64
    }),
    (
        "started_threads",
        "Green threads that stay on the worker.",
        |worker| worker.started_threads() as u64,
    ),
    ("waiting_threads", "Of those, how many wait.", |worker| {
        worker.waiting_threads() as u64
    }),
];

impl Text {
    pub(super) fn new() -> Self {
        Self(String::new())
    }

    pub(super) fn finish(self) -> String {
        self.0
    }

    /// Begins a family.
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        self.line(format_args!("# HELP virid_{name} {help}"));
        self.line(format_args!("# TYPE virid_{name} {kind}"));
    }

    fn line(&mut self, line: impl Display) {
        writeln!(self.0, "{line}").expect("a string takes everything");
    }

    /// A family of one number.
    fn number(&mut self, name: &str, kind: &str, help: &str, value: impl Display) {
        self.family(name, kind, help);
        self.line(format_args!("virid_{name} {value}"));
    }

    pub(super) fn waits(&mut self, stats: &SpawnStats, count: u64, waited: Duration) {
        let name = "spawn_wait_seconds";
        let help = "From a spawn to the task's first run: quantiles of the window, sum and \
                    count of all samples.";
        self.family(name, "summary", help);
        for (quantile, wait) in [("0.5", stats.p50), ("0.95", stats.p95), ("0.99", stats.p99)] {
            // What the format has for quantiles of nothing.
            let wait = if stats.count == 0 {
                f64::NAN
            } else {
                wait.as_secs_f64()
            };
            self.line(format_args!(
                "virid_{name}{{quantile=\"{quantile}\"}} {wait}"
            ));
        }
        self.line(format_args!("virid_{name}_sum {}", waited.as_secs_f64()));
        self.line(format_args!("virid_{name}_count {count}"));
        let help = "The longest wait in the window.";
        self.number(
            "spawn_wait_max_seconds",
            "gauge",
            help,
            stats.max.as_secs_f64(),
        );
        let help = "The mean wait in the window.";
        self.number(
            "spawn_wait_mean_seconds",
            "gauge",
            help,
            stats.mean.as_secs_f64(),
        );
        let help = "Samples in the window.";
        self.number("spawn_window_samples", "gauge", help, stats.count);
    }

    pub(super) fn slow(&mut self, slow: u64, after: Duration, stats: &SpawnStats) {
        let help = "Samples that waited as long as the threshold, or longer.";
        self.number("spawn_slow_total", "counter", help, slow);
        let help = "Of the window's samples, how many did.";
        self.number("spawn_window_slow", "gauge", help, stats.slow);
        let help = "The threshold.";
        self.number(
            "spawn_slow_threshold_seconds",
            "gauge",
            help,
            after.as_secs_f64(),
        );
    }

    pub(super) fn clock(&mut self, clock: Clock) {
        let help = "The finest difference that the clock can tell.";
        self.number(
            "clock_step_seconds",
            "gauge",
            help,
            clock.step.as_secs_f64(),
        );
        let help = "What a look at the clock costs; never subtracted.";
        self.number(
            "clock_cost_seconds",
            "gauge",
            help,
            clock.cost.as_secs_f64(),
        );
    }

    pub(super) fn workers(&mut self, workers: &[SpawnStats]) {
        let name = "worker_spawn_wait_seconds";
        let help = "Waits of the samples that first ran on the worker, in its own window.";
        self.family(name, "gauge", help);
        for (index, stats) in workers.iter().enumerate() {
            for (which, wait) in [("p50", stats.p50), ("p99", stats.p99), ("max", stats.max)] {
                let wait = wait.as_secs_f64();
                self.line(format_args!(
                    "virid_{name}{{worker=\"{index}\",value=\"{which}\"}} {wait}"
                ));
            }
        }
    }

    pub(super) fn runtime(&mut self, metrics: &RuntimeMetrics) {
        for (name, help, of) in GROWING {
            self.of_workers(
                &format!("worker_{name}_total"),
                "counter",
                help,
                metrics,
                of,
            );
        }
        for (name, help, of) in CURRENT {
            self.of_workers(&format!("worker_{name}"), "gauge", help, metrics, of);
        }
        let help = "Tasks from other threads that no worker has taken.";
        self.number("injector_depth", "gauge", help, metrics.injector_depth());
        let help = "Memory of tasks, and of those to come.";
        self.number("cell_memory_bytes", "gauge", help, metrics.cell_memory());
        let help = "Threads that run what blocks.";
        self.number(
            "blocking_threads",
            "gauge",
            help,
            metrics.blocking_threads(),
        );
        let help = "Closures that no such thread has taken.";
        self.number(
            "blocking_queue_depth",
            "gauge",
            help,
            metrics.blocking_queue_depth(),
        );
    }

    fn of_workers(
        &mut self,
        name: &str,
        kind: &str,
        help: &str,
        metrics: &RuntimeMetrics,
        of: OfWorker,
    ) {
        self.family(name, kind, help);
        for (index, worker) in metrics.workers().iter().enumerate() {
            let value = of(worker);
            self.line(format_args!("virid_{name}{{worker=\"{index}\"}} {value}"));
        }
    }
}
