//! Proves what a million green threads that wait at once take: each has a stack, and
//! all come back. `VIRID_TASKS` changes how many.

#![cfg(all(not(virid_loom), target_os = "linux"))]

#[path = "support/child.rs"]
mod child;
#[path = "support/rest.rs"]
mod rest;
mod support;
#[path = "support/until.rs"]
mod until;
#[path = "support/workers.rs"]
mod workers;

use rest::rest;
use std::env;
use support::guard;
use virid::thread;
use workers::workers;

/// Of memory for each thread, with the system's tables for it.
const MOST_BYTES: usize = 4_864; // 4.75 KiB

/// The memory that this process has, its page tables included, in bytes.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let kib = |name: &str| -> usize {
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    };
    (kib("VmRSS:") + kib("VmPTE:")) << 10
}

fn park(count: usize) {
    let threads = env::var("VIRID_TASKS").map_or(1_000_000, |text| text.parse().unwrap());
    guard(move || {
        let runtime = workers(count);
        // The place of the handles is there before.
        let mut handles: Vec<_> = (0..threads).map(|_| None).collect();
        let before = resident();
        let handles = runtime.run(move || {
            for (n, handle) in handles.iter_mut().enumerate() {
                *handle = Some(thread::spawn(move || {
                    thread::park();
                    n
                }));
            }
            handles
        });
        rest(&runtime);
        let each = (resident() - before) / threads;
        println!("{threads} threads wait on {count} workers: {each} bytes each");
        let handles: Vec<_> = handles.into_iter().map(Option::unwrap).collect();
        assert!(!handles.iter().any(thread::JoinHandle::is_finished));
        assert!(each <= MOST_BYTES, "each takes {each} bytes");
        handles.iter().for_each(|thread| thread.thread().unpark());
        for (n, thread) in handles.into_iter().enumerate() {
            assert_eq!(thread.join().unwrap(), n);
        }
    });
}

#[test]
fn a_million_threads_wait_at_once_and_are_joined() {
    if let Some(role) = child::role() {
        return park(role.parse().unwrap());
    }
    for count in ["1", "2"] {
        let test = "a_million_threads_wait_at_once_and_are_joined";
        let output = child::run(test, count, &[]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: {said}", output.status);
        print!("{}", String::from_utf8_lossy(&output.stdout));
    }
}
