//! Proves the table of callers in `virid::thread`: what each call that may wait does
//! for each kind of caller, and that the caller goes on after it.

#![cfg(not(virid_loom))]

#[path = "support/said.rs"]
mod said;
#[path = "support/sizes.rs"]
mod sizes;
mod support;
#[path = "support/workers.rs"]
mod workers;

use said::said;
use sizes::on_each_size;
use std::cell::RefCell;
use std::panic::catch_unwind;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use support::guard;
use virid::{Builder, Runtime, thread};
use workers::workers;

/// What a call may do.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Outcome {
    Returns,
    /// With a message that names the call and the cure.
    Panics,
}

use Outcome::{Panics, Returns};

/// A call, and the words of its panic.
type Call = (fn(), [&'static str; 2]);

const CALLS: [Call; 9] = [
    (
        || virid::block_on(virid::yield_now()),
        ["`block_on`", "`.await`"],
    ),
    (
        || thread::spawn(thread::yield_now).join().unwrap(),
        ["join`", "`.await`"],
    ),
    (
        || virid::spawn(virid::yield_now()).join().unwrap(),
        ["join`", "`.await`"],
    ),
    (
        || {
            thread::current().unpark();
            thread::park();
        },
        ["`thread::park`", "an async channel or lock"],
    ),
    (
        || {
            thread::scope(|scope| {
                scope.spawn(thread::yield_now);
            });
        },
        ["`thread::scope`", "tasks that own"],
    ),
    (|| virid::run(thread::yield_now), ["`run`", "`.await`"]),
    (
        || thread::blocking(|| ()),
        ["`thread::blocking`", "`virid::task::spawn_blocking"],
    ),
    (thread::yield_now, [""; 2]),
    (
        || {
            drop(virid::spawn(async {}));
            drop(thread::spawn(|| ()));
            drop(virid::task::spawn_blocking(|| ()));
        },
        [""; 2],
    ),
];

/// The last calls, which never wait for anybody.
const HARMLESS: usize = 2;

/// What each of the calls does here.
fn make_calls() -> [Outcome; CALLS.len()] {
    CALLS.map(|(call, words)| match catch_unwind(call) {
        Ok(()) => Returns,
        Err(payload) => {
            let text = said(payload);
            assert!(words.iter().all(|word| text.contains(word)), "{text}");
            Panics
        }
    })
}

const ALL_RETURN: [Outcome; CALLS.len()] = [Returns; CALLS.len()];

fn waits_panic() -> [Outcome; CALLS.len()] {
    let mut all = [Panics; CALLS.len()];
    all[CALLS.len() - HARMLESS..].fill(Returns);
    all
}

/// Makes the calls when it is dropped.
struct Calls(Sender<[Outcome; CALLS.len()]>);

impl Drop for Calls {
    fn drop(&mut self) {
        self.0.send(make_calls()).unwrap();
    }
}

#[test]
fn on_a_plain_thread_a_wait_parks_it_at_any_depth() {
    on_each_size(|runtime| {
        let _entered = runtime.enter();
        assert_eq!(make_calls(), ALL_RETURN);
        assert_eq!(virid::block_on(async { make_calls() }), ALL_RETURN);
        assert_eq!(runtime.block_on(async { make_calls() }), ALL_RETURN);
    });
}

#[test]
fn in_an_async_task_and_in_the_destructor_of_one_a_wait_panics() {
    on_each_size(|runtime| {
        let task = runtime.spawn(async { make_calls() });
        assert_eq!(task.join().unwrap(), waits_panic());
        let (sender, said) = channel();
        let calls = Calls(sender);
        let task = runtime.spawn(async move {
            let _calls = calls;
            std::future::pending::<()>().await;
        });
        task.abort();
        assert!(task.join().unwrap_err().is_cancelled());
        assert_eq!(said.recv().unwrap(), waits_panic());
    });
}

#[test]
fn on_a_green_thread_a_wait_suspends_it_at_any_depth() {
    on_each_size(|runtime| {
        runtime.run(|| {
            assert_eq!(make_calls(), ALL_RETURN);
            // In a poll of its own.
            assert_eq!(virid::block_on(async { make_calls() }), ALL_RETURN);
            let nested = async { virid::block_on(async { make_calls() }) };
            assert_eq!(virid::block_on(nested), ALL_RETURN);
            let scoped = thread::scope(|scope| scope.spawn(make_calls).join());
            assert_eq!(scoped.unwrap(), ALL_RETURN);
        });
    });
}

#[test]
fn in_a_hook_of_a_worker_a_wait_panics() {
    guard(|| {
        let (sender, said) = channel();
        let sends = sender.clone();
        let hook = move || sends.send(make_calls()).unwrap();
        let stops = move || sender.send(make_calls()).unwrap();
        let builder = Builder::new().worker_threads(2);
        let runtime = builder.on_thread_start(hook).on_thread_stop(stops).build();
        drop(runtime.unwrap());
        let all: Vec<_> = said.iter().collect();
        assert_eq!(all, [waits_panic(); 4]);
    });
}

#[test]
fn in_the_destructor_of_a_thread_local_a_wait_parks_the_thread() {
    thread_local! {
        static CALLS_AT_EXIT: RefCell<Option<Calls>> = const { RefCell::new(None) };
    }
    let leave = |sender: &Sender<_>| {
        let calls = Calls(sender.clone());
        move || CALLS_AT_EXIT.with_borrow_mut(|place| *place = Some(calls))
    };
    guard(move || {
        let (sender, said) = channel();
        std::thread::spawn(leave(&sender)).join().unwrap();
        assert_eq!(said.recv().unwrap(), ALL_RETURN);
        // On a worker, put there by a green thread and by a task.
        for is_green in [true, false] {
            let (runtime, leave): (Runtime, _) = (workers(1), leave(&sender));
            match is_green {
                true => runtime.run(leave),
                false => runtime.spawn(async move { leave() }).join().unwrap(),
            }
            assert!(said.try_recv().is_err(), "the worker is still there");
            drop(runtime);
            assert_eq!(said.recv().unwrap(), ALL_RETURN);
        }
    });
}

#[test]
fn in_a_destructor_that_a_runtime_runs_at_its_end_a_wait_panics() {
    on_each_size(|runtime| {
        let (sender, said) = channel();
        let calls = Calls(sender);
        let begun = Arc::new(std::sync::Barrier::new(2));
        let waits = begun.clone();
        drop(runtime.spawn(async move {
            let _calls = calls;
            waits.wait();
            std::future::pending::<()>().await;
        }));
        begun.wait();
        drop(runtime);
        assert_eq!(said.recv().unwrap(), waits_panic());
    });
}
