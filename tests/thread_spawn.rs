//! Proves that virid's threads keep what std says of its own: how they are spawned and
//! named, what their handles say, and how they end.

#![cfg(all(feature = "sync", not(virid_loom)))]

mod support;
#[path = "support/workers.rs"]
mod workers;
#[path = "support/worlds.rs"]
mod worlds;

use std::io::ErrorKind;
use std::sync::Arc;
use support::guard;
use virid::thread::{self, Builder};
use workers::workers;

worlds::worlds! {
    "worlds/threads.rs", (std outside green);
    join_gives_what_the_closure_returns
    join_gives_what_the_thread_panicked_with
    a_panic_ends_its_own_thread_only
    what_a_thread_owns_is_dropped_when_it_ends_or_panics
    what_was_done_before_is_seen_after_a_spawn_and_after_a_join
    a_thread_whose_handle_is_dropped_goes_on
    a_result_that_nobody_joins_is_dropped
    is_finished_says_whether_the_closure_has_ended
    a_handle_can_be_joined_by_another_thread
    threads_spawn_threads
    an_id_is_of_one_thread_and_never_of_another
    a_thread_is_named_by_its_builder_or_not_at_all
    a_name_with_a_nul_byte_is_refused
    a_stack_is_as_large_as_it_was_wanted
    a_stack_that_cannot_be_had_is_an_error
    panicking_is_true_while_the_thread_unwinds
    nobody_else_panics_while_a_thread_unwinds
    yield_now_returns_and_lets_others_go_on
    there_is_an_estimate_of_how_many_run_in_parallel
    what_there_is_can_be_shown
}

#[test]
fn what_differs_from_std_is_as_its_table_says() {
    guard(|| {
        let runtime = workers(2);
        assert_eq!(
            runtime.run(|| thread::current().name().map(str::to_owned)),
            None
        );
        runtime.run(|| {
            let error = Builder::new().name("a\0b".into()).spawn(|| ()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
        });
        // A detached thread ends with its runtime.
        let kept = Arc::new(());
        let same = kept.clone();
        drop(runtime.go(move || {
            let _same = same;
            loop {
                thread::park();
            }
        }));
        runtime.run(thread::yield_now);
        drop(runtime);
        assert_eq!(Arc::strong_count(&kept), 1);
    });
}
