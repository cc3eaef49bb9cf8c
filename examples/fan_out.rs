//! A million tasks, spawned from inside a task, add their numbers to one sum.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

const TASKS: u64 = 1_000_000;

fn main() {
    let start = Instant::now();
    let sum = virid::block_on(async {
        let root = virid::spawn(async {
            let sum = Arc::new(AtomicU64::new(0));
            let add = |number| {
                let sum = sum.clone();
                virid::spawn(async move { sum.fetch_add(number, Ordering::Relaxed) })
            };
            let tasks: Vec<_> = (0..TASKS).map(add).collect();
            for task in tasks {
                task.await.expect("adding does not panic");
            }
            sum.load(Ordering::Relaxed)
        });
        root.await.expect("spawning does not panic")
    });
    assert_eq!(sum, TASKS * (TASKS - 1) / 2);
    println!("{TASKS} tasks summed to {sum} in {:?}", start.elapsed());
}
