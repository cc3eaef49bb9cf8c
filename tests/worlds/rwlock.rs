// What std says of its lock for readers and writers. Included by tests/sync_rwlock.rs,
// once for each world.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use sync::{Barrier, RwLock, TryLockError};

fn ends_in_panic<T: Send + Sync + 'static>(
    lock: &Arc<RwLock<T>>,
    f: impl FnOnce(&RwLock<T>) + Send + 'static,
) {
    let lock = lock.clone();
    assert!(thread::spawn(move || f(&lock)).join().is_err());
}

fn poisoned(value: u32) -> Arc<RwLock<u32>> {
    let lock = Arc::new(RwLock::new(value));
    ends_in_panic(&lock, |lock| {
        let _guard = lock.write().unwrap();
        panic!("as the test wants");
    });
    lock
}

pub(super) fn many_read_at_once() {
    let shared = Arc::new((RwLock::new(7), Barrier::new(10)));
    let read = |_| {
        let shared = shared.clone();
        thread::spawn(move || {
            let value = shared.0.read().unwrap();
            // All are here with their guards.
            shared.1.wait();
            *value
        })
    };
    let threads: Vec<_> = (0..10).map(read).collect();
    assert!(
        threads
            .into_iter()
            .all(|thread| thread.join().unwrap() == 7)
    );
}

pub(super) fn one_writes_and_nobody_reads_meanwhile() {
    let shared = Arc::new((RwLock::new((0, 0)), AtomicUsize::new(0)));
    let mut threads = Vec::new();
    for own in 0..8 {
        let shared = shared.clone();
        threads.push(thread::spawn(move || {
            for round in 0..200 {
                if (own + round) % 4 == 0 {
                    let mut value = shared.0.write().unwrap();
                    value.0 += 1;
                    thread::yield_now();
                    value.1 += 1;
                    shared.1.fetch_add(1, Ordering::Relaxed);
                } else {
                    let value = shared.0.read().unwrap();
                    assert_eq!(value.0, value.1);
                    if round % 5 == 0 {
                        thread::yield_now();
                    }
                    assert_eq!(value.0, shared.1.load(Ordering::Relaxed));
                }
            }
        }));
    }
    threads
        .into_iter()
        .for_each(|thread| thread.join().unwrap());
    assert_eq!(*shared.0.read().unwrap(), (400, 400));
}

pub(super) fn a_writer_waits_for_readers_and_a_reader_for_a_writer() {
    let lock = Arc::new(RwLock::new(1));
    let (writes, reads) = (lock.clone(), lock.clone());
    let guard = lock.read().unwrap();
    let writer = thread::spawn(move || *writes.write().unwrap() = 2);
    (0..20).for_each(|_| thread::yield_now());
    assert!(!writer.is_finished());
    assert_eq!(*guard, 1);
    drop(guard);
    writer.join().unwrap();
    let mut guard = lock.write().unwrap();
    let reader = thread::spawn(move || *reads.read().unwrap());
    (0..20).for_each(|_| thread::yield_now());
    assert!(!reader.is_finished());
    *guard = 3;
    drop(guard);
    assert_eq!(reader.join().unwrap(), 3);
}

pub(super) fn try_read_and_try_write_do_not_wait() {
    let lock = RwLock::new(0);
    let would_block = |error: &dyn std::fmt::Debug| format!("{error:?}").contains("WouldBlock");
    {
        let _one = lock.read().unwrap();
        let _other = lock.try_read().unwrap();
        assert!(matches!(lock.try_write(), Err(TryLockError::WouldBlock)));
    }
    {
        let _writes = lock.try_write().unwrap();
        assert!(matches!(lock.try_read(), Err(TryLockError::WouldBlock)));
        assert!(would_block(&lock.try_write()));
    }
    assert!(lock.try_write().is_ok());
}

pub(super) fn a_writer_that_panics_poisons_it_and_the_value_is_there() {
    let lock = poisoned(1);
    assert!(lock.is_poisoned());
    assert_eq!(*lock.read().unwrap_err().into_inner(), 1);
    *lock.write().unwrap_err().into_inner() = 2;
    assert!(matches!(lock.try_read(), Err(TryLockError::Poisoned(_))));
    assert!(matches!(lock.try_write(), Err(TryLockError::Poisoned(_))));
    let mut lock = Arc::into_inner(lock).unwrap();
    assert_eq!(*lock.get_mut().unwrap_err().into_inner(), 2);
    assert_eq!(lock.into_inner().unwrap_err().into_inner(), 2);
}

pub(super) fn poison_can_be_cleared() {
    let lock = poisoned(1);
    lock.clear_poison();
    assert!(!lock.is_poisoned());
    assert_eq!(*lock.read().unwrap(), 1);
}

pub(super) fn who_hears_of_the_poison_can_repair_the_value() {
    let lock = poisoned(1);
    let guard = lock.write().unwrap_or_else(|mut error| {
        **error.get_mut() = 2;
        lock.clear_poison();
        error.into_inner()
    });
    drop(guard);
    assert_eq!(*lock.read().unwrap(), 2);
}

pub(super) fn one_that_is_held_says_so_before_it_says_that_it_is_poisoned() {
    let lock = poisoned(1);
    let reads = lock.read().unwrap_err().into_inner();
    assert!(matches!(lock.try_write(), Err(TryLockError::WouldBlock)));
    assert!(matches!(lock.try_read(), Err(TryLockError::Poisoned(_))));
    drop(reads);
    let writes = lock.write().unwrap_err().into_inner();
    assert!(matches!(lock.try_read(), Err(TryLockError::WouldBlock)));
    drop(writes);
    assert!(matches!(lock.try_write(), Err(TryLockError::Poisoned(_))));
}

pub(super) fn a_reader_that_panics_does_not_poison_it() {
    let lock = Arc::new(RwLock::new(1));
    ends_in_panic(&lock, |lock| {
        let _guard = lock.read().unwrap();
        panic!("as the test wants");
    });
    assert!(!lock.is_poisoned());
    *lock.write().unwrap() = 2;
}

pub(super) fn the_value_can_be_had_without_a_lock_by_who_owns_it() {
    let mut lock = RwLock::new(1);
    *lock.get_mut().unwrap() = 2;
    assert_eq!(lock.into_inner().unwrap(), 2);
    assert_eq!(RwLock::from(3).into_inner().unwrap(), 3);
    assert_eq!(RwLock::<u32>::default().into_inner().unwrap(), 0);
    static LOCK: RwLock<u32> = RwLock::new(5);
    assert_eq!(*LOCK.read().unwrap(), 5);
}

pub(super) fn values_without_a_size_can_be_locked() {
    let lock: &RwLock<[i32]> = &RwLock::new([1, 2]);
    lock.write().unwrap()[1] = 5;
    assert_eq!(&*lock.read().unwrap(), &[1, 5]);
}

pub(super) fn a_guard_of_a_reader_is_one_of_a_value_that_lives_shorter() {
    fn longer<'a>(
        guard: sync::RwLockReadGuard<'a, &'static str>,
        other: &'a str,
    ) -> sync::RwLockReadGuard<'a, &'a str> {
        assert!(guard.len() > other.len());
        guard
    }
    let (lock, other) = (RwLock::new("longer"), String::from("short"));
    assert_eq!(*longer(lock.read().unwrap(), &other), "longer");
}

pub(super) fn it_shows_its_value_and_whether_it_is_held_or_poisoned() {
    let lock = RwLock::new(1);
    assert_eq!(
        format!("{lock:?}"),
        "RwLock { data: 1, poisoned: false, .. }"
    );
    let guard = lock.read().unwrap();
    assert_eq!(format!("{guard:?} {guard}"), "1 1");
    drop(guard);
    let mut guard = lock.write().unwrap();
    *guard = 2;
    assert_eq!(format!("{guard:?} {guard}"), "2 2");
    assert!(format!("{lock:?}").contains("<locked>"));
    assert!(format!("{:?}", poisoned(1)).contains("poisoned: true"));
}
