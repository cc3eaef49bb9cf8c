//! Proves that `virid::sync::Condvar` keeps what std says of its own, on plain threads
//! and on green ones.

#![cfg(all(feature = "sync", feature = "time", not(virid_loom)))]

#[path = "support/sizes.rs"]
mod sizes;
mod support;
#[path = "support/workers.rs"]
mod workers;
#[path = "support/worlds.rs"]
mod worlds;

use sizes::on_each_size;
use virid::sync::{Arc, Condvar, Mutex};
use virid::thread;

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

// Std may panic here, which this does not.
#[test]
fn one_may_be_used_with_several_mutexes() {
    on_each_size(|runtime| {
        let shared = Arc::new(([Mutex::new(0), Mutex::new(0)], Condvar::new()));
        // Each waits for its own number to be raised, and answers with the next.
        let answer = |own: usize| {
            let shared = shared.clone();
            move || {
                for round in 0..100 {
                    let number = shared.0[own].lock().unwrap();
                    let mut number = shared
                        .1
                        .wait_while(number, |number| *number == 2 * round)
                        .unwrap();
                    assert!(shared.0[own].try_lock().is_err());
                    assert_eq!(*number, 2 * round + 1);
                    *number += 1;
                    shared.1.notify_all();
                }
            }
        };
        let green = runtime.go(answer(0));
        let plain = std::thread::spawn(answer(1));
        let same = shared.clone();
        runtime.run(move || {
            for round in 0..100 {
                for own in [1, 0] {
                    *same.0[own].lock().unwrap() += 1;
                    same.1.notify_all();
                }
                thread::yield_now();
                for own in [0, 1] {
                    let number = same.0[own].lock().unwrap();
                    let asked = |number: &mut i32| *number == 2 * round + 1;
                    drop(same.1.wait_while(number, asked).unwrap());
                }
            }
        });
        green.join().unwrap();
        plain.join().unwrap();
    });
}
