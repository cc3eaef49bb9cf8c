//! Proves that `sleep` keeps what std says of its own, and `sleep_until`, which is not
//! stable there, too.

#![cfg(all(feature = "sync", feature = "time", not(virid_loom)))]

mod support;
#[path = "support/workers.rs"]
mod workers;
#[path = "support/worlds.rs"]
mod worlds;

use std::time::{Duration, Instant};
use support::guard;
use virid::thread;
use workers::workers;

worlds::worlds! {
    "worlds/sleeping.rs", (std outside green);
    a_sleep_is_no_shorter_than_it_was_wanted
    others_go_on_while_one_sleeps
    an_unpark_neither_ends_a_sleep_nor_is_used_up_by_it
    many_sleep_at_once
}

fn sleep_until_each() {
    let start = Instant::now();
    for millis in [0, 3, 2, 7] {
        let deadline = start + Duration::from_millis(millis);
        thread::sleep_until(deadline);
        assert!(Instant::now() >= deadline);
    }
}

#[test]
fn sleep_until_does_not_wake_before_the_deadline() {
    guard(|| {
        sleep_until_each();
        for count in [1, 2, 8] {
            workers(count).run(sleep_until_each);
        }
    });
}
