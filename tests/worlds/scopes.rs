// What std says of scopes. Included by tests/thread_scope.rs, once for each world.

use std::panic::{AssertUnwindSafe, catch_unwind, panic_any, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use sync::Mutex;
use sync::mpsc::channel;
use thread::{Builder, Scope, ScopedJoinHandle};

/// What `f` panics with.
fn panic_of<T>(f: impl FnOnce() -> T) -> Box<dyn std::any::Any + Send> {
    match catch_unwind(AssertUnwindSafe(f)) {
        Ok(_) => panic!("no panic"),
        Err(payload) => payload,
    }
}

pub(super) fn threads_borrow_from_around_the_scope() {
    let mut numbers = vec![1, 2, 3];
    let (text, mut length) = (String::from("borrowed"), 0);
    let returned = thread::scope(|scope| {
        scope.spawn(|| {
            length += text.len();
        });
        for number in &mut numbers {
            scope.spawn(|| *number += text.len());
        }
        "what the closure returns"
    });
    numbers.push(4);
    assert_eq!((numbers, length), (vec![9, 10, 11, 4], 8));
    assert_eq!(returned, "what the closure returns");
    assert_eq!(thread::scope(|_| 1), 1);
}

pub(super) fn a_scope_ends_when_all_its_threads_have() {
    for _ in 0..50 {
        let ended = AtomicUsize::new(0);
        thread::scope(|scope| {
            for wait in 0..10 {
                let ended = &ended;
                scope.spawn(move || {
                    (0..wait).for_each(|_| thread::yield_now());
                    ended.fetch_add(1, Ordering::Relaxed);
                });
            }
        });
        assert_eq!(ended.into_inner(), 10);
    }
}

pub(super) fn what_the_threads_did_is_seen_after_the_scope_and_after_a_join() {
    for round in 1..200 {
        let [first, second] = [const { AtomicUsize::new(0) }; 2];
        thread::scope(|scope| {
            scope.spawn(|| first.store(round, Ordering::Relaxed));
            let joined = scope.spawn(|| second.store(round, Ordering::Relaxed));
            joined.join().unwrap();
            assert_eq!(second.load(Ordering::Relaxed), round);
        });
        assert_eq!(first.load(Ordering::Relaxed), round);
    }
}

pub(super) fn join_gives_results_which_may_borrow() {
    let text = String::from("one two");
    let word = thread::scope(|scope| {
        let words = scope.spawn(|| text.split(' ').collect::<Vec<_>>());
        assert_eq!(words.join().unwrap(), ["one", "two"]);
        let last = scope.spawn(|| text.split(' ').next_back());
        last.join().unwrap()
    });
    assert_eq!(word, Some("two"));
}

pub(super) fn threads_of_a_scope_spawn_into_it() {
    fn spawn<'scope>(scope: &'scope Scope<'scope, '_>, count: &'scope AtomicUsize, depth: u32) {
        count.fetch_add(1, Ordering::Relaxed);
        for _ in 0..if depth == 0 { 0 } else { 2 } {
            scope.spawn(move || spawn(scope, count, depth - 1));
        }
    }
    let count = AtomicUsize::new(0);
    thread::scope(|scope| spawn(scope, &count, 5));
    assert_eq!(count.into_inner(), 63);
}

pub(super) fn threads_are_spawned_also_when_the_closure_has_returned() {
    for _ in 0..50 {
        let ((at_end, waits), second) = (channel::<()>(), AtomicBool::new(false));
        let second = &second;
        thread::scope(|scope| {
            scope.spawn(move || {
                assert!(waits.recv().is_err());
                (0..20).for_each(|_| thread::yield_now());
                scope.spawn(move || second.store(true, Ordering::Relaxed));
            });
            drop(at_end);
        });
        assert!(second.load(Ordering::Relaxed));
    }
}

pub(super) fn scopes_are_nested() {
    let total = AtomicUsize::new(0);
    thread::scope(|outer| {
        for _ in 0..3 {
            outer.spawn(|| {
                let own = AtomicUsize::new(0);
                thread::scope(|inner| {
                    (0..3).for_each(|_| _ = inner.spawn(|| own.fetch_add(1, Ordering::Relaxed)));
                });
                total.fetch_add(own.into_inner(), Ordering::Relaxed);
            });
        }
    });
    assert_eq!(total.into_inner(), 9);
}

pub(super) fn a_panic_that_is_joined_is_the_joiners() {
    let returned = thread::scope(|scope| {
        let error = scope.spawn(|| panic_any(7)).join().unwrap_err();
        *error.downcast::<i32>().unwrap()
    });
    assert_eq!(returned, 7);
}

pub(super) fn a_panic_that_nobody_joins_is_the_scopes_after_all_have_ended() {
    let ended = AtomicUsize::new(0);
    let payload = panic_of(|| {
        thread::scope(|scope| {
            for n in 0..10 {
                let ended = &ended;
                let handle = scope.spawn(move || {
                    (0..n).for_each(|_| thread::yield_now());
                    ended.fetch_add(1, Ordering::Relaxed);
                    assert_ne!(n, 3, "as the test wants");
                });
                if n % 2 == 0 {
                    drop(handle);
                }
            }
        });
    });
    assert_eq!(ended.into_inner(), 10);
    assert_eq!(
        *payload.downcast::<&str>().unwrap(),
        "a scoped thread panicked"
    );
}

pub(super) fn a_panic_of_the_closure_goes_on_after_all_have_ended() {
    for others_panic in [false, true] {
        let ended = AtomicUsize::new(0);
        let payload = panic_of(|| {
            thread::scope(|scope| {
                for n in 0..10 {
                    let ended = &ended;
                    scope.spawn(move || {
                        (0..n).for_each(|_| thread::yield_now());
                        ended.fetch_add(1, Ordering::Relaxed);
                        assert!(!others_panic, "as the test wants");
                    });
                }
                resume_unwind(Box::new(5))
            })
        });
        assert_eq!(ended.into_inner(), 10);
        assert_eq!(*payload.downcast::<i32>().unwrap(), 5);
    }
}

pub(super) fn is_finished_says_whether_the_closure_has_ended() {
    thread::scope(|scope| {
        let (go_on, waits) = channel::<()>();
        let handle = scope.spawn(move || waits.recv().unwrap());
        (0..20).for_each(|_| thread::yield_now());
        assert!(!handle.is_finished());
        go_on.send(()).unwrap();
        while !handle.is_finished() {
            thread::yield_now();
        }
        handle.join().unwrap();
    });
}

pub(super) fn a_builder_names_threads_of_a_scope() {
    let number = 7;
    thread::scope(|scope| {
        let builder = Builder::new().name("scoped".into()).stack_size(1 << 20);
        let own = || (thread::current().name().map(str::to_owned), number);
        let handle = builder.spawn_scoped(scope, own).unwrap();
        assert_eq!(handle.thread().name(), Some("scoped"));
        assert_eq!(handle.join().unwrap(), (Some("scoped".into()), 7));
        let handle = scope.spawn(|| thread::current().id());
        let id = handle.thread().id();
        assert_eq!(handle.join().unwrap(), id);
        assert_ne!(id, thread::current().id());
        assert_eq!(scope.spawn(|| ()).thread().name(), None);
        // What cannot be is an error, and no thread of the scope.
        let builder = Builder::new().stack_size(1 << 50);
        assert!(builder.spawn_scoped(scope, || ()).is_err());
    });
}

pub(super) fn a_thread_of_a_scope_is_unparked_by_its_handle() {
    let go = AtomicBool::new(false);
    thread::scope(|scope| {
        let parks = scope.spawn(|| {
            while !go.load(Ordering::Acquire) {
                thread::park();
            }
        });
        go.store(true, Ordering::Release);
        parks.thread().unpark();
    });
}

pub(super) fn a_handle_can_be_joined_by_another_thread_of_the_scope() {
    let number = 1;
    thread::scope(|scope| {
        let first: ScopedJoinHandle<'_, i32> = scope.spawn(|| number + 1);
        let second = scope.spawn(move || first.join().unwrap() + 1);
        assert_eq!(second.join().unwrap(), 3);
    });
}

pub(super) fn results_that_nobody_takes_are_dropped_before_the_scope_ends() {
    struct Counts<'a>(&'a AtomicUsize);
    impl Drop for Counts<'_> {
        fn drop(&mut self) {
            thread::yield_now();
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    for _ in 0..50 {
        let drops = AtomicUsize::new(0);
        thread::scope(|scope| {
            for kept in [false, true] {
                let handle = scope.spawn(|| Counts(&drops));
                if kept {
                    while !handle.is_finished() {
                        thread::yield_now();
                    }
                }
            }
        });
        assert_eq!(drops.into_inner(), 2);
    }
}

pub(super) fn a_scope_is_within_reach_of_all_its_threads() {
    let lines = Mutex::new(Vec::new());
    thread::scope(|scope| {
        let (lines, same) = (&lines, Arc::new(scope));
        for n in 0..4 {
            let scope = same.clone();
            scope.clone().spawn(move || {
                lines.lock().unwrap().push(n);
                scope.spawn(move || lines.lock().unwrap().push(n + 4));
            });
        }
        assert!(format!("{scope:?}").starts_with("Scope"));
    });
    let mut lines = lines.into_inner().unwrap();
    lines.sort_unstable();
    assert!(lines.into_iter().eq(0..8));
}
