//! Two green threads of one worker, in steps.

use super::support::guard;
use super::workers::workers;
use std::cell::Cell;
use virid::thread;

thread_local! {
    pub(crate) static STEP: Cell<u32> = const { Cell::new(0) };
}

/// Lets others of the worker run until one has come to this step.
pub(crate) fn step(number: u32) {
    while STEP.get() < number {
        thread::yield_now();
    }
}

/// Runs both on one worker, whose `STEP` they take in turn.
pub(crate) fn together(first: fn(), second: fn()) {
    guard(move || {
        workers(1).run(move || {
            let threads = [first, second].map(|body| thread::spawn(body));
            threads
                .into_iter()
                .for_each(|thread| thread.join().unwrap());
        });
    });
}
