//! Proves that the keys of `thread_local!` are what std says of them on green threads,
//! within one that does not wait. What is of the worker is in `green_shared.rs`.

#![cfg(all(feature = "sync", not(virid_loom)))]

mod support;
#[path = "support/workers.rs"]
mod workers;
#[path = "support/worlds.rs"]
mod worlds;

use std::cell::RefCell;
use std::sync::mpsc::{Sender, channel};
use support::guard;
use virid::thread::AccessError;
use workers::workers;

worlds::worlds! {
    "worlds/locals.rs", (std outside green);
    a_key_makes_its_value_at_the_first_use
    a_key_of_a_cell_is_set_without_making_its_value
    a_key_of_a_ref_cell_panics_while_it_is_borrowed
}

/// Looks for itself when it is dropped.
struct Looks(Sender<Result<(), AccessError>>);

impl Drop for Looks {
    fn drop(&mut self) {
        self.0.send(OWN.try_with(|_| ())).unwrap();
    }
}

thread_local! {
    static OWN: RefCell<Option<Looks>> = const { RefCell::new(None) };
}

#[test]
fn a_key_whose_value_is_being_dropped_says_so() {
    guard(|| {
        let (looks, seen) = channel();
        let same = looks.clone();
        // The value is dropped with its thread, which is the worker's.
        std::thread::spawn(|| OWN.set(Some(Looks(same))))
            .join()
            .unwrap();
        assert!(seen.recv().unwrap().is_err());
        let runtime = workers(1);
        runtime.go(|| OWN.set(Some(Looks(looks)))).join().unwrap();
        assert!(seen.try_recv().is_err());
        drop(runtime);
        assert!(seen.recv().unwrap().is_err());
    });
}
