//! Proves, place by place, that a panic harms no worker and reaches the joiner.
//!
//! | user code that panics        | task joined       | task detached       | task aborted       |
//! |------------------------------|-------------------|---------------------|--------------------|
//! | poll                         | `poll::joined_*`  | `poll::detached_*`  | `poll::aborted_*`  |
//! | drop of the future           | `future_drop::joined_*` | `future_drop::detached_*` | `future_drop::aborted_*` |
//! | drop of the output           | `output_drop::joined_*` | `output_drop::detached_*` | `output_drop::aborted_*` |
//! | drop of the panic's payload  | `payload_drop::joined_*` | `payload_drop::detached_*` | `payload_drop::aborted_*` |
//! | wake of the join waker       | `join_wake::joined_*` | `join_wake::detached_*` | `join_wake::aborted_*` |
//! | drop of the join waker       | `join_waker_drop::joined_*` | `join_waker_drop::detached_*` | `join_waker_drop::aborted_*` |
//! | clone of the join waker      | `join_waker_clone::joined_*` | `join_waker_clone::detached_*` | `join_waker_clone::aborted_*` |
//! | a thread's start hook        | `start_hook::joined_*` | `start_hook::detached_*` | `start_hook::aborted_*` |
//! | a thread's stop hook         | `stop_hook::joined_*` | `stop_hook::detached_*` | `stop_hook::aborted_*` |
//!
//! `*`: 1, 2 or 4 workers. What aborts, as in std, stands in `panic_aborts.rs`.

#![cfg(not(virid_loom))]

#[path = "support/drops.rs"]
mod drops;
#[path = "support/gate.rs"]
mod gate;
mod support;
#[path = "support/until.rs"]
mod until;

use drops::{Drops, Token};
use gate::Gate;
use std::any::Any;
use std::collections::HashSet;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Barrier};
use std::task::{Context, Poll, RawWaker, RawWakerVTable, Wake, Waker};
use std::thread;
use support::guard;
use until::until;
use virid::task::{AbortHandle, JoinHandle};
use virid::{Builder, Runtime};

/// What happens to the task.
#[derive(Clone, Copy, PartialEq)]
enum Fate {
    Joined,
    Detached,
    Aborted,
}

/// A runtime, and what a cell of the matrix counts.
struct World {
    runtime: Runtime,
    futures: Drops,
    outputs: Drops,
    /// Explosions: of hooks, wakers, destructors.
    bangs: Arc<AtomicUsize>,
}

/// How often a cell does what it tests.
const ROUNDS: usize = 20;

/// Runs one cell of the matrix, then looks whether all is well. `cell` runs one
/// task, whose future it counts.
fn check(count: usize, hooks: impl Fn(Builder, Bang) -> Builder, cell: impl Fn(&World)) {
    let bangs = Arc::<AtomicUsize>::default();
    let builder = Builder::new().worker_threads(count);
    let world = World {
        runtime: hooks(builder, Bang(bangs.clone())).build().unwrap(),
        futures: Drops::default(),
        outputs: Drops::default(),
        bangs,
    };
    for _ in 0..ROUNDS {
        cell(&world);
    }
    until(|| world.futures.count() == ROUNDS);
    assert_alive(&world.runtime, count);
    drop(world.runtime);
    assert_eq!(world.futures.count(), ROUNDS);
}

/// The same without hooks.
fn check_tasks(count: usize, cell: impl Fn(&World)) {
    check(count, |builder, _| builder, cell);
}

/// Every worker is there, and a thousand tasks still run.
fn assert_alive(runtime: &Runtime, count: usize) {
    let together = Arc::new(Barrier::new(count));
    let meet = |_| {
        let together = together.clone();
        runtime.spawn(async move {
            together.wait();
            assert!(!thread::panicking());
            thread::current().id()
        })
    };
    let tasks: Vec<_> = (0..count).map(meet).collect();
    let threads: HashSet<_> = tasks.into_iter().map(|task| task.join().unwrap()).collect();
    assert_eq!(threads.len(), count);
    let tasks: Vec<_> = (0..1_000).map(|_| runtime.spawn(async {})).collect();
    tasks.into_iter().for_each(|task| task.join().unwrap());
}

/// Panics, and counts that. No panic hook: its output would drown the rest.
#[derive(Clone)]
struct Bang(Arc<AtomicUsize>);

impl Bang {
    fn go(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
        resume_unwind(Box::new("bang"));
    }
}

/// Panics when it is dropped; the token counts that it was.
struct Explosive(Bang, #[expect(dead_code, reason = "counts its drop")] Token);

impl Drop for Explosive {
    fn drop(&mut self) {
        self.0.go();
    }
}

impl World {
    fn bang(&self) -> Bang {
        Bang(self.bangs.clone())
    }

    fn bangs(&self) -> usize {
        self.bangs.load(Ordering::SeqCst)
    }

    fn explosive(&self, counter: &Drops) -> Explosive {
        Explosive(self.bang(), counter.token())
    }
}

fn assert_bang(payload: Box<dyn Any + Send>) {
    assert_eq!(payload.downcast_ref(), Some(&"bang"));
}

/// Spawns a task that knows how to abort itself, and does so if `fate` says.
fn spawn_for<F>(world: &World, fate: Fate, life: F) -> JoinHandle<Token>
where
    F: Future<Output = Token> + Send + 'static,
{
    let (send, own) = channel::<AbortHandle>();
    let token = world.futures.token();
    let task = world.runtime.spawn(async move {
        let _token = token;
        let own = own.recv().unwrap();
        if fate == Fate::Aborted {
            own.abort();
        }
        life.await
    });
    send.send(task.abort_handle()).unwrap();
    task
}

fn poll(fate: Fate, count: usize) {
    check_tasks(count, |world| {
        let bang = world.bang();
        let task = spawn_for(world, fate, async move {
            bang.go();
            unreachable!()
        });
        if fate != Fate::Detached {
            // The abort comes too late: the poll that it came in panics.
            assert_bang(task.join().unwrap_err().into_panic());
        }
    });
}

/// Ends at once, or never; its destructor panics.
struct Late {
    never: bool,
    output: Option<Token>,
    _explosive: Explosive,
}

impl Future for Late {
    type Output = Token;
    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Token> {
        match self.output.take() {
            Some(output) if !self.never => Poll::Ready(output),
            _ => Poll::Pending,
        }
    }
}

fn future_drop(fate: Fate, count: usize) {
    check_tasks(count, |world| {
        let before = world.outputs.count();
        let task = world.runtime.spawn(Late {
            never: fate == Fate::Aborted,
            output: Some(world.outputs.token()),
            _explosive: world.explosive(&world.futures),
        });
        match fate {
            Fate::Detached => return drop(task),
            Fate::Aborted => task.abort(),
            Fate::Joined => {}
        }
        assert_bang(task.join().unwrap_err().into_panic());
        assert_eq!(world.outputs.count(), before + 1);
    });
}

fn output_drop(fate: Fate, count: usize) {
    check_tasks(count, |world| {
        let (before, output) = (world.bangs(), world.explosive(&world.outputs));
        let token = world.futures.token();
        let task = world.runtime.spawn(async move {
            let _token = token;
            output
        });
        match fate {
            Fate::Joined => {
                let output = task.join().unwrap();
                assert_eq!(world.bangs(), before);
                assert!(catch_unwind(AssertUnwindSafe(|| drop(output))).is_err());
            }
            Fate::Detached => drop(task),
            Fate::Aborted => {
                until(|| task.is_finished());
                task.abort();
                assert_eq!(world.bangs(), before);
                _ = catch_unwind(AssertUnwindSafe(|| drop(task)));
            }
        }
        until(|| world.bangs() == before + 1);
        until(|| world.outputs.count() == before + 1);
    });
}

fn payload_drop(fate: Fate, count: usize) {
    check_tasks(count, |world| {
        let before = world.bangs();
        let payload = world.explosive(&world.outputs);
        let task = spawn_for(world, fate, async move { resume_unwind(Box::new(payload)) });
        match fate {
            Fate::Joined => {
                let payload = task.join().unwrap_err().into_panic();
                assert_eq!(world.bangs(), before);
                assert!(catch_unwind(AssertUnwindSafe(|| drop(payload))).is_err());
            }
            Fate::Detached => drop(task),
            Fate::Aborted => {
                until(|| task.is_finished());
                _ = catch_unwind(AssertUnwindSafe(|| drop(task)));
            }
        }
        until(|| world.bangs() == before + 1);
        until(|| world.outputs.count() == before + 1);
    });
}

fn is_pending(task: &mut JoinHandle<Token>, waker: &Waker) -> bool {
    let mut context = Context::from_waker(waker);
    Pin::new(task).poll(&mut context).is_pending()
}

/// A task that ends with an output when the gate opens.
fn gated(world: &World) -> (JoinHandle<Token>, Gate) {
    let gate = Gate::default();
    let (token, output) = (world.futures.token(), world.outputs.token());
    let passed = gate.clone().pass();
    let task = world.runtime.spawn(async move {
        let _token = token;
        passed.await;
        output
    });
    (task, gate)
}

/// Ends a gated task in the way of its fate, and looks at what its joiner gets.
fn end_gated(fate: Fate, task: JoinHandle<Token>, gate: &Gate) {
    match fate {
        Fate::Joined => {
            gate.open();
            drop(task.join().unwrap());
        }
        Fate::Detached => {
            drop(task);
            gate.open();
        }
        Fate::Aborted => {
            task.abort();
            assert!(task.join().unwrap_err().is_cancelled());
        }
    }
}

struct PanicsWhenWoken(Bang);

impl Wake for PanicsWhenWoken {
    fn wake(self: Arc<Self>) {
        self.0.go();
    }
}

fn join_wake(fate: Fate, count: usize) {
    check_tasks(count, |world| {
        let before = world.bangs();
        let (mut task, gate) = gated(world);
        let held = Arc::new(PanicsWhenWoken(world.bang()));
        assert!(is_pending(&mut task, &held.clone().into()));
        match fate {
            Fate::Joined => gate.open(),
            Fate::Aborted => task.abort(),
            Fate::Detached => {}
        }
        if fate != Fate::Detached {
            until(|| world.bangs() == before + 1);
        }
        end_gated(fate, task, &gate);
        until(|| Arc::strong_count(&held) == 1);
    });
}

struct PanicsWhenDropped(Bang);

impl Wake for PanicsWhenDropped {
    fn wake(self: Arc<Self>) {}
}

impl Drop for PanicsWhenDropped {
    fn drop(&mut self) {
        self.0.go();
    }
}

fn join_waker_drop(fate: Fate, count: usize) {
    check_tasks(count, |world| {
        let before = world.bangs();
        let (mut task, gate) = gated(world);
        let waker = Waker::from(Arc::new(PanicsWhenDropped(world.bang())));
        assert!(is_pending(&mut task, &waker));
        // What is left of it is the task's.
        drop(waker);
        assert_eq!(world.bangs(), before);
        if fate == Fate::Joined {
            assert!(is_pending(&mut task, Waker::noop()));
            assert_eq!(world.bangs(), before + 1);
        }
        end_gated(fate, task, &gate);
        until(|| world.bangs() == before + 1);
    });
}

/// A waker whose clone panics.
fn unclonable() -> Waker {
    fn clone(_: *const ()) -> RawWaker {
        resume_unwind(Box::new("bang"))
    }
    fn ignore(_: *const ()) {}
    static TABLE: RawWakerVTable = RawWakerVTable::new(clone, ignore, ignore, ignore);
    // SAFETY: no function of the table looks at the data, and none is bound to
    // a thread.
    unsafe { Waker::from_raw(RawWaker::new(ptr::null(), &TABLE)) }
}

fn join_waker_clone(fate: Fate, count: usize) {
    check_tasks(count, |world| {
        let (mut task, gate) = gated(world);
        for is_replaced in [false, true] {
            if is_replaced {
                assert!(is_pending(&mut task, Waker::noop()));
            }
            // Whoever brings such a waker gets the panic.
            let polled = catch_unwind(AssertUnwindSafe(|| is_pending(&mut task, &unclonable())));
            assert_bang(polled.unwrap_err());
        }
        end_gated(fate, task, &gate);
    });
}

/// One ordinary task of the given fate.
fn ordinary(world: &World, fate: Fate) {
    let token = world.futures.token();
    let task = world.runtime.spawn(poll_fn(move |_| {
        let _token = &token;
        match fate {
            Fate::Aborted => Poll::Pending,
            _ => Poll::Ready(5),
        }
    }));
    match fate {
        Fate::Joined => assert_eq!(task.join().unwrap(), 5),
        Fate::Detached => drop(task),
        Fate::Aborted => {
            task.abort();
            assert!(task.join().unwrap_err().is_cancelled());
        }
    }
}

fn start_hook(fate: Fate, count: usize) {
    let hook = |builder: Builder, bang: Bang| builder.on_thread_start(move || bang.go());
    check(count, hook, |world| {
        until(|| world.bangs() == count);
        ordinary(world, fate);
    });
}

fn stop_hook(fate: Fate, count: usize) {
    let stopped = Arc::<AtomicUsize>::default();
    let seen = stopped.clone();
    let hook = move |builder: Builder, _: Bang| {
        let bang = Bang(stopped.clone());
        builder.on_thread_stop(move || bang.go())
    };
    check(count, hook, |world| {
        assert_eq!(seen.load(Ordering::SeqCst), 0);
        ordinary(world, fate);
    });
    assert_eq!(seen.load(Ordering::SeqCst), count);
}

macro_rules! matrix {
    ($($place:ident)+) => {$(
        mod $place {
            use super::{Fate, guard, $place};

            matrix! { @cells $place
                joined_on_1_worker Joined 1, joined_on_2_workers Joined 2, joined_on_4_workers Joined 4,
                detached_on_1_worker Detached 1, detached_on_2_workers Detached 2, detached_on_4_workers Detached 4,
                aborted_on_1_worker Aborted 1, aborted_on_2_workers Aborted 2, aborted_on_4_workers Aborted 4,
            }
        }
    )+};
    (@cells $place:ident $($name:ident $fate:ident $count:literal,)+) => {$(
        #[test]
        fn $name() {
            guard(|| $place(Fate::$fate, $count));
        }
    )+};
}

matrix! {
    poll future_drop output_drop payload_drop
    join_wake join_waker_drop join_waker_clone start_hook stop_hook
}
