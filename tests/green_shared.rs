//! Proves the table in `virid::thread` of what the green threads of one worker share,
//! because to std and to the system they are one thread.

#![cfg(all(not(virid_loom), target_os = "linux"))]

#[path = "support/child.rs"]
mod child;
#[path = "support/rest.rs"]
mod rest;
mod support;
#[path = "support/together.rs"]
mod together;
#[path = "support/until.rs"]
mod until;
#[path = "support/workers.rs"]
mod workers;

use rest::rest;
use std::cell::RefCell;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use support::guard;
use together::{STEP, step, together};
use virid::thread;
use workers::workers;

#[test]
fn a_borrow_of_a_thread_local_is_seen_by_the_other_threads_of_the_worker() {
    thread_local! {
        static SHARED: RefCell<u32> = const { RefCell::new(0) };
    }
    together(
        || {
            SHARED.with_borrow_mut(|shared| {
                *shared = 7;
                STEP.set(1);
                step(2);
            });
            STEP.set(3);
        },
        || {
            step(1);
            SHARED.with(|shared| assert!(shared.try_borrow_mut().is_err()));
            STEP.set(2);
            step(3);
            assert_eq!(SHARED.take(), 7);
        },
    );
}

#[test]
fn a_value_of_a_thread_local_is_dropped_when_the_worker_ends() {
    struct Flag(Arc<AtomicBool>);
    impl Drop for Flag {
        fn drop(&mut self) {
            self.0.store(true, Ordering::SeqCst);
        }
    }
    thread_local! {
        static FLAG: RefCell<Option<Flag>> = const { RefCell::new(None) };
    }
    guard(|| {
        let dropped = Arc::<AtomicBool>::default();
        let flag = Flag(dropped.clone());
        let runtime = workers(1);
        runtime.run(move || FLAG.set(Some(flag)));
        runtime.run(|| FLAG.with_borrow(|flag| assert!(flag.is_some())));
        assert!(!dropped.load(Ordering::SeqCst));
        drop(runtime);
        assert!(dropped.load(Ordering::SeqCst));
    });
}

#[test]
fn the_threads_of_a_worker_are_one_thread_to_std_and_to_the_system() {
    guard(|| {
        workers(1).run(|| {
            let who = || {
                // SAFETY: the call needs nothing.
                let system = unsafe { libc::gettid() };
                let std = std::thread::current();
                (system, std.id(), std.name().map(str::to_owned))
            };
            let named = thread::Builder::new().name("own".into());
            let both = [named.spawn(who).unwrap(), thread::spawn(who)];
            let ids = both.each_ref().map(|thread| thread.thread().id());
            assert_ne!(ids[0], ids[1]);
            let [first, second] = both.map(|thread| thread.join().unwrap());
            assert_eq!(first, second);
            assert_eq!(first.2.as_deref(), Some("virid-worker-0"));
        });
    });
}

#[test]
fn a_lock_that_its_thread_may_take_again_keeps_no_thread_of_the_worker_out() {
    together(
        || {
            let _lock = io::stdout().lock();
            STEP.set(1);
            step(2);
        },
        || {
            step(1);
            // Would wait for the first, were they two threads to std.
            drop(io::stdout().lock());
            STEP.set(2);
        },
    );
}

#[test]
fn the_last_error_of_the_system_may_be_that_of_another_thread() {
    fn fail(number: i32) {
        // SAFETY: the call needs nothing.
        let place = unsafe { libc::__errno_location() };
        // SAFETY: it is the place of this thread of the system.
        unsafe { *place = number };
    }
    together(
        || {
            fail(libc::ENOENT);
            STEP.set(1);
            step(2);
            let number = io::Error::last_os_error().raw_os_error();
            assert_eq!(number, Some(libc::EDOM));
        },
        || {
            step(1);
            fail(libc::EDOM);
            STEP.set(2);
        },
    );
}

#[test]
fn a_panic_names_the_worker() {
    if child::role().is_some() {
        return guard(|| {
            let named = thread::Builder::new().name("own".into());
            workers(1).run(move || {
                let thread = named.spawn(|| panic!("a message")).unwrap();
                assert!(thread.join().is_err());
            });
        });
    }
    let output = child::run("a_panic_names_the_worker", "panics", &[]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {said}", output.status);
    assert!(said.contains("thread 'virid-worker-0'"), "{said}");
    assert!(!said.contains("own"), "{said}");
}

extern "C" fn callback() {
    thread::park();
}

#[test]
fn a_cancel_below_a_function_of_c_aborts() {
    if child::role().is_some() {
        return guard(|| {
            let runtime = workers(1);
            let thread = runtime.go(|| callback());
            rest(&runtime);
            thread.cancel();
            _ = thread.join();
            println!("unwound");
        });
    }
    let output = child::run("a_cancel_below_a_function_of_c_aborts", "cancel", &[]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.signal(), Some(libc::SIGABRT), "{said}");
    assert!(said.contains("cannot unwind"), "{said}");
}

/// The address of a frame of the last signal's handler.
static HANDLED_AT: AtomicUsize = AtomicUsize::new(0);

extern "C" fn handler(_: libc::c_int) {
    let frame = 0_u8;
    HANDLED_AT.store((&raw const frame).addr(), Ordering::SeqCst);
}

/// How far from the caller's frame the handler of a signal runs.
fn distance_of_handler(flags: libc::c_int) -> usize {
    // SAFETY: all zeros are an action.
    let mut action = unsafe { std::mem::zeroed::<libc::sigaction>() };
    action.sa_sigaction = handler as extern "C" fn(libc::c_int) as usize;
    action.sa_flags = flags;
    // SAFETY: the action is valid, and the handler does only what it may.
    unsafe { libc::sigaction(libc::SIGUSR1, &raw const action, std::ptr::null_mut()) };
    // SAFETY: there is a handler.
    unsafe { libc::raise(libc::SIGUSR1) };
    let frame = 0_u8;
    HANDLED_AT
        .load(Ordering::SeqCst)
        .abs_diff((&raw const frame).addr())
}

#[test]
fn a_signal_is_handled_on_the_green_stack_unless_its_handler_has_its_own() {
    const STACK: usize = 1 << 20;
    guard(|| {
        let sized = thread::Builder::new().stack_size(STACK);
        let distances = || [0, libc::SA_ONSTACK].map(distance_of_handler);
        let runtime = workers(1);
        let [without, with] = runtime.run(move || sized.spawn(distances).unwrap().join().unwrap());
        assert!(without < STACK && with > STACK, "{without}, {with}");
    });
}

#[test]
fn the_system_knows_no_end_of_a_green_stack() {
    guard(|| {
        workers(1).run(|| {
            let frame = 0_u8;
            let address = (&raw const frame).addr();
            let (first, bytes) = bounds();
            assert!(!(first..first + bytes).contains(&address));
        });
    });
}

/// Where the calling thread's stack is, if the system is asked.
fn bounds() -> (usize, usize) {
    // SAFETY: all zeros are as good as any bytes: the next call fills it.
    let mut all = unsafe { std::mem::zeroed::<libc::pthread_attr_t>() };
    // SAFETY: the call needs nothing.
    let this = unsafe { libc::pthread_self() };
    // SAFETY: both are valid.
    assert_eq!(unsafe { libc::pthread_getattr_np(this, &raw mut all) }, 0);
    let (mut first, mut bytes) = (std::ptr::null_mut(), 0);
    // SAFETY: the call before has filled it.
    unsafe { libc::pthread_attr_getstack(&raw const all, &raw mut first, &raw mut bytes) };
    // SAFETY: as before; not used again.
    unsafe { libc::pthread_attr_destroy(&raw mut all) };
    (first.addr(), bytes)
}
