// What std says of spawning threads, of their handles, names and ends. Included by
// tests/thread_spawn.rs, once for each world.

use std::cell::Cell;
use std::collections::HashSet;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any, resume_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use sync::mpsc::channel;
use thread::{Builder, JoinHandle};

fn until(holds: impl Fn() -> bool) {
    while !holds() {
        thread::yield_now();
    }
}

/// Sets its flag when it is dropped.
struct Drops(Arc<AtomicBool>);

impl Drop for Drops {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn drops() -> (Drops, Arc<AtomicBool>) {
    let flag = Arc::<AtomicBool>::default();
    (Drops(flag.clone()), flag)
}

pub(super) fn join_gives_what_the_closure_returns() {
    assert_eq!(thread::spawn(|| 6 * 7).join().unwrap(), 42);
    let text = String::from("moved");
    let handle: JoinHandle<String> = thread::spawn(move || text + " back");
    let result: thread::Result<String> = handle.join();
    assert_eq!(result.unwrap(), "moved back");
    // `Send`, and not `Sync`.
    assert_eq!(thread::spawn(|| Cell::new(1)).join().unwrap().get(), 1);
    // What is not `Send` may be made there.
    assert_eq!(thread::spawn(|| *Rc::new(1)).join().unwrap(), 1);
}

pub(super) fn join_gives_what_the_thread_panicked_with() {
    #[derive(Debug, PartialEq)]
    struct Own(u32);
    let error = thread::spawn(|| panic!("as it is")).join().unwrap_err();
    assert_eq!(*error.downcast::<&str>().unwrap(), "as it is");
    let number = std::hint::black_box(1);
    let error = thread::spawn(move || panic!("with {number}")).join();
    let error = error.unwrap_err();
    assert_eq!(*error.downcast::<String>().unwrap(), "with 1");
    let error = thread::spawn(|| panic_any(Own(2))).join().unwrap_err();
    assert_eq!(*error.downcast::<Own>().unwrap(), Own(2));
    let error = thread::spawn(|| resume_unwind(Box::new(3)))
        .join()
        .unwrap_err();
    assert_eq!(*error.downcast::<i32>().unwrap(), 3);
    // Who joins can pass it on.
    let outer = thread::spawn(|| {
        let inner = thread::spawn(|| panic_any(Own(4))).join();
        inner.unwrap_or_else(|error| resume_unwind(error));
    });
    let error = outer.join().unwrap_err();
    assert_eq!(*error.downcast::<Own>().unwrap(), Own(4));
}

pub(super) fn a_panic_ends_its_own_thread_only() {
    let threads: Vec<_> = (0..20)
        .map(|n| {
            thread::spawn(move || {
                thread::yield_now();
                assert!(n % 3 > 0, "as the test wants");
                n
            })
        })
        .collect();
    for (n, thread) in threads.into_iter().enumerate() {
        assert_eq!(thread.join().ok(), (n % 3 > 0).then_some(n));
    }
}

pub(super) fn what_a_thread_owns_is_dropped_when_it_ends_or_panics() {
    for panics in [false, true] {
        let ((moved, is_moved), (own, is_own)) = (drops(), drops());
        let handle = thread::spawn(move || {
            let (_moved, _own) = (moved, own);
            assert!(!panics, "as the test wants");
        });
        assert_eq!(handle.join().is_err(), panics);
        assert!(is_moved.load(Ordering::Relaxed) && is_own.load(Ordering::Relaxed));
    }
}

pub(super) fn what_was_done_before_is_seen_after_a_spawn_and_after_a_join() {
    for round in 0..200 {
        let shared = Arc::new([const { AtomicUsize::new(0) }; 3]);
        shared[0].store(round, Ordering::Relaxed);
        let same = shared.clone();
        let thread = thread::spawn(move || {
            assert_eq!(same[0].load(Ordering::Relaxed), round);
            same[1].store(round, Ordering::Relaxed);
            same[2].store(round, Ordering::Relaxed);
        });
        thread.join().unwrap();
        assert_eq!(shared[1].load(Ordering::Relaxed), round);
        assert_eq!(shared[2].load(Ordering::Relaxed), round);
    }
}

pub(super) fn a_thread_whose_handle_is_dropped_goes_on() {
    let ((go_on, waits), (says, said)) = (channel::<()>(), channel());
    let parent = thread::spawn(move || {
        thread::spawn(move || {
            waits.recv().unwrap();
            says.send("still there").unwrap();
        });
    });
    // The child outlives its parent.
    parent.join().unwrap();
    go_on.send(()).unwrap();
    assert_eq!(said.recv(), Ok("still there"));
}

pub(super) fn a_result_that_nobody_joins_is_dropped() {
    for ended in [false, true] {
        let (result, is_dropped) = drops();
        let (go_on, waits) = channel::<()>();
        let handle = thread::spawn(move || {
            waits.recv().unwrap();
            result
        });
        if ended {
            go_on.send(()).unwrap();
            until(|| handle.is_finished());
            assert!(!is_dropped.load(Ordering::Relaxed));
            drop(handle);
        } else {
            drop(handle);
            go_on.send(()).unwrap();
        }
        until(|| is_dropped.load(Ordering::Relaxed));
    }
}

pub(super) fn is_finished_says_whether_the_closure_has_ended() {
    for panics in [false, true] {
        let (go_on, waits) = channel::<()>();
        let handle = thread::spawn(move || {
            waits.recv().unwrap();
            assert!(!panics, "as the test wants");
        });
        (0..20).for_each(|_| thread::yield_now());
        assert!(!handle.is_finished());
        go_on.send(()).unwrap();
        until(|| handle.is_finished());
        assert_eq!(handle.join().is_err(), panics);
    }
}

pub(super) fn a_handle_can_be_joined_by_another_thread() {
    let inner = thread::spawn(|| 1);
    let outer = thread::spawn(move || inner.join().unwrap() + 1);
    assert_eq!(outer.join().unwrap(), 2);
}

pub(super) fn threads_spawn_threads() {
    fn leaves(depth: u32) -> u32 {
        if depth == 0 {
            return 1;
        }
        let children = [(); 2].map(|()| thread::spawn(move || leaves(depth - 1)));
        children.map(|child| child.join().unwrap()).iter().sum()
    }
    assert_eq!(leaves(6), 64);
}

pub(super) fn an_id_is_of_one_thread_and_never_of_another() {
    let own = thread::current().id();
    assert_eq!(own, thread::current().id());
    let mut ids = HashSet::from([own]);
    for _ in 0..10 {
        // At the same time, and one after the other.
        let threads: Vec<_> = (0..20)
            .map(|_| thread::spawn(|| (thread::current().id(), thread::current().id())))
            .collect();
        for thread in threads {
            let id = thread.thread().id();
            assert_eq!(thread.join().unwrap(), (id, id));
            assert!(ids.insert(id), "{id:?} twice");
        }
    }
    assert_eq!(thread::current().id(), own);
}

pub(super) fn a_thread_is_named_by_its_builder_or_not_at_all() {
    let own_name = || thread::current().name().map(str::to_owned);
    assert_eq!(thread::spawn(own_name).join().unwrap(), None);
    assert_eq!(thread::spawn(|| ()).thread().name(), None);
    assert_eq!(
        Builder::new().spawn(own_name).unwrap().join().unwrap(),
        None
    );
    for name in ["reader", "", "a name of more than sixteen bytes", "grün 🌿"] {
        let handle = Builder::new().name(name.into()).spawn(own_name).unwrap();
        let thread = handle.thread().clone();
        assert_eq!(thread.name(), Some(name));
        assert_eq!(handle.join().unwrap().as_deref(), Some(name));
        assert_eq!(thread.name(), Some(name)); // also when it has ended
    }
    // Its children do not have its name.
    let parent = Builder::new().name("parent".into());
    let parent = parent.spawn(move || thread::spawn(own_name).join().unwrap());
    assert_eq!(parent.unwrap().join().unwrap(), None);
}

pub(super) fn a_name_with_a_nul_byte_is_refused() {
    let (moved, is_dropped) = drops();
    let builder = Builder::new().name("a\0b".into());
    // By a panic where it is std's, else by an error.
    let spawn = AssertUnwindSafe(|| builder.spawn(move || drop(moved)));
    let refused = catch_unwind(spawn).map(|result| result.map(drop));
    assert!(!matches!(refused, Ok(Ok(()))));
    assert!(is_dropped.load(Ordering::Relaxed));
}

/// Takes at least as many KiB of stack.
fn descend(kib: usize) -> usize {
    let frame = std::hint::black_box([1_u8; 1_024]);
    if kib == 0 {
        return 0;
    }
    descend(kib - 1) + usize::from(frame[kib % 1_024])
}

pub(super) fn a_stack_is_as_large_as_it_was_wanted() {
    for size in [0, 1, 4_096, 100_000] {
        let handle = Builder::new().stack_size(size).spawn(|| 1).unwrap();
        assert_eq!(handle.join().unwrap(), 1);
    }
    let builder = Builder::new().stack_size(64 << 20).name("deep".into());
    let handle = builder.spawn(|| descend(8 << 10)).unwrap();
    assert_eq!(handle.join().unwrap(), 8 << 10);
}

pub(super) fn a_stack_that_cannot_be_had_is_an_error() {
    let (moved, is_dropped) = drops();
    let builder = Builder::new().stack_size(1 << 50);
    let error: io::Error = builder.spawn(move || drop(moved)).map(drop).unwrap_err();
    assert!(!error.to_string().is_empty());
    assert!(is_dropped.load(Ordering::Relaxed));
}

pub(super) fn panicking_is_true_while_the_thread_unwinds() {
    struct Asks(sync::mpsc::Sender<bool>);
    impl Drop for Asks {
        fn drop(&mut self) {
            self.0.send(thread::panicking()).unwrap();
        }
    }
    let (says, said) = channel();
    assert!(!thread::panicking());
    let in_panic = Asks(says.clone());
    let thread = thread::spawn(move || {
        drop(Asks(in_panic.0.clone()));
        let caught = catch_unwind(AssertUnwindSafe(|| {
            let _in_panic = in_panic;
            panic!("as the test wants");
        }));
        assert!(caught.is_err() && !thread::panicking());
    });
    thread.join().unwrap();
    let answers: Vec<_> = said.try_iter().collect();
    assert_eq!(answers, [false, true]);
}

pub(super) fn nobody_else_panics_while_a_thread_unwinds() {
    struct Asks(sync::mpsc::Sender<bool>);
    impl Drop for Asks {
        fn drop(&mut self) {
            let other = thread::spawn(thread::panicking);
            self.0.send(other.join().unwrap()).unwrap();
        }
    }
    let (says, said) = channel();
    let thread = thread::spawn(move || {
        let _asks = Asks(says);
        panic!("as the test wants");
    });
    assert!(!said.recv().unwrap());
    assert!(thread.join().is_err());
}

pub(super) fn yield_now_returns_and_lets_others_go_on() {
    let turn = Arc::<AtomicUsize>::default();
    let threads: Vec<_> = (0..3)
        .map(|own| {
            let turn = turn.clone();
            thread::spawn(move || {
                for round in 0..50 {
                    until(|| turn.load(Ordering::Relaxed) == 3 * round + own);
                    turn.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    threads
        .into_iter()
        .for_each(|thread| thread.join().unwrap());
}

pub(super) fn there_is_an_estimate_of_how_many_run_in_parallel() {
    assert!(thread::available_parallelism().unwrap().get() >= 1);
}

pub(super) fn what_there_is_can_be_shown() {
    let handle = Builder::new().name("shown".into()).spawn(|| ()).unwrap();
    assert!(format!("{handle:?}").starts_with("JoinHandle"));
    let thread = format!("{:?}", handle.thread());
    assert!(thread.starts_with("Thread {") && thread.contains("shown"));
    assert!(format!("{:?}", handle.thread().id()).starts_with("ThreadId("));
    assert!(format!("{:?}", Builder::new()).starts_with("Builder"));
    handle.join().unwrap();
}
