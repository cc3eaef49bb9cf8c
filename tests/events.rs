//! Proves that sockets and timers are watched whatever the workers do: by a worker that
//! is idle, which then passes on no event to another thread, by others while all compute,
//! and by nobody where the runtime has ended.

#![cfg(all(feature = "sync", feature = "time", not(virid_loom)))]

#[path = "support/drops.rs"]
mod drops;
mod support;
#[path = "support/until.rs"]
mod until;
#[path = "support/workers.rs"]
mod workers;

use std::hint::spin_loop;
use std::io::Result;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use async_net::unix::UnixStream;
use drops::Drops;
use futures_lite::{AsyncReadExt, AsyncWriteExt};
use support::guard;
use until::until;
use virid::time::sleep;
use virid::{Runtime, block_on, thread};
use workers::workers;

/// With one, two and eight workers.
#[track_caller]
fn on_each_count(body: impl Fn(usize) + Send + 'static) {
    guard(move || [1, 2, 8].into_iter().for_each(body));
}

/// Sends back every byte until the other end is closed.
async fn echo(mut stream: UnixStream) -> Result<()> {
    let mut byte = [0];
    while stream.read(&mut byte).await? == 1 {
        stream.write_all(&byte).await?;
    }
    Ok(())
}

/// Sends so many bytes, and waits for each to come back.
async fn ask(stream: &mut UnixStream, rounds: usize) -> Result<()> {
    for round in 0..rounds {
        let mut byte = [round as u8];
        stream.write_all(&byte).await?;
        byte[0] = !byte[0];
        stream.read_exact(&mut byte).await?;
        assert_eq!(byte[0], round as u8);
    }
    Ok(())
}

/// Round trips between two tasks of a runtime.
fn go_round(runtime: &Runtime, rounds: usize) {
    let (mut one, other) = UnixStream::pair().unwrap();
    let echo = runtime.spawn(echo(other));
    let asks = runtime.spawn(async move { ask(&mut one, rounds).await });
    asks.join().unwrap().unwrap();
    echo.join().unwrap().unwrap();
}

/// Has every worker wait for events: each comes by after the runtime has seen one.
fn all_in(runtime: &Runtime, count: usize) {
    let wait = sleep(Duration::from_millis(1));
    runtime.spawn(wait).join().unwrap();
    let together = Arc::new(Barrier::new(count));
    let meet = |_| {
        let together = Arc::clone(&together);
        runtime.spawn(async move { _ = together.wait() })
    };
    let tasks: Vec<_> = (0..count).map(meet).collect();
    tasks.into_iter().for_each(|task| task.join().unwrap());
}

#[test]
fn sockets_wake_tasks() {
    on_each_count(|count| {
        let runtime = workers(count);
        for _ in 0..20 {
            go_round(&runtime, 200);
        }
    });
}

#[test]
fn sockets_wake_green_threads() {
    on_each_count(|count| {
        let runtime = workers(count);
        all_in(&runtime, count);
        for _ in 0..10 {
            let (mut one, other) = UnixStream::pair().unwrap();
            let echo = runtime.go(|| block_on(echo(other)));
            let asks = runtime.go(move || block_on(ask(&mut one, 200)));
            asks.join().unwrap().unwrap();
            echo.join().unwrap().unwrap();
        }
    });
}

/// Signals that came from threads which are no workers.
fn signals_from_outside(runtime: &Runtime) -> u64 {
    let metrics = runtime.metrics();
    let own = metrics.workers().iter().map(|worker| worker.signals());
    metrics.signals() - own.sum::<u64>()
}

#[test]
fn an_idle_worker_waits_for_events_itself() {
    const ROUNDS: usize = 500;
    guard(|| {
        let runtime = workers(1);
        all_in(&runtime, 1);
        // The system may stop the worker for so long that async-io's thread takes over,
        // and others of this process wait for events too; not always.
        loop {
            let before = signals_from_outside(&runtime);
            go_round(&runtime, ROUNDS);
            if signals_from_outside(&runtime) - before < ROUNDS as u64 / 4 {
                return;
            }
        }
    });
}

#[test]
fn tasks_that_are_always_ready_keep_out_no_event() {
    on_each_count(|count| {
        let runtime = workers(count);
        let is_over = Arc::new(AtomicBool::new(false));
        let always_ready = |_| {
            let is_over = Arc::clone(&is_over);
            runtime.spawn(async move {
                while !is_over.load(Ordering::Relaxed) {
                    virid::yield_now().await;
                }
            })
        };
        let busy: Vec<_> = (0..2 * count).map(always_ready).collect();
        go_round(&runtime, 50);
        for _ in 0..10 {
            let wait = sleep(Duration::from_millis(1));
            runtime.spawn(wait).join().unwrap();
        }
        is_over.store(true, Ordering::Relaxed);
        busy.into_iter().for_each(|task| task.join().unwrap());
    });
}

#[test]
fn workers_that_compute_keep_out_no_event_of_others() {
    on_each_count(|count| {
        let runtime = workers(count);
        all_in(&runtime, count);
        let (inside, is_over) = (
            Arc::new(AtomicUsize::new(0)),
            Arc::new(AtomicBool::new(false)),
        );
        let computes = |_| {
            let (inside, is_over) = (Arc::clone(&inside), Arc::clone(&is_over));
            runtime.spawn(async move {
                inside.fetch_add(1, Ordering::Relaxed);
                while !is_over.load(Ordering::Relaxed) {
                    spin_loop();
                }
            })
        };
        let busy: Vec<_> = (0..count).map(computes).collect();
        until(|| inside.load(Ordering::Relaxed) == count);
        // Plain threads, and a runtime beside.
        block_on(sleep(Duration::from_millis(1)));
        let beside = workers(1);
        go_round(&beside, 20);
        is_over.store(true, Ordering::Relaxed);
        busy.into_iter().for_each(|task| task.join().unwrap());
    });
}

#[test]
fn two_runtimes_wait_beside_each_other() {
    on_each_count(|count| {
        let (first, second) = (workers(count), workers(count));
        all_in(&first, count);
        all_in(&second, count);
        for _ in 0..10 {
            let (mut one, other) = UnixStream::pair().unwrap();
            let echo = first.spawn(echo(other));
            let asks = second.spawn(async move { ask(&mut one, 100).await });
            asks.join().unwrap().unwrap();
            echo.join().unwrap().unwrap();
        }
        // The other goes on where one ends while it waits.
        drop(first);
        go_round(&second, 100);
        let start = Instant::now();
        second
            .spawn(sleep(Duration::from_millis(5)))
            .join()
            .unwrap();
        assert!(start.elapsed() >= Duration::from_millis(5));
    });
}

#[test]
fn a_runtime_ends_while_its_workers_wait() {
    on_each_count(|count| {
        for _ in 0..20 {
            let runtime = workers(count);
            all_in(&runtime, count);
            let drops = Drops::default();
            let (one, other) = UnixStream::pair().unwrap();
            for stream in [one, other] {
                let token = drops.token();
                runtime.spawn(async move {
                    let _token = token;
                    echo(stream).await
                });
            }
            let token = drops.token();
            runtime.go(move || {
                let _token = token;
                thread::sleep(Duration::MAX);
            });
            drop(runtime);
            assert_eq!(drops.count(), 3);
        }
    });
}

#[test]
fn work_from_outside_reaches_workers_that_wait() {
    on_each_count(|count| {
        let runtime = workers(count);
        all_in(&runtime, count);
        for round in 0..5_000 {
            assert_eq!(runtime.spawn(async move { round }).join().unwrap(), round);
        }
        let (sender, receiver) = virid::sync::mpsc::channel();
        let echo = runtime.go(move || receiver.iter().sum::<u64>());
        for number in 0..5_000 {
            sender.send(number).unwrap();
        }
        drop(sender);
        assert_eq!(echo.join().unwrap(), 4_999 * 5_000 / 2);
    });
}
