//! Proves that what aborts the process in std aborts it in a task too: a panic
//! that leaves a destructor while another panic unwinds. Each case runs in a
//! child process.

#![cfg(all(not(virid_loom), unix))]

#[path = "support/child.rs"]
mod child;
mod support;
#[path = "support/workers.rs"]
mod workers;

use std::future::{Future, pending};
use std::os::unix::process::ExitStatusExt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::thread;
use support::guard;
use workers::workers;

struct Explosive;

impl Drop for Explosive {
    fn drop(&mut self) {
        panic!("in a destructor");
    }
}

/// Two destructors that panic, one while the other's panic unwinds.
struct Twice(Explosive, Explosive);

/// Panics in its poll, with a destructor that panics on the way out.
struct PanicsOnTheWayOut;

impl Future for PanicsOnTheWayOut {
    type Output = ();
    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        let _explosive = Explosive;
        panic!("in a poll");
    }
}

/// What std does: the measure for all others.
fn on_a_plain_thread() {
    _ = thread::spawn(|| {
        let _explosive = Explosive;
        panic!("in a thread");
    })
    .join();
}

fn in_a_poll() {
    _ = workers(1).spawn(PanicsOnTheWayOut).join();
}

fn in_the_drop_of_a_future() {
    let held = Twice(Explosive, Explosive);
    let task = workers(1).spawn(async move {
        let _held = held;
    });
    _ = task.join();
}

fn in_the_drop_of_an_aborted_future() {
    let (runtime, held) = (workers(1), Twice(Explosive, Explosive));
    let task = runtime.spawn(async move {
        let _held = held;
        pending::<()>().await;
    });
    runtime.spawn(async {}).join().unwrap();
    task.abort();
    _ = task.join();
}

fn in_the_drop_of_a_future_at_the_shutdown() {
    let (runtime, held) = (workers(1), Twice(Explosive, Explosive));
    drop(runtime.spawn(async move {
        let _held = held;
        pending::<()>().await;
    }));
    drop(runtime);
}

fn in_the_drop_of_an_output() {
    let runtime = workers(1);
    drop(runtime.spawn(async { Twice(Explosive, Explosive) }));
    runtime.spawn(async {}).join().unwrap();
    drop(runtime);
}

const CASES: [(&str, fn()); 6] = [
    ("on a plain thread", on_a_plain_thread),
    ("in a poll", in_a_poll),
    ("in the drop of a future", in_the_drop_of_a_future),
    (
        "in the drop of an aborted future",
        in_the_drop_of_an_aborted_future,
    ),
    (
        "in the drop of a future at the shutdown",
        in_the_drop_of_a_future_at_the_shutdown,
    ),
    ("in the drop of an output", in_the_drop_of_an_output),
];

#[test]
fn a_panic_in_a_destructor_during_unwinding_aborts_as_in_std() {
    if let Some(role) = child::role() {
        let (_, case) = CASES.iter().find(|(name, _)| *name == role).unwrap();
        return guard(case);
    }
    let test = "a_panic_in_a_destructor_during_unwinding_aborts_as_in_std";
    for (case, _) in CASES {
        let output = child::run(test, case, &[]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(
            output.status.signal(),
            Some(libc::SIGABRT),
            "{case}: {said}"
        );
        assert!(said.contains("in a destructor"), "{case}: {said}");
        assert!(!said.contains("hangs"), "{case}: {said}");
        assert!(!said.contains("bug in virid"), "{case}: {said}");
    }
}
