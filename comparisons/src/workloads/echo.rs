//! An echo over TCP: 64 clients each send 64 bytes to a server and wait for them to come
//! back, `n` times in all. Server and clients are tasks of the same runtime, one for each
//! end of a connection, and speak over the loopback device. Connecting is part of the
//! time.
//!
//! Go takes part, and the runtimes whose sockets are futures.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::{Bursts, Facts, Measured, Phase};
use crate::clock::Stopwatch;
use crate::hosts::{Net, TaskHost, ThreadHost, wait_for};
use crate::tally::{Countdown, expected_checksum, mix};

pub(super) const FACTS: Facts = Facts {
    name: "echo",
    describe: "64 clients get 64 bytes echoed over TCP, n times in all",
    unit: "message",
    units: "messages",
    sizes: &[30_000],
    quick: &[5_000],
    is_default: true,
    scales: true,
    workers: None,
    asks_for_memory: false,
    phases: &[Phase::Warm],
    budget: Duration::from_secs(12),
    checksum: expected_checksum,
};

const CLIENTS: u64 = 64;
const BYTES: usize = 64;

static SUM: AtomicU64 = AtomicU64::new(0);
/// Both ends of each connection.
static RUNNING: Countdown = Countdown::new();

/// One end: sends back what comes until the client has closed.
async fn serve<N: Net>(mut stream: N::Stream) {
    let mut buffer = [0; 16 * BYTES];
    loop {
        let read = N::read(&mut stream, &mut buffer).await;
        let read = read.expect("a client closes without an error");
        if read == 0 {
            break;
        }
        let written = N::write_all(&mut stream, &buffer[..read]).await;
        written.expect("a client waits for its answer");
    }
    RUNNING.count_down();
}

/// The other end.
async fn ask<N: Net>(address: SocketAddr, client: u64, n: u64) {
    let stream = N::connect(address).await;
    let mut stream = stream.expect("the server listens");
    let (mut message, mut sum) = ([0; BYTES], 0_u64);
    for turn in (client..n).step_by(CLIENTS as usize) {
        message[BYTES - 8..].copy_from_slice(&mix(turn).to_le_bytes());
        let written = N::write_all(&mut stream, &message).await;
        written.expect("the server reads");
        message.fill(0);
        let mut filled = 0;
        while filled < BYTES {
            let read = N::read(&mut stream, &mut message[filled..]).await;
            let read = read.expect("the server answers");
            assert!(read > 0, "the server closes last");
            filled += read;
        }
        let last = message.last_chunk().expect("it is longer than that");
        sum = sum.wrapping_add(u64::from_le_bytes(*last));
    }
    drop(stream);
    SUM.fetch_add(sum, Ordering::Relaxed);
    RUNNING.count_down();
}

/// Measures the echo where tasks are futures.
pub(crate) fn measure_tasks<H: TaskHost, N: Net>(host: &H, n: u64) -> Bursts<Measured> {
    Bursts::run(|| {
        host.run(async move {
            let stopwatch = Stopwatch::start();
            RUNNING.arm(2 * CLIENTS);
            let (listener, address) = N::listen().expect("there is a free port");
            for client in 0..CLIENTS {
                H::spawn(ask::<N>(address, client, n));
                let stream = N::accept(&listener).await;
                H::spawn(serve::<N>(stream.expect("a client connects")));
            }
            RUNNING.wait().await;
            finish(stopwatch)
        })
    })
}

/// Measures the echo where tasks are threads and every call of `N` waits in place.
pub(crate) fn measure_threads<H: ThreadHost, N: Net>(host: &H, n: u64) -> Bursts<Measured> {
    Bursts::run(|| {
        host.run(move || {
            let stopwatch = Stopwatch::start();
            RUNNING.arm(2 * CLIENTS);
            let (listener, address) = N::listen().expect("there is a free port");
            for client in 0..CLIENTS {
                H::spawn(move || wait_for::<H>(ask::<N>(address, client, n)));
                wait_for::<H>(async {
                    let stream = N::accept(&listener).await;
                    let stream = stream.expect("a client connects");
                    H::spawn(move || wait_for::<H>(serve::<N>(stream)));
                });
            }
            wait_for::<H>(RUNNING.wait());
            finish(stopwatch)
        })
    })
}

fn finish(stopwatch: Stopwatch) -> Measured {
    Measured::new(stopwatch.elapsed(), SUM.swap(0, Ordering::Relaxed))
}
