//! Proves that `virid::sync::Condvar` keeps what std says of its own, on plain threads
//! and on green ones.

#![cfg(all(feature = "sync", feature = "time", not(virid_loom)))]

mod support;
#[path = "support/workers.rs"]
mod workers;
#[path = "support/worlds.rs"]
mod worlds;

worlds::worlds! {
    "worlds/condvar.rs";
    a_wait_gives_the_lock_back_and_has_it_again_after
    no_notification_is_missed_between_giving_back_and_waiting
    notify_one_lets_one_go_on_for_each_call
    notify_all_lets_all_go_on
    a_notification_is_not_kept_for_who_comes_later
    wait_while_asks_first_and_does_not_wait_without_need
    a_wait_with_a_timeout_ends_no_earlier_and_has_the_lock
    a_wait_with_a_timeout_ends_when_it_is_notified
    a_wait_with_a_timeout_says_that_it_was_notified
    a_timeout_of_zero_looks_once
    who_waits_hears_that_the_mutex_is_poisoned
    a_wait_does_not_poison
    a_condition_is_asked_under_the_lock_and_poisons_it_with_a_panic
    it_can_be_made_in_a_constant_and_by_default
    a_buffer_with_a_bound_gives_everything_once
}
