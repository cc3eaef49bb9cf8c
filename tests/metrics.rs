//! Proves that the numbers of a runtime are right where they can be exact, and
//! within what the scheduler promises where they cannot.

#![cfg(not(virid_loom))]

#[path = "support/occupied.rs"]
mod occupied;
#[path = "support/rest.rs"]
mod rest;
mod support;
#[path = "support/until.rs"]
mod until;
#[path = "support/workers.rs"]
mod workers;

use occupied::occupy;
use rest::rest;
use std::future::poll_fn;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Barrier, Mutex};
use std::task::{Poll, Waker};
use std::thread;
use std::time::Duration;
use support::guard;
use until::until;
use virid::Runtime;
use virid::metrics::{RuntimeMetrics, WorkerMetrics};
use workers::workers;

/// The numbers once every worker is parked and no signal is on its way, so that
/// none of them changes.
fn at_rest(runtime: &Runtime) -> RuntimeMetrics {
    rest(runtime);
    runtime.metrics()
}

fn sum(metrics: &RuntimeMetrics, of: fn(&WorkerMetrics) -> u64) -> u64 {
    metrics.workers().iter().map(of).sum()
}

#[test]
fn on_one_worker_every_spawn_poll_and_injection_is_counted_exactly() {
    guard(|| {
        let runtime = workers(1);
        let parent = runtime.spawn(async {
            // One poll each, then three, then one more of this task for each
            // child that is awaited.
            (0..100).for_each(|_| drop(virid::spawn(async {})));
            for _ in 0..10 {
                drop(virid::spawn(async {
                    virid::yield_now().await;
                    virid::yield_now().await;
                }));
            }
            for _ in 0..5 {
                virid::spawn(async {}).await.unwrap();
            }
        });
        parent.join().unwrap();
        (0..20).for_each(|_| runtime.spawn(async {}).join().unwrap());
        let metrics = at_rest(&runtime);
        let worker = metrics.workers()[0];
        assert_eq!(worker.spawned(), 115);
        assert_eq!(worker.polled(), 100 + 30 + 5 + 6 + 20);
        assert_eq!(worker.injected(), 21);
        assert_eq!(worker.stolen(), 0);
        assert_eq!(worker.signals(), 0);
        assert_eq!(worker.queue_depth(), 0);
        assert_eq!(metrics.polled(), worker.polled());
        assert_eq!(metrics.injector_depth(), 0);
    });
}

#[test]
fn a_poll_that_panics_counts_and_an_abort_of_a_suspended_task_is_no_spawn() {
    guard(|| {
        let runtime = workers(1);
        let panics = runtime.spawn(async { std::panic::resume_unwind(Box::new(())) });
        assert!(panics.join().is_err());
        let before = at_rest(&runtime).workers()[0];
        assert_eq!((before.polled(), before.injected()), (1, 1));
        assert_eq!((before.finished(), before.running()), (1, 0));
        let task = runtime.spawn(std::future::pending::<()>());
        runtime.spawn(async {}).join().unwrap();
        task.abort();
        assert!(task.join().is_err());
        let after = at_rest(&runtime).workers()[0];
        assert_eq!(after.spawned(), 0);
        assert_eq!(after.injected(), 4);
        assert_eq!((after.finished(), after.running()), (3, 0));
    });
}

#[test]
fn on_many_workers_the_sums_are_what_was_done() {
    guard(|| {
        for count in [2, 3, 4] {
            for _ in 0..20 {
                let runtime = workers(count);
                let parents: Vec<_> = (0..10)
                    .map(|_| {
                        runtime.spawn(async {
                            for _ in 0..500 {
                                drop(virid::spawn(async {}));
                            }
                        })
                    })
                    .collect();
                parents.into_iter().for_each(|task| task.join().unwrap());
                until(|| runtime.metrics().polled() == 5_010);
                let metrics = at_rest(&runtime);
                assert_eq!(sum(&metrics, WorkerMetrics::spawned), 5_000);
                assert_eq!(metrics.polled(), 5_010);
                // A worker polls what was spawned on it, injected, or stolen.
                for worker in metrics.workers() {
                    let taken = worker.spawned() + worker.injected() + worker.stolen();
                    assert!(worker.polled() <= taken, "{metrics}");
                    assert_eq!(worker.queue_depth(), 0);
                }
                assert_eq!(metrics.injector_depth(), 0);
            }
        }
    });
}

#[test]
fn tasks_from_other_threads_are_counted_as_injected_or_stolen_on() {
    guard(|| {
        for count in [1, 2, 4] {
            let runtime = workers(count);
            for round in 1..=50_u64 {
                let tasks: Vec<_> = (0..100).map(|_| runtime.spawn(async {})).collect();
                tasks.into_iter().for_each(|task| task.join().unwrap());
                let metrics = at_rest(&runtime);
                let injected = sum(&metrics, WorkerMetrics::injected);
                let stolen = sum(&metrics, WorkerMetrics::stolen);
                // What a thief takes on before the taker has counted is
                // counted by the thief.
                assert!(injected <= 100 * round, "{metrics}");
                assert!(injected + stolen >= 100 * round, "{metrics}");
                assert!(count > 1 || injected == 100 * round, "{metrics}");
            }
        }
    });
}

#[test]
fn wakes_from_other_threads_are_injected_too() {
    guard(|| {
        let (runtime, slot) = (workers(1), Arc::<Mutex<Option<Waker>>>::default());
        let (kept, mut polls) = (slot.clone(), 0);
        let task = runtime.spawn(poll_fn(move |context| {
            polls += 1;
            if polls == 11 {
                return Poll::Ready(());
            }
            *kept.lock().unwrap() = Some(context.waker().clone());
            Poll::Pending
        }));
        for _ in 0..10 {
            until(|| slot.lock().unwrap().is_some());
            let waker = slot.lock().unwrap().take().unwrap();
            at_rest(&runtime);
            waker.wake();
        }
        task.join().unwrap();
        let worker = at_rest(&runtime).workers()[0];
        assert_eq!((worker.injected(), worker.polled()), (11, 11));
    });
}

/// Every signal ends one wait of one worker, and nothing else does.
#[test]
fn parks_unparks_and_signals_match_whatever_was_done() {
    guard(|| {
        for count in [1, 2, 4, 8] {
            let runtime = workers(count);
            let fresh = at_rest(&runtime);
            assert_eq!(sum(&fresh, WorkerMetrics::parked), count as u64);
            assert_eq!(fresh.signals(), 0);
            for round in 0..100 {
                let parent = runtime.spawn(async move {
                    for _ in 0..round {
                        virid::spawn(async { virid::yield_now().await })
                            .await
                            .unwrap();
                    }
                });
                parent.join().unwrap();
                let metrics = at_rest(&runtime);
                let (parked, unparked) = (
                    sum(&metrics, WorkerMetrics::parked),
                    sum(&metrics, WorkerMetrics::unparked),
                );
                assert_eq!(parked, unparked + count as u64);
                assert_eq!(metrics.signals(), unparked, "{metrics}");
            }
        }
    });
}

/// All on one core, where a worker may go on before whoever has signalled it does.
#[test]
fn no_worker_has_been_unparked_by_a_signal_that_is_not_counted() {
    guard(|| {
        let cores = core_affinity::get_core_ids().unwrap_or_default();
        if let Some(core) = cores.first() {
            core_affinity::set_for_current(*core);
        }
        let runtime = workers(1);
        let count = || {
            let metrics = virid::Handle::current().metrics();
            (sum(&metrics, WorkerMetrics::unparked), metrics.signals())
        };
        for _ in 0..5_000 {
            rest(&runtime);
            let (unparked, signals) = runtime.spawn(async move { count() }).join().unwrap();
            assert!(unparked <= signals, "{unparked} unparks, {signals} signals");
            // One that goes on where it has waited is sent home.
            let thread = runtime.go(move || {
                virid::thread::park();
                count()
            });
            rest(&runtime);
            thread.thread().unpark();
            let (unparked, signals) = thread.join().unwrap();
            assert!(unparked <= signals, "{unparked} unparks, {signals} signals");
        }
    });
}

#[test]
fn a_burst_sends_no_signal_while_the_other_worker_is_busy() {
    guard(|| {
        let runtime = workers(2);
        let busy = occupy(&runtime);
        let before = runtime.metrics().signals();
        let burst = runtime.spawn(async {
            (0..10_000).for_each(|_| drop(virid::spawn(async {})));
        });
        burst.join().unwrap();
        until(|| runtime.metrics().polled() == 10_002);
        // One for the burst itself, at most, and none for what it spawned.
        assert!(runtime.metrics().signals() <= before + 1);
        drop(busy);
    });
}

#[test]
fn a_burst_sends_one_signal_at_most_to_a_worker_that_then_stays_busy() {
    guard(|| {
        for _ in 0..20 {
            let runtime = workers(2);
            at_rest(&runtime);
            let (done, together) = (Arc::<AtomicUsize>::default(), Arc::new(Barrier::new(2)));
            let burst = runtime.spawn(async move {
                let before = runtime_signals();
                let other = together.clone();
                drop(virid::spawn(async move { _ = other.wait() }));
                for _ in 1..10_000 {
                    let done = done.clone();
                    drop(virid::spawn(async move {
                        _ = done.fetch_add(1, Ordering::SeqCst)
                    }));
                }
                let sent = runtime_signals() - before;
                together.wait();
                sent
            });
            // The other one is the signal that brought the burst itself.
            assert!(burst.join().unwrap() <= 2);
        }
    });
}

fn runtime_signals() -> u64 {
    virid::Handle::current().metrics().signals()
}

#[test]
fn an_idle_runtime_counts_nothing() {
    guard(|| {
        let runtime = workers(4);
        let tasks: Vec<_> = (0..1_000).map(|_| runtime.spawn(async {})).collect();
        tasks.into_iter().for_each(|task| task.join().unwrap());
        let suspended = runtime.spawn(std::future::pending::<()>());
        until(|| runtime.metrics().polled() == 1_001);
        let before = at_rest(&runtime);
        thread::sleep(Duration::from_secs(1));
        assert_eq!(runtime.metrics(), before);
        assert!(!suspended.is_finished());
    });
}

#[test]
fn depths_are_the_tasks_that_wait() {
    guard(|| {
        let runtime = workers(1);
        let (release, released) = channel::<()>();
        let (inside, is_inside) = channel();
        let busy = runtime.spawn(async move {
            (0..70).for_each(|_| drop(virid::spawn(async {})));
            inside.send(()).unwrap();
            _ = released.recv();
        });
        is_inside.recv().unwrap();
        let tasks: Vec<_> = (0..30).map(|_| runtime.spawn(async {})).collect();
        let metrics = runtime.metrics();
        assert_eq!(metrics.workers()[0].queue_depth(), 70);
        assert_eq!(metrics.injector_depth(), 30);
        assert_eq!(metrics.workers()[0].polled(), 1);
        drop(release);
        busy.join().unwrap();
        tasks.into_iter().for_each(|task| task.join().unwrap());
        let metrics = at_rest(&runtime);
        assert_eq!(metrics.workers()[0].queue_depth(), 0);
        assert_eq!(metrics.injector_depth(), 0);
        assert_eq!(metrics.polled(), 101);
    });
}

#[test]
fn the_numbers_print_one_line_for_each_worker() {
    guard(|| {
        for count in [1, 3, 64] {
            let runtime = workers(count);
            runtime.spawn(async {}).join().unwrap();
            let metrics = at_rest(&runtime);
            let text = metrics.to_string();
            let number = |line: &str| line.split_whitespace().next()?.parse::<usize>().ok();
            let lines: Vec<_> = text.lines().filter_map(number).collect();
            assert_eq!(lines, (0..count).collect::<Vec<_>>());
            assert!(text.contains("injector"));
            assert_eq!(metrics.clone(), metrics);
        }
    });
}

#[test]
fn the_numbers_stay_readable_after_the_end_and_never_fall() {
    guard(|| {
        let runtime = workers(2);
        let handle = runtime.handle().clone();
        (0..100).for_each(|_| runtime.spawn(async {}).join().unwrap());
        let before = runtime.metrics();
        drop(runtime);
        let after = handle.metrics();
        assert_eq!(after.polled(), 100);
        for (before, after) in before.workers().iter().zip(after.workers()) {
            assert!(before.polled() <= after.polled() && before.parked() <= after.parked());
        }
    });
}

#[test]
fn who_runs_and_what_has_finished_is_counted_for_each_worker() {
    guard(|| {
        let runtime = workers(1);
        let seen = runtime.handle().clone();
        let task = runtime.spawn(async move {
            virid::yield_now().await;
            let own = seen.metrics().workers()[0];
            (own.running(), own.finished())
        });
        assert_eq!(task.join().unwrap(), (1, 0));
        let threads: Vec<_> = (0..10)
            .map(|_| runtime.go(virid::thread::yield_now))
            .collect();
        threads
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
        let own = at_rest(&runtime).workers()[0];
        assert_eq!((own.running(), own.finished()), (0, 11));
        assert_eq!(runtime.metrics().finished(), 11);
    });
}
