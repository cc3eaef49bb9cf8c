//! Proves that a worker which hangs on a lock of `std::sync` that is held over spawns
//! is reported with both threads and the ways out, that nothing else is, and that the
//! watchdog is there only while it is needed. Each case runs in a child process.

#![cfg(all(not(virid_loom), target_os = "linux"))]

#[path = "support/alone.rs"]
mod alone;
#[path = "support/child.rs"]
mod child;
mod support;
#[path = "support/threads_named.rs"]
mod threads_named;
#[path = "support/until.rs"]
mod until;
#[path = "support/workers.rs"]
mod workers;

use alone::alone;
use std::fs::{read_dir, read_to_string};
use std::io::Read;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::thread::sleep;
use std::time::{Duration, Instant};
use support::guard;
use threads_named::threads_named;
use until::until;
use virid::thread::{self, JoinHandle};
use virid::{Builder, Runtime};
use workers::workers;

/// More than a worker's queue holds before a thread that spawns has to wait.
const MANY: usize = 1_500;

const WATCHDOG: &str = "virid-watchdog";

/// Spawns with a lock held, and lets the children have it. Says where they come from.
fn lock_over_spawns(lock: &Arc<Mutex<usize>>) -> Vec<JoinHandle<()>> {
    let mut guard = lock.lock().unwrap();
    *guard += 1;
    let child = |lock: Arc<Mutex<usize>>| move || *lock.lock().unwrap() += 1;
    println!("child: {}:{}:", file!(), line!() + 1);
    let threads = (0..MANY).map(|_| thread::spawn(child(lock.clone())));
    threads.collect()
}

/// As many programs do that come from threads of the system.
fn program(runtime: &Runtime, spawn: fn(&Arc<Mutex<usize>>) -> Vec<JoinHandle<()>>) {
    println!("spawner: {}:{}:", file!(), line!() + 1);
    let main = runtime.go(move || {
        let lock = Arc::<Mutex<usize>>::default();
        for thread in spawn(&lock) {
            thread.join().unwrap();
        }
        *lock.lock().unwrap()
    });
    assert_eq!(main.join().unwrap(), MANY + 1);
    println!("ended");
}

/// Runs a test again in a child that hangs, and kills it when its watchdog has said
/// something and is gone. What it has said, and the places of both threads.
fn hears(test: &str, role: &str) -> (String, String, String) {
    let mut child = child::start(test, role, &[]);
    let tasks = format!("/proc/{}/task", child.id());
    let watches = || {
        let names = read_dir(&tasks).unwrap().filter_map(|task| {
            // A thread may end meanwhile.
            read_to_string(task.ok()?.path().join("comm")).ok()
        });
        names.into_iter().any(|name| name.trim_end() == WATCHDOG)
    };
    until(|| {
        sleep(Duration::from_millis(10));
        watches()
    });
    until(|| {
        sleep(Duration::from_millis(10));
        !watches()
    });
    child.kill().unwrap();
    let (mut out, mut said) = (String::new(), String::new());
    child
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut out)
        .unwrap();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut said)
        .unwrap();
    child.wait().unwrap();
    assert!(!out.contains("ended"), "{out}");
    let place = |of: &str| {
        let line = out.lines().find_map(|line| line.split_once(of));
        line.expect("a place").1.to_owned()
    };
    (said, place("child: "), place("spawner: "))
}

#[test]
fn a_lock_held_over_spawns_is_reported_with_both_places_and_the_ways_out() {
    const NAME: &str = "a_lock_held_over_spawns_is_reported_with_both_places_and_the_ways_out";
    if let Some(role) = child::role() {
        // The guard ends the child should its parent not do so.
        return guard(move || program(&workers(role.parse().unwrap()), lock_over_spawns));
    }
    guard(|| {
        for size in ["1", "2", "8"] {
            let (said, child, spawner) = hears(NAME, size);
            assert_eq!(said.matches("virid: worker ").count(), 1, "{said}");
            let blocked = said.find(&child).expect("no place of the child");
            let waits = said.find(&spawner).expect("no place of the spawner");
            assert!(blocked < waits, "{said}");
            for part in [
                "is blocked",
                "is suspended while it spawns",
                "lock of std::sync",
                "drop the lock's guard before spawning",
                "virid::thread::no_suspend",
                "virid::Builder::spawn_yields(false)",
            ] {
                assert!(said.contains(part), "{part} in {said}");
            }
        }
    });
}

/// An async task comes to the lock first.
fn lock_of_a_task(lock: &Arc<Mutex<usize>>) -> Vec<JoinHandle<()>> {
    let mut guard = lock.lock().unwrap();
    *guard += 1;
    let kept = lock.clone();
    println!("child: {}:{}:", file!(), line!() + 1);
    drop(virid::spawn(async move { *kept.lock().unwrap() += 1 }));
    (0..MANY).map(|_| thread::spawn(|| ())).collect()
}

#[test]
fn an_async_task_that_blocks_on_such_a_lock_is_reported() {
    const NAME: &str = "an_async_task_that_blocks_on_such_a_lock_is_reported";
    if child::role().is_some() {
        return guard(|| program(&workers(1), lock_of_a_task));
    }
    guard(|| {
        let (said, task, spawner) = hears(NAME, "hangs");
        assert_eq!(said.matches("virid: worker ").count(), 1, "{said}");
        assert!(said.contains(&task) && said.contains(&spawner), "{said}");
    });
}

/// Runs `body` in a child, which must say nothing.
fn is_silent(test: &str, body: impl FnOnce()) {
    if child::role().is_some() {
        return body();
    }
    let output = child::run(test, "silent", &[]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{said}");
}

#[test]
fn where_a_spawn_never_waits_the_same_program_ends() {
    is_silent("where_a_spawn_never_waits_the_same_program_ends", || {
        for size in [1, 2, 8] {
            let builder = Builder::new().worker_threads(size).spawn_yields(false);
            program(&builder.build().unwrap(), lock_over_spawns);
            program(&workers(size), |lock| {
                thread::no_suspend(|| lock_over_spawns(lock))
            });
            assert_eq!(threads_named(WATCHDOG), 0);
        }
    });
}

/// Makes a thread that spawns until it has to wait, and begins with `first`.
fn spawner(runtime: &Runtime, first: impl FnOnce() + Send + 'static) -> JoinHandle<()> {
    runtime.go(move || {
        let first = thread::spawn(first);
        let others: Vec<_> = (0..MANY).map(|_| thread::spawn(|| ())).collect();
        first.join().unwrap();
        others.into_iter().for_each(|other| other.join().unwrap());
    })
}

fn computes(time: Duration) {
    let start = Instant::now();
    while start.elapsed() < time {
        std::hint::spin_loop();
    }
}

#[test]
fn a_thread_that_computes_while_a_spawner_waits_is_not_blamed() {
    const NAME: &str = "a_thread_that_computes_while_a_spawner_waits_is_not_blamed";
    is_silent(NAME, || {
        let runtime = workers(1);
        spawner(&runtime, || {
            until(|| threads_named(WATCHDOG) == 1);
            computes(Duration::from_secs(3));
        })
        .join()
        .unwrap();
    });
}

#[test]
fn a_thread_that_blocks_again_and_again_and_not_for_long_is_not_blamed() {
    const NAME: &str = "a_thread_that_blocks_again_and_again_and_not_for_long_is_not_blamed";
    is_silent(NAME, || {
        let runtime = workers(1);
        spawner(&runtime, || {
            until(|| threads_named(WATCHDOG) == 1);
            for _ in 0..12 {
                sleep(Duration::from_millis(240));
                thread::yield_now();
            }
        })
        .join()
        .unwrap();
    });
}

#[test]
fn a_thread_that_blocks_while_no_spawner_waits_is_not_blamed() {
    const NAME: &str = "a_thread_that_blocks_while_no_spawner_waits_is_not_blamed";
    is_silent(NAME, || {
        let runtime = workers(1);
        // The watchdog is there, and awake.
        spawner(&runtime, || ()).join().unwrap();
        until(|| threads_named(WATCHDOG) == 1);
        let sleeps = || sleep(Duration::from_millis(2_500));
        runtime.run(sleeps);
        // And asleep.
        runtime.run(sleeps);
    });
}

#[test]
fn spawners_that_wait_again_and_again_are_no_hang() {
    is_silent("spawners_that_wait_again_and_again_are_no_hang", || {
        let runtime = workers(2);
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(3) {
            let spawners: Vec<_> = (0..4).map(|_| spawner(&runtime, || ())).collect();
            spawners
                .into_iter()
                .for_each(|thread| thread.join().unwrap());
        }
    });
}

/// What the watchdog's thread has cost so far.
fn cost() -> Vec<String> {
    let mut tasks = read_dir("/proc/self/task").unwrap();
    let own = tasks.find_map(|task| {
        let path = task.unwrap().path();
        (read_to_string(path.join("comm")).unwrap().trim_end() == WATCHDOG).then_some(path)
    });
    let own = own.expect("no watchdog");
    let status = read_to_string(own.join("status")).unwrap();
    let switches = status.lines().filter(|line| line.contains("ctxt_switches"));
    let mut cost: Vec<_> = switches.map(str::to_owned).collect();
    // What it has run for, in nanoseconds.
    cost.push(read_to_string(own.join("schedstat")).unwrap());
    cost
}

#[test]
fn the_watchdog_is_there_from_the_first_wait_and_costs_nothing_while_none_waits() {
    const NAME: &str =
        "the_watchdog_is_there_from_the_first_wait_and_costs_nothing_while_none_waits";
    alone(NAME, || {
        guard(|| {
            // One worker, from which nobody takes what would make a spawner wait.
            let runtime = workers(1);
            let few: Vec<_> = (0..100).map(|_| runtime.go(|| ())).collect();
            few.into_iter().for_each(|thread| thread.join().unwrap());
            runtime.run(|| thread::spawn(|| ()).join().unwrap());
            assert_eq!(threads_named(WATCHDOG), 0);

            for _ in 0..2 {
                spawner(&runtime, || ()).join().unwrap();
                until(|| threads_named(WATCHDOG) == 1);
                // It falls asleep; the guard ends a wait for one that never does.
                let mut before = cost();
                loop {
                    sleep(Duration::from_millis(1_200));
                    let now = cost();
                    if now == before {
                        break;
                    }
                    before = now;
                }
                sleep(Duration::from_secs(2));
                assert_eq!(cost(), before);
            }
            drop(runtime);
            until(|| threads_named(WATCHDOG) == 0);
        });
    });
}

#[test]
fn it_ends_with_its_runtime_however_that_ends() {
    alone("it_ends_with_its_runtime_however_that_ends", || {
        guard(|| {
            for round in 0..60 {
                // Others may take so much that the spawner need not wait.
                let runtime = workers(1 + round % 2 * (round % 3));
                let ((inside, is_inside), (release, released)) = (channel(), channel::<()>());
                let waits = spawner(&runtime, move || {
                    inside.send(()).unwrap();
                    _ = released.recv();
                });
                is_inside.recv().unwrap();
                if round % 2 == 0 {
                    until(|| threads_named(WATCHDOG) == 1);
                }
                if round % 4 < 2 {
                    drop(release);
                } else {
                    // At the end of the runtime a thread still waits.
                    std::thread::spawn(move || {
                        sleep(Duration::from_millis(1));
                        drop(release);
                    });
                }
                match round % 5 {
                    0 => drop(runtime),
                    1 => runtime.shutdown_background(),
                    2 => assert!(
                        runtime
                            .shutdown_timeout(Duration::from_secs(50))
                            .is_complete()
                    ),
                    3 => drop(runtime.handle().clone().go(move || drop(runtime))),
                    _ => drop(std::thread::spawn(move || drop(runtime))),
                }
                _ = waits.join();
                until(|| threads_named(WATCHDOG) == 0);
            }
        });
    });
}
