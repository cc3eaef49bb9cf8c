//! Proves that tasks, green threads, closures that block and all that owns them, in many
//! hands, with panics, aborts, timers, wakes from strangers, destructors that spawn, wait
//! and panic, threads that lose their processor at any instruction, and wakes that nobody
//! meant, are over exactly once however a runtime ends; and that none is lost: half of
//! the rounds go on until the last life has ended by itself.
//!
//! ```text
//! VIRID_STORM_SECONDS=3600 cargo test --release --test storm -- --nocapture
//! ```
//!
//! runs an hour, half of it with membarrier and half without. `VIRID_SEED` repeats a
//! run's choices; the seed and the totals are printed. Where nothing goes on for 30 s, or
//! anything is wrong, it says what there is and aborts.

#![cfg(all(
    not(virid_loom),
    target_os = "linux",
    feature = "sync",
    feature = "time"
))]

#[path = "support/dice.rs"]
mod dice;
#[path = "storm/ledger.rs"]
mod ledger;
#[path = "storm/stalls.rs"]
mod stalls;
#[path = "storm/tasks.rs"]
mod tasks;
#[path = "storm/threads.rs"]
mod threads;
#[path = "storm/watch.rs"]
mod watch;
#[path = "storm/world.rs"]
mod world;

use dice::Dice;
use ledger::Totals;
use stalls::Disturber;
use std::env;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread::{self, sleep};
use std::time::{Duration, Instant};
use virid::{Builder, Runtime};
use world::{World, spin};

/// How a round ends.
#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    /// When all lives have ended by themselves.
    Last,
    Drop,
    Timeout,
    Background,
    /// By one of its own tasks.
    Task,
    /// By one of its own green threads.
    Thread,
    Blocking,
}

const ENDS: [End; 12] = [
    End::Last,
    End::Last,
    End::Last,
    End::Last,
    End::Last,
    End::Last,
    End::Drop,
    End::Timeout,
    End::Background,
    End::Task,
    End::Thread,
    End::Blocking,
];

fn build(dice: &mut Dice) -> (Runtime, usize) {
    let workers = [1, 2, 2, 3, 4, 8, 16, 32][dice.below(8) as usize];
    let runtime = Builder::new()
        .worker_threads(workers)
        .max_blocking_threads(1 + dice.below(3) as usize)
        .thread_keep_alive(Duration::from_micros(dice.below(3_000)))
        .spawn_yields(dice.below(4) != 0)
        .on_thread_start(stalls::join_in)
        .on_thread_stop(stalls::leave)
        .build()
        .unwrap();
    (runtime, workers)
}

/// Acts from outside and waits for some of what it finds.
fn help(world: &Arc<World>, mut dice: Dice) {
    stalls::join_in();
    for _ in 0..dice.below(3_000) {
        world.act(&mut dice);
        if dice.below(100) == 0
            && let Some(task) = world.younger_task(0)
        {
            drop(task.join());
        }
        if dice.below(100) == 0
            && let Some(thread) = world.younger_thread(0)
        {
            drop(virid::block_on(async { thread.await }));
        }
    }
    stalls::leave();
}

/// Waits, while others do what leads to it. The watchdog is the limit.
fn wait_until(is: impl Fn() -> bool, meanwhile: impl Fn()) {
    while !is() {
        meanwhile();
        sleep(Duration::from_micros(200));
    }
}

fn end(runtime: Runtime, how: End) {
    match how {
        End::Last | End::Drop => drop(runtime),
        End::Timeout => {
            let report = runtime.shutdown_timeout(Duration::from_secs(1 << 30));
            if !report.is_complete() {
                watch::fail(&format!("{report:?}"));
            }
        }
        End::Background => runtime.shutdown_background(),
        End::Task => {
            let handle = runtime.handle().clone();
            drop(handle.spawn(async move { drop(runtime) }));
        }
        End::Thread => {
            let handle = runtime.handle().clone();
            drop(handle.go(move || drop(runtime)));
        }
        End::Blocking => {
            let handle = runtime.handle().clone();
            drop(handle.spawn_blocking(move || drop(runtime)));
        }
    }
}

fn round(number: u64, dice: &mut Dice) -> Totals {
    let (runtime, workers) = build(dice);
    let how = ENDS[dice.below(ENDS.len() as u64) as usize];
    let most = 1 + dice.below(9_000) as usize;
    let world = World::new(most, runtime.handle());
    let what = format!("round {number}: {workers} workers, at most {most} lives, {how:?}");
    watch::round(what, &world.ledger, runtime.handle());
    let helpers: Vec<_> = (0..2)
        .map(|_| {
            let (world, dice) = (world.clone(), dice.fork());
            thread::spawn(move || help(&world, dice))
        })
        .collect();
    for _ in 0..dice.below(300) {
        world.act(dice);
    }
    if how == End::Last {
        let are_done = || helpers.iter().all(thread::JoinHandle::is_finished);
        wait_until(|| are_done() && world.ledger.is_over(), || world.wake_all());
    } else if dice.below(2) == 0 {
        spin(dice.below(2_000_000));
    }
    end(runtime, how);
    for helper in helpers {
        helper.join().unwrap();
    }
    world.clear();
    if !matches!(how, End::Last | End::Drop | End::Timeout) {
        // Some workers are still at it, and what they drop may be kept once more.
        wait_until(|| world.ledger.is_settled(), || world.clear());
    }
    world.ledger.check();
    world.ledger.totals()
}

fn storm(seconds: u64, membarrier: &str) {
    // What panics here is meant to.
    std::panic::set_hook(Box::new(|_| ()));
    watch::start();
    let mut dice = Dice::new();
    let disturber = Disturber::start(dice.fork());
    let (start, mut rounds, mut totals) = (Instant::now(), 0, Totals::default());
    let mut longest = Duration::ZERO;
    while rounds == 0 || start.elapsed().as_secs() < seconds {
        let began = Instant::now();
        totals.add(round(rounds, &mut dice));
        longest = longest.max(began.elapsed());
        rounds += 1;
    }
    drop(disturber);
    let signals = Disturber::signals();
    println!(
        "membarrier {membarrier}: {rounds} rounds, the longest {longest:?}, {signals} signals, \
         {totals:?}"
    );
}

#[test]
fn every_life_is_over_exactly_once_in_a_storm_of_all_kinds() {
    const TEST: &str = "every_life_is_over_exactly_once_in_a_storm_of_all_kinds";
    let seconds = env::var("VIRID_STORM_SECONDS").map_or(16, |text| text.parse().unwrap());
    if let Ok(membarrier) = env::var("VIRID_MEMBARRIER") {
        return storm(seconds / 2, &membarrier);
    }
    for membarrier in ["on", "off"] {
        // Its output is not kept: who looks on sees the seed of a run that hangs.
        let status = Command::new(env::current_exe().unwrap())
            .args(["--exact", TEST, "--nocapture"])
            .env("VIRID_MEMBARRIER", membarrier)
            .stdin(Stdio::null())
            .status()
            .unwrap();
        assert!(status.success(), "membarrier {membarrier}: {status}");
    }
}
