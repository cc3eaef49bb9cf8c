//! Proves that virid's scopes keep what std says of its own.

#![cfg(all(feature = "sync", not(virid_loom)))]

mod support;
#[path = "support/workers.rs"]
mod workers;
#[path = "support/worlds.rs"]
mod worlds;

worlds::worlds! {
    "worlds/scopes.rs", (std outside green);
    threads_borrow_from_around_the_scope
    a_scope_ends_when_all_its_threads_have
    what_the_threads_did_is_seen_after_the_scope_and_after_a_join
    join_gives_results_which_may_borrow
    threads_of_a_scope_spawn_into_it
    threads_are_spawned_also_when_the_closure_has_returned
    scopes_are_nested
    a_panic_that_is_joined_is_the_joiners
    a_panic_that_nobody_joins_is_the_scopes_after_all_have_ended
    a_panic_of_the_closure_goes_on_after_all_have_ended
    is_finished_says_whether_the_closure_has_ended
    a_builder_names_threads_of_a_scope
    a_thread_of_a_scope_is_unparked_by_its_handle
    a_handle_can_be_joined_by_another_thread_of_the_scope
    results_that_nobody_takes_are_dropped_before_the_scope_ends
    a_scope_is_within_reach_of_all_its_threads
}
