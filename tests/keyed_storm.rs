//! A storm over a few keys: tasks and green threads that end, panic, are aborted at any
//! point or never end; a `Keyed` that is dropped among them, and a runtime that ends. At
//! the end every future was dropped once, and no two of a key ran at a time or out of
//! order. `VIRID_SEED` repeats a run's choices.

#![cfg(not(virid_loom))]

#[path = "support/dice.rs"]
mod dice;
#[path = "support/drops.rs"]
mod drops;
mod support;
#[path = "support/until.rs"]
mod until;
#[path = "support/workers.rs"]
mod workers;

use dice::Dice;
use drops::{Drops, Token};
use std::future::pending;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use support::guard;
use until::until;
use virid::task::{self, AbortHandle, Keyed};
use workers::workers;

const KEYS: usize = 5;
const TASKS: usize = 400;

/// What the tasks of a key share: touched by who has the turn.
#[derive(Default)]
struct OfKey {
    is_inside: AtomicBool,
    last: AtomicUsize,
    /// How often it was another's turn: an assertion would pass for a task's panic.
    faults: AtomicUsize,
}

/// Held by a task while it has the turn, from its first poll to its drop.
struct Turn(
    Arc<OfKey>,
    #[expect(dead_code, reason = "for its drop")] Token,
);

impl Turn {
    fn begin(of_key: Arc<OfKey>, number: usize, token: Token) -> Self {
        let is_second = of_key.is_inside.swap(true, Ordering::Relaxed);
        let last = of_key.last.swap(number, Ordering::Relaxed);
        if is_second || last >= number {
            of_key.faults.fetch_add(1, Ordering::Relaxed);
        }
        Self(of_key, token)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.is_inside.store(false, Ordering::Relaxed);
    }
}

/// One task, by the dice; with its handle where it may be aborted later.
fn spawn(
    keyed: &Keyed<usize>,
    of_keys: &[Arc<OfKey>],
    number: usize,
    token: Token,
    dice: &mut Dice,
) -> Option<AbortHandle> {
    let key = dice.below(KEYS as u64) as usize;
    let of_key = of_keys[key].clone();
    let (kind, yields) = (dice.below(8), dice.below(4));
    if kind == 0 {
        let thread = keyed.go(key, move || {
            let _turn = Turn::begin(of_key, number, token);
            (0..yields).for_each(|_| virid::thread::yield_now());
        });
        if yields == 0 {
            thread.cancel();
        }
        return None;
    }
    let task = keyed.spawn(key, async move {
        let _turn = Turn::begin(of_key, number, token);
        for _ in 0..yields {
            task::yield_now().await;
        }
        match kind {
            // Without the hook, which would print it.
            1 => resume_unwind(Box::new("a storm")),
            2 => pending().await,
            _ => {}
        }
    });
    match kind {
        2 => Some(task.abort_handle()),
        3 => {
            task.abort();
            None
        }
        _ => None,
    }
}

#[test]
fn every_task_ends_once_and_in_its_turn() {
    guard(|| {
        let mut dice = Dice::new();
        for round in 0..60 {
            let runtime = workers(2);
            let keyed = Arc::new(Keyed::new());
            let of_keys: Vec<_> = (0..KEYS).map(|_| Arc::<OfKey>::default()).collect();
            let drops = Drops::default();
            let (shared, mut own, of_spawner) = (keyed.clone(), dice.fork(), of_keys.clone());
            let tokens = drops.clone();
            let spawner = runtime.spawn(async move {
                let mut endless = Vec::new();
                for number in 1..=TASKS {
                    let token = tokens.token();
                    endless.extend(spawn(&shared, &of_spawner, number, token, &mut own));
                    if own.below(16) == 0 {
                        task::yield_now().await;
                    }
                    if own.below(16) == 0 {
                        endless.drain(..).for_each(|task| task.abort());
                    }
                }
                endless
            });
            let endless = spawner.join().unwrap();
            match round % 3 {
                0 => {
                    endless.iter().for_each(AbortHandle::abort);
                    virid::block_on(keyed.wait());
                    assert!(keyed.is_empty());
                }
                1 => drop(keyed),
                _ => {
                    drop(runtime);
                    assert!(keyed.is_empty());
                }
            }
            until(|| drops.count() == TASKS);
            for of_key in of_keys {
                assert_eq!(of_key.faults.load(Ordering::Relaxed), 0);
            }
        }
    });
}
