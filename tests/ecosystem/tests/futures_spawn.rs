//! Code that spawns through the trait `Spawn` of the futures crates.

#[path = "support/callers.rs"]
mod callers;
mod support;

use std::future::ready;
use std::thread::current;

use futures_util::task::{Spawn, SpawnExt};
use tokio::sync::oneshot;
use virid::Handle;

use callers::in_task_and_on_green_thread;
use support::{guard, two_workers};

/// Knows no runtime by name.
async fn sum(executor: impl Spawn) -> u64 {
    let tasks: Vec<_> = (0..100u64)
        .map(|n| executor.spawn_with_handle(async move { n }).unwrap())
        .collect();
    let mut sum = 0;
    for task in tasks {
        sum += task.await;
    }
    sum
}

#[test]
fn handle_and_runtime_are_executors() {
    in_task_and_on_green_thread(|| async {
        assert_eq!(sum(Handle::current()).await, 4_950);
        assert_eq!(sum(&Handle::current()).await, 4_950);
    });
    guard(|| {
        let runtime = two_workers();
        assert_eq!(runtime.block_on(sum(&runtime)), 4_950);
    });
}

#[test]
fn runs_on_the_runtimes_workers_and_is_detached() {
    guard(|| {
        let runtime = two_workers();
        let (send, receive) = oneshot::channel();
        let report = async move { send.send(current().name().map(str::to_owned)).unwrap() };
        SpawnExt::spawn(&runtime, report).unwrap();
        let name = virid::block_on(receive).unwrap().unwrap();
        assert!(name.starts_with("virid-worker"), "{name}");
    });
}

#[test]
fn one_that_has_ended_refuses() {
    guard(|| {
        let runtime = two_workers();
        let handle = runtime.handle().clone();
        assert!(handle.status().is_ok());
        drop(runtime);
        assert!(handle.status().unwrap_err().is_shutdown());
        let error = SpawnExt::spawn(&handle, ready(())).unwrap_err();
        assert!(error.is_shutdown());
    });
}
