//! The flat burst: one task spawns `n` tasks and waits for all of them.
//!
//! Each process runs the burst twice and times both: what the first pays on top is
//! the price of memory and threads, and of how many of them a runtime asks for.

use super::{Bursts, Measured};
use crate::clock::Stopwatch;
use crate::hosts::{ScopeHost, TaskHost};
use crate::tally::{Countdown, Shards};

// Statics, as the Go program has package variables: a task captures its number
// and nothing else, and no runtime pays for a reference count of ours.
static RESULTS: Shards = Shards::new();
static RUNNING: Countdown = Countdown::new();

/// Measures the burst where tasks are futures.
pub(super) fn measure_tasks<H: TaskHost>(host: &H, n: u64) -> Bursts<Measured> {
    Bursts {
        cold: host.run(burst::<H>(n)),
        warm: host.run(burst::<H>(n)),
    }
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
pub(super) fn measure_scope<H: ScopeHost>(host: &H, n: u64) -> Bursts<Measured> {
    let burst = || {
        let stopwatch = Stopwatch::start();
        H::scope(n, |i| RESULTS.add(i));
        finish(stopwatch)
    };
    Bursts {
        cold: host.run(burst),
        warm: host.run(burst),
    }
}

fn finish(stopwatch: Stopwatch) -> Measured {
    let elapsed = stopwatch.elapsed();
    Measured {
        wall: elapsed.wall,
        cpu_ns: elapsed.cpu_ns,
        checksum: RESULTS.take(),
    }
}
