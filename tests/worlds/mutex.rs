// What std says of its mutex. Included by tests/sync_mutex.rs, once for each world.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use sync::{Mutex, MutexGuard, TryLockError};

fn poisoned<T: Send + 'static>(value: T) -> Arc<Mutex<T>> {
    let mutex = Arc::new(Mutex::new(value));
    let same = mutex.clone();
    let thread = thread::spawn(move || {
        let _guard = same.lock().unwrap();
        panic!("as the test wants");
    });
    assert!(thread.join().is_err());
    mutex
}

pub(super) fn one_thread_at_a_time_has_the_value() {
    let (mutex, inside) = (Arc::new(Mutex::new(0)), Arc::<AtomicBool>::default());
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let (mutex, inside) = (mutex.clone(), inside.clone());
            thread::spawn(move || {
                for round in 0..300 {
                    let mut value = mutex.lock().unwrap();
                    assert!(!inside.swap(true, Ordering::SeqCst));
                    let before = *value;
                    if round % 3 == 0 {
                        thread::yield_now();
                    }
                    *value = before + 1;
                    assert!(inside.swap(false, Ordering::SeqCst));
                }
            })
        })
        .collect();
    threads
        .into_iter()
        .for_each(|thread| thread.join().unwrap());
    assert_eq!(*mutex.lock().unwrap(), 2_400);
}

pub(super) fn who_locks_waits_until_the_guard_is_gone() {
    let mutex = Arc::new(Mutex::new(0));
    let mut guard = mutex.lock().unwrap();
    let same = mutex.clone();
    let waits = thread::spawn(move || *same.lock().unwrap());
    (0..20).for_each(|_| thread::yield_now());
    assert!(!waits.is_finished());
    *guard = 1;
    drop(guard);
    assert_eq!(waits.join().unwrap(), 1);
}

pub(super) fn it_can_be_made_in_a_constant() {
    static TOTAL: Mutex<u32> = Mutex::new(0);
    let before = *TOTAL.lock().unwrap();
    thread::spawn(|| *TOTAL.lock().unwrap() += 1)
        .join()
        .unwrap();
    assert_eq!(*TOTAL.lock().unwrap(), before + 1);
}

pub(super) fn try_lock_says_that_it_is_held_and_does_not_wait() {
    let mutex = Arc::new(Mutex::new(0));
    let try_lock = |mutex: &Arc<Mutex<u32>>| {
        let mutex = mutex.clone();
        let thread = thread::spawn(move || match mutex.try_lock() {
            Ok(mut value) => {
                *value += 1;
                true
            }
            Err(TryLockError::WouldBlock) => false,
            Err(TryLockError::Poisoned(_)) => panic!("poisoned"),
        });
        thread.join().unwrap()
    };
    assert!(try_lock(&mutex));
    let guard = mutex.lock().unwrap();
    assert!(!try_lock(&mutex));
    drop(guard);
    assert!(try_lock(&mutex));
    assert_eq!(*mutex.lock().unwrap(), 2);
}

pub(super) fn a_panic_of_its_holder_poisons_it_and_the_value_is_there() {
    let mutex = poisoned(1);
    assert!(mutex.is_poisoned());
    assert_eq!(*mutex.lock().unwrap_err().into_inner(), 1);
    assert_eq!(**mutex.lock().unwrap_err().get_ref(), 1);
    match mutex.try_lock() {
        Err(TryLockError::Poisoned(error)) => *error.into_inner() = 2,
        _ => panic!("not poisoned"),
    }
    assert!(mutex.is_poisoned());
    let mut mutex = Arc::into_inner(mutex).unwrap();
    assert_eq!(*mutex.get_mut().unwrap_err().into_inner(), 2);
    assert_eq!(mutex.into_inner().unwrap_err().into_inner(), 2);
}

pub(super) fn poison_can_be_cleared() {
    let mutex = poisoned(1);
    mutex.clear_poison();
    assert!(!mutex.is_poisoned());
    assert_eq!(*mutex.lock().unwrap(), 1);
}

pub(super) fn who_hears_of_the_poison_can_repair_the_value() {
    let mutex = poisoned(1);
    let guard = mutex.lock().unwrap_or_else(|mut error| {
        **error.get_mut() = 2;
        mutex.clear_poison();
        error.into_inner()
    });
    assert_eq!(*guard, 2);
    drop(guard);
    assert_eq!(*mutex.lock().unwrap(), 2);
}

pub(super) fn one_that_is_held_says_so_before_it_says_that_it_is_poisoned() {
    let mutex = poisoned(1);
    let guard = mutex.lock().unwrap_err().into_inner();
    assert!(matches!(mutex.try_lock(), Err(TryLockError::WouldBlock)));
    drop(guard);
    assert!(matches!(mutex.try_lock(), Err(TryLockError::Poisoned(_))));
}

pub(super) fn a_panic_without_the_lock_does_not_poison_it() {
    let mutex = Arc::new(Mutex::new(1));
    let same = mutex.clone();
    let thread = thread::spawn(move || {
        drop(same.lock().unwrap());
        panic!("as the test wants");
    });
    assert!(thread.join().is_err());
    assert!(!mutex.is_poisoned());
}

pub(super) fn a_panic_that_is_caught_under_the_lock_does_not_poison_it() {
    let mutex = Mutex::new(1);
    let guard = mutex.lock().unwrap();
    assert!(catch_unwind(|| panic!("as the test wants")).is_err());
    drop(guard);
    assert!(!mutex.is_poisoned());
    let caught = catch_unwind(AssertUnwindSafe(|| {
        let _guard = mutex.lock().unwrap();
        panic!("as the test wants");
    }));
    assert!(caught.is_err());
    assert!(mutex.is_poisoned());
}

pub(super) fn a_lock_that_was_taken_during_a_panic_is_not_poisoned_by_it() {
    struct Locks(Arc<Mutex<u32>>);
    impl Drop for Locks {
        fn drop(&mut self) {
            assert!(thread::panicking());
            *self.0.lock().unwrap() += 1;
        }
    }
    let mutex = Arc::new(Mutex::new(0));
    let locks = Locks(mutex.clone());
    let thread = thread::spawn(move || {
        let _locks = locks;
        panic!("as the test wants");
    });
    assert!(thread.join().is_err());
    assert!(!mutex.is_poisoned());
    assert_eq!(*mutex.lock().unwrap(), 1);
}

pub(super) fn a_panic_lets_those_in_who_wait() {
    let mutex = Arc::new(Mutex::new(0));
    let held = mutex.lock().unwrap();
    let waits: Vec<_> = (0..5)
        .map(|_| {
            let mutex = mutex.clone();
            thread::spawn(move || {
                let _value = mutex.lock();
                panic!("as the test wants");
            })
        })
        .collect();
    (0..20).for_each(|_| thread::yield_now());
    drop(held);
    assert!(waits.into_iter().all(|thread| thread.join().is_err()));
    assert!(mutex.is_poisoned());
}

pub(super) fn the_value_can_be_had_without_a_lock_by_who_owns_it() {
    let mut mutex = Mutex::new(1);
    *mutex.get_mut().unwrap() = 2;
    assert_eq!(mutex.into_inner().unwrap(), 2);
    assert_eq!(Mutex::from(3).into_inner().unwrap(), 3);
    assert_eq!(Mutex::<u32>::default().into_inner().unwrap(), 0);
}

pub(super) fn the_value_is_dropped_once_with_the_mutex() {
    struct Counts(Arc<AtomicUsize>);
    impl Drop for Counts {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    let drops = Arc::<AtomicUsize>::default();
    let mutex = Mutex::new(Counts(drops.clone()));
    drop(mutex.lock());
    assert_eq!(drops.load(Ordering::SeqCst), 0);
    drop(mutex);
    assert_eq!(drops.load(Ordering::SeqCst), 1);
    drop(Mutex::new(Counts(drops.clone())).into_inner());
    assert_eq!(drops.load(Ordering::SeqCst), 2);
    drop(poisoned(Counts(drops.clone())));
    assert_eq!(drops.load(Ordering::SeqCst), 3);
}

pub(super) fn values_without_a_size_can_be_locked() {
    let mutex: &Mutex<[i32]> = &Mutex::new([1, 2, 3]);
    mutex.lock().unwrap()[1] = 5;
    assert_eq!(&*mutex.lock().unwrap(), &[1, 5, 3]);
    let mutex: Arc<Mutex<dyn FnMut() -> u32 + Send>> = Arc::new(Mutex::new(|| 7));
    assert_eq!((*mutex.lock().unwrap())(), 7);
}

pub(super) fn it_shows_its_value_and_whether_it_is_held_or_poisoned() {
    let mutex = Mutex::new("x");
    assert_eq!(
        format!("{mutex:?}"),
        r#"Mutex { data: "x", poisoned: false, .. }"#
    );
    let guard = mutex.lock().unwrap();
    assert_eq!(format!("{guard:?} {guard}"), r#""x" x"#);
    assert!(format!("{mutex:?}").contains("<locked>"));
    assert!(format!("{:?}", poisoned(1)).contains("poisoned: true"));
}

pub(super) fn a_value_that_is_not_sync_can_be_shared_and_a_guard_by_reference() {
    fn is_sync<T: Sync>(value: T) -> T {
        value
    }
    let mutex = is_sync(Mutex::new(Cell::new(1)));
    thread::scope(|scope| {
        scope.spawn(|| mutex.lock().unwrap().set(2));
    });
    assert_eq!(mutex.into_inner().unwrap().get(), 2);
    let mutex = Mutex::new(1);
    let guard: MutexGuard<'_, u32> = is_sync(mutex.lock().unwrap());
    thread::scope(|scope| {
        scope.spawn(|| assert_eq!(*guard, 1));
    });
}

pub(super) fn what_was_written_before_is_seen_after() {
    let shared = Arc::new((Mutex::new(0), [const { AtomicUsize::new(0) }; 4]));
    let threads: Vec<_> = (0..4)
        .map(|own| {
            let shared = shared.clone();
            thread::spawn(move || {
                for _ in 0..500 {
                    let mut sum = shared.0.lock().unwrap();
                    let seen: usize = shared.1.iter().map(|n| n.load(Ordering::Relaxed)).sum();
                    assert_eq!(*sum, seen);
                    shared.1[own].fetch_add(1, Ordering::Relaxed);
                    *sum += 1;
                }
            })
        })
        .collect();
    threads
        .into_iter()
        .for_each(|thread| thread.join().unwrap());
}

pub(super) fn it_is_unwind_safe() {
    fn is_safe<T: std::panic::UnwindSafe + std::panic::RefUnwindSafe>() {}
    is_safe::<Mutex<Cell<u32>>>();
    is_safe::<sync::RwLock<Cell<u32>>>();
}
