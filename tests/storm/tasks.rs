//! The lives of async tasks.

use super::ledger::{Kind, Life};
use super::world::{Boxed, Cargo, KEYS, Turn, World, alone};
use crate::dice::Dice;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use virid::sync::oneshot;
use virid::task::{self, JoinSet};
use virid::thread;
use virid::time::{sleep, timeout};

impl World {
    /// A few random steps, then an output or a panic.
    pub(crate) fn task(self: &Arc<Self>, life: Life, mut dice: Dice) -> Boxed {
        let world = self.clone();
        let cargo = Cargo {
            world: self.clone(),
            dice: dice.fork(),
        };
        Box::pin(alone(Box::pin(async move {
            life.begin();
            for _ in 0..dice.below(10) {
                world.task_step(&life, &mut dice).await;
            }
            if dice.below(16) == 0 {
                let _cargo = cargo;
                life.panic();
            }
            // Before the output, which nobody would drop (rust-lang/rust#47949).
            drop(cargo);
            life.end()
        })))
    }

    async fn task_step(self: &Arc<Self>, life: &Life, dice: &mut Dice) {
        let choice = dice.below(22);
        life.step(choice);
        match choice {
            0..=2 => virid::yield_now().await,
            3 | 4 => self.wait_for_a_stranger(dice.below(64)).await,
            5 => {
                let permit = self.semaphore.acquire().await;
                if dice.below(2) == 0 {
                    virid::yield_now().await;
                }
                drop(permit);
            }
            6 => {
                if let Some(task) = self.younger_task(life.number()) {
                    drop(task.await);
                }
            }
            7 => {
                if let Some(thread) = self.younger_thread(life.number()) {
                    drop(thread.await);
                }
            }
            8 => {
                let guard = self.lock.lock_async().await;
                *guard.unwrap_or_else(|error| error.into_inner()) += 1;
                self.changed.notify_one();
            }
            9 => self_wake(dice.below(5)).await,
            10 => self.own_a_set(dice).await,
            11 => self.own_a_group(dice).await,
            12 => sleep(Duration::from_micros(dice.below(400))).await,
            13 => {
                let wait = Duration::from_micros(dice.below(400));
                drop(timeout(wait, self.notify.notified()).await);
            }
            14 => self.take_turns(dice),
            15 => self.hear_of_a_child(dice).await,
            16 => self.notify.notified().await,
            _ => self.act(dice),
        }
    }

    async fn wait_for_a_stranger(&self, at: u64) {
        let mut is_first = true;
        poll_fn(|context| {
            if !std::mem::take(&mut is_first) {
                return Poll::Ready(());
            }
            self.keep_waker(context.waker().clone(), at);
            Poll::Pending
        })
        .await;
    }

    async fn own_a_set(self: &Arc<Self>, dice: &mut Dice) {
        let mut set = JoinSet::new();
        for _ in 0..dice.below(5) {
            let Some(life) = self.ledger.open(Kind::Task) else {
                break;
            };
            set.spawn(self.task(life, dice.fork()));
            match dice.below(8) {
                0 => drop(set.try_join_next()),
                1 => drop(set.join_next().await),
                2 => set.abort_all(),
                _ => {}
            }
        }
        match dice.below(4) {
            0 => drop(set),
            1 => set.detach_all(),
            2 => set.shutdown().await,
            _ => while set.join_next().await.is_some() {},
        }
    }

    async fn own_a_group(self: &Arc<Self>, dice: &mut Dice) {
        let world = self.clone();
        let mut dice = dice.fork();
        task::group(|group| async move {
            for _ in 0..dice.below(4) {
                let Some(life) = world.ledger.open(Kind::Task) else {
                    break;
                };
                let child = group.spawn(world.task(life, dice.fork()));
                match dice.below(4) {
                    0 => group.cancel(),
                    1 => drop(child.await),
                    2 => child.abort(),
                    _ => {}
                }
            }
        })
        .await;
    }

    /// Lives of a key, which wait for nobody: those behind them wait for them.
    pub(crate) fn take_turns(self: &Arc<Self>, dice: &mut Dice) {
        let key = dice.below(KEYS);
        let kind = if dice.below(3) == 0 {
            Kind::Thread
        } else {
            Kind::Task
        };
        let Some(life) = self.ledger.open(kind) else {
            return;
        };
        let (world, mut of) = (self.clone(), dice.fork());
        if let Kind::Thread = kind {
            let thread = self.keyed.go(key, move || {
                life.begin();
                let _turn = Turn::begin(&world, key);
                thread::yield_now();
                world.act(&mut of);
                life.end()
            });
            return match dice.below(4) {
                0 => thread.cancel(),
                1 => thread.thread().unpark(),
                2 => drop(self.keep_unpark(thread.thread().clone())),
                _ => drop(thread),
            };
        }
        let task = self.keyed.spawn(key, async move {
            life.begin();
            let _turn = Turn::begin(&world, key);
            virid::yield_now().await;
            world.act(&mut of);
            if of.below(10) == 0 {
                life.panic();
            }
            life.end()
        });
        match dice.below(3) {
            0 => task.abort(),
            _ => drop(task),
        }
    }

    async fn hear_of_a_child(self: &Arc<Self>, dice: &mut Dice) {
        let Some(life) = self.ledger.open(Kind::Tiny) else {
            return;
        };
        let (sender, receiver) = oneshot::channel();
        let times = dice.below(3);
        let child = self.handle.spawn(async move {
            life.begin();
            for _ in 0..times {
                virid::yield_now().await;
            }
            _ = sender.send(times);
            life.end()
        });
        if dice.below(4) == 0 {
            child.abort();
        }
        _ = receiver.await;
    }
}

async fn self_wake(mut times: u64) {
    poll_fn(|context| {
        context.waker().wake_by_ref();
        let clone = context.waker().clone();
        clone.wake();
        times = times.saturating_sub(1);
        match times {
            0 => Poll::Ready(()),
            _ => Poll::Pending,
        }
    })
    .await;
}
