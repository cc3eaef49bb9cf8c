//! A million tasks that sleep at once, with deadlines all over one second, and then
//! all go on. An argument changes how many. Prints how long it takes to put them to
//! sleep and how late the last went on, and on Linux what memory each takes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use virid::time::{sleep, sleep_until};

/// Bytes of memory that the process has.
fn resident() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.split_whitespace().next()?.parse::<usize>().ok()? << 10)
}

async fn all_sleep(count: usize) -> usize {
    sleep(Duration::from_millis(1)).await; // starts the thread that watches timers
    let (before, asleep) = (resident(), Arc::<AtomicUsize>::default());
    let start = Instant::now();
    let first = start + Duration::from_secs(3);
    let task = |number: usize| {
        let asleep = asleep.clone();
        // Scattered, so that the deadlines do not come in order.
        let place = number * 7_919 % count;
        let deadline = first + Duration::from_secs(1).mul_f64(place as f64 / count as f64);
        virid::spawn(async move {
            asleep.fetch_add(1, Ordering::Relaxed);
            sleep_until(deadline).await;
            assert!(Instant::now() >= deadline, "nobody goes on too early");
            number
        })
    };
    let tasks: Vec<_> = (0..count).map(task).collect();
    while asleep.load(Ordering::Relaxed) < count {
        virid::yield_now().await;
    }
    let each = start.elapsed().as_nanos() / count.max(1) as u128;
    println!("{count} tasks fell asleep, in {each} ns each");
    if let (Some(before), Some(now)) = (before, resident()) {
        println!("{} bytes each", now.saturating_sub(before) / count.max(1));
    }
    let mut sum = 0;
    for task in tasks {
        sum += task.await.expect("sleeping does not panic");
    }
    let late = (first + Duration::from_secs(1)).elapsed();
    println!("all had gone on {late:?} after the last deadline");
    sum
}

fn main() {
    let argument = std::env::args().nth(1);
    let count = argument.map_or(1_000_000, |text| text.parse().expect("how many tasks"));
    let all = virid::spawn(all_sleep(count)).join();
    assert_eq!(all.expect("no panic"), count * count.saturating_sub(1) / 2);
}
