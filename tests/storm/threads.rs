//! The lives of green threads.

use super::ledger::{Kind, Life, Output};
use super::world::{Cargo, World, spin};
use crate::dice::Dice;
use std::sync::Arc;
use std::time::Duration;
use virid::sync::mpsc;
use virid::thread;

impl World {
    pub(crate) fn thread(self: &Arc<Self>, life: Life, mut dice: Dice) -> Output {
        let cargo = Cargo {
            world: self.clone(),
            dice: dice.fork(),
        };
        life.begin();
        for _ in 0..dice.below(10) {
            self.thread_step(&life, &mut dice);
        }
        if dice.below(16) == 0 {
            let _cargo = cargo;
            life.panic();
        }
        // Before the output, which nobody would drop (rust-lang/rust#47949).
        drop(cargo);
        life.end()
    }

    fn thread_step(self: &Arc<Self>, life: &Life, dice: &mut Dice) {
        let choice = dice.below(22);
        life.step(choice);
        match choice {
            0..=2 => thread::yield_now(),
            3 | 4 => {
                self.keep_current(dice.below(64));
                thread::park();
            }
            5 => {
                let permit = self.semaphore.blocking_acquire();
                if dice.below(2) == 0 {
                    thread::yield_now();
                }
                drop(permit);
            }
            6 => drop(
                self.younger_thread(life.number())
                    .map(|thread| thread.join()),
            ),
            7 => drop(self.younger_task(life.number()).map(|task| task.join())),
            8 => self.wait_for_a_change(dice),
            9 => thread::blocking(|| spin(500)),
            10 | 11 => self.own_a_scope(life, dice),
            12 => thread::sleep(Duration::from_micros(dice.below(400))),
            13 => thread::park_timeout(Duration::from_micros(dice.below(400))),
            14 => self.take_turns(dice),
            15 => self.hear_of_a_thread(dice),
            16 => self.notify.blocking_notified(),
            17 => self.poll_a_task(dice),
            18 if dice.below(30) == 0 => self.burst(dice),
            _ => self.act(dice),
        }
    }

    fn wait_for_a_change(&self, dice: &mut Dice) {
        let guard = self.lock.lock().unwrap_or_else(|error| error.into_inner());
        self.changed.notify_one();
        if dice.below(2) == 0 {
            let wait = Duration::from_micros(dice.below(300));
            drop(self.changed.wait_timeout(guard, wait));
        }
    }

    /// Children that borrow.
    fn own_a_scope(self: &Arc<Self>, life: &Life, dice: &mut Dice) {
        let borrowed = life.number();
        thread::scope(|scope| {
            for _ in 0..dice.below(4) {
                let Some(life) = self.ledger.open(Kind::Thread) else {
                    break;
                };
                let of = dice.fork();
                let child = scope.spawn(move || {
                    debug_assert!(borrowed < life.number());
                    self.thread(life, of)
                });
                match dice.below(4) {
                    0 => child.cancel(),
                    1 => drop(child.join()),
                    _ => {}
                }
            }
        });
    }

    fn hear_of_a_thread(self: &Arc<Self>, dice: &mut Dice) {
        let Some(life) = self.ledger.open(Kind::Thread) else {
            return;
        };
        let (sender, receiver) = mpsc::channel();
        let times = dice.below(4);
        let child = self.handle.go(move || {
            life.begin();
            for number in 0..times {
                _ = sender.send(number);
                thread::yield_now();
            }
            life.end()
        });
        if dice.below(4) == 0 {
            child.cancel();
        }
        receiver.iter().for_each(drop);
    }

    /// A task's future on this stack.
    fn poll_a_task(self: &Arc<Self>, dice: &mut Dice) {
        if let Some(life) = self.ledger.open(Kind::Task) {
            drop(virid::block_on(self.task(life, dice.fork())));
        }
    }

    /// More than the worker's queue takes before who spawns has to wait.
    fn burst(self: &Arc<Self>, dice: &mut Dice) {
        for _ in 0..1_200 {
            self.spawn_small(dice);
        }
    }
}
