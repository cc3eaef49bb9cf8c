//! Proves that `virid::sync::RwLock` keeps what std says of its own, on plain threads
//! and on green ones.

#![cfg(all(feature = "sync", not(virid_loom)))]

#[path = "support/sizes.rs"]
mod sizes;
mod support;
#[path = "support/workers.rs"]
mod workers;
#[path = "support/worlds.rs"]
mod worlds;

use sizes::on_each_size;
use virid::sync::{Arc, RwLock, RwLockWriteGuard};
use virid::thread;

worlds::worlds! {
    "worlds/rwlock.rs";
    many_read_at_once
    one_writes_and_nobody_reads_meanwhile
    try_read_and_try_write_do_not_wait
    a_writer_that_panics_poisons_it_and_the_value_is_there
    poison_can_be_cleared
    a_reader_that_panics_does_not_poison_it
    the_value_can_be_had_without_a_lock_by_who_owns_it
    values_without_a_size_can_be_locked
    it_shows_its_value_and_whether_it_is_held_or_poisoned
}

// Std has this since Rust 1.92, and virid builds with older ones.
#[test]
fn a_writer_becomes_a_reader_with_no_writer_in_between() {
    on_each_size(|runtime| {
        let lock = Arc::new(RwLock::new(0));
        let write = |_| {
            let lock = lock.clone();
            runtime.go(move || {
                for _ in 0..100 {
                    let mut guard = lock.write().unwrap();
                    *guard += 1;
                    let own = *guard;
                    let guard = RwLockWriteGuard::downgrade(guard);
                    thread::yield_now();
                    assert_eq!(*guard, own);
                }
            })
        };
        let threads: Vec<_> = (0..4).map(write).collect();
        threads
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
        assert_eq!(*lock.read().unwrap(), 400);
        let guard = RwLockWriteGuard::downgrade(lock.write().unwrap());
        assert!(lock.try_read().is_ok() && lock.try_write().is_err());
        drop(guard);
        assert!(lock.try_write().is_ok());
    });
}
