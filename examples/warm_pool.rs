//! A runtime that has made memory and stacks before the first request comes, so
//! that the first answers do not wait for the system.

use std::time::{Duration, Instant};
use virid::Builder;

const REQUESTS: u64 = 1_000;

/// A request that is answered by several threads.
fn answer(request: u64) -> u64 {
    let part = |part| virid::thread::spawn(move || request * 10 + part);
    let parts: Vec<_> = (0..4).map(part).collect();
    parts.into_iter().map(|part| part.join().unwrap()).sum()
}

fn main() -> std::io::Result<()> {
    for (how, tasks, stacks) in [("cold", 0, 0), ("warm", 20_000, 64)] {
        let runtime = Builder::new().prewarm(tasks, stacks).build()?;
        // The requests come from a thread of the runtime, as from a listener.
        let took: Vec<Duration> = runtime.run(|| {
            let time = |request| {
                let start = Instant::now();
                let thread = virid::thread::spawn(move || answer(request));
                assert_eq!(thread.join().unwrap(), request * 40 + 6);
                start.elapsed()
            };
            (0..REQUESTS).map(time).collect()
        });
        let micros = |took: &Duration| took.as_nanos() as f64 / 1_000.0;
        let first: Vec<f64> = took.iter().take(3).map(micros).collect();
        let mut sorted: Vec<f64> = took.iter().map(micros).collect();
        sorted.sort_by(f64::total_cmp);
        let middle = sorted[sorted.len() / 2];
        println!("{how}: first answers after {first:.1?} us, half of all within {middle:.1} us");
    }
    Ok(())
}
