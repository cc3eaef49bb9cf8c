//! What `skynet`, `fib` and `nqueens` have in common: a node of a tree spawns a task for
//! each of its children, and its result is the sum of theirs. Each is spawned and joined,
//! on every runtime by its own means.
//!
//! May and the threads of the system do not take part: a node that waits keeps its stack,
//! and they cannot have so many.

use std::future::Future;
use std::pin::Pin;

use super::{Bursts, Measured};
use crate::clock::Stopwatch;
use crate::hosts::{JoinHost, ScopeHost, ThreadHost};

/// A node with up to `FAN` children that are spawned.
pub(super) trait Node<const FAN: usize>: Copy + Send + Sync + 'static {
    /// Its own part of the sum.
    fn value(self) -> u64;

    /// The children to spawn.
    fn spawned(self) -> [Option<Self>; FAN];

    /// One that is computed in place meanwhile.
    fn in_place(self) -> Option<Self> {
        None
    }
}

/// Measures the tree where tasks are futures.
pub(super) fn measure_tasks<H: JoinHost, N: Node<FAN>, const FAN: usize>(
    host: &H,
    root: N,
) -> Bursts<Measured> {
    Bursts::run(|| {
        host.run(async move {
            let stopwatch = Stopwatch::start();
            let sum = sum_in_task::<H, N, FAN>(root).await;
            Measured::new(stopwatch.elapsed(), sum)
        })
    })
}

/// Boxed on every runtime, because a future that spawns its own kind has no other type.
fn sum_in_task<H: JoinHost, N: Node<FAN>, const FAN: usize>(
    node: N,
) -> Pin<Box<dyn Future<Output = u64> + Send>> {
    Box::pin(async move {
        let tasks = node
            .spawned()
            .map(|child| Some(H::spawn_join(sum_in_task::<H, N, FAN>(child?))));
        let mut sum = node.value();
        if let Some(child) = node.in_place() {
            sum += sum_in_task::<H, N, FAN>(child).await;
        }
        for task in tasks.into_iter().flatten() {
            sum += H::join(task).await;
        }
        sum
    })
}

/// Measures the tree where tasks are threads.
pub(super) fn measure_threads<H: ThreadHost, N: Node<FAN>, const FAN: usize>(
    host: &H,
    root: N,
) -> Bursts<Measured> {
    fn sum<H: ThreadHost, N: Node<FAN>, const FAN: usize>(node: N) -> u64 {
        let spawned = node.spawned();
        let threads =
            spawned.map(|child| child.map(|child| H::spawn_join(move || sum::<H, N, FAN>(child))));
        let in_place = node.in_place().map_or(0, sum::<H, N, FAN>);
        let threads = threads.into_iter().flatten();
        node.value() + in_place + threads.map(H::join).sum::<u64>()
    }
    Bursts::run(|| {
        host.run(move || {
            let stopwatch = Stopwatch::start();
            let sum = sum::<H, N, FAN>(root);
            Measured::new(stopwatch.elapsed(), sum)
        })
    })
}

/// Measures the tree where tasks are closures that are joined two by two.
pub(super) fn measure_scope<H: ScopeHost, N: Node<FAN>, const FAN: usize>(
    host: &H,
    root: N,
) -> Bursts<Measured> {
    fn sum<H: ScopeHost, N: Node<FAN>, const FAN: usize>(node: N) -> u64 {
        let children = node.spawned();
        let spawned = || sum_all::<H, N, FAN>(&children);
        let (in_place, spawned) = match node.in_place() {
            Some(child) => H::join(|| sum::<H, N, FAN>(child), spawned),
            None => (0, spawned()),
        };
        node.value() + in_place + spawned
    }
    fn sum_all<H: ScopeHost, N: Node<FAN>, const FAN: usize>(children: &[Option<N>]) -> u64 {
        match children {
            [] => 0,
            &[child] => child.map_or(0, sum::<H, N, FAN>),
            many => {
                let (one, other) = many.split_at(many.len() / 2);
                let sums = H::join(|| sum_all::<H, N, FAN>(one), || sum_all::<H, N, FAN>(other));
                sums.0 + sums.1
            }
        }
    }
    Bursts::run(|| {
        host.run(|| {
            let stopwatch = Stopwatch::start();
            let sum = sum::<H, N, FAN>(root);
            Measured::new(stopwatch.elapsed(), sum)
        })
    })
}

/// The sum and the number of tasks, by plain calls.
#[cfg(test)]
pub(super) fn by_calls<N: Node<FAN>, const FAN: usize>(node: N) -> (u64, u64) {
    let spawned = node.spawned().into_iter().flatten();
    let (mut sum, mut tasks) = (node.value(), spawned.clone().count() as u64);
    for child in spawned.chain(node.in_place()) {
        let (of_child, tasks_of_child) = by_calls(child);
        sum += of_child;
        tasks += tasks_of_child;
    }
    (sum, tasks)
}
