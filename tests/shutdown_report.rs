//! Proves that the end of a runtime can be bounded: the wait ends in time, the
//! report names what is still running and nothing else, and what was held up
//! ends when it can.

#![cfg(not(virid_loom))]

#[path = "support/drops.rs"]
mod drops;
#[path = "support/rest.rs"]
mod rest;
mod support;
#[path = "support/until.rs"]
mod until;
#[path = "support/workers.rs"]
mod workers;

use drops::{Drops, Token};
use rest::rest;
use std::future::pending;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Barrier, Mutex};
use std::thread;
use std::time::{Duration, Instant};
use support::guard;
use until::until;
use virid::task::{Id, JoinHandle};
use virid::{Builder, Runtime, ShutdownReport};
use workers::workers;

/// Long enough for every worker that can end, and not waited for where a
/// runtime ends earlier.
const LONG: Duration = Duration::from_secs(40);
const SHORT: Duration = Duration::from_millis(300);

async fn endless(token: Token) {
    let _token = token;
    pending::<()>().await;
}

/// A task inside its poll, which goes on when the sender is dropped.
struct Stuck {
    task: JoinHandle<&'static str>,
    line: u32,
    release: Sender<()>,
}

impl Stuck {
    fn new(runtime: &Runtime, token: Token) -> Self {
        let ((inside, is_inside), (release, released)) = (channel(), channel::<()>());
        let future = async move {
            let _token = token;
            inside.send(()).unwrap();
            _ = released.recv();
            "released"
        };
        let (task, line) = (runtime.spawn(future), line!());
        is_inside.recv().unwrap();
        Self {
            task,
            line,
            release,
        }
    }
}

/// Counts workers that have come to their end.
fn counting(count: usize) -> (Runtime, Arc<AtomicUsize>) {
    let stopped = Arc::<AtomicUsize>::default();
    let in_hook = stopped.clone();
    let builder = Builder::new()
        .worker_threads(count)
        .on_thread_stop(move || _ = in_hook.fetch_add(1, Ordering::SeqCst));
    (builder.build().unwrap(), stopped)
}

/// Lets every worker run a task to its end, and returns when all are parked.
fn warm_up(runtime: &Runtime, count: usize) {
    let together = Arc::new(Barrier::new(count));
    let meet = |_| {
        let together = together.clone();
        runtime.spawn(async move { _ = together.wait() })
    };
    let tasks: Vec<_> = (0..count).map(meet).collect();
    tasks.into_iter().for_each(|task| task.join().unwrap());
    rest(runtime);
}

fn named(report: &ShutdownReport) -> Vec<(Id, u32)> {
    let running = report.still_running();
    running.map(|(id, place)| (id, place.line())).collect()
}

#[test]
fn a_shutdown_in_time_is_complete_and_has_dropped_everything() {
    guard(|| {
        for count in [1, 2, 4] {
            let ((runtime, stopped), drops) = (counting(count), Drops::default());
            let spawn = |_| runtime.spawn(endless(drops.token()));
            let tasks: Vec<_> = (0..1_000).map(spawn).collect();
            let report = runtime.shutdown_timeout(LONG);
            assert!(report.is_complete());
            assert_eq!(report.still_running().count(), 0);
            assert_eq!(report.to_string(), "the runtime has ended");
            assert_eq!(drops.count(), 1_000);
            assert_eq!(stopped.load(Ordering::SeqCst), count);
            for task in tasks {
                assert!(task.join().unwrap_err().is_cancelled());
            }
        }
    });
}

#[test]
fn a_task_stuck_in_a_poll_is_named_and_ends_when_it_is_released() {
    guard(|| {
        for count in [1, 2, 4] {
            let ((runtime, stopped), drops) = (counting(count), Drops::default());
            warm_up(&runtime, count);
            let stuck = Stuck::new(&runtime, drops.token());
            let spawn = |_| runtime.spawn(endless(drops.token()));
            let tasks: Vec<_> = (0..1_000).map(spawn).collect();
            let report = runtime.shutdown_timeout(SHORT);
            assert!(!report.is_complete());
            let id = stuck.task.id();
            assert!(named(&report).contains(&(id, stuck.line)), "{report}");
            let (_, place) = report.still_running().next().unwrap();
            assert!(place.file().ends_with("shutdown_report.rs"));
            let text = report.to_string();
            assert!(text.contains(&format!("task {id}, spawned at")), "{text}");
            assert!(text.contains(&format!("shutdown_report.rs:{}:", stuck.line)));
            drop(stuck.release);
            assert_eq!(stuck.task.join().unwrap(), "released");
            until(|| drops.count() == 1_001);
            until(|| stopped.load(Ordering::SeqCst) == count);
            for task in tasks {
                assert!(task.join().unwrap_err().is_cancelled());
            }
            assert_eq!(drops.count(), 1_001);
        }
    });
}

#[test]
fn every_stuck_task_is_named_once() {
    guard(|| {
        let ((runtime, stopped), drops) = (counting(4), Drops::default());
        let stuck: Vec<_> = (0..4)
            .map(|_| Stuck::new(&runtime, drops.token()))
            .collect();
        let report = runtime.shutdown_timeout(Duration::ZERO);
        let mut wanted: Vec<_> = stuck.iter().map(|one| (one.task.id(), one.line)).collect();
        let mut seen = named(&report.clone());
        wanted.sort_unstable();
        seen.sort_unstable();
        assert_eq!(seen, wanted);
        assert_eq!(report.to_string().lines().count(), 5);
        drop(stuck);
        until(|| stopped.load(Ordering::SeqCst) == 4);
        assert_eq!(drops.count(), 4);
    });
}

/// Its destructor says when it has begun, and waits until the sender is dropped.
struct Slow {
    inside: Sender<Instant>,
    released: Receiver<()>,
}

impl Drop for Slow {
    fn drop(&mut self) {
        _ = self.inside.send(Instant::now());
        _ = self.released.recv();
    }
}

/// A future that is slow to drop, the news of when its drop has begun, and what
/// ends it.
fn slow() -> (
    impl Future<Output = ()> + Send + 'static,
    Receiver<Instant>,
    Sender<()>,
) {
    let ((inside, is_inside), (release, released)) = (channel(), channel());
    let slow = Slow { inside, released };
    let future = async move {
        let _slow = slow;
        pending::<()>().await;
    };
    (future, is_inside, release)
}

#[test]
fn a_stuck_destructor_of_an_aborted_task_is_named() {
    guard(|| {
        let (runtime, stopped) = counting(1);
        let (future, is_inside, release) = slow();
        let (task, line) = (runtime.spawn(future), line!());
        task.abort();
        is_inside.recv().unwrap();
        let report = runtime.shutdown_timeout(Duration::ZERO);
        assert!(!report.is_complete());
        assert_eq!(named(&report), [(task.id(), line)], "{report}");
        drop(release);
        assert!(task.join().unwrap_err().is_cancelled());
        until(|| stopped.load(Ordering::SeqCst) == 1);
    });
}

/// Repeats `attempt` until it had the time to come to what it looks at.
fn repeat(attempt: impl Fn() -> bool) {
    while !attempt() {}
}

/// The report of a shutdown that waits for a short time, and whether the slow drop
/// had begun by then: it may do so when the report is there.
fn report_on(runtime: Runtime, is_inside: &Receiver<Instant>) -> (ShutdownReport, bool) {
    let over = Instant::now() + SHORT;
    let report = runtime.shutdown_timeout(SHORT);
    let in_time = is_inside.try_recv().is_ok_and(|begun| begun < over);
    (report, in_time)
}

#[test]
fn a_stuck_destructor_of_a_queued_task_is_named() {
    guard(|| {
        repeat(|| {
            let (runtime, stopped) = counting(1);
            let (future, is_inside, release) = slow();
            let ((inside, is_spawned), (leave, left)) = (channel(), channel::<()>());
            drop(runtime.spawn(async move {
                inside.send((virid::spawn(future), line!())).unwrap();
                _ = left.recv();
            }));
            let (task, line) = is_spawned.recv().unwrap();
            let handle = runtime.handle().clone();
            let releaser = thread::spawn(move || {
                // The shutdown has begun when a spawn is cancelled at once.
                until(|| handle.spawn(async {}).is_finished());
                drop(leave);
            });
            let (report, in_time) = report_on(runtime, &is_inside);
            assert!(!report.is_complete());
            if in_time {
                assert_eq!(named(&report), [(task.id(), line)], "{report}");
            }
            drop(release);
            assert!(task.join().unwrap_err().is_cancelled());
            releaser.join().unwrap();
            until(|| stopped.load(Ordering::SeqCst) == 1);
            in_time
        });
    });
}

#[test]
fn a_stuck_destructor_of_a_suspended_task_is_named() {
    guard(|| {
        for count in [1, 2] {
            repeat(|| {
                let (runtime, stopped) = counting(count);
                let (future, is_inside, release) = slow();
                let (task, line) = (runtime.spawn(future), line!());
                warm_up(&runtime, count);
                let (report, in_time) = report_on(runtime, &is_inside);
                assert!(!report.is_complete(), "{report}");
                if in_time {
                    assert_eq!(named(&report), [(task.id(), line)], "{report}");
                }
                drop(release);
                assert!(task.join().unwrap_err().is_cancelled());
                until(|| stopped.load(Ordering::SeqCst) == count);
                in_time
            });
        }
    });
}

#[test]
fn a_report_says_complete_only_if_everything_has_ended() {
    guard(|| {
        for round in 0..600 {
            let count = 1 + round % 3;
            let ((runtime, stopped), drops) = (counting(count), Drops::default());
            if round % 2 == 0 {
                warm_up(&runtime, count);
            }
            let tasks = if round % 4 < 2 { 0 } else { 100 };
            for _ in 0..tasks {
                drop(runtime.spawn(endless(drops.token())));
            }
            let report = runtime.shutdown_timeout(Duration::from_micros(round as u64 / 6));
            if report.is_complete() {
                let state = (drops.count(), stopped.load(Ordering::SeqCst));
                assert_eq!(state, (tasks, count), "round {round}");
            }
            until(|| (drops.count(), stopped.load(Ordering::SeqCst)) == (tasks, count));
        }
    });
}

#[test]
fn tasks_that_ended_long_ago_are_not_still_running() {
    guard(|| {
        for count in [1, 2, 4] {
            for _ in 0..50 {
                let (runtime, stopped) = counting(count);
                warm_up(&runtime, count);
                let report = runtime.shutdown_timeout(Duration::ZERO);
                assert_eq!(named(&report), [], "{report}");
                until(|| stopped.load(Ordering::SeqCst) == count);
            }
        }
    });
}

/// A hook that waits until the sender is dropped, and the news that a worker is
/// inside.
fn slow_hook() -> (impl Fn() + Send + Sync + 'static, Receiver<()>, Sender<()>) {
    let ((inside, is_inside), (release, released)) = (channel(), channel());
    let released = Mutex::new(released);
    let hook = move || {
        inside.send(()).unwrap();
        let _ = released.lock().unwrap().recv();
    };
    (hook, is_inside, release)
}

#[test]
fn a_worker_stuck_in_its_start_hook_keeps_the_report_from_being_complete() {
    guard(|| {
        let (hook, is_inside, release) = slow_hook();
        let builder = Builder::new().worker_threads(1).on_thread_start(hook);
        let runtime = builder.build().unwrap();
        is_inside.recv().unwrap();
        let report = runtime.shutdown_timeout(Duration::ZERO);
        assert!(!report.is_complete());
        assert_eq!(named(&report), [], "{report}");
        assert!(!report.to_string().contains("has ended"), "{report}");
        drop(release);
    });
}

#[test]
fn a_worker_stuck_in_its_stop_hook_keeps_the_report_from_being_complete() {
    guard(|| {
        let (hook, _is_inside, release) = slow_hook();
        let builder = Builder::new().worker_threads(1).on_thread_stop(hook);
        let runtime = builder.build().unwrap();
        warm_up(&runtime, 1);
        let report = runtime.shutdown_timeout(SHORT);
        assert!(!report.is_complete());
        assert_eq!(named(&report), [], "{report}");
        assert!(!report.to_string().contains("has ended"), "{report}");
        drop(release);
    });
}

#[test]
fn the_longest_timeout_waits_for_the_last_poll() {
    guard(|| {
        let ((runtime, stopped), drops) = (counting(2), Drops::default());
        let stuck = Stuck::new(&runtime, drops.token());
        drop(runtime.spawn(endless(drops.token())));
        let (handle, release) = (runtime.handle().clone(), stuck.release);
        let releaser = thread::spawn(move || {
            until(|| handle.spawn(async {}).is_finished());
            drop(release);
        });
        assert!(runtime.shutdown_timeout(Duration::MAX).is_complete());
        assert_eq!((drops.count(), stopped.load(Ordering::SeqCst)), (2, 2));
        assert_eq!(stuck.task.join().unwrap(), "released");
        releaser.join().unwrap();
    });
}

#[test]
fn a_shutdown_by_an_own_task_returns_and_names_that_task() {
    guard(|| {
        for count in [1, 2, 4] {
            let ((runtime, stopped), drops) = (counting(count), Drops::default());
            warm_up(&runtime, count);
            let handle = runtime.handle().clone();
            let others: Vec<_> = (0..100)
                .map(|_| handle.spawn(endless(drops.token())))
                .collect();
            let own = drops.token();
            let task = handle.spawn(async move {
                let _own = own;
                runtime.shutdown_timeout(Duration::MAX)
            });
            let id = task.id();
            let report = task.join().unwrap();
            assert!(!report.is_complete());
            assert!(named(&report).iter().any(|(named, _)| *named == id));
            for task in others {
                assert!(task.join().unwrap_err().is_cancelled());
            }
            until(|| stopped.load(Ordering::SeqCst) == count);
            assert_eq!(drops.count(), 101);
        }
    });
}

#[test]
fn a_shutdown_in_a_task_of_another_runtime_waits_as_on_any_thread() {
    guard(|| {
        let (outer, (inner, stopped), drops) = (workers(1), counting(2), Drops::default());
        drop(inner.spawn(endless(drops.token())));
        let report = outer.spawn(async { inner.shutdown_timeout(LONG) });
        assert!(report.join().unwrap().is_complete());
        assert_eq!((drops.count(), stopped.load(Ordering::SeqCst)), (1, 2));
    });
}

#[test]
fn a_shutdown_in_the_background_waits_for_nothing_and_ends_everything() {
    guard(|| {
        for count in [1, 2, 4] {
            let ((runtime, stopped), drops) = (counting(count), Drops::default());
            let stuck = Stuck::new(&runtime, drops.token());
            let spawn = |_| runtime.spawn(endless(drops.token()));
            let tasks: Vec<_> = (0..1_000).map(spawn).collect();
            let handle = runtime.handle().clone();
            runtime.shutdown_background();
            let late = handle.spawn(async {});
            assert!(late.join().unwrap_err().is_cancelled());
            assert!(!stuck.task.is_finished());
            drop(stuck.release);
            assert_eq!(stuck.task.join().unwrap(), "released");
            for task in tasks {
                assert!(task.join().unwrap_err().is_cancelled());
            }
            until(|| stopped.load(Ordering::SeqCst) == count);
            assert_eq!(drops.count(), 1_001);
        }
    });
}
