//! Proves what the end of a runtime makes of closures that block: those that wait are
//! dropped and say cancelled, those that run are waited for or named, and none comes
//! after.

#![cfg(not(virid_loom))]

#[path = "support/closures.rs"]
mod closures;
#[path = "support/drops.rs"]
mod drops;
#[path = "support/sizes.rs"]
mod sizes;
mod support;
#[path = "support/until.rs"]
mod until;
#[path = "support/workers.rs"]
mod workers;

use closures::block;
use drops::{Drops, Token};
use sizes::on_each_size;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::time::Duration;
use support::guard;
use until::until;
use virid::task::JoinHandle;
use virid::{Builder, Runtime};
use workers::workers;

const AN_HOUR: Duration = Duration::from_secs(3_600);

fn closure(token: Token) -> impl FnOnce() + Send {
    move || drop(token)
}

/// One closure runs, and so many wait behind it.
fn busy(count: usize, drops: &Drops) -> (Runtime, closures::Release, Vec<JoinHandle<()>>) {
    let builder = Builder::new().worker_threads(2).max_blocking_threads(1);
    let runtime = builder.build().unwrap();
    let (waits, release, has_begun) = block();
    let token = drops.token();
    let first = runtime.spawn_blocking(move || {
        waits.wait();
        drop(token);
    });
    has_begun.recv().unwrap();
    let rest = (0..count).map(|_| runtime.spawn_blocking(closure(drops.token())));
    let handles = std::iter::once(first).chain(rest).collect();
    (runtime, release, handles)
}

#[test]
fn the_drop_waits_for_what_runs_and_cancels_what_waits() {
    guard(|| {
        let drops = Drops::default();
        let (runtime, release, handles) = busy(100, &drops);
        let mut handles = handles.into_iter();
        let first = handles.next().unwrap();
        let is_gone = Arc::<AtomicBool>::default();
        let gone = is_gone.clone();
        let dropper = std::thread::spawn(move || {
            drop(runtime);
            gone.store(true, Ordering::SeqCst);
        });
        // Those that wait are cancelled beside the one that runs.
        for handle in handles {
            assert!(handle.join().unwrap_err().is_cancelled());
        }
        assert_eq!(drops.count(), 100);
        assert!(!is_gone.load(Ordering::SeqCst) && !first.is_finished());
        drop(release);
        dropper.join().unwrap();
        assert_eq!(drops.count(), 101);
        first.join().unwrap();
    });
}

#[test]
fn the_bounded_end_names_what_runs() {
    guard(|| {
        for timeout in [Duration::ZERO, Duration::from_millis(20)] {
            let drops = Drops::default();
            let (runtime, release, mut handles) = busy(10, &drops);
            let first = handles.remove(0);
            let report = runtime.shutdown_timeout(timeout);
            assert!(!report.is_complete());
            let named = report.still_running().find(|&(id, _)| id == first.id());
            let (_, place) = named.expect("the closure is not named");
            assert!(place.file().ends_with("blocking_shutdown.rs"));
            assert!(report.to_string().contains("blocking_shutdown.rs"));
            for handle in handles {
                assert!(handle.join().unwrap_err().is_cancelled());
            }
            drop(release);
            first.join().unwrap();
            assert_eq!(drops.count(), 11);
        }
    });
}

#[test]
fn the_bounded_end_is_complete_when_what_runs_has_ended() {
    guard(|| {
        let drops = Drops::default();
        let (runtime, release, handles) = busy(10, &drops);
        let releaser = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(5));
            drop(release);
        });
        let report = runtime.shutdown_timeout(AN_HOUR);
        assert!(report.is_complete(), "{report}");
        assert_eq!(drops.count(), 11);
        assert!(handles.iter().all(JoinHandle::is_finished));
        releaser.join().unwrap();
        // Nor do idle threads keep it.
        let runtime = workers(1);
        runtime.spawn_blocking(|| ()).join().unwrap();
        assert!(runtime.shutdown_timeout(AN_HOUR).is_complete());
    });
}

#[test]
fn the_end_in_the_background_waits_for_nothing() {
    guard(|| {
        let drops = Drops::default();
        let (runtime, release, mut handles) = busy(10, &drops);
        let first = handles.remove(0);
        runtime.shutdown_background();
        for handle in handles {
            assert!(handle.join().unwrap_err().is_cancelled());
        }
        assert!(!first.is_finished());
        drop(release);
        first.join().unwrap();
        assert_eq!(drops.count(), 11);
    });
}

#[test]
fn after_the_end_a_closure_is_dropped_and_its_handle_says_cancelled() {
    on_each_size(|runtime| {
        let (handle, drops) = (runtime.handle().clone(), Drops::default());
        runtime.spawn_blocking(|| ()).join().unwrap();
        drop(runtime);
        for n in 1..=20 {
            let late = handle.spawn_blocking(closure(drops.token()));
            assert_eq!(drops.count(), n);
            assert!(late.is_finished() && late.join().unwrap_err().is_cancelled());
        }
        assert_eq!(handle.metrics().blocking_threads(), 0);
    });
}

#[test]
fn closures_that_come_while_the_runtime_ends_run_or_are_dropped() {
    guard(|| {
        for round in 0..150 {
            let (runtime, drops) = (workers(1 + round % 3), Drops::default());
            let spawners: Vec<_> = (0..3)
                .map(|_| {
                    let (handle, drops) = (runtime.handle().clone(), drops.clone());
                    std::thread::spawn(move || {
                        let spawn = |_| handle.spawn_blocking(closure(drops.token()));
                        (0..200).map(spawn).collect::<Vec<_>>()
                    })
                })
                .collect();
            let (inside, task_drops) = (Arc::<AtomicUsize>::default(), drops.clone());
            let counts = inside.clone();
            drop(runtime.spawn(async move {
                for _ in 0..200 {
                    counts.fetch_add(1, Ordering::SeqCst);
                    drop(virid::task::spawn_blocking(closure(task_drops.token())));
                    virid::yield_now().await;
                }
            }));
            std::thread::sleep(Duration::from_micros(round as u64 % 30 * 20));
            drop(runtime);
            let handles = spawners.into_iter().flat_map(|s| s.join().unwrap());
            for handle in handles {
                if let Err(error) = handle.join() {
                    assert!(error.is_cancelled());
                }
            }
            assert_eq!(drops.count(), 600 + inside.load(Ordering::SeqCst));
        }
    });
}

#[test]
fn a_closure_may_end_its_own_runtime() {
    guard(|| {
        for way in 0..3 {
            let (runtime, (send, receive)) = (workers(2), channel::<Runtime>());
            let handle = runtime.handle().clone();
            let task = handle.spawn_blocking(move || {
                let runtime = receive.recv().unwrap();
                match way {
                    0 => drop(runtime),
                    1 => runtime.shutdown_background(),
                    _ => {
                        let report = runtime.shutdown_timeout(AN_HOUR);
                        assert!(!report.is_complete());
                        assert!(report.still_running().count() >= 1);
                    }
                }
                7
            });
            send.send(runtime).unwrap();
            assert_eq!(task.join().unwrap(), 7);
            let late = handle.spawn(async {});
            assert!(late.join().unwrap_err().is_cancelled());
        }
    });
}

#[test]
fn a_closure_that_waits_for_a_task_hears_of_the_end() {
    on_each_size(|runtime| {
        let (begins, has_begun) = channel();
        let waits = runtime.spawn_blocking(move || {
            let task = virid::spawn(std::future::pending::<()>());
            let thread = virid::thread::spawn(virid::thread::park);
            let other = virid::task::spawn_blocking(|| ());
            begins.send(()).unwrap();
            assert!(task.join().unwrap_err().is_cancelled());
            assert!(thread.join().is_err());
            // It began before, or never does.
            _ = other.join();
        });
        has_begun.recv().unwrap();
        drop(runtime);
        waits.join().unwrap();
    });
}

#[test]
fn ends_leave_no_thread_behind() {
    guard(|| {
        let ran = Arc::<AtomicUsize>::default();
        for _ in 0..300 {
            let (runtime, ran) = (workers(1), ran.clone());
            let task = runtime.spawn_blocking(move || ran.fetch_add(1, Ordering::SeqCst));
            task.join().unwrap();
        }
        assert_eq!(ran.load(Ordering::SeqCst), 300);
        #[cfg(target_os = "linux")]
        until(|| std::fs::read_dir("/proc/self/task").unwrap().count() < 100);
        #[cfg(not(target_os = "linux"))]
        until(|| true);
    });
}

#[test]
fn a_dropped_closure_may_do_what_a_dropped_future_may() {
    struct Spawns(Token);
    impl Drop for Spawns {
        fn drop(&mut self) {
            let _ = &self.0;
            assert!(virid::spawn(async {}).is_finished());
            panic!("contained");
        }
    }
    guard(|| {
        let drops = Drops::default();
        let builder = Builder::new().worker_threads(1).max_blocking_threads(1);
        let runtime = builder.build().unwrap();
        let (waits, release, has_begun) = block();
        drop(runtime.spawn_blocking(|| waits.wait()));
        has_begun.recv().unwrap();
        let spawns = Spawns(drops.token());
        let task = runtime.spawn_blocking(move || drop(spawns));
        let dropper = std::thread::spawn(move || drop(runtime));
        assert!(task.join().unwrap_err().is_panic());
        assert_eq!(drops.count(), 1);
        drop(release);
        dropper.join().unwrap();
    });
}
