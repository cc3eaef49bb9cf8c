//! Proves that a runtime does the same where the system has no `membarrier`, or is told
//! to go without: nothing is lost in either form of its fences.

#![cfg(not(virid_loom))]

#[path = "support/child.rs"]
mod child;
mod support;
#[path = "support/workers.rs"]
mod workers;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use support::guard;
use virid::thread;
use workers::workers;

const DEPTH: u32 = 12;
const ROUNDS: usize = 20;

fn tree(depth: u32, ended: &Arc<AtomicUsize>) {
    if depth > 0 {
        for _ in 0..2 {
            let ended = Arc::clone(ended);
            drop(thread::spawn(move || tree(depth - 1, &ended)));
        }
    }
    ended.fetch_add(1, Ordering::Relaxed);
}

/// Bursts with rests between them, in which workers park: trees, and messages one at a
/// time, which wake workers that have just fallen asleep.
fn bursts(count: usize) {
    let runtime = workers(count);
    for _ in 0..ROUNDS {
        let ended = Arc::new(AtomicUsize::new(0));
        let root = Arc::clone(&ended);
        runtime.go(move || tree(DEPTH, &root)).join().unwrap();
        while ended.load(Ordering::Relaxed) < (2 << DEPTH) - 1 {
            std::thread::yield_now();
        }
        for number in 0..200 {
            let answer = runtime.spawn(async move { virid::spawn(async move { number }).await });
            assert_eq!(answer.join().unwrap().unwrap(), number);
        }
    }
}

fn in_a_child(test: &str, variables: &[(&str, &str)]) {
    if child::role().is_some() {
        guard(|| [1, 2, 4].into_iter().for_each(bursts));
        return;
    }
    let output = child::run(test, "bursts", variables);
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn nothing_is_lost_with_the_system_s_fences() {
    in_a_child("nothing_is_lost_with_the_system_s_fences", &[]);
}

#[test]
fn nothing_is_lost_with_full_fences() {
    in_a_child(
        "nothing_is_lost_with_full_fences",
        &[("VIRID_MEMBARRIER", "off")],
    );
}
