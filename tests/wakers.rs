//! Proves that a task's waker wakes it once per need, never a stranger, and
//! outlives the task and the runtime.

#![cfg(not(virid_loom))]

#[path = "support/drops.rs"]
mod drops;
mod support;
#[path = "support/until.rs"]
mod until;
#[path = "support/workers.rs"]
mod workers;

use drops::Drops;
use std::cell::RefCell;
use std::future::{Future, pending, poll_fn};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::task::{Poll, Waker};
use std::thread;
use support::guard;
use until::until;
use virid::Runtime;
use workers::workers;

/// What a hand-written future and its test share.
#[derive(Default)]
struct Probe {
    polls: AtomicUsize,
    ends: AtomicBool,
    waker: Mutex<Option<Waker>>,
}

impl Probe {
    fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Keeps the waker of every poll; runs `first` in the first one.
    fn future<F: FnMut(&Waker) + Send>(
        self: &Arc<Self>,
        mut first: F,
    ) -> impl Future<Output = ()> + Send + use<F> {
        let probe = self.clone();
        poll_fn(move |context| {
            *probe.waker.lock().unwrap() = Some(context.waker().clone());
            if probe.polls.fetch_add(1, Ordering::SeqCst) == 0 {
                first(context.waker());
            }
            match probe.ends.load(Ordering::SeqCst) {
                true => Poll::Ready(()),
                false => Poll::Pending,
            }
        })
    }

    fn polls(&self) -> usize {
        self.polls.load(Ordering::SeqCst)
    }

    fn waker(&self) -> Waker {
        self.waker.lock().unwrap().clone().unwrap()
    }
}

/// Returns when every task that could run on the one worker has had its turn.
fn settle(runtime: &Runtime) {
    let rounds = runtime.spawn(async {
        for _ in 0..8 {
            virid::yield_now().await;
        }
    });
    rounds.join().unwrap();
}

#[test]
fn a_wake_while_polling_polls_again_exactly_once() {
    guard(|| {
        let (runtime, probe) = (workers(1), Probe::new());
        let wake = |waker: &Waker| (0..3).for_each(|_| waker.wake_by_ref());
        let _task = runtime.spawn(probe.future(wake));
        settle(&runtime);
        assert_eq!(probe.polls(), 2);
    });
}

#[test]
fn a_wake_from_another_thread_while_polling_polls_again_exactly_once() {
    guard(|| {
        let (runtime, probe) = (workers(1), Probe::new());
        let _task = runtime.spawn(probe.future(|waker| {
            let wakers = [waker.clone(), waker.clone()];
            let threads = wakers.map(|waker| thread::spawn(|| waker.wake()));
            threads
                .into_iter()
                .for_each(|thread| thread.join().unwrap());
        }));
        settle(&runtime);
        assert_eq!(probe.polls(), 2);
    });
}

#[test]
fn a_hundred_wakes_of_a_suspended_task_poll_it_once() {
    guard(|| {
        let (runtime, probe) = (workers(1), Probe::new());
        let _task = runtime.spawn(probe.future(|_| ()));
        settle(&runtime);
        let waker = probe.waker();
        let waking = runtime.spawn(async move { (0..100).for_each(|_| waker.wake_by_ref()) });
        waking.join().unwrap();
        settle(&runtime);
        assert_eq!(probe.polls(), 2);
    });
}

#[test]
fn wakes_from_two_threads_while_queued_poll_it_once() {
    guard(|| {
        let (runtime, probe) = (workers(1), Probe::new());
        let _task = runtime.spawn(probe.future(|_| ()));
        settle(&runtime);
        let busy = Arc::new(Barrier::new(2));
        let inside = busy.clone();
        runtime.spawn(async move {
            inside.wait();
            inside.wait();
        });
        busy.wait();
        let threads = [probe.waker(), probe.waker()]
            .map(|waker| thread::spawn(move || (0..100).for_each(|_| waker.wake_by_ref())));
        threads
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
        assert_eq!(probe.polls(), 1);
        busy.wait();
        settle(&runtime);
        assert_eq!(probe.polls(), 2);
    });
}

#[test]
fn a_task_is_polled_once_for_each_of_ten_thousand_separate_wakes() {
    guard(|| {
        let (runtime, probe) = (workers(2), Probe::new());
        let task = runtime.spawn(probe.future(|_| ()));
        for polls in 1..10_000 {
            until(|| probe.polls() == polls);
            probe.waker().wake();
        }
        until(|| probe.polls() == 10_000);
        probe.ends.store(true, Ordering::SeqCst);
        probe.waker().wake();
        task.join().unwrap();
        assert_eq!(probe.polls(), 10_001);
    });
}

#[test]
fn no_wake_from_four_threads_is_lost() {
    guard(|| {
        for count in [1, 2, 3] {
            let runtime = workers(count);
            for _ in 0..50 {
                let wanted = Arc::new(AtomicUsize::new(0));
                let seen = wanted.clone();
                let waker = Arc::new(Mutex::new(None));
                let slot = waker.clone();
                let task = runtime.spawn(poll_fn(move |context| {
                    let mut slot = slot.lock().unwrap();
                    slot.get_or_insert_with(|| context.waker().clone());
                    match seen.load(Ordering::Relaxed) {
                        4_000 => Poll::Ready(()),
                        _ => Poll::Pending,
                    }
                }));
                until(|| waker.lock().unwrap().is_some());
                let threads = [(); 4].map(|()| {
                    let waker: Waker = waker.lock().unwrap().clone().unwrap();
                    let wanted = wanted.clone();
                    thread::spawn(move || {
                        for _ in 0..1_000 {
                            wanted.fetch_add(1, Ordering::Relaxed);
                            waker.wake_by_ref();
                        }
                    })
                });
                task.join().unwrap();
                threads
                    .into_iter()
                    .for_each(|thread| thread.join().unwrap());
            }
        }
    });
}

#[test]
fn a_task_never_runs_on_two_workers_at_once() {
    guard(|| {
        let runtime = workers(3);
        let (inside, overlap) = (AtomicBool::new(false), Arc::new(AtomicBool::new(false)));
        let (seen, mut polls) = (overlap.clone(), 0);
        let task = runtime.spawn(poll_fn(move |context| {
            if inside.swap(true, Ordering::SeqCst) {
                seen.store(true, Ordering::SeqCst);
            }
            context.waker().wake_by_ref();
            let waker = context.waker().clone();
            virid::spawn(async move { waker.wake() });
            polls += 1;
            inside.store(false, Ordering::SeqCst);
            match polls {
                100_000 => Poll::Ready(()),
                _ => Poll::Pending,
            }
        }));
        task.join().unwrap();
        assert!(!overlap.load(Ordering::SeqCst));
    });
}

#[test]
fn a_waker_used_after_the_end_wakes_nothing_and_no_stranger() {
    guard(|| {
        let (runtime, ended) = (workers(1), Probe::new());
        ended.ends.store(true, Ordering::SeqCst);
        runtime.spawn(ended.future(|_| ())).join().unwrap();
        let stale = ended.waker();
        *ended.waker.lock().unwrap() = None;
        for stale in [Some(stale.clone()), Some(stale), None] {
            let strangers: Vec<_> = (0..1_000).map(|_| Probe::new()).collect();
            let _tasks: Vec<_> = strangers
                .iter()
                .map(|stranger| runtime.spawn(stranger.future(|_| ())))
                .collect();
            settle(&runtime);
            if let Some(stale) = stale {
                vec![stale.clone(); 10].into_iter().for_each(Waker::wake);
                (0..10).for_each(|_| stale.wake_by_ref());
            }
            settle(&runtime);
            assert_eq!(ended.polls(), 1);
            assert!(strangers.iter().all(|stranger| stranger.polls() == 1));
        }
    });
}

#[test]
fn a_waker_outlives_its_runtime_in_every_use() {
    guard(|| {
        let (runtime, suspended, ended) = (workers(2), Probe::new(), Probe::new());
        let task = runtime.spawn(suspended.future(|_| ()));
        ended.ends.store(true, Ordering::SeqCst);
        runtime.spawn(ended.future(|_| ())).join().unwrap();
        until(|| suspended.polls() == 1);
        drop(runtime);
        for waker in [suspended.waker(), ended.waker()] {
            waker.wake_by_ref();
            let (here, elsewhere) = (waker.clone(), waker.clone());
            here.wake();
            thread::spawn(|| elsewhere.wake()).join().unwrap();
            drop(waker);
        }
        assert!(task.join().unwrap_err().is_cancelled());
        assert_eq!((suspended.polls(), ended.polls()), (1, 1));
    });
}

#[test]
fn wakes_from_other_threads_race_with_the_shutdown_safely() {
    guard(|| {
        for _ in 0..200 {
            let (runtime, probe, drops) = (workers(2), Probe::new(), Drops::default());
            let (future, token) = (probe.future(|_| ()), drops.token());
            let _task = runtime.spawn(async move {
                let _token = token;
                future.await;
            });
            until(|| probe.polls() == 1);
            let start = Arc::new(Barrier::new(3));
            let threads = [(); 2].map(|()| {
                let (waker, start) = (probe.waker(), start.clone());
                thread::spawn(move || {
                    start.wait();
                    (0..50).for_each(|_| waker.wake_by_ref());
                })
            });
            start.wait();
            drop(runtime);
            assert_eq!(drops.count(), 1);
            threads
                .into_iter()
                .for_each(|thread| thread.join().unwrap());
        }
    });
}

struct WakesWhenDropped(Waker);

impl Drop for WakesWhenDropped {
    fn drop(&mut self) {
        self.0.wake_by_ref();
    }
}

thread_local! {
    static LAST: RefCell<Vec<WakesWhenDropped>> = const { RefCell::new(Vec::new()) };
}

fn keep(waker: &Waker) {
    LAST.with_borrow_mut(|last| last.push(WakesWhenDropped(waker.clone())));
}

#[test]
fn wakers_are_woken_and_dropped_in_destructors_of_thread_locals() {
    guard(|| {
        let (runtime, probe) = (workers(1), Probe::new());
        let _task = runtime.spawn(probe.future(keep));
        settle(&runtime);
        let waker = probe.waker();
        thread::spawn(move || keep(&waker)).join().unwrap();
        settle(&runtime);
        assert_eq!(probe.polls(), 2);
        drop(runtime);
        let waker = probe.waker();
        thread::spawn(move || keep(&waker)).join().unwrap();
        assert_eq!(probe.polls(), 2);
    });
}

#[test]
fn a_future_that_holds_its_own_waker_is_dropped_at_shutdown() {
    guard(|| {
        let (runtime, drops) = (workers(2), Drops::default());
        let polls = Arc::new(AtomicUsize::new(0));
        for _ in 0..1_000 {
            let (token, polls, mut own) = (drops.token(), polls.clone(), None);
            drop(runtime.spawn(poll_fn(move |context| -> Poll<()> {
                let _token = &token;
                _ = own.insert(context.waker().clone());
                polls.fetch_add(1, Ordering::SeqCst);
                Poll::Pending
            })));
        }
        until(|| polls.load(Ordering::SeqCst) == 1_000);
        assert_eq!(drops.count(), 0);
        drop(runtime);
        assert_eq!(drops.count(), 1_000);
    });
}

#[test]
fn a_pending_future_that_keeps_no_waker_is_dropped_at_shutdown() {
    guard(|| {
        let (runtime, drops) = (workers(2), Drops::default());
        let tasks: Vec<_> = (0..1_000)
            .map(|_| {
                let token = drops.token();
                runtime.spawn(async move {
                    let _token = token;
                    pending::<()>().await;
                })
            })
            .collect();
        runtime.spawn(async {}).join().unwrap();
        drop(runtime);
        assert_eq!(drops.count(), 1_000);
        for task in tasks {
            assert!(task.join().unwrap_err().is_cancelled());
        }
    });
}

#[test]
fn will_wake_knows_its_own_task_over_polls_and_from_others() {
    guard(|| {
        let (runtime, one, other) = (workers(1), Probe::new(), Probe::new());
        let spawn = |probe: &Arc<Probe>| runtime.spawn(probe.future(|_| ()));
        let _tasks = [&one, &other].map(spawn);
        settle(&runtime);
        let first = one.waker();
        assert!(first.will_wake(&first.clone()));
        assert!(!first.will_wake(&other.waker()));
        first.wake_by_ref();
        settle(&runtime);
        assert_eq!(one.polls(), 2);
        assert!(first.will_wake(&one.waker()));
    });
}

#[test]
fn a_waker_keeps_no_ended_future_alive() {
    guard(|| {
        let (runtime, probe, drops) = (workers(1), Probe::new(), Drops::default());
        let (future, token) = (probe.future(|_| ()), drops.token());
        let task = runtime.spawn(async move {
            let _token = token;
            future.await;
        });
        settle(&runtime);
        probe.ends.store(true, Ordering::SeqCst);
        let waker = probe.waker();
        waker.wake_by_ref();
        task.join().unwrap();
        assert_eq!(drops.count(), 1);
        drop((waker, runtime));
        assert_eq!(drops.count(), 1);
    });
}
