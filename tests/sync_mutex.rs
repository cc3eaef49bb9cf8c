//! Proves that `virid::sync::Mutex` keeps what std says of its own, on plain threads and
//! on green ones.

#![cfg(all(feature = "sync", not(virid_loom)))]

mod support;
#[path = "support/workers.rs"]
mod workers;
#[path = "support/worlds.rs"]
mod worlds;

worlds::worlds! {
    "worlds/mutex.rs";
    one_thread_at_a_time_has_the_value
    who_locks_waits_until_the_guard_is_gone
    it_can_be_made_in_a_constant
    try_lock_says_that_it_is_held_and_does_not_wait
    a_panic_of_its_holder_poisons_it_and_the_value_is_there
    poison_can_be_cleared
    who_hears_of_the_poison_can_repair_the_value
    one_that_is_held_says_so_before_it_says_that_it_is_poisoned
    a_panic_without_the_lock_does_not_poison_it
    a_panic_that_is_caught_under_the_lock_does_not_poison_it
    a_lock_that_was_taken_during_a_panic_is_not_poisoned_by_it
    a_panic_lets_those_in_who_wait
    the_value_can_be_had_without_a_lock_by_who_owns_it
    the_value_is_dropped_once_with_the_mutex
    values_without_a_size_can_be_locked
    it_shows_its_value_and_whether_it_is_held_or_poisoned
    a_value_that_is_not_sync_can_be_shared_and_a_guard_by_reference
    what_was_written_before_is_seen_after
    it_is_unwind_safe
}
