//! Proves that ten thousand runtimes, made and dropped by four threads at once,
//! leave no thread, no open file and no mapping of memory behind. Alone in its
//! file, because what other tests hold would count.

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
    read_dir("/proc/self/task").unwrap().count()
}

fn open_files() -> usize {
    read_dir("/proc/self/fd").unwrap().count()
}

fn mappings() -> usize {
    read_to_string("/proc/self/maps").unwrap().lines().count()
}

/// Four threads, each of which makes and drops `rounds` runtimes.
fn make_and_drop(rounds: usize) {
    let threads = [0, 1, 2, 3].map(|offset| {
        thread::spawn(move || {
            for round in 0..rounds {
                let runtime = workers(1 + (round + offset) % 3);
                match round % 4 {
                    0 => {}
                    1 => assert_eq!(runtime.spawn(async move { round }).join().unwrap(), round),
                    2 => (0..10).for_each(|_| drop(runtime.spawn(pending::<()>()))),
                    _ => runtime.spawn(pending::<()>()).abort(),
                }
            }
        })
    });
    threads
        .into_iter()
        .for_each(|thread| thread.join().unwrap());
}

#[test]
fn ten_thousand_runtimes_leave_no_thread_no_file_and_no_mapping() {
    guard(|| {
        make_and_drop(250);
        until(|| threads() <= 3);
        let before = (open_files(), mappings());
        make_and_drop(2_250);
        // A joined thread may linger in the kernel for a moment.
        until(|| threads() <= 3);
        assert_eq!(open_files(), before.0);
        // The allocator keeps arenas and stacks for later: as many as at one
        // time were in use, however many runtimes came.
        let after = mappings();
        assert!(after <= before.1 + 64, "{} grew to {after}", before.1);
    });
}
