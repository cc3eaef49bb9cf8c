//! Proves that the end of a runtime ends its green threads by unwinding: each
//! destructor runs once, whoever joins is told, and results that were ready stay.

#![cfg(not(virid_loom))]

#[path = "support/alone.rs"]
mod alone;
#[path = "support/child.rs"]
mod child;
#[path = "support/drops.rs"]
mod drops;
#[path = "support/endless.rs"]
mod endless;
#[path = "support/gate.rs"]
mod gate;
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
use gate::Gate;
use rest::rest;
use sizes::on_each_size;
use std::future::pending;
use std::panic::set_hook;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use support::guard;
use until::until;
use virid::thread::{self, JoinHandle};
use virid::{Handle, Runtime};
use workers::workers;

#[test]
fn a_destructor_may_join_a_suspended_task_at_the_end_of_the_runtime() {
    struct Joins(Option<virid::task::JoinHandle<()>>);
    impl Drop for Joins {
        fn drop(&mut self) {
            assert!(self.0.take().unwrap().join().unwrap_err().is_cancelled());
        }
    }
    on_each_size(|runtime| {
        let task = runtime.spawn(pending());
        let thread = runtime.go(move || {
            let _joins = Joins(Some(task));
            thread::park();
        });
        rest(&runtime);
        drop(runtime);
        assert!(is_cancelled(thread.join()));
    });
}

fn the_end_unwinds(count: usize, runtime: Runtime) {
    let drops = Drops::default();
    let tokens: Vec<_> = (0..count).map(|_| drops.token()).collect();
    let threads = runtime.run(|| {
        let spawn = |token| thread::spawn(move || endless(token));
        tokens.into_iter().map(spawn).collect::<Vec<_>>()
    });
    rest(&runtime);
    assert_eq!(drops.count(), 0);
    drop(runtime);
    assert_eq!(drops.count(), count);
    assert!(
        threads
            .into_iter()
            .all(|thread| is_cancelled(thread.join()))
    );
}

#[test]
fn the_end_of_a_runtime_unwinds_ten_thousand_threads() {
    on_each_size(|runtime| the_end_unwinds(10_000, runtime));
}

#[test]
fn the_end_of_a_runtime_unwinds_a_hundred_thousand_threads() {
    guard(|| the_end_unwinds(100_000, workers(2)));
}

#[test]
fn the_end_of_a_runtime_unwinds_threads_in_scopes() {
    on_each_size(|runtime| {
        let drops = Drops::default();
        let scoped = |own: Token, tokens: [Token; 10]| {
            let _own = own;
            let (mut ended, drops) = ([false; 10], Drops::default());
            thread::scope(|scope| {
                for (ended, token) in ended.iter_mut().zip(tokens) {
                    let last = drops.token();
                    scope.spawn(move || {
                        let _token = token;
                        let _last = last;
                        *ended = true;
                        thread::park();
                    });
                }
            });
        };
        for _ in 0..100 {
            let (own, tokens) = (drops.token(), [(); 10].map(|()| drops.token()));
            drop(runtime.go(move || scoped(own, tokens)));
        }
        rest(&runtime);
        drop(runtime);
        assert_eq!(drops.count(), 1_100);
    });
}

#[test]
fn a_thread_that_is_unparked_just_before_the_end_of_its_runtime_is_unwound() {
    guard(|| {
        for round in 0..2_000 {
            let (runtime, drops) = (workers(1 + round % 3), Drops::default());
            let spawn = |token| runtime.go(move || endless(token));
            let threads = [(); 4].map(|()| spawn(drops.token()));
            rest(&runtime);
            threads.iter().for_each(|thread| thread.thread().unpark());
            (0..round % 50 * 20).for_each(|_| std::hint::spin_loop());
            drop(runtime);
            assert_eq!(drops.count(), 4, "round {round}");
        }
    });
}

#[test]
fn the_report_names_a_thread_that_keeps_its_worker() {
    guard(|| {
        let ((inside, is_inside), (release, released)) = (channel(), channel::<()>());
        let (runtime, drops) = (workers(2), Drops::default());
        let waits = [(); 100]
            .map(|()| drops.token())
            .map(|t| runtime.go(move || endless(t)));
        let blocks = move || {
            inside.send(()).unwrap();
            _ = released.recv();
        };
        let here = line!() + 1;
        let thread = runtime.go(blocks);
        is_inside.recv().unwrap();
        let report = runtime.shutdown_timeout(Duration::from_millis(10));
        let lines: Vec<_> = report
            .still_running()
            .map(|(_, place)| place.line())
            .collect();
        assert!(!report.is_complete() && lines.contains(&here), "{report}");
        drop(release);
        thread.join().unwrap();
        assert!(waits.into_iter().all(|thread| is_cancelled(thread.join())));
        assert_eq!(drops.count(), 100);
        let runtime = workers(2);
        drop(runtime.go(|| endless(Drops::default().token())));
        let report = runtime.shutdown_timeout(Duration::from_secs(50));
        assert!(report.is_complete(), "{report}");
    });
}

/// Waits when it is dropped, until the gate is open.
struct WaitsAtGate(Gate);

impl Drop for WaitsAtGate {
    fn drop(&mut self) {
        virid::block_on(self.0.clone().pass());
    }
}

#[test]
fn the_report_names_a_thread_that_waits_in_a_destructor() {
    guard(|| {
        let (runtime, gate) = (workers(2), Gate::default());
        let waits = WaitsAtGate(gate.clone());
        let here = line!() + 1;
        let thread = runtime.go(move || {
            let _waits = waits;
            thread::park();
        });
        rest(&runtime);
        let report = runtime.shutdown_timeout(Duration::from_millis(10));
        gate.open();
        assert!(is_cancelled(thread.join()));
        let lines: Vec<_> = report
            .still_running()
            .map(|(_, place)| place.line())
            .collect();
        assert_eq!(lines, [here], "{report}");
    });
}

#[test]
fn a_runtime_may_be_dropped_by_one_of_its_own_threads() {
    guard(|| {
        for round in 0..300 {
            let (runtime, drops) = (workers(1 + round % 4), Drops::default());
            let others = [(); 10]
                .map(|()| drops.token())
                .map(|t| runtime.go(move || endless(t)));
            let (handle, own) = (runtime.handle().clone(), drops.token());
            let last = handle.go(move || {
                let _own = own;
                drop(runtime);
                (thread::spawn(|| ()), "returned")
            });
            let (late, text) = last.join().unwrap();
            assert_eq!(text, "returned");
            assert!(is_cancelled(late.join()));
            assert!(others.into_iter().all(|thread| is_cancelled(thread.join())));
            until(|| drops.count() == 11);
        }
    });
}

/// Starts a thread when it is dropped.
struct SpawnsWhenDropped(Handle, Drops, Arc<Mutex<Vec<JoinHandle<()>>>>);

impl Drop for SpawnsWhenDropped {
    fn drop(&mut self) {
        let (one, two) = (self.1.token(), self.1.token());
        let late = [
            self.0.go(move || endless(one)),
            thread::spawn(move || endless(two)),
        ];
        self.2.lock().unwrap().extend(late);
    }
}

#[test]
fn a_thread_that_is_spawned_while_the_runtime_ends_is_cancelled() {
    on_each_size(|runtime| {
        let (drops, late) = (Drops::default(), Arc::default());
        for _ in 0..100 {
            let bomb =
                SpawnsWhenDropped(runtime.handle().clone(), drops.clone(), Arc::clone(&late));
            drop(runtime.go(move || {
                let _bomb = bomb;
                thread::park();
            }));
        }
        rest(&runtime);
        let handle = runtime.handle().clone();
        drop(runtime);
        assert_eq!(drops.count(), 200);
        let late = std::mem::take(&mut *late.lock().unwrap());
        assert!(late.into_iter().all(|thread| is_cancelled(thread.join())));
        assert!(is_cancelled(handle.go(|| ()).join()));
    });
}

#[test]
fn no_panic_hook_hears_of_a_cancel() {
    alone::alone("no_panic_hook_hears_of_a_cancel", || {
        guard(|| {
            let heard = Arc::new(AtomicUsize::new(0));
            let hears = heard.clone();
            set_hook(Box::new(move |_| _ = hears.fetch_add(1, Ordering::SeqCst)));
            let (runtime, drops) = (workers(2), Drops::default());
            let spawn = |token| runtime.go(move || endless(token));
            let threads: Vec<_> = (0..100).map(|_| spawn(drops.token())).collect();
            rest(&runtime);
            threads[..50].iter().for_each(JoinHandle::cancel);
            drop(runtime);
            assert_eq!((drops.count(), heard.load(Ordering::SeqCst)), (100, 0));
        });
    });
}

#[test]
fn results_outlive_the_runtime() {
    on_each_size(|runtime| {
        let drops = Drops::default();
        let spawn = |token| runtime.go(|| (token, vec![8; 100]));
        let threads: Vec<_> = (0..100).map(|_| spawn(drops.token())).collect();
        until(|| threads.iter().all(JoinHandle::is_finished));
        drop(runtime);
        assert_eq!(drops.count(), 0);
        for (index, thread) in threads.into_iter().enumerate() {
            match index % 2 {
                0 => assert_eq!(thread.join().unwrap().1, [8; 100]),
                _ => drop(thread),
            }
            assert_eq!(drops.count(), index + 1);
        }
    });
}

/// Tells how many workers the runtime has that it is dropped in.
struct TellsWhere(Sender<usize>);

impl Drop for TellsWhere {
    fn drop(&mut self) {
        let here = Handle::current().metrics().workers().len();
        self.0.send(here).unwrap();
    }
}

/// When it is dropped, starts a task and waits inside another runtime.
struct WaitsElsewhere(Handle, Option<TellsWhere>);

impl Drop for WaitsElsewhere {
    fn drop(&mut self) {
        let tells = self.1.take();
        drop(virid::spawn(async move { drop(tells) }));
        let _entered = self.0.enter();
        thread::yield_now();
    }
}

#[test]
fn what_the_end_drops_is_not_in_the_runtime_that_a_thread_has_entered() {
    guard(|| {
        let (runtime, other) = (workers(1), workers(3));
        let (place, places) = channel();
        let waits = WaitsElsewhere(other.handle().clone(), Some(TellsWhere(place)));
        drop(runtime.go(move || {
            let _waits = waits;
            thread::park();
        }));
        rest(&runtime);
        drop(runtime);
        assert_eq!(places.recv().unwrap(), 1);
    });
}
