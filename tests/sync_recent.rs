//! Proves that `virid::sync` has what std has since Rust 1.89, and keeps what std says of
//! it: virid builds with older ones, so std itself is not asked.

#![cfg(all(feature = "sync", not(virid_loom)))]

mod support;
#[path = "support/workers.rs"]
mod workers;
#[path = "support/worlds.rs"]
mod worlds;

worlds::worlds! {
    "worlds/recent.rs", (plain green);
    a_writer_becomes_a_reader_with_no_writer_in_between
    lazy_lock_tells_whether_its_value_was_made
    lazy_lock_makes_its_value_for_who_wants_to_change_it
    lazy_lock_is_poisoned_also_by_who_wants_to_change_it
}
