//! `ping-pong` between two runtimes of one worker each: every turn is a wake of a worker
//! that has parked, from a thread that is none of its own. In one runtime two tasks may
//! end up on one worker, where a wake is a push to a queue.
//!
//! Only runtimes of which a process can have two take part. The row `std` of `ping-pong`
//! is what the kernel takes by itself.

use std::sync::Arc;

use futures_lite::future::block_on;

use super::ping_pong::{Table, play_task, play_thread};
use super::{Bursts, Facts, Measured, ping_pong};
use crate::clock::Stopwatch;
use crate::hosts::{JoinHost, ThreadHost};

pub(super) const FACTS: Facts = Facts {
    name: "remote-wake",
    describe: "as ping-pong, between two runtimes of one worker each",
    sizes: &[20_000],
    quick: &[2_000],
    is_default: false,
    workers: Some(1),
    ..ping_pong::FACTS
};

/// Measures the trips where tasks are futures.
pub(crate) fn measure_tasks<H: JoinHost>(hosts: &[H; 2], n: u64) -> Bursts<Measured> {
    Bursts::run(|| {
        let table = Table::new(n);
        for (player, host) in hosts.iter().enumerate() {
            host.spawn_from_outside(play_task(Arc::clone(&table), player));
        }
        block_on(table.seating.wait());
        let stopwatch = Stopwatch::start();
        table.begin().wake_by_ref();
        block_on(table.playing.wait());
        table.finish(stopwatch)
    })
}

/// Measures the trips where tasks are threads.
pub(crate) fn measure_threads<H: ThreadHost>(hosts: &[H; 2], n: u64) -> Bursts<Measured> {
    Bursts::run(|| {
        let table = Table::new(n);
        for (player, host) in hosts.iter().enumerate() {
            let table = Arc::clone(&table);
            host.spawn_from_outside(move || play_thread::<H>(&table, player));
        }
        block_on(table.seating.wait());
        let stopwatch = Stopwatch::start();
        H::unpark(table.begin());
        block_on(table.playing.wait());
        table.finish(stopwatch)
    })
}
