//! Proves that nobody waits for ever for a lock that is free.

#![cfg(all(feature = "sync", not(virid_loom)))]

#[path = "support/rest.rs"]
mod rest;
#[path = "support/sizes.rs"]
mod sizes;
mod support;
#[path = "support/until.rs"]
mod until;
#[path = "support/workers.rs"]
mod workers;

use rest::rest;
use sizes::on_each_size;
use virid::sync::{Arc, RwLock, RwLockWriteGuard};
use virid::thread;

#[test]
fn a_writer_that_has_waited_and_reads_now_lets_readers_in_when_it_ends() {
    on_each_size(|runtime| {
        let lock = Arc::new(RwLock::new(0));
        let held = lock.write().unwrap();
        let same = lock.clone();
        let downgrades = runtime.go(move || {
            let guard = RwLockWriteGuard::downgrade(same.write().unwrap());
            thread::park();
            drop(guard);
        });
        rest(&runtime);
        drop(held);
        rest(&runtime);
        let same = lock.clone();
        let reads = runtime.go(move || *same.read().unwrap());
        rest(&runtime);
        downgrades.thread().unpark();
        downgrades.join().unwrap();
        assert_eq!(reads.join().unwrap(), 0);
    });
}
