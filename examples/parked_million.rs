//! A million green threads that have begun and wait, each on its own stack, until
//! all are let go. An argument changes how many. On Linux it prints what each takes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use virid::thread;

const MOST_BYTES: usize = 6 << 30;

/// Bytes of memory that the process has, the system's tables for them included.
fn resident() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let kib = |name| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse::<usize>().ok()
    };
    Some((kib("VmRSS:")? + kib("VmPTE:")?) << 10)
}

/// Starts the threads, looks at the memory when all wait, and ends them.
fn park(count: usize) -> usize {
    let (before, begun) = (resident(), Arc::<AtomicUsize>::default());
    let wait = |number| {
        let begun = begun.clone();
        thread::spawn(move || {
            begun.fetch_add(1, Ordering::Relaxed);
            thread::park();
            number
        })
    };
    let threads: Vec<_> = (0..count).map(wait).collect();
    while begun.load(Ordering::Relaxed) < count {
        thread::yield_now();
    }
    if let (Some(before), Some(now)) = (before, resident()) {
        let each = (now - before) / count;
        println!("{count} threads wait, with {each} bytes each");
        assert!(now < MOST_BYTES, "{now} bytes are more than {MOST_BYTES}");
    }
    threads.iter().for_each(|thread| thread.thread().unpark());
    let end = |thread: thread::JoinHandle<_>| thread.join().expect("waiting does not panic");
    threads.into_iter().map(end).sum()
}

fn main() {
    let argument = std::env::args().nth(1);
    let count = argument.map_or(1_000_000, |text| text.parse().expect("how many threads"));
    assert_eq!(virid::run(move || park(count)), count * (count - 1) / 2);
}
