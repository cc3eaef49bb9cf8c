//! Proves that `virid::sync::RwLock` keeps what std says of its own, on plain threads
//! and on green ones.

#![cfg(all(feature = "sync", not(virid_loom)))]

mod support;
#[path = "support/workers.rs"]
mod workers;
#[path = "support/worlds.rs"]
mod worlds;

worlds::worlds! {
    "worlds/rwlock.rs";
    many_read_at_once
    one_writes_and_nobody_reads_meanwhile
    a_writer_waits_for_readers_and_a_reader_for_a_writer
    try_read_and_try_write_do_not_wait
    a_writer_that_panics_poisons_it_and_the_value_is_there
    poison_can_be_cleared
    who_hears_of_the_poison_can_repair_the_value
    one_that_is_held_says_so_before_it_says_that_it_is_poisoned
    a_reader_that_panics_does_not_poison_it
    the_value_can_be_had_without_a_lock_by_who_owns_it
    values_without_a_size_can_be_locked
    a_guard_of_a_reader_is_one_of_a_value_that_lives_shorter
    it_shows_its_value_and_whether_it_is_held_or_poisoned
}
