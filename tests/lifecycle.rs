//! Proves that a dropped runtime leaves neither thread nor open file behind.
//! Alone in its file, because threads of other tests would count.

#![cfg(all(not(virid_loom), target_os = "linux"))]

mod support;
#[path = "support/until.rs"]
mod until;
#[path = "support/workers.rs"]
mod workers;

use std::fs::{read_dir, read_to_string};
use std::future::pending;
use std::thread;
use support::guard;
use until::until;
use workers::workers;

fn threads() -> usize {
    let status = read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("Threads:"));
    let count = line.and_then(|line| line.split_whitespace().nth(1));
    count.unwrap().parse().unwrap()
}

fn open_files() -> usize {
    read_dir("/proc/self/fd").unwrap().count()
}

/// Runs `round` `rounds` times, the first one as a warm-up, and waits until
/// the process has its threads back. A joined thread may linger in the
/// kernel's count for a moment, so only the guard ends this wait.
fn leaves_nothing(rounds: usize, round: impl Fn(usize)) {
    round(0);
    let before = (threads(), open_files());
    (0..rounds).for_each(round);
    until(|| threads() <= before.0);
    assert_eq!(open_files(), before.1);
}

#[test]
fn dropped_runtimes_leave_no_thread_and_no_open_file() {
    guard(|| {
        let baseline = threads();

        // Unused, used, and with tasks that never end.
        leaves_nothing(500, |round| {
            let runtime = workers(1 + round % 4);
            if round % 3 > 0 {
                assert_eq!(runtime.spawn(async move { round }).join().unwrap(), round);
            }
            if round % 3 > 1 {
                (0..100).for_each(|_| drop(runtime.spawn(pending::<()>())));
            }
        });

        // Eight at a time.
        leaves_nothing(20, |round| {
            let threads = [(); 8].map(|()| {
                thread::spawn(move || {
                    let runtime = workers(2);
                    runtime.block_on(async move {
                        assert_eq!(virid::spawn(async move { round }).await.unwrap(), round);
                    });
                })
            });
            threads
                .into_iter()
                .for_each(|thread| thread.join().unwrap());
        });

        // Dropped inside their own tasks.
        leaves_nothing(100, |round| {
            let runtime = workers(1 + round % 3);
            let handle = runtime.handle().clone();
            handle.spawn(async move { drop(runtime) }).join().unwrap();
        });

        until(|| threads() == baseline);
    });
}
