//! Proves that `Once`, `OnceLock`, `LazyLock` and `Barrier` of `virid::sync` keep what
//! std says of its own, on plain threads and on green ones.

#![cfg(all(feature = "sync", not(virid_loom)))]

mod support;
#[path = "support/workers.rs"]
mod workers;
#[path = "support/worlds.rs"]
mod worlds;

worlds::worlds! {
    "worlds/once.rs";
    once_calls_one_closure_and_all_return_after_it
    once_is_poisoned_by_a_panic_until_it_is_forced
    once_is_waited_for_by_those_who_do_not_call
    once_tells_those_who_wait_that_it_is_poisoned
    once_is_forced_by_who_waits_while_another_one_panics
    once_lock_takes_the_first_value_only
    once_lock_is_filled_once_whoever_comes
    once_lock_has_no_value_while_it_is_made_and_set_waits_for_it
    once_lock_is_made_by_who_waits_where_the_first_one_panics
    once_lock_has_no_value_after_a_panic
    once_lock_gives_its_value_to_who_owns_it
    once_lock_drops_its_value_once
    lazy_lock_makes_its_value_at_the_first_use
    lazy_lock_is_poisoned_by_a_panic_for_ever
    lazy_lock_drops_what_it_has
    nobody_passes_a_barrier_before_all_have_come
    a_barrier_for_one_or_none_lets_all_pass
}
