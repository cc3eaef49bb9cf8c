//! The bridge with one lane: cars may follow each other over it, but not meet on it.

use super::{sync, thread};
use sync::{Condvar, Mutex};

pub(crate) const PRINTS: &str = "\
40 cars went east and 40 went west
no two of them met on the bridge
";

/// For each direction: how many are on the bridge, and how many have passed it.
#[derive(Default)]
struct Bridge {
    on_it: [usize; 2],
    passed: [usize; 2],
}

fn car(way: usize, bridge: &Mutex<Bridge>, is_free: &Condvar) {
    let is_taken = |bridge: &mut Bridge| bridge.on_it[1 - way] > 0;
    let mut enters = is_free
        .wait_while(bridge.lock().unwrap(), is_taken)
        .unwrap();
    enters.on_it[way] += 1;
    drop(enters);
    thread::yield_now(); // drives
    let mut leaves = bridge.lock().unwrap();
    assert_eq!(leaves.on_it[1 - way], 0);
    leaves.on_it[way] -= 1;
    leaves.passed[way] += 1;
    if leaves.on_it[way] == 0 {
        is_free.notify_all();
    }
}

pub(crate) fn run() -> String {
    let (bridge, is_free) = (&Mutex::new(Bridge::default()), &Condvar::new());
    thread::scope(|scope| {
        for way in [0, 1].repeat(40) {
            scope.spawn(move || car(way, bridge, is_free));
        }
    });
    let [east, west] = bridge.lock().unwrap().passed;
    format!(
        "{east} cars went east and {west} went west\n\
         no two of them met on the bridge\n"
    )
}
