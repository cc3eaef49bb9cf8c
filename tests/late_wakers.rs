//! Proves that wakers may be used when all is over: after their runtime, in
//! destructors of thread-locals, while the process exits.

#![cfg(not(virid_loom))]

#[path = "support/child.rs"]
mod child;
#[path = "support/drops.rs"]
mod drops;
mod support;
#[path = "support/until.rs"]
mod until;
#[path = "support/workers.rs"]
mod workers;

use drops::Drops;
use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Barrier, Mutex};
use std::task::{Poll, Waker};
use std::thread;
use support::guard;
use until::until;
use virid::{Handle, Runtime};
use workers::workers;

/// A task that never ends and sends the waker of its first poll.
fn endless(
    wakers: &Sender<Waker>,
    polls: &Arc<AtomicUsize>,
) -> impl Future<Output = ()> + Send + use<> {
    let (mut wakers, polls) = (Some(wakers.clone()), polls.clone());
    poll_fn(move |context| {
        if let Some(wakers) = wakers.take() {
            wakers.send(context.waker().clone()).unwrap();
        }
        polls.fetch_add(1, Ordering::SeqCst);
        Poll::Pending
    })
}

/// `count` wakers of as many suspended tasks.
fn wakers_of(runtime: &Runtime, count: usize, polls: &Arc<AtomicUsize>) -> Vec<Waker> {
    let (send, receive) = channel();
    for _ in 0..count {
        drop(runtime.spawn(endless(&send, polls)));
    }
    let wakers = receive.iter().take(count).collect();
    until(|| polls.load(Ordering::SeqCst) == count);
    wakers
}

/// Clones that are woken by value, woken by reference, and only dropped.
fn use_clones(waker: &Waker) {
    let [by_value, by_reference, _dropped] = [(); 3].map(|()| waker.clone());
    by_value.wake();
    by_reference.wake_by_ref();
}

#[test]
fn a_thousand_wakers_are_used_by_four_threads_after_the_runtime_is_gone() {
    guard(|| {
        for count in [1, 2, 4] {
            let (runtime, polls) = (workers(count), Arc::<AtomicUsize>::default());
            let wakers = wakers_of(&runtime, 1_000, &polls);
            drop(runtime);
            let (wakers, start) = (Arc::new(wakers), Arc::new(Barrier::new(4)));
            let threads = [0, 1, 2, 3].map(|offset| {
                let (wakers, start) = (wakers.clone(), start.clone());
                thread::spawn(move || {
                    start.wait();
                    for index in 0..1_000 {
                        let waker = &wakers[(index + offset * 250) % 1_000];
                        waker.wake_by_ref();
                        use_clones(waker);
                    }
                    // The last of the four drops the wakers themselves.
                    drop(wakers);
                })
            });
            drop(wakers);
            threads
                .into_iter()
                .for_each(|thread| thread.join().unwrap());
            assert_eq!(polls.load(Ordering::SeqCst), 1_000);
        }
    });
}

#[test]
fn wakers_are_used_by_four_threads_while_the_runtime_goes() {
    guard(|| {
        for round in 0..50 {
            let (runtime, polls) = (workers(1 + round % 4), Arc::<AtomicUsize>::default());
            let wakers = Arc::new(wakers_of(&runtime, 200, &polls));
            let start = Arc::new(Barrier::new(5));
            let threads = [0, 1, 2, 3].map(|offset| {
                let (wakers, start) = (wakers.clone(), start.clone());
                thread::spawn(move || {
                    start.wait();
                    for index in 0..1_000 {
                        use_clones(&wakers[(index + offset * 50) % 200]);
                    }
                })
            });
            drop(wakers);
            start.wait();
            drop(runtime);
            threads
                .into_iter()
                .for_each(|thread| thread.join().unwrap());
        }
    });
}

/// What a thread leaves to its thread-local: called when that is destroyed.
struct AtThreadEnd(Box<dyn FnMut()>);

impl Drop for AtThreadEnd {
    fn drop(&mut self) {
        (self.0)();
    }
}

thread_local! {
    static LAST: RefCell<Vec<AtThreadEnd>> = const { RefCell::new(Vec::new()) };
}

fn at_thread_end(action: impl FnMut() + 'static) {
    LAST.with_borrow_mut(|last| last.push(AtThreadEnd(Box::new(action))));
}

/// Leaves wakes, clones, drops and spawns to the end of the calling thread.
fn use_all_at_thread_end(waker: Waker, handle: Handle, drops: &Drops) {
    let drops = drops.clone();
    at_thread_end(move || {
        waker.wake_by_ref();
        use_clones(&waker);
        let token = drops.token();
        let on_handle = handle.spawn(async move { drop(token) });
        let token = drops.token();
        let on_default = virid::spawn(async move { drop(token) });
        drop((on_handle, on_default));
    });
}

#[test]
fn destructors_of_thread_locals_wake_and_spawn_on_plain_threads() {
    guard(|| {
        let (runtime, polls, drops) = (workers(2), Arc::<AtomicUsize>::default(), Drops::default());
        let wakers = wakers_of(&runtime, 20, &polls);
        let handle = runtime.handle().clone();
        let leave = |wakers: &[Waker]| {
            let (wakers, handle, drops) = (wakers.to_vec(), handle.clone(), drops.clone());
            let ends = move || {
                for waker in wakers {
                    use_all_at_thread_end(waker, handle.clone(), &drops);
                }
            };
            thread::spawn(ends).join().unwrap();
        };
        leave(&wakers[..10]);
        until(|| drops.count() == 20);
        drop(runtime);
        leave(&wakers[10..]);
        until(|| drops.count() == 40);
    });
}

#[test]
fn destructors_of_thread_locals_wake_and_spawn_on_workers_that_end() {
    guard(|| {
        for count in [1, 2, 4] {
            let runtime = workers(count);
            let (polls, drops) = (Arc::<AtomicUsize>::default(), Drops::default());
            let wakers = wakers_of(&runtime, 10, &polls);
            let tasks: Vec<_> = wakers
                .into_iter()
                .map(|waker| {
                    let drops = drops.clone();
                    runtime.spawn(async move {
                        use_all_at_thread_end(waker, Handle::current(), &drops);
                    })
                })
                .collect();
            tasks.into_iter().for_each(|task| task.join().unwrap());
            assert_eq!(drops.count(), 0);
            drop(runtime);
            // Those on the default runtime end when they end.
            until(|| drops.count() == 20);
        }
    });
}

#[test]
fn a_destructor_of_a_thread_local_may_join_what_it_spawns() {
    guard(|| {
        let runtime = workers(1);
        let (sums, sum) = channel();
        for on_worker in [false, true] {
            let sums = sums.clone();
            let handle = runtime.handle().clone();
            let leave = move || {
                at_thread_end(move || {
                    let task = handle.spawn(async { 1 });
                    let other = virid::spawn(async { 2 });
                    let one = task.join().unwrap_or(10);
                    sums.send(one + virid::block_on(other).unwrap()).unwrap();
                });
            };
            if on_worker {
                runtime.spawn(async { leave() }).join().unwrap();
            } else {
                thread::spawn(leave).join().unwrap();
                assert_eq!(sum.recv().unwrap(), 3);
            }
        }
        drop(runtime);
        assert_eq!(sum.recv().unwrap(), 12);
    });
}

#[cfg(unix)]
mod at_exit {
    use super::*;
    use std::io::{self, Write};
    use std::sync::OnceLock;

    static KEPT: Mutex<Vec<(Waker, Handle)>> = Mutex::new(Vec::new());
    static LIVING: OnceLock<Runtime> = OnceLock::new();

    /// Uses everything that was kept; nothing may wait for anybody here.
    extern "C" fn use_kept() {
        for (waker, handle) in KEPT.lock().unwrap().drain(..) {
            waker.wake_by_ref();
            use_clones(&waker);
            drop(handle.spawn(async {}));
            drop(virid::spawn(async {}));
            drop(waker);
        }
        _ = writeln!(io::stderr(), "<used>");
    }

    /// In the child: exits with wakers of a live and of an ended runtime.
    fn exit_with_wakers(by_return: bool) {
        // SAFETY: the function has the type that is asked for.
        assert_eq!(unsafe { libc::atexit(use_kept) }, 0);
        let (ended, living) = (workers(2), workers(2));
        for runtime in [&ended, &living] {
            let polls = Arc::<AtomicUsize>::default();
            let wakers = wakers_of(runtime, 100, &polls);
            let kept = wakers
                .into_iter()
                .map(|waker| (waker, runtime.handle().clone()));
            KEPT.lock().unwrap().extend(kept);
        }
        drop(ended);
        assert!(LIVING.set(living).is_ok());
        virid::spawn(async {}).join().unwrap();
        if !by_return {
            // From a worker's own thread.
            drop(virid::spawn(async { std::process::exit(7) }));
            loop {
                thread::park();
            }
        }
    }

    #[test]
    fn wakers_and_spawns_work_while_the_process_exits() {
        match child::role().as_deref() {
            None => {}
            Some(role) => return exit_with_wakers(role == "return"),
        }
        let test = "at_exit::wakers_and_spawns_work_while_the_process_exits";
        for (role, code) in [("return", 0), ("exit", 7)] {
            for _ in 0..5 {
                let output = child::run(test, role, &[]);
                let said = String::from_utf8_lossy(&output.stderr);
                assert_eq!(output.status.code(), Some(code), "{role}: {said}");
                assert!(said.contains("<used>"), "{role}: {said}");
                assert!(!said.contains("panicked"), "{role}: {said}");
            }
        }
    }
}
