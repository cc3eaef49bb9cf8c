//! Proves that `park`, `park_timeout` and `unpark` keep what std says of its own.

#![cfg(all(feature = "sync", feature = "time", not(virid_loom)))]

mod support;
#[path = "support/workers.rs"]
mod workers;
#[path = "support/worlds.rs"]
mod worlds;

worlds::worlds! {
    "worlds/parking.rs", (std outside green);
    a_token_that_is_there_lets_park_return
    who_parks_goes_on_when_it_is_unparked
    no_unpark_is_missed_between_a_look_and_park
    what_was_done_before_an_unpark_is_seen_after_the_park
    many_may_unpark_one_and_one_may_unpark_many
    to_unpark_a_thread_that_has_ended_is_nothing
    park_timeout_ends_when_the_time_is_over
    park_timeout_ends_when_it_is_unparked
}
