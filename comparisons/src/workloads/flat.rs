//! The flat burst: one task spawns `n` tasks and waits for all of them.
//!
//! The burst runs twice and the second is timed. The first pays for fresh memory
//! pages and thread start-up, which say more about the kernel than about a
//! runtime.

use super::Measured;
use crate::clock::Stopwatch;
use crate::hosts::{ScopeHost, TaskHost};
use crate::tally::{Countdown, Shards};

// Statics, as the Go program has package variables: a task captures its number
// and nothing else, and no runtime pays for a reference count of ours.
static RESULTS: Shards = Shards::new();
static RUNNING: Countdown = Countdown::new();

/// Measures the burst where tasks are futures.
pub(super) fn measure_tasks<H: TaskHost>(host: &H, n: u64) -> Measured {
    host.run(burst::<H>(n));
    host.run(burst::<H>(n))
}

async fn burst<H: TaskHost>(n: u64) -> Measured {
    let stopwatch = Stopwatch::start();
    RUNNING.arm(n);
    for i in 0..n {
        H::spawn(async move {
            RESULTS.add(i);
            RUNNING.count_down();
        });
    }
    RUNNING.wait().await;
    finish(stopwatch)
}

/// Measures the burst where tasks are closures in a scope. The countdown of the
/// scope takes the place of ours: using both would charge for two.
pub(super) fn measure_scope<H: ScopeHost>(host: &H, n: u64) -> Measured {
    let burst = || {
        let stopwatch = Stopwatch::start();
        H::scope(n, |i| RESULTS.add(i));
        finish(stopwatch)
    };
    host.run(burst);
    host.run(burst)
}

fn finish(stopwatch: Stopwatch) -> Measured {
    let elapsed = stopwatch.elapsed();
    Measured {
        wall: elapsed.wall,
        cpu_ns: elapsed.cpu_ns,
        checksum: RESULTS.take(),
    }
}
