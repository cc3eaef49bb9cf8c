//! What a monitor sees of a runtime's spawns, and what it leaves alone.

#![cfg(not(virid_loom))]

#[path = "support/occupied.rs"]
mod occupied;
mod support;
#[path = "support/until.rs"]
mod until;
#[path = "support/workers.rs"]
mod workers;

use occupied::occupy;
use std::future::pending;
use std::panic::Location;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};
use support::guard;
use until::until;
use virid::monitor::{SpawnMonitor, SpawnStats};
use virid::{Handle, Runtime};
use workers::workers;

/// More than the task numbers that a thread takes at once.
const MANY: u64 = 10_000;

fn every_spawn(runtime: &Runtime) -> SpawnMonitor {
    SpawnMonitor::builder().sampling(1).attach(runtime)
}

/// What `spawns` does, in samples: it returns when all its tasks have run.
fn samples_of(monitor: &SpawnMonitor, spawns: impl FnOnce()) -> u64 {
    let before = monitor.samples();
    spawns();
    monitor.samples() - before
}

#[test]
fn every_kind_of_task_from_every_kind_of_thread_is_a_sample() {
    guard(|| {
        for count in [1, 2] {
            let runtime = workers(count);
            let monitor = every_spawn(&runtime);
            let outside = samples_of(&monitor, || {
                for _ in 0..MANY / 2 {
                    runtime.spawn(async {}).join().unwrap();
                    runtime.go(|| ()).join().unwrap();
                }
            });
            assert_eq!(outside, MANY);

            let handle = runtime.handle().clone();
            let new_thread = samples_of(&monitor, || {
                let spawn = move || handle.spawn(async {}).join().unwrap();
                thread::spawn(spawn).join().unwrap();
            });
            assert_eq!(new_thread, 1);

            let in_task = samples_of(&monitor, || {
                let parent = runtime.spawn(async {
                    let tasks: Vec<_> = (0..MANY / 2).map(|_| virid::spawn(async {})).collect();
                    let threads = (0..MANY / 2).map(|_| virid::thread::spawn(|| ()));
                    for thread in threads.collect::<Vec<_>>() {
                        thread.await.unwrap();
                    }
                    for task in tasks {
                        task.await.unwrap();
                    }
                });
                parent.join().unwrap();
            });
            assert_eq!(in_task, MANY + 1);

            let in_thread = samples_of(&monitor, || {
                runtime.run(|| {
                    let spawn = |_| virid::thread::spawn(|| virid::spawn(async {}).join());
                    let threads: Vec<_> = (0..MANY / 2).map(spawn).collect();
                    for thread in threads {
                        thread.join().unwrap().unwrap();
                    }
                });
            });
            assert_eq!(in_thread, MANY + 1);
            let by_worker: u64 = monitor.workers().iter().map(|stats| stats.count).sum();
            assert!(by_worker >= monitor.stats().count);
        }
    });
}

#[test]
fn the_wait_behind_a_busy_worker_is_measured_and_its_place_told() {
    guard(|| {
        let runtime = workers(1);
        let (told, tellings) = channel();
        let monitor = SpawnMonitor::builder()
            .sampling(1)
            .slow_threshold(Duration::from_millis(50))
            .on_slow(move |place: &'static Location<'static>, waited| {
                told.send((place.file(), place.line(), waited)).unwrap();
            })
            .attach(&runtime);
        let release = occupy(&runtime);
        let before = Instant::now();
        let line = line!() + 1;
        let task = runtime.spawn(async {});
        let least = Duration::from_millis(60);
        thread::sleep(least);
        drop(release);
        task.join().unwrap();
        let most = before.elapsed();

        let (file, told_line, waited) = tellings
            .iter()
            .find(|telling| telling.1 == line)
            .expect("the slow spawn was told");
        assert_eq!((file, told_line), (file!(), line));
        assert!(waited >= least && waited <= most, "{waited:?}");
        let stats = monitor.stats();
        assert!(stats.slow >= 1 && stats.max >= waited, "{stats}");
        assert_eq!(monitor.slow_samples(), stats.slow);
    });
}

#[test]
fn a_window_without_samples_is_zero_and_one_that_is_full_keeps_as_many_as_it_is_for() {
    guard(|| {
        let runtime = workers(2);
        let monitor = every_spawn(&runtime);
        let none = SpawnMonitor::builder()
            .sampling(1)
            .window(0)
            .attach(&runtime);
        assert_eq!(monitor.stats(), SpawnStats::default());
        assert!(
            monitor
                .workers()
                .iter()
                .all(|stats| *stats == SpawnStats::default())
        );
        for _ in 0..3_000 {
            runtime.spawn(async {}).join().unwrap();
        }
        let stats = monitor.stats();
        assert_eq!((stats.count, monitor.samples()), (1_000, 3_000));
        assert!(stats.p50 <= stats.p95 && stats.p95 <= stats.p99 && stats.p99 <= stats.max);
        assert!(stats.mean <= stats.max && stats.max > Duration::ZERO);
        assert_eq!(
            (none.stats(), none.samples()),
            (SpawnStats::default(), 3_000)
        );
    });
}

#[test]
fn what_waits_by_the_programs_own_wish_and_what_blocks_is_no_sample() {
    guard(|| {
        let runtime = workers(1);
        let monitor = every_spawn(&runtime);
        let blocking = samples_of(&monitor, || {
            for _ in 0..100 {
                runtime.spawn_blocking(|| ()).join().unwrap();
            }
        });
        assert_eq!(blocking, 0);
        let keyed = samples_of(&monitor, || {
            runtime
                .spawn(async {
                    let keyed = virid::task::Keyed::new();
                    let tasks: Vec<_> = (0..100).map(|_| keyed.spawn(0, async {})).collect();
                    for task in tasks {
                        task.await.unwrap();
                    }
                })
                .join()
                .unwrap();
        });
        assert_eq!(keyed, 2, "the parent, and the first of the key");
    });
}

#[test]
fn a_task_that_never_runs_is_no_sample() {
    guard(|| {
        let runtime = workers(1);
        let monitor = every_spawn(&runtime);
        let dropped = Arc::new(());
        let release = occupy(&runtime);
        for _ in 0..100 {
            let held = Arc::clone(&dropped);
            drop(runtime.spawn(async move {
                let _held = held;
                pending::<()>().await;
            }));
        }
        let before = monitor.samples();
        let ending = thread::spawn(move || drop(runtime));
        thread::sleep(Duration::from_millis(10));
        drop(release);
        ending.join().unwrap();
        assert_eq!(Arc::strong_count(&dropped), 1, "every future was dropped");
        // The end may have come only after some had begun.
        assert!(monitor.samples() - before <= 100);
        assert_eq!(monitor.stats().count, monitor.samples());
    });
}

#[test]
fn a_runtime_is_monitored_apart_from_others_and_from_the_threads_before_it() {
    guard(|| {
        let (seen, unseen) = (workers(1), workers(1));
        // A thread that has numbers left, and hears of the monitor by itself.
        let (begin, end) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
        let older = {
            let (handle, begin, end) = (seen.handle().clone(), begin.clone(), end.clone());
            thread::spawn(move || {
                handle.spawn(async {}).join().unwrap();
                begin.wait();
                end.wait();
                (0..100).for_each(|_| handle.spawn(async {}).join().unwrap());
            })
        };
        begin.wait();
        let monitor = every_spawn(&seen);
        let other = samples_of(&monitor, || {
            for _ in 0..MANY {
                unseen.spawn(async {}).join().unwrap();
            }
        });
        assert_eq!(other, 0);
        let both = samples_of(&monitor, || {
            let handle = seen.handle().clone();
            let from_unseen = unseen.spawn(async move {
                for _ in 0..MANY {
                    virid::spawn(async {}).await.unwrap();
                    handle.spawn(async {}).await.unwrap();
                }
            });
            from_unseen.join().unwrap();
        });
        // A worker of another runtime hears of it with its first spawn here.
        assert!((MANY - 1..=MANY).contains(&both), "{both}");
        let by_older = samples_of(&monitor, || {
            end.wait();
            older.join().unwrap();
        });
        assert!((99..=100).contains(&by_older), "{by_older}");
    });
}

#[test]
fn a_dropped_monitor_sees_and_calls_nothing_and_lets_its_callback_go() {
    guard(|| {
        let runtime = workers(2);
        let (send, receive) = channel();
        let monitor = SpawnMonitor::builder()
            .sampling(1)
            .slow_threshold(Duration::ZERO)
            .on_slow(move |_, _| send.send(()).unwrap())
            .attach(runtime.handle());
        let stays = every_spawn(&runtime);
        runtime.spawn(async {}).join().unwrap();
        receive.recv().unwrap();
        drop(monitor);
        // The workers have not looked up since.
        let left = receive.recv_timeout(Duration::from_secs(60));
        assert_eq!(left, Err(RecvTimeoutError::Disconnected));
        let more = samples_of(&stays, || runtime.spawn(async {}).join().unwrap());
        assert_eq!(more, 1);
    });
}

#[test]
fn a_callback_may_spawn_and_panic_but_not_wait() {
    guard(|| {
        let runtime = workers(1);
        let ran = Arc::new(AtomicU64::new(0));
        let calls = Arc::new(AtomicU64::new(0));
        let monitor = {
            let (ran, calls) = (Arc::clone(&ran), Arc::clone(&calls));
            SpawnMonitor::builder()
                .sampling(1)
                .slow_threshold(Duration::ZERO)
                .on_slow(move |_, _| match calls.fetch_add(1, Ordering::Relaxed) {
                    0 => {
                        let ran = Arc::clone(&ran);
                        let count = async move { _ = ran.fetch_add(1, Ordering::Relaxed) };
                        drop(Handle::current().spawn(count));
                    }
                    1 => virid::block_on(async { unreachable!("refused") }),
                    2 => panic!("in the callback"),
                    _ => {}
                })
                .attach(&runtime)
        };
        for n in 0..10 {
            assert_eq!(runtime.spawn(async move { n }).join().unwrap(), n);
            assert_eq!(runtime.go(move || n).join().unwrap(), n);
        }
        until(|| ran.load(Ordering::Relaxed) == 1);
        assert_eq!(monitor.samples(), 21);
        assert_eq!(calls.load(Ordering::Relaxed), 21);
    });
}

#[test]
fn monitors_come_and_go_while_tasks_are_spawned_and_memory_is_trimmed() {
    guard(|| {
        let runtime = Arc::new(workers(2));
        let ends = Arc::new(AtomicU64::new(0));
        let spawner = |runtime: Arc<Runtime>, ends: Arc<AtomicU64>| {
            move || {
                while ends.load(Ordering::Relaxed) == 0 {
                    let handle = runtime.handle().clone();
                    let parent = runtime.spawn(async move {
                        let green = handle.go(|| 1);
                        let tasks: Vec<_> =
                            (0..100).map(|n| virid::spawn(async move { n })).collect();
                        let mut sum = green.await.unwrap();
                        for task in tasks {
                            sum += task.await.unwrap();
                        }
                        sum
                    });
                    assert_eq!(parent.join().unwrap(), 4_951);
                }
            }
        };
        let spawners: Vec<_> = (0..2)
            .map(|_| thread::spawn(spawner(Arc::clone(&runtime), Arc::clone(&ends))))
            .collect();
        for round in 1..=200 {
            let monitors: Vec<_> = (1..=3)
                .map(|n| {
                    SpawnMonitor::builder()
                        .sampling(n * round)
                        .attach(&*runtime)
                })
                .collect();
            runtime.trim();
            for monitor in &monitors {
                let stats = monitor.stats();
                assert!(stats.p50 <= stats.max && stats.count <= 1_000);
            }
        }
        ends.store(1, Ordering::Relaxed);
        for spawner in spawners {
            spawner.join().unwrap();
        }
    });
}
