//! Proves that a waker of a task that has ended never reaches a new task in the
//! same memory: each new task is polled exactly as often as it should be, while
//! many threads wake, clone and drop wakers of those that are gone.

#![cfg(not(virid_loom))]

#[path = "support/dice.rs"]
mod dice;
mod support;
#[path = "support/until.rs"]
mod until;
#[path = "support/workers.rs"]
mod workers;

use dice::Dice;
use std::future::{Future, pending, poll_fn};
use std::pin::Pin;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::task::{Poll, Waker};
use std::thread;
use support::guard;
use until::until;
use virid::task::JoinHandle;
use virid::{Runtime, spawn, yield_now};
use workers::workers;

/// Threads that use wakers.
const THREADS: usize = 4;

/// How a task ends whose wakers are kept.
#[derive(Clone, Copy)]
enum End {
    AtOnce,
    Woken,
    Aborted,
    Panicked,
}

impl End {
    fn roll(dice: &mut Dice) -> Self {
        match dice.below(4) {
            0 => Self::AtOnce,
            1 => Self::Woken,
            2 => Self::Aborted,
            _ => Self::Panicked,
        }
    }

    /// Suspended at its first poll.
    fn is_later(self) -> bool {
        matches!(self, Self::Woken | Self::Aborted)
    }
}

/// A task that leaves one waker for each thread at its first poll, and ends so.
fn leaves_wakers(end: End, wakers: &Arc<Mutex<Vec<Waker>>>) -> impl Future + Send + use<> {
    let (wakers, mut polls) = (wakers.clone(), 0);
    poll_fn(move |context| {
        polls += 1;
        if polls == 1 {
            let clones = std::iter::repeat_n(context.waker().clone(), THREADS);
            wakers.lock().unwrap().extend(clones);
            if end.is_later() {
                return Poll::Pending;
            }
        }
        match end {
            // No panic hook: its output would drown the rest.
            End::Panicked => std::panic::resume_unwind(Box::new("bang")),
            _ => Poll::Ready(()),
        }
    })
}

/// Wakers of so many tasks, all of which have ended: a heap for each thread,
/// with one waker of every task.
fn stale(runtime: &Runtime, tasks: usize, dice: &mut Dice) -> [Vec<Waker>; THREADS] {
    let mut heaps: [Vec<Waker>; THREADS] = Default::default();
    let mut pairs = Vec::new();
    for _ in 0..tasks {
        let (end, wakers) = (End::roll(dice), Arc::<Mutex<Vec<Waker>>>::default());
        let life = leaves_wakers(end, &wakers);
        let task = runtime.spawn(async move { _ = life.await });
        pairs.push((end, task, wakers));
    }
    for (end, task, wakers) in pairs {
        until(|| wakers.lock().unwrap().len() == THREADS);
        let wakers = std::mem::take(&mut *wakers.lock().unwrap());
        match end {
            End::Woken => wakers[0].wake_by_ref(),
            End::Aborted => task.abort(),
            End::AtOnce | End::Panicked => {}
        }
        let is_right = match (end, task.join()) {
            (End::AtOnce | End::Woken, Ok(())) => true,
            (End::Aborted, Err(error)) => error.is_cancelled(),
            (End::Panicked, Err(error)) => error.is_panic(),
            _ => false,
        };
        assert!(is_right);
        for (heap, waker) in heaps.iter_mut().zip(wakers) {
            heap.push(waker);
        }
    }
    heaps
}

/// How often each of the new tasks was polled, and how many were spawned.
struct News {
    polls: Vec<AtomicU8>,
    spawned: AtomicUsize,
}

impl News {
    fn new(tasks: usize) -> Arc<Self> {
        Arc::new(Self {
            polls: (0..tasks).map(|_| AtomicU8::new(0)).collect(),
            spawned: AtomicUsize::new(0),
        })
    }

    fn len(&self) -> usize {
        self.polls.len()
    }

    fn spawned(&self) -> usize {
        self.spawned.load(Ordering::SeqCst)
    }

    fn are_all_polled(&self) -> bool {
        let polled = |polls: &AtomicU8| polls.load(Ordering::SeqCst) > 0;
        self.polls.iter().all(polled)
    }

    /// A task that ends at its first poll, or never, and that nobody wakes: no
    /// waker of it was cloned.
    fn task(self: &Arc<Self>, number: usize, ends: bool) -> JoinHandle<usize> {
        let news = self.clone();
        let mut task = Box::pin(pending::<()>());
        spawn(poll_fn(move |context| {
            news.polls[number].fetch_add(1, Ordering::SeqCst);
            if ends {
                return Poll::Ready(number);
            }
            task.as_mut().poll(context).map(|()| number)
        }))
    }

    /// Spawns them all, in bursts, and returns the handles of those that never
    /// end, and how often the spawner was polled.
    async fn spawn_all(self: Arc<Self>, mut dice: Dice) -> (Vec<JoinHandle<usize>>, u64) {
        let (mut endless, mut polls) = (Vec::new(), 1);
        let mut number = 0;
        while number < self.len() {
            let burst = (1 + dice.below(200) as usize).min(self.len() - number);
            for number in number..number + burst {
                let ends = dice.below(4) != 0;
                let task = self.task(number, ends);
                if !ends {
                    endless.push(task);
                }
            }
            number += burst;
            self.spawned.store(number, Ordering::SeqCst);
            yield_now().await;
            polls += 1;
        }
        (endless, polls)
    }
}

/// Wakes, clones and drops these as the dice say, and lets go of them as the
/// spawning advances, so that the memory behind them is used by new tasks while
/// the others are still woken.
fn use_up(mut wakers: Vec<Waker>, news: &News, dice: &mut Dice) {
    let all = wakers.len();
    while news.spawned() < news.len() {
        let keep = all - all * news.spawned() / news.len();
        while wakers.len() > keep {
            let waker = wakers.swap_remove(dice.below(wakers.len() as u64) as usize);
            if dice.below(2) == 0 {
                waker.wake();
            }
        }
        if wakers.is_empty() {
            return;
        }
        for _ in 0..16 {
            let waker = &wakers[dice.below(wakers.len() as u64) as usize];
            match dice.below(3) {
                0 => {
                    let clone = waker.clone();
                    clone.wake();
                }
                1 => drop(waker.clone()),
                _ => waker.wake_by_ref(),
            }
        }
    }
    wakers.into_iter().for_each(Waker::wake);
}

/// Starts a thread for each heap, which begins when all have come to `start`.
fn use_on_threads(
    heaps: [Vec<Waker>; THREADS],
    news: &Arc<News>,
    start: &Arc<Barrier>,
    dice: &mut Dice,
) -> Vec<thread::JoinHandle<()>> {
    let use_heap = |wakers: Vec<Waker>| {
        let (news, start, mut dice) = (news.clone(), start.clone(), dice.fork());
        thread::spawn(move || {
            start.wait();
            use_up(wakers, &news, &mut dice);
        })
    };
    heaps.into_iter().map(use_heap).collect()
}

/// Ends what is left, after every new task was polled exactly once.
fn assert_polled_once(news: &News, endless: Vec<JoinHandle<usize>>) {
    until(|| news.are_all_polled());
    let is_once = |polls: &AtomicU8| polls.load(Ordering::SeqCst) == 1;
    assert!(news.polls.iter().all(is_once));
    endless.iter().for_each(JoinHandle::abort);
    let is_cancelled =
        |task: JoinHandle<usize>| task.join().is_err_and(|error| error.is_cancelled());
    assert!(endless.into_iter().all(is_cancelled));
    assert!(news.polls.iter().all(is_once));
}

#[test]
fn new_tasks_are_polled_once_while_stale_wakers_of_their_runtime_are_used() {
    guard(|| {
        let mut dice = Dice::new();
        for count in [1, 2, 4, 1, 2, 4] {
            let runtime = workers(count);
            let heaps = stale(&runtime, 2_000, &mut dice);
            let (news, start) = (News::new(20_000), Arc::new(Barrier::new(THREADS + 1)));
            let threads = use_on_threads(heaps, &news, &start, &mut dice);
            let before = runtime.metrics().polled();
            start.wait();
            let root = runtime.spawn(news.clone().spawn_all(dice.fork()));
            let (endless, polls) = root.join().unwrap();
            threads
                .into_iter()
                .for_each(|thread| thread.join().unwrap());
            until(|| news.are_all_polled());
            // Nothing else was polled either: no task that has ended, for one.
            assert_eq!(runtime.metrics().polled() - before, 20_000 + polls);
            assert_polled_once(&news, endless);
        }
    });
}

/// Memory that an ended runtime left may be another one's by now.
#[test]
fn new_tasks_are_polled_once_while_stale_wakers_of_an_ended_runtime_are_used() {
    guard(|| {
        let mut dice = Dice::new();
        for count in [1, 2, 4] {
            let gone = workers(count);
            let heaps = stale(&gone, 2_000, &mut dice);
            let runtime = workers(count);
            let (news, start) = (News::new(20_000), Arc::new(Barrier::new(THREADS + 1)));
            let threads = use_on_threads(heaps, &news, &start, &mut dice);
            start.wait();
            let root = runtime.spawn(news.clone().spawn_all(dice.fork()));
            drop(gone);
            let (endless, _) = root.join().unwrap();
            threads
                .into_iter()
                .for_each(|thread| thread.join().unwrap());
            assert_polled_once(&news, endless);
        }
    });
}

/// Memory that a trim gave back, too.
#[test]
fn new_tasks_are_polled_once_while_stale_wakers_are_used_and_memory_is_trimmed() {
    guard(|| {
        let mut dice = Dice::new();
        for count in [1, 2, 4] {
            let runtime = workers(count);
            let heaps = stale(&runtime, 2_000, &mut dice);
            let (news, start) = (News::new(20_000), Arc::new(Barrier::new(THREADS + 2)));
            let threads = use_on_threads(heaps, &news, &start, &mut dice);
            let trims = {
                let (news, start) = (news.clone(), start.clone());
                let handle = runtime.handle().clone();
                thread::spawn(move || {
                    start.wait();
                    while news.spawned() < news.len() {
                        handle.trim();
                    }
                })
            };
            start.wait();
            let root = runtime.spawn(news.clone().spawn_all(dice.fork()));
            let (endless, _) = root.join().unwrap();
            for thread in threads.into_iter().chain([trims]) {
                thread.join().unwrap();
            }
            assert_polled_once(&news, endless);
        }
    });
}

/// A handle remembers who waits for it by comparing wakers.
#[test]
fn no_waker_of_a_new_task_equals_one_of_a_task_that_has_ended() {
    guard(|| {
        let mut dice = Dice::new();
        for count in [1, 2] {
            let runtime = workers(count);
            let [kept, ..] = stale(&runtime, 100, &mut dice);
            let kept = Arc::new(kept);
            let compare = |_| {
                let kept = kept.clone();
                runtime.spawn(poll_fn(move |context| {
                    let equal = |stale: &Waker| stale.will_wake(context.waker());
                    Poll::Ready(kept.iter().any(equal))
                }))
            };
            let tasks: Vec<_> = (0..1_000).map(compare).collect();
            assert!(tasks.into_iter().all(|task| !task.join().unwrap()));
        }
    });
}

/// The waker that a handle keeps is stale when the task that awaited has ended
/// and somebody else holds the handle.
#[test]
fn a_task_that_completes_wakes_its_stale_joiner_and_no_new_task() {
    guard(|| {
        const PAIRS: usize = 1_000;
        for count in [1, 2, 4] {
            let runtime = workers(count);
            let (slots, left) = (
                Arc::new((0..PAIRS).map(|_| Mutex::default()).collect::<Vec<_>>()),
                Arc::<AtomicUsize>::default(),
            );
            let (gate, news) = (Arc::<AtomicUsize>::default(), News::new(PAIRS));
            for slot in 0..PAIRS {
                let (slots, left, gate) = (slots.clone(), left.clone(), gate.clone());
                drop(runtime.spawn(async move {
                    let mut child = spawn(waits_for(gate));
                    // Awaited once, then left to the test; this task ends.
                    poll_fn(|context| {
                        assert!(Pin::new(&mut child).poll(context).is_pending());
                        Poll::Ready(())
                    })
                    .await;
                    *slots[slot].lock().unwrap() = Some(child);
                    left.fetch_add(1, Ordering::SeqCst);
                }));
            }
            until(|| left.load(Ordering::SeqCst) == PAIRS);
            let root = news.clone().spawn_all(Dice::new());
            let (endless, _) = runtime.spawn(root).join().unwrap();
            gate.store(1, Ordering::SeqCst);
            for slot in slots.iter() {
                let child = slot.lock().unwrap().take();
                let child: JoinHandle<()> = child.expect("every slot was filled");
                child.join().unwrap();
            }
            assert_polled_once(&news, endless);
        }
    });
}

/// Yields until somebody opens.
async fn waits_for(gate: Arc<AtomicUsize>) {
    while gate.load(Ordering::SeqCst) == 0 {
        yield_now().await;
    }
}

/// A waker of an ended task that is woken inside a task of the same worker, and
/// inside a poll of the task that has its memory.
#[test]
fn stale_wakers_are_used_inside_the_tasks_that_follow() {
    guard(|| {
        let mut dice = Dice::new();
        let runtime = workers(1);
        for _ in 0..100 {
            let [first, second, ..] = stale(&runtime, 100, &mut dice);
            let polls = Arc::<AtomicUsize>::default();
            let pairs = first.into_iter().zip(second);
            let task = |(first, second): (Waker, Waker)| {
                let (polls, mut kept) = (polls.clone(), Some((first, second)));
                runtime.spawn(poll_fn(move |_| {
                    polls.fetch_add(1, Ordering::SeqCst);
                    if let Some((first, second)) = kept.take() {
                        first.wake();
                        drop(second);
                    }
                    Poll::<()>::Pending
                }))
            };
            let tasks: Vec<_> = pairs.map(task).collect();
            until(|| polls.load(Ordering::SeqCst) >= 100);
            // Behind all that a wrong wake could have queued.
            runtime.spawn(async {}).join().unwrap();
            assert_eq!(polls.load(Ordering::SeqCst), 100);
            tasks.iter().for_each(JoinHandle::abort);
        }
    });
}
