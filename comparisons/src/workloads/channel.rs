//! A channel: two tasks send `n` numbers in all, and two take them out. It has room for
//! 1,024, so that who sends waits now and then, and so does who receives.
//!
//! Every runtime of futures gets the same channel, that of the crate async-channel, so that
//! rows differ by what waking a task takes; Go has its own. Green threads do not take part:
//! the channels that they have in virid and may are of other kinds, with one receiver or
//! without a bound.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_channel::{Receiver, Sender};

use super::{Bursts, Facts, Measured, Phase};
use crate::clock::Stopwatch;
use crate::hosts::TaskHost;
use crate::tally::{Countdown, expected_checksum, mix};

pub(super) const FACTS: Facts = Facts {
    name: "channel",
    describe: "n numbers through a channel with two tasks at each end",
    unit: "number",
    units: "numbers",
    sizes: &[1_000_000],
    quick: &[100_000],
    is_default: false,
    scales: true,
    workers: None,
    asks_for_memory: false,
    phases: &[Phase::Warm],
    budget: Duration::from_secs(20),
    checksum: expected_checksum,
};

const EACH: u64 = 2;
const ROOM: usize = 1024;

static SUM: AtomicU64 = AtomicU64::new(0);
static RUNNING: Countdown = Countdown::new();

/// Measures the channel where tasks are futures.
pub(super) fn measure_tasks<H: TaskHost>(host: &H, n: u64) -> Bursts<Measured> {
    Bursts::run(|| {
        host.run(async move {
            let stopwatch = Stopwatch::start();
            RUNNING.arm(EACH);
            let (sender, receiver) = async_channel::bounded(ROOM);
            for first in 0..EACH {
                H::spawn(send(sender.clone(), first, n));
                H::spawn(receive(receiver.clone()));
            }
            // The last one to send closes the channel.
            drop(sender);
            RUNNING.wait().await;
            Measured::new(stopwatch.elapsed(), SUM.swap(0, Ordering::Relaxed))
        })
    })
}

async fn send(sender: Sender<u64>, first: u64, n: u64) {
    for number in (first..n).step_by(EACH as usize) {
        let sent = sender.send(number).await;
        sent.expect("there is who receives");
    }
}

async fn receive(receiver: Receiver<u64>) {
    let mut sum = 0_u64;
    while let Ok(number) = receiver.recv().await {
        sum = sum.wrapping_add(mix(number));
    }
    SUM.fetch_add(sum, Ordering::Relaxed);
    RUNNING.count_down();
}
