//! Proves that an abort may race with everything: completion, wakes, joiners,
//! other aborts, the shutdown. Future and output are dropped exactly once, and
//! the joiner gets the output or hears that the task was cancelled.

#![cfg(not(virid_loom))]

#[path = "support/dice.rs"]
mod dice;
#[path = "support/drops.rs"]
mod drops;
#[path = "support/gate.rs"]
mod gate;
mod support;
#[path = "support/until.rs"]
mod until;
#[path = "support/workers.rs"]
mod workers;

use dice::Dice;
use drops::{Drops, Token};
use gate::Gate;
use std::future::{pending, poll_fn};
use std::hint::spin_loop;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::task::{Poll, Waker};
use std::thread;
use support::guard;
use until::until;
use virid::task::{AbortHandle, JoinHandle};
use workers::workers;

fn pause(dice: &mut Dice, longest: u64) {
    (0..dice.below(longest)).for_each(|_| spin_loop());
}

/// Runs all of `threads` at once, each after a pause of its own.
fn race(dice: &mut Dice, threads: Vec<Box<dyn FnOnce() + Send>>) {
    let start = Arc::new(Barrier::new(threads.len()));
    let threads: Vec<_> = threads
        .into_iter()
        .map(|body| {
            let (start, mut dice) = (start.clone(), dice.fork());
            thread::spawn(move || {
                start.wait();
                pause(&mut dice, 500);
                body();
            })
        })
        .collect();
    threads
        .into_iter()
        .for_each(|thread| thread.join().unwrap());
}

/// One task that a gate lets end with an output.
struct Subject {
    task: JoinHandle<Token>,
    gate: Gate,
    futures: Drops,
    outputs: Drops,
}

impl Subject {
    fn new(handle: &virid::Handle) -> Self {
        let (futures, outputs, gate) = (Drops::default(), Drops::default(), Gate::default());
        let (held, output, passed) = (futures.token(), outputs.clone(), gate.clone().pass());
        let task = handle.spawn(async move {
            let _held = held;
            passed.await;
            output.token()
        });
        Self {
            task,
            gate,
            futures,
            outputs,
        }
    }

    /// Whether the task gave its output, once everything has ended.
    fn judge(self) -> bool {
        let has_output = match self.task.join() {
            Ok(output) => {
                assert_eq!(self.outputs.count(), 0);
                drop(output);
                true
            }
            Err(error) => {
                assert!(error.is_cancelled(), "{error}");
                false
            }
        };
        assert_eq!(self.futures.count(), 1);
        assert_eq!(self.outputs.count(), usize::from(has_output));
        has_output
    }
}

fn abort_of(handle: AbortHandle) -> Box<dyn FnOnce() + Send> {
    Box::new(move || handle.abort())
}

#[test]
fn an_abort_that_races_with_completion_cancels_or_comes_too_late() {
    let mut dice = Dice::new();
    guard(move || {
        let runtime = workers(2);
        for _ in 0..2_000 {
            let subject = Subject::new(runtime.handle());
            let (gate, abort) = (subject.gate.clone(), subject.task.abort_handle());
            race(
                &mut dice,
                vec![Box::new(move || gate.open()), abort_of(abort)],
            );
            subject.judge();
        }
    });
}

#[test]
fn four_threads_that_abort_at_once_end_a_task_once() {
    let mut dice = Dice::new();
    guard(move || {
        let runtime = workers(2);
        for round in 0..1_000 {
            let subject = Subject::new(runtime.handle());
            if round % 2 == 0 {
                runtime.spawn(async {}).join().unwrap();
            }
            let aborts = (0..4).map(|_| abort_of(subject.task.abort_handle()));
            race(&mut dice, aborts.collect());
            assert!(!subject.judge());
        }
    });
}

#[test]
fn an_abort_that_races_with_the_shutdown_is_told_like_it() {
    let mut dice = Dice::new();
    guard(move || {
        for round in 0..300 {
            let runtime = workers(1 + round % 3);
            let subjects: Vec<_> = (0..20).map(|_| Subject::new(runtime.handle())).collect();
            let mut threads: Vec<Box<dyn FnOnce() + Send>> = vec![Box::new(|| drop(runtime))];
            for part in subjects.chunks(10) {
                let aborts: Vec<_> = part.iter().map(|one| one.task.abort_handle()).collect();
                threads.push(Box::new(move || {
                    aborts.iter().for_each(AbortHandle::abort);
                }));
            }
            race(&mut dice, threads);
            subjects
                .into_iter()
                .for_each(|subject| assert!(!subject.judge()));
        }
    });
}

#[test]
fn aborts_wakes_and_detaching_race_and_free_everything_once() {
    let mut dice = Dice::new();
    guard(move || {
        let runtime = workers(2);
        for _ in 0..1_500 {
            let slot = Arc::<Mutex<Option<Waker>>>::default();
            let (drops, kept) = (Drops::default(), slot.clone());
            let token = drops.token();
            let task = runtime.spawn(poll_fn(move |context| -> Poll<()> {
                let _token = &token;
                *kept.lock().unwrap() = Some(context.waker().clone());
                Poll::Pending
            }));
            until(|| slot.lock().unwrap().is_some());
            let waker = slot.lock().unwrap().clone().unwrap();
            let (one, two) = (task.abort_handle(), task.abort_handle());
            race(
                &mut dice,
                vec![
                    Box::new(move || one.abort()),
                    Box::new(move || waker.wake()),
                    Box::new(move || drop(task)),
                ],
            );
            until(|| two.is_finished());
            assert_eq!(drops.count(), 1);
        }
    });
}

#[test]
fn an_abort_that_races_with_a_joiner_never_leaves_it_waiting() {
    let mut dice = Dice::new();
    guard(move || {
        let runtime = workers(2);
        for round in 0..1_500 {
            let task = runtime.spawn(pending::<()>());
            let abort = task.abort_handle();
            let joins: Box<dyn FnOnce() + Send> = match round % 3 {
                0 => Box::new(|| assert!(task.join().unwrap_err().is_cancelled())),
                1 => Box::new(|| assert!(virid::block_on(task).unwrap_err().is_cancelled())),
                _ => {
                    let handle = runtime.handle().clone();
                    Box::new(move || {
                        let waits = async { task.await.unwrap_err().is_cancelled() };
                        assert!(handle.spawn(waits).join().unwrap());
                    })
                }
            };
            race(&mut dice, vec![joins, abort_of(abort)]);
        }
    });
}

/// What a task of the storm does; all of it ends by the abort at the latest.
async fn live(kind: u64, token: Token, gate: Gate, polls: Arc<AtomicUsize>) -> Token {
    let _token = token;
    polls.fetch_add(1, Ordering::SeqCst);
    match kind {
        0 => pending().await,
        1 => gate.pass().await,
        2 => {
            for _ in 0..3 {
                virid::yield_now().await;
            }
        }
        3 => loop {
            virid::yield_now().await;
        },
        _ => {}
    }
    Drops::default().token()
}

#[test]
fn a_storm_of_aborts_over_100_000_tasks_in_every_state_ends_each_once() {
    const TASKS: usize = 100_000;
    let mut dice = Dice::new();
    for count in [1, 2, 4] {
        let mut dice = dice.fork();
        guard(move || {
            let (runtime, drops, gate) = (workers(count), Drops::default(), Gate::default());
            let polls = Arc::<AtomicUsize>::default();
            let mut tasks: Vec<JoinHandle<Token>> = Vec::new();
            for index in 0..TASKS {
                // Few of those that go on for ever: each costs every other one a turn.
                let kind = match dice.below(1_000) {
                    0 => 3,
                    other => [0, 1, 2, 4][other as usize % 4],
                };
                let life = live(kind, drops.token(), gate.clone(), polls.clone());
                tasks.push(runtime.spawn(life));
                if dice.below(4) == 0 {
                    let victim = dice.below(index as u64 + 1) as usize;
                    tasks[victim].abort();
                }
            }
            let aborts: Vec<_> = tasks.iter().map(JoinHandle::abort_handle).collect();
            let (left, right) = aborts.split_at(TASKS / 2);
            let (left, right) = (left.to_vec(), right.to_vec());
            let from_inside = runtime.spawn(async move {
                right.iter().for_each(AbortHandle::abort);
            });
            let opener = thread::spawn(move || gate.open());
            let from_outside = thread::spawn(move || left.iter().for_each(AbortHandle::abort));
            for task in tasks {
                if dice.below(8) == 0 {
                    continue;
                }
                if let Err(error) = task.join() {
                    assert!(error.is_cancelled(), "{error}");
                }
            }
            from_inside.join().unwrap();
            from_outside.join().unwrap();
            opener.join().unwrap();
            until(|| aborts.iter().all(AbortHandle::is_finished));
            assert_eq!(drops.count(), TASKS);
            assert!(polls.load(Ordering::SeqCst) <= TASKS);
            drop(runtime);
            assert_eq!(drops.count(), TASKS);
        });
    }
}
