//! Proves what the head of `virid::thread` says of the two things that are not sound:
//! that they happen, as far as that is defined, and that `no_suspend` prevents them.

#![cfg(not(virid_loom))]

#[path = "support/said.rs"]
mod said;
#[path = "support/sizes.rs"]
mod sizes;
mod support;
#[path = "support/together.rs"]
mod together;
#[path = "support/workers.rs"]
mod workers;

use said::said;
use sizes::on_each_size;
use std::cell::Cell;
use std::future::pending;
use std::panic::catch_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use support::guard;
use together::{STEP, step, together};
use virid::thread;
use workers::workers;

scoped_tls::scoped_thread_local!(static SCOPED: u32);

#[test]
fn an_initialiser_that_waits_is_entered_twice_and_its_value_replaced() {
    thread_local! {
        static INITIALISED: Cell<u32> = const { Cell::new(0) };
        static VALUE: u32 = {
            INITIALISED.set(INITIALISED.get() + 1);
            let number = INITIALISED.get();
            if number == 1 {
                step(1);
            }
            number
        };
    }
    together(
        || {
            assert_eq!(VALUE.with(|value| *value), 1);
            STEP.set(2);
        },
        || {
            while INITIALISED.get() == 0 {
                thread::yield_now();
            }
            assert_eq!(VALUE.with(|value| *value), 2);
            STEP.set(1);
            step(2);
            assert_eq!(VALUE.with(|value| *value), 1);
        },
    );
}

#[test]
fn a_scoped_thread_local_outlives_its_scope_where_threads_leave_in_another_order() {
    together(
        || {
            SCOPED.set(&1, || {
                STEP.set(1);
                step(2);
            });
            STEP.set(3);
        },
        || {
            step(1);
            SCOPED.set(&2, || {
                STEP.set(2);
                step(3);
                // Reading it would panic.
                assert!(!SCOPED.is_set());
            });
            // Reading it would follow the address of a frame that is gone.
            assert!(SCOPED.is_set());
        },
    );
}

/// Every wait, and how a message names it.
const WAITS: [(fn(), &str); 6] = [
    (thread::park, "`thread::park`"),
    (thread::yield_now, "`thread::yield_now`"),
    (|| virid::block_on(pending()), "`block_on`"),
    (|| thread::spawn(thread::park).join().unwrap(), "join`"),
    (|| virid::spawn(pending()).join().unwrap(), "join`"),
    (|| virid::run(thread::park), "join`"),
];

#[test]
fn no_suspend_makes_every_wait_in_an_initialiser_a_panic_that_names_the_call() {
    thread_local! {
        static CALL: Cell<usize> = const { Cell::new(0) };
        static VALUE: u32 = {
            WAITS[CALL.get()].0();
            7
        };
    }
    on_each_size(|runtime| {
        for (index, (_, name)) in WAITS.into_iter().enumerate() {
            let read = move || {
                CALL.set(index);
                thread::no_suspend(|| VALUE.with(|value| *value))
            };
            let text = said(runtime.run(move || catch_unwind(read)).unwrap_err());
            assert!(text.contains(name) && text.contains("no_suspend"), "{text}");
        }
    });
}

#[test]
fn no_suspend_makes_every_wait_in_a_scoped_thread_local_a_panic_that_names_the_call() {
    on_each_size(|runtime| {
        for (wait, name) in WAITS {
            runtime.run(move || {
                let outside = || thread::no_suspend(|| SCOPED.set(&1, wait));
                let inside = || SCOPED.set(&1, || thread::no_suspend(wait));
                for text in [catch_unwind(outside), catch_unwind(inside)] {
                    let text = said(text.unwrap_err());
                    assert!(text.contains(name) && text.contains("no_suspend"), "{text}");
                    assert!(!SCOPED.is_set());
                }
            });
        }
    });
}

#[test]
fn spawning_in_an_initialiser_inside_no_suspend_lets_nobody_in() {
    const THREADS: usize = 5_000;
    thread_local! {
        static SPAWNED: Cell<usize> = const { Cell::new(0) };
        /// How many others of this worker ran meanwhile.
        static RAN: Cell<usize> = const { Cell::new(0) };
        static VALUE: usize = {
            for _ in 0..THREADS {
                SPAWNED.set(SPAWNED.get() + 1);
                drop(thread::spawn(|| RAN.set(RAN.get() + 1)));
            }
            RAN.get()
        };
    }
    on_each_size(|runtime| {
        runtime.run(|| {
            let ran = thread::no_suspend(|| VALUE.with(|ran| *ran));
            assert_eq!((ran, SPAWNED.get()), (0, THREADS));
        });
    });
    // Outside of it they do run, and would be let in.
    guard(|| {
        let ran = Arc::<AtomicUsize>::default();
        let seen = ran.clone();
        workers(1).run(move || {
            for _ in 0..THREADS {
                let ran = seen.clone();
                drop(thread::spawn(move || ran.fetch_add(1, Ordering::SeqCst)));
            }
            assert!(seen.load(Ordering::SeqCst) > 0);
        });
    });
}
