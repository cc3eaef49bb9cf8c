// What std says of what it has since Rust 1.89, and virid where it builds with older
// ones. Included by tests/sync_recent.rs, once for each world but std's.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use sync::{LazyLock, RwLock, RwLockWriteGuard};

pub(super) fn a_writer_becomes_a_reader_with_no_writer_in_between() {
    let lock = Arc::new(RwLock::new(0));
    let write = |_| {
        let lock = lock.clone();
        thread::spawn(move || {
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
    let guard = RwLockWriteGuard::downgrade(lock.write().unwrap());
    assert_eq!(*guard, 400);
    assert_eq!(*lock.try_read().unwrap(), 400);
    assert!(lock.try_write().is_err());
    drop(guard);
    assert!(lock.try_write().is_ok());
}

pub(super) fn lazy_lock_tells_whether_its_value_was_made() {
    let mut lazy = LazyLock::new(|| 92);
    assert_eq!(LazyLock::get(&lazy), None);
    assert_eq!(LazyLock::get_mut(&mut lazy), None);
    assert_eq!((*lazy, LazyLock::get(&lazy)), (92, Some(&92)));
    *LazyLock::get_mut(&mut lazy).unwrap() = 44;
    assert_eq!(*lazy, 44);
}

pub(super) fn lazy_lock_makes_its_value_for_who_wants_to_change_it() {
    let mut lazy = LazyLock::new(|| 92);
    *LazyLock::force_mut(&mut lazy) += 1;
    assert_eq!(*lazy, 93);
    let mut lazy = LazyLock::new(|| vec![1]);
    lazy.push(2);
    assert_eq!(*lazy, [1, 2]);
}

pub(super) fn lazy_lock_is_poisoned_also_by_who_wants_to_change_it() {
    let mut lazy: LazyLock<u32> = LazyLock::new(|| panic!("as the test wants"));
    for _ in 0..2 {
        let forced = catch_unwind(AssertUnwindSafe(|| *LazyLock::force_mut(&mut lazy)));
        assert!(forced.is_err());
        assert_eq!(LazyLock::get(&lazy), None);
        assert_eq!(LazyLock::get_mut(&mut lazy), None);
    }
    assert!(catch_unwind(AssertUnwindSafe(|| *lazy)).is_err());
}
