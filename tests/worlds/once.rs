// What std says of what happens once. Included by tests/sync_once.rs, once for each
// world.

include!("barrier.rs");

mod once {
    use super::{sync, thread};
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use sync::{LazyLock, Once, OnceLock};

    fn fails(f: impl FnOnce()) {
        assert!(catch_unwind(AssertUnwindSafe(f)).is_err());
    }

    pub(crate) fn once_calls_one_closure_and_all_return_after_it() {
        for _ in 0..20 {
            let shared = Arc::new((Once::new(), AtomicUsize::new(0)));
            let call = |_| {
                let shared = shared.clone();
                thread::spawn(move || {
                    shared.0.call_once(|| {
                        assert!(!shared.0.is_completed());
                        thread::yield_now();
                        shared.1.fetch_add(1, Ordering::Relaxed);
                    });
                    assert_eq!(shared.1.load(Ordering::Relaxed), 1);
                    assert!(shared.0.is_completed());
                })
            };
            let threads: Vec<_> = (0..10).map(call).collect();
            threads
                .into_iter()
                .for_each(|thread| thread.join().unwrap());
        }
    }

    pub(crate) fn once_is_poisoned_by_a_panic_until_it_is_forced() {
        let once = Once::new();
        once.call_once_force(|state| {
            assert!(!state.is_poisoned());
        });
        let once = Once::new();
        fails(|| once.call_once(|| panic!("as the test wants")));
        assert!(!once.is_completed());
        fails(|| once.call_once(|| unreachable!()));
        fails(|| once.wait());
        fails(|| once.call_once_force(|_| panic!("as the test wants")));
        once.call_once_force(|state| assert!(state.is_poisoned()));
        assert!(once.is_completed());
        once.call_once(|| unreachable!());
        once.call_once_force(|_| unreachable!());
        once.wait();
    }

    pub(crate) fn once_is_waited_for_by_those_who_do_not_call() {
        let shared = Arc::new((Once::new(), AtomicUsize::new(0)));
        let wait = |forced: bool| {
            let shared = shared.clone();
            thread::spawn(move || {
                if forced {
                    shared.0.wait_force();
                } else {
                    shared.0.wait();
                }
                assert_eq!(shared.1.load(Ordering::Relaxed), 1);
            })
        };
        let threads: Vec<_> = (0..6).map(|n| wait(n % 2 == 0)).collect();
        (0..20).for_each(|_| thread::yield_now());
        shared.0.call_once(|| shared.1.store(1, Ordering::Relaxed));
        threads
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
        let text = format!("{:?}", shared.0);
        assert!(text.starts_with("Once"));
    }

    pub(crate) fn once_tells_those_who_wait_that_it_is_poisoned() {
        // One calls and panics when the others have come; those who do not force it
        // panic too, the others go on when it was forced.
        let shared = Arc::new((Once::new(), AtomicUsize::new(0)));
        let wait = |wait: fn(&Once)| {
            let shared = shared.clone();
            thread::spawn(move || {
                shared.1.fetch_add(1, Ordering::SeqCst);
                wait(&shared.0);
            })
        };
        let (mut told, mut forced) = (Vec::new(), Vec::new());
        fails(|| {
            shared.0.call_once(|| {
                told.push(wait(|once| once.wait()));
                told.push(wait(|once| once.call_once(|| unreachable!())));
                forced.push(wait(|once| once.wait_force()));
                while shared.1.load(Ordering::SeqCst) < 3 {
                    thread::yield_now();
                }
                (0..20).for_each(|_| thread::yield_now());
                assert!(told.iter().chain(&forced).all(|waits| !waits.is_finished()));
                panic!("as the test wants");
            });
        });
        assert!(told.into_iter().all(|waits| waits.join().is_err()));
        assert!(!shared.0.is_completed() && !forced[0].is_finished());
        shared
            .0
            .call_once_force(|state| assert!(state.is_poisoned()));
        assert!(forced.into_iter().all(|waits| waits.join().is_ok()));
    }

    pub(crate) fn once_is_forced_by_who_waits_while_another_one_panics() {
        let shared = Arc::new((Once::new(), AtomicUsize::new(0)));
        let same = shared.clone();
        let mut waits = None;
        fails(|| {
            shared.0.call_once(|| {
                waits = Some(thread::spawn(move || {
                    same.1.store(1, Ordering::SeqCst);
                    same.0.call_once_force(|state| {
                        assert!(state.is_poisoned());
                        same.1.store(2, Ordering::SeqCst);
                    });
                }));
                while shared.1.load(Ordering::SeqCst) == 0 {
                    thread::yield_now();
                }
                panic!("as the test wants");
            });
        });
        waits.unwrap().join().unwrap();
        assert!(shared.0.is_completed() && shared.1.load(Ordering::SeqCst) == 2);
    }

    pub(crate) fn once_lock_takes_the_first_value_only() {
        let cell = OnceLock::new();
        assert_eq!(
            (cell.get(), format!("{cell:?}")),
            (None, "OnceLock(<uninit>)".into())
        );
        assert_eq!(cell.set(1), Ok(()));
        assert_eq!(cell.set(2), Err(2));
        assert_eq!(
            (cell.get(), cell.get_or_init(|| 3), cell.wait()),
            (Some(&1), &1, &1)
        );
        assert_eq!(format!("{cell:?}"), "OnceLock(1)");
    }

    pub(crate) fn once_lock_is_filled_once_whoever_comes() {
        for _ in 0..20 {
            let cell = Arc::new(OnceLock::new());
            let fill = |own: usize| {
                let cell = cell.clone();
                thread::spawn(move || match own % 3 {
                    0 => *cell.get_or_init(|| {
                        thread::yield_now();
                        own
                    }),
                    1 => {
                        let set = cell.set(own);
                        assert!(set.is_ok() || set == Err(own));
                        *cell.get().unwrap()
                    }
                    _ => *cell.wait(),
                })
            };
            let threads: Vec<_> = (0..9).map(fill).collect();
            let values = threads.into_iter().map(|thread| thread.join().unwrap());
            let values: Vec<_> = values.collect();
            assert!(values.iter().all(|value| Some(value) == cell.get()));
        }
    }

    pub(crate) fn once_lock_has_no_value_while_it_is_made_and_set_waits_for_it() {
        let cell = Arc::new(OnceLock::new());
        let same = cell.clone();
        let mut sets = None;
        cell.get_or_init(|| {
            assert_eq!(cell.get(), None);
            sets = Some(thread::spawn(move || {
                let result = same.set(2);
                assert!(same.get().is_some());
                result
            }));
            (0..20).for_each(|_| thread::yield_now());
            assert_eq!(cell.get(), None);
            assert!(!sets.as_ref().unwrap().is_finished());
            1
        });
        assert_eq!(sets.unwrap().join().unwrap(), Err(2));
        assert_eq!(cell.get(), Some(&1));
    }

    pub(crate) fn once_lock_is_made_by_who_waits_where_the_first_one_panics() {
        let cell = Arc::new(OnceLock::new());
        let same = cell.clone();
        let mut waits = None;
        fails(|| {
            cell.get_or_init(|| {
                waits = Some(thread::spawn(move || *same.get_or_init(|| 2)));
                (0..20).for_each(|_| thread::yield_now());
                panic!("as the test wants");
            });
        });
        assert_eq!(waits.unwrap().join().unwrap(), 2);
    }

    pub(crate) fn once_lock_has_no_value_after_a_panic() {
        let cell = OnceLock::new();
        fails(|| _ = cell.get_or_init(|| panic!("as the test wants")));
        assert_eq!(cell.get(), None);
        assert_eq!(cell.get_or_init(|| 2), &2);
    }

    pub(crate) fn once_lock_gives_its_value_to_who_owns_it() {
        let mut cell = OnceLock::from(String::from("x"));
        cell.get_mut().unwrap().push('y');
        let same = cell.clone();
        assert_eq!(cell, same);
        assert_eq!(cell.take().as_deref(), Some("xy"));
        assert_eq!(cell.get(), None);
        assert_eq!(cell.get_mut(), None);
        assert_ne!(cell, same);
        assert_eq!(cell.set("z".into()), Ok(()));
        assert_eq!(cell.into_inner().as_deref(), Some("z"));
        assert_eq!(OnceLock::<u32>::default().into_inner(), None);
        assert_eq!(OnceLock::<u32>::new().clone().get(), None);
    }

    pub(crate) fn once_lock_drops_its_value_once() {
        let value = Arc::new(());
        let cell = OnceLock::new();
        cell.set(value.clone()).unwrap();
        assert!(cell.set(value.clone()).is_err());
        assert_eq!(Arc::strong_count(&value), 2);
        drop(cell);
        assert_eq!(Arc::strong_count(&value), 1);
    }

    pub(crate) fn lazy_lock_makes_its_value_at_the_first_use() {
        static CALLS: AtomicUsize = AtomicUsize::new(0);
        static LAZY: LazyLock<usize> = LazyLock::new(|| {
            thread::yield_now();
            CALLS.fetch_add(1, Ordering::SeqCst)
        });
        let threads: Vec<_> = (0..8).map(|_| thread::spawn(|| *LAZY)).collect();
        assert!(
            threads
                .into_iter()
                .all(|thread| thread.join().unwrap() == 0)
        );
        assert_eq!(
            (*LazyLock::force(&LAZY), CALLS.load(Ordering::SeqCst)),
            (0, 1)
        );
        let lazy = LazyLock::new(|| 1);
        assert_eq!(format!("{lazy:?}"), "LazyLock(<uninit>)");
        assert_eq!((*lazy, format!("{lazy:?}")), (1, "LazyLock(1)".into()));
        assert_eq!(*LazyLock::<u32>::default(), 0);
    }

    pub(crate) fn lazy_lock_is_poisoned_by_a_panic_for_ever() {
        let calls = AtomicUsize::new(0);
        let lazy: LazyLock<u32, _> = LazyLock::new(|| {
            calls.fetch_add(1, Ordering::SeqCst);
            panic!("as the test wants")
        });
        fails(|| _ = *lazy);
        fails(|| _ = *lazy);
        assert_eq!(calls.load(Ordering::SeqCst), 1);
    }

    pub(crate) fn lazy_lock_drops_what_it_has() {
        let (value, used) = (Arc::new(()), Arc::new(()));
        let (inside, unused) = (used.clone(), value.clone());
        drop(LazyLock::new(move || unused));
        assert_eq!(Arc::strong_count(&value), 1);
        let lazy = LazyLock::new(move || inside.clone());
        assert_eq!(Arc::strong_count(&lazy), 2);
        drop(lazy);
        assert_eq!(Arc::strong_count(&used), 1);
    }
}

pub(super) use once::*;
