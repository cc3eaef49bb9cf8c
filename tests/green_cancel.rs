//! Proves that a green thread that is cancelled ends by unwinding at its next
//! cancellation point, and that its destructors run once and may wait.

#![cfg(not(virid_loom))]

#[path = "support/drops.rs"]
mod drops;
#[path = "support/endless.rs"]
mod endless;
#[path = "support/occupied.rs"]
mod occupied;
#[path = "support/rest.rs"]
mod rest;
#[path = "support/sizes.rs"]
mod sizes;
mod support;
#[path = "support/until.rs"]
mod until;
#[path = "support/workers.rs"]
mod workers;

use drops::{Drops, Token};
use endless::{endless, is_cancelled};
use occupied::occupy;
use rest::rest;
use sizes::on_each_size;
use std::future::pending;
use std::panic::catch_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use support::guard;
use virid::Runtime;
use virid::task::JoinError;
use virid::thread::{self, JoinHandle};
use workers::workers;

#[test]
fn a_thread_that_is_cancelled_before_it_begins_never_does() {
    guard(|| {
        let (runtime, drops) = (workers(1), Drops::default());
        let ran = Arc::new(AtomicBool::new(false));
        let release = occupy(&runtime);
        let (token, runs) = (drops.token(), ran.clone());
        let thread = runtime.go(move || {
            runs.store(true, Ordering::SeqCst);
            drop(token);
        });
        thread.cancel();
        drop(release);
        assert!(is_cancelled(thread.join()));
        assert_eq!((drops.count(), ran.load(Ordering::SeqCst)), (1, false));
    });
}

#[test]
fn a_thread_that_waits_is_unwound_whatever_it_waits_for() {
    on_each_size(|runtime| {
        let drops = Drops::default();
        let waits: [fn(Token); 4] = [
            endless,
            |token| drop((thread::spawn(thread::park).join(), token)),
            |token| drop((virid::spawn(pending::<()>()).join(), token)),
            |token| virid::block_on(async { drop((pending::<()>().await, token)) }),
        ];
        for (index, wait) in waits.into_iter().enumerate() {
            let token = drops.token();
            let thread = runtime.go(move || wait(token));
            rest(&runtime);
            assert!(!thread.is_finished());
            thread.cancel();
            assert!(is_cancelled(thread.join()));
            assert_eq!(drops.count(), index + 1);
        }
    });
}

/// Starts a thread, and cancels it while it runs and before it goes on to `wait`.
fn cancel_while_it_runs(runtime: &Runtime, wait: fn()) -> JoinHandle<()> {
    let ((inside, is_inside), (release, released)) = (channel(), channel::<()>());
    let thread = runtime.go(move || {
        inside.send(()).unwrap();
        _ = released.recv();
        wait();
    });
    is_inside.recv().unwrap();
    thread.cancel();
    drop(release);
    thread
}

#[test]
fn a_thread_that_is_cancelled_while_it_runs_ends_at_its_next_wait() {
    on_each_size(|runtime| {
        let waits: [fn(); 3] = [thread::park, thread::yield_now, || {
            virid::block_on(pending())
        }];
        for wait in waits {
            assert!(is_cancelled(cancel_while_it_runs(&runtime, wait).join()));
        }
        let computes = cancel_while_it_runs(&runtime, || ());
        computes.join().unwrap();
    });
}

#[test]
fn a_thread_that_is_cancelled_while_it_runs_ends_also_where_it_need_not_wait() {
    on_each_size(|runtime| {
        let points: [fn(); 3] = [
            || {
                thread::current().unpark();
                thread::park();
            },
            || virid::block_on(async {}),
            || thread::scope(|_| ()),
        ];
        for point in points {
            assert!(is_cancelled(cancel_while_it_runs(&runtime, point).join()));
        }
    });
}

#[test]
fn a_cancel_that_is_swallowed_comes_again_at_the_next_wait() {
    on_each_size(|runtime| {
        let thread = runtime.go(|| {
            let mut thrown = 0;
            while thrown < 10 {
                thrown += u32::from(catch_unwind(thread::park).is_err());
                thrown += u32::from(catch_unwind(thread::yield_now).is_err());
            }
            thrown
        });
        rest(&runtime);
        thread.cancel();
        assert_eq!(thread.join().unwrap(), 10);
    });
}

#[test]
fn a_thread_that_swallows_its_end_gets_it_again() {
    on_each_size(|runtime| {
        let drops = Drops::default();
        let stubborn = |token: Token| {
            move || {
                let _token = token;
                for _ in 0..5_000 {
                    _ = catch_unwind(thread::park);
                }
                loop {
                    thread::park();
                }
            }
        };
        let thread = runtime.go(stubborn(drops.token()));
        rest(&runtime);
        thread.cancel();
        assert!(is_cancelled::<()>(thread.join()));
        assert_eq!(drops.count(), 1);
        let thread = runtime.go(stubborn(drops.token()));
        rest(&runtime);
        drop(runtime);
        assert!(is_cancelled::<()>(thread.join()));
        assert_eq!(drops.count(), 2);
    });
}

/// Waits when it is dropped, in each way there is.
struct Waits {
    waited: Arc<AtomicUsize>,
    _token: Token,
}

impl Drop for Waits {
    fn drop(&mut self) {
        let child = |waited: Arc<AtomicUsize>| {
            thread::spawn(move || {
                thread::yield_now();
                waited.fetch_add(1, Ordering::SeqCst)
            })
        };
        _ = child(self.waited.clone()).join();
        _ = virid::block_on(child(self.waited.clone()).into_future());
        thread::scope(|scope| _ = scope.spawn(|| self.waited.fetch_add(1, Ordering::SeqCst)));
        thread::yield_now();
        thread::current().unpark();
        thread::park();
    }
}

#[test]
fn a_destructor_may_wait_while_its_thread_is_unwound() {
    on_each_size(|runtime| {
        let (drops, waited) = (Drops::default(), Arc::<AtomicUsize>::default());
        let start = |cancels: bool| {
            let waits = Waits {
                waited: waited.clone(),
                _token: drops.token(),
            };
            runtime.go(move || {
                let _waits = waits;
                assert!(cancels, "a panic");
                thread::park();
            })
        };
        let threads: Vec<_> = (0..20).map(|_| start(true)).collect();
        rest(&runtime);
        threads.iter().for_each(JoinHandle::cancel);
        assert!(
            threads
                .into_iter()
                .all(|thread| is_cancelled(thread.join()))
        );
        assert_eq!((drops.count(), waited.load(Ordering::SeqCst)), (20, 60));
        let panics: Vec<_> = (0..20).map(|_| start(false)).collect();
        for thread in panics {
            assert!(!thread.join().unwrap_err().is::<JoinError>());
        }
        assert_eq!((drops.count(), waited.load(Ordering::SeqCst)), (40, 120));
        // At the end of the runtime the children need not run.
        let threads: Vec<_> = (0..20).map(|_| start(true)).collect();
        rest(&runtime);
        drop(runtime);
        assert!(
            threads
                .into_iter()
                .all(|thread| is_cancelled(thread.join()))
        );
        assert_eq!(drops.count(), 60);
    });
}

/// Ends its thread when it is dropped.
struct EndsChild(Option<JoinHandle<()>>);

impl Drop for EndsChild {
    fn drop(&mut self) {
        let child = self.0.take().unwrap();
        child.cancel();
        assert!(is_cancelled(child.join()));
    }
}

#[test]
fn a_destructor_may_cancel_and_join_a_thread_while_its_own_is_unwound() {
    on_each_size(|runtime| {
        for ends in ["panic", "cancel", "shutdown"] {
            let drops = Drops::default();
            let token = drops.token();
            let parent = runtime.handle().go(move || {
                let _child = EndsChild(Some(thread::spawn(move || endless(token))));
                thread::yield_now();
                assert!(ends != "panic");
                thread::park();
            });
            rest(&runtime);
            match ends {
                "panic" => assert!(!parent.join().unwrap_err().is::<JoinError>()),
                "cancel" => {
                    parent.cancel();
                    assert!(is_cancelled(parent.join()));
                }
                _ => {
                    drop(runtime);
                    assert!(is_cancelled(parent.join()));
                    assert_eq!(drops.count(), 1);
                    return;
                }
            }
            assert_eq!(drops.count(), 1);
        }
    });
}

#[test]
fn cancels_and_unparks_race_and_each_thread_ends_once() {
    on_each_size(|runtime| {
        for round in 0..200 {
            let drops = Drops::default();
            let spawn = |token| runtime.go(move || endless(token));
            let threads: Vec<_> = (0..20).map(|_| spawn(drops.token())).collect();
            let others: Vec<_> = threads.iter().map(|t| t.thread().clone()).collect();
            let unparks =
                std::thread::spawn(move || others.iter().for_each(thread::Thread::unpark));
            (0..round * 10).for_each(|_| std::hint::spin_loop());
            threads.iter().for_each(JoinHandle::cancel);
            assert!(
                threads
                    .into_iter()
                    .all(|thread| is_cancelled(thread.join()))
            );
            unparks.join().unwrap();
            assert_eq!(drops.count(), 20);
        }
    });
}
