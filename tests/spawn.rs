//! Proves that a spawned future runs once, whoever spawns it and whatever its
//! size and alignment are.

#![cfg(not(virid_loom))]

#[path = "support/drops.rs"]
mod drops;
mod support;
#[path = "support/workers.rs"]
mod workers;

use drops::{Drops, Token};
use std::cell::Cell;
use std::collections::HashSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::task::{Context, Poll};
use std::thread;
use support::guard;
use virid::task::JoinHandle;
use virid::{Handle, Runtime};
use workers::workers;

#[test]
fn a_plain_thread_spawns_on_the_default_runtime() {
    guard(|| {
        let spawner = thread::current().id();
        let task = virid::spawn(async { thread::current().id() });
        assert_ne!(task.join().unwrap(), spawner);
    });
}

#[test]
fn a_task_spawns_on_its_own_runtime() {
    guard(|| {
        let runtime = virid::Builder::new()
            .worker_threads(1)
            .thread_name("spawn-own")
            .build()
            .unwrap();
        let parent = runtime.spawn(async {
            let child = virid::spawn(async { thread::current().name().map(str::to_owned) });
            let by_handle = Handle::current().spawn(async { thread::current().id() });
            (
                child.await.unwrap(),
                by_handle.await.unwrap(),
                thread::current().id(),
            )
        });
        let (name, by_handle, own) = parent.join().unwrap();
        assert_eq!(name.as_deref(), Some("spawn-own-0"));
        assert_eq!(by_handle, own);
    });
}

#[test]
fn eight_threads_spawn_through_one_handle_and_nothing_is_lost() {
    guard(|| {
        let runtime = workers(3);
        let sum = Arc::new(AtomicUsize::new(0));
        thread::scope(|scope| {
            for part in 0..8 {
                let (handle, sum) = (runtime.handle().clone(), &sum);
                scope.spawn(move || {
                    let spawn = |index| {
                        let sum = sum.clone();
                        handle.spawn(async move { sum.fetch_add(index, Ordering::Relaxed) })
                    };
                    let tasks: Vec<_> = (0..5_000).map(|i| spawn(part * 5_000 + i)).collect();
                    tasks.into_iter().for_each(|task| _ = task.join().unwrap());
                });
            }
        });
        assert_eq!(sum.load(Ordering::Relaxed), (0..40_000).sum::<usize>());
    });
}

#[test]
fn a_future_of_100_kib_keeps_its_contents() {
    guard(|| {
        let runtime = workers(2);
        let tasks: Vec<_> = (0..50_u8)
            .map(|seed| {
                let block = [seed; 100 * 1024];
                runtime.spawn(async move {
                    virid::yield_now().await;
                    block.iter().all(|&byte| byte == seed)
                })
            })
            .collect();
        assert!(tasks.into_iter().all(|task| task.join().unwrap()));
    });
}

async fn sized<const N: usize>(seed: u8) -> [u8; N] {
    let mut block = [0_u8; N];
    for (index, byte) in block.iter_mut().enumerate() {
        *byte = seed.wrapping_add(index as u8);
    }
    let copy = block;
    virid::yield_now().await;
    assert_eq!(block, copy);
    block
}

#[test]
fn futures_and_outputs_of_every_size_keep_their_contents() {
    fn check<const N: usize>(runtime: &Runtime) {
        let tasks: Vec<_> = (0..100)
            .map(|seed| runtime.spawn(sized::<N>(seed)))
            .collect();
        for (seed, task) in tasks.into_iter().enumerate() {
            let expected: Vec<u8> = (0..N).map(|i| (seed as u8).wrapping_add(i as u8)).collect();
            assert_eq!(task.join().unwrap().as_slice(), expected);
        }
    }
    guard(|| {
        let runtime = workers(2);
        check::<0>(&runtime);
        check::<1>(&runtime);
        check::<7>(&runtime);
        check::<8>(&runtime);
        check::<10>(&runtime);
        check::<11>(&runtime);
        check::<24>(&runtime);
        check::<25>(&runtime);
        check::<40>(&runtime);
        check::<56>(&runtime);
        check::<100>(&runtime);
        check::<250>(&runtime);
        check::<480>(&runtime);
        check::<500>(&runtime);
        check::<510>(&runtime);
        check::<520>(&runtime);
        check::<1_000>(&runtime);
        check::<1_024>(&runtime);
        check::<1_025>(&runtime);
        check::<5_000>(&runtime);
    });
}

#[test]
fn an_output_much_larger_than_its_future_arrives_intact() {
    guard(|| {
        let runtime = workers(2);
        for _ in 0..100 {
            let wide = runtime.spawn(async { [7_u64; 1_000] });
            assert_eq!(wide.join().unwrap(), [7; 1_000]);
        }
    });
}

#[test]
fn zero_sized_futures_and_outputs_run_once_each() {
    static POLLS: AtomicUsize = AtomicUsize::new(0);
    struct Nothing;
    impl Future for Nothing {
        type Output = ();
        fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
            POLLS.fetch_add(1, Ordering::Relaxed);
            Poll::Ready(())
        }
    }
    assert_eq!(size_of::<Nothing>(), 0);
    guard(|| {
        let runtime = workers(2);
        let tasks: Vec<_> = (0..10_000).map(|_| runtime.spawn(Nothing)).collect();
        tasks.into_iter().for_each(|task| task.join().unwrap());
        assert_eq!(POLLS.load(Ordering::Relaxed), 10_000);
    });
}

#[repr(align(128))]
struct Wide(
    u64,
    #[expect(dead_code, reason = "only its drop counts")] Token,
);

impl Wide {
    fn check(&self) -> u64 {
        assert_eq!(std::ptr::from_ref(self).addr() % 128, 0);
        self.0
    }
}

impl Drop for Wide {
    fn drop(&mut self) {
        self.check();
    }
}

#[test]
fn over_aligned_captures_stay_aligned_over_suspensions() {
    guard(|| {
        let (runtime, drops) = (workers(2), Drops::default());
        let tasks: Vec<_> = (0..1_000)
            .map(|index| {
                let wide = Wide(index, drops.token());
                runtime.spawn(async move {
                    let first = wide.check();
                    virid::yield_now().await;
                    first + wide.check()
                })
            })
            .collect();
        let sum: u64 = tasks.into_iter().map(|task| task.join().unwrap()).sum();
        assert_eq!(sum, (0..1_000).map(|index| 2 * index).sum::<u64>());
        assert_eq!(drops.count(), 1_000);
    });
}

#[test]
fn over_aligned_outputs_are_aligned_wherever_they_are_dropped() {
    guard(|| {
        let (runtime, drops) = (workers(2), Drops::default());
        for index in 0..1_000 {
            let token = drops.token();
            let task = runtime.spawn(async move { Wide(index, token) });
            match index % 3 {
                0 => assert_eq!(task.join().unwrap().check(), index),
                1 => drop(task),
                _ => {
                    while !task.is_finished() {
                        thread::yield_now();
                    }
                    drop(task);
                }
            }
        }
        drop(runtime);
        assert_eq!(drops.count(), 1_000);
    });
}

fn chain(left: usize, end: Sender<()>) {
    virid::spawn(async move {
        match left {
            0 => end.send(()).unwrap(),
            _ => chain(left - 1, end),
        }
    });
}

#[test]
fn a_chain_of_100_000_nested_spawns_reaches_its_end() {
    guard(|| {
        let (end, ended) = channel();
        let runtime = workers(2);
        let start = runtime.spawn(async move { chain(100_000, end) });
        start.join().unwrap();
        ended.recv().unwrap();
    });
}

fn descend(left: usize) -> Pin<Box<dyn Future<Output = usize> + Send>> {
    Box::pin(async move {
        match left {
            0 => 0,
            _ => 1 + virid::spawn(descend(left - 1)).await.unwrap(),
        }
    })
}

#[test]
fn twenty_thousand_tasks_that_await_each_other_in_a_row_all_end() {
    guard(|| {
        let runtime = workers(2);
        assert_eq!(runtime.spawn(descend(20_000)).join().unwrap(), 20_000);
    });
}

#[test]
fn ids_are_unique_across_threads_and_runtimes() {
    guard(|| {
        let runtimes = [workers(1), workers(2)];
        let (ids, seen) = channel();
        thread::scope(|scope| {
            for runtime in &runtimes {
                for _ in 0..2 {
                    let ids = ids.clone();
                    scope.spawn(move || {
                        for _ in 0..5_000 {
                            ids.send(runtime.spawn(async {}).id()).unwrap();
                        }
                    });
                }
            }
        });
        drop(ids);
        let ids: Vec<_> = seen.into_iter().collect();
        let unique: HashSet<_> = ids.iter().copied().collect();
        let texts: HashSet<_> = ids.iter().map(ToString::to_string).collect();
        assert_eq!((unique.len(), texts.len()), (20_000, 20_000));
    });
}

struct SpawnsWhenDropped(Sender<&'static str>);

impl Drop for SpawnsWhenDropped {
    fn drop(&mut self) {
        let answer = self.0.clone();
        virid::spawn(async move { answer.send("spawned in drop").unwrap() });
    }
}

impl Future for SpawnsWhenDropped {
    type Output = ();
    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }
}

#[test]
fn a_destructor_can_spawn_on_a_plain_thread_and_in_a_task() {
    guard(|| {
        let (answer, answers) = channel();
        let runtime = workers(1);
        drop(SpawnsWhenDropped(answer.clone()));
        assert_eq!(answers.recv().unwrap(), "spawned in drop");
        let local = SpawnsWhenDropped(answer);
        let task = runtime.spawn(async move { drop(local) });
        task.join().unwrap();
        assert_eq!(answers.recv().unwrap(), "spawned in drop");
    });
}

#[test]
fn a_future_that_spawns_in_its_own_drop_does_so_once() {
    guard(|| {
        let (answer, answers) = channel();
        let runtime = workers(2);
        for _ in 0..1_000 {
            runtime
                .spawn(SpawnsWhenDropped(answer.clone()))
                .join()
                .unwrap();
        }
        drop(answer);
        for _ in 0..1_000 {
            assert_eq!(answers.recv().unwrap(), "spawned in drop");
        }
        assert!(answers.recv().is_err());
    });
}

#[test]
fn public_types_cross_threads_as_promised() {
    fn shared<T: Send + Sync + 'static>() {}
    fn unpin<T: Unpin>() {}
    shared::<Runtime>();
    shared::<Handle>();
    shared::<virid::task::Id>();
    shared::<virid::task::JoinError>();
    shared::<JoinHandle<Cell<u32>>>();
    unpin::<JoinHandle<std::marker::PhantomPinned>>();
}
