//! Proves that a thread for what blocks ends as a worker does: the destructors of its
//! thread-locals may call what others may, and the end of its runtime waits for them,
//! also where it had been idle for long, but for the end that is bounded.

#![cfg(not(virid_loom))]

mod support;
#[path = "support/until.rs"]
mod until;

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread::current;
use std::time::Duration;
use support::guard;
use until::until;
use virid::task::spawn_blocking;
use virid::thread::blocking;
use virid::{Builder, Runtime};

/// Threads of the first end at once, those of the second never.
fn runtimes() -> [Runtime; 2] {
    [Duration::ZERO, Duration::MAX].map(|keep_alive| {
        let builder = Builder::new().worker_threads(1);
        builder.thread_keep_alive(keep_alive).build().unwrap()
    })
}

/// Returns once no thread is left that may end before the runtime does.
fn left(runtime: &Runtime) {
    until(|| runtime.metrics().blocking_threads() == runtime.metrics().idle_blocking_threads());
}

type Call = Box<dyn FnOnce() + Send>;

/// Calls when its thread ends.
struct AtExit(Option<Call>);

impl Drop for AtExit {
    fn drop(&mut self) {
        (self.0.take().unwrap())();
    }
}

thread_local! {
    static AT_EXIT: RefCell<Vec<AtExit>> = const { RefCell::new(Vec::new()) };
}

fn at_exit(call: impl FnOnce() + Send + 'static) {
    let call = AtExit(Some(Box::new(call)));
    AT_EXIT.with_borrow_mut(|calls| calls.push(call));
}

#[test]
fn the_end_waits_for_destructors_of_thread_locals() {
    guard(|| {
        for runtime in runtimes() {
            let (ended, is_gone) = (Arc::<AtomicUsize>::default(), Arc::<AtomicBool>::default());
            for n in 0..3 {
                let (ended, is_gone) = (ended.clone(), is_gone.clone());
                let call = move || {
                    // Time for an end that waits for none, or not for the first.
                    std::thread::sleep(Duration::from_millis(20 >> n));
                    assert!(!is_gone.load(Ordering::SeqCst));
                    ended.fetch_add(1, Ordering::SeqCst);
                };
                runtime.spawn_blocking(|| at_exit(call)).join().unwrap();
                left(&runtime);
            }
            drop(runtime);
            is_gone.store(true, Ordering::SeqCst);
            assert_eq!(ended.load(Ordering::SeqCst), 3);
        }
    });
}

fn waits(released: Receiver<()>) -> impl FnOnce() + Send {
    move || assert!(released.recv().is_err())
}

#[test]
fn the_bounded_end_does_not_wait_for_them() {
    guard(|| {
        for runtime in runtimes() {
            let (release, released) = channel();
            let first = runtime.spawn_blocking(|| at_exit(waits(released)));
            first.join().unwrap();
            left(&runtime);
            // Another that may end after it.
            runtime.spawn_blocking(|| ()).join().unwrap();
            let report = runtime.shutdown_timeout(Duration::MAX);
            assert!(report.is_complete(), "{report}");
            drop(release);
        }
    });
}

#[test]
fn they_call_what_a_plain_thread_may() {
    guard(|| {
        for runtime in runtimes() {
            let (says, said) = channel();
            let call = move || {
                let here = current().id();
                assert_eq!(blocking(|| current().id()), here);
                assert_eq!(spawn_blocking(|| 7).join().unwrap(), 7);
                #[cfg(feature = "time")]
                {
                    let soon = Duration::from_micros(10);
                    virid::thread::sleep(soon);
                    virid::block_on(virid::time::sleep(soon));
                }
                says.send(here).unwrap();
            };
            let closure = || {
                at_exit(call);
                current().id()
            };
            let there = runtime.spawn_blocking(closure).join().unwrap();
            drop(runtime);
            assert_eq!(said.try_recv(), Ok(there));
        }
    });
}

#[test]
fn one_may_own_the_runtime() {
    guard(|| {
        let [runtime, _] = runtimes();
        let (handle, (ended, has_ended)) = (runtime.handle().clone(), channel::<()>());
        let call = move || drop((runtime, ended));
        handle.spawn_blocking(|| at_exit(call)).join().unwrap();
        assert!(has_ended.recv().is_err());
        let late = handle.spawn_blocking(|| ());
        assert!(late.join().unwrap_err().is_cancelled());
    });
}
