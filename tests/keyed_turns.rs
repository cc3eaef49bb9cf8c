//! Proves that a turn of a key which is handed on wakes no other worker, and that what ends a
//! task comes before the next one of its key begins.

#![cfg(not(virid_loom))]

#[path = "support/gate.rs"]
mod gate;
mod support;
#[path = "support/workers.rs"]
mod workers;

use gate::Gate;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use support::guard;
use virid::task::{self, Keyed};
use workers::workers;

const TASKS: u64 = 10_000;

/// A worker that is woken for each turn takes it from the other, which is idle then and is
/// woken for the next.
#[test]
fn the_tasks_of_one_key_signal_nobody() {
    guard(|| {
        let runtime = workers(2);
        let spawner = runtime.spawn(async {
            let (keyed, gate) = (Keyed::new(), Gate::default());
            keyed.spawn((), gate.clone().pass());
            (0..TASKS).for_each(|_| drop(keyed.spawn((), async {})));
            gate.open();
            keyed.wait().await;
        });
        spawner.join().unwrap();
        // One where a spawn or a wake finds a worker parked.
        let signals = runtime.metrics().signals();
        assert!(signals < TASKS / 100, "{signals} signals");
    });
}

/// Says when it is dropped.
struct Says(Arc<AtomicBool>);

impl Drop for Says {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[test]
fn the_next_begins_when_nothing_is_left_of_the_one_before() {
    guard(|| {
        let runtime = workers(2);
        let spawner = runtime.spawn(async {
            let keyed = Keyed::new();
            for round in 0..1_000 {
                // A result that nobody has a handle for, or one that somebody can take.
                let is_gone = Arc::<AtomicBool>::default();
                let result = Says(is_gone.clone());
                let first = keyed.spawn((), async move { result });
                let first = (round % 2 == 0).then_some(first);
                let is_finished = first.as_ref().map(|first| first.abort_handle());
                let second = keyed.spawn((), async move {
                    match is_finished {
                        Some(first) => assert!(first.is_finished()),
                        None => assert!(is_gone.load(Ordering::SeqCst)),
                    }
                });
                if round % 3 == 0 {
                    task::yield_now().await;
                }
                second.await.unwrap();
                drop(first);
            }
        });
        spawner.join().unwrap();
    });
}
