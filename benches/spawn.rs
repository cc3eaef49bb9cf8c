//! What does a task cost as bursts grow from ten thousand to ten million?
//!
//! ```text
//! cargo bench --bench spawn
//! VIRID_SIZES=10k,1m cargo bench --bench spawn -- flat
//! ```
//!
//! One task spawns `n` tasks and waits for them: `flat` detaches them and waits
//! for a countdown, with the same task body as `comparisons`; `joined` keeps
//! every handle and awaits it. Only the burst is timed, not the way into the
//! runtime. Criterion draws both curves in `target/criterion`. Whether virid is
//! faster than something else is a question for `comparisons`, which measures
//! the two in turn.

use std::env;
use std::future::poll_fn;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use criterion::{
    AxisScale, BenchmarkId, Criterion, PlotConfiguration, SamplingMode, Throughput,
    criterion_group, criterion_main,
};
use crossbeam_utils::CachePadded;
use virid::Runtime;

const SIZES: [u64; 4] = [10_000, 100_000, 1_000_000, 10_000_000];
/// From here on a burst takes so long that ten samples have to do.
const LARGE: u64 = 1_000_000;
/// When the benches are only run to see that they work.
const TEST_SIZE: u64 = 1_000;
const SHARDS: usize = 64;

static RESULTS: [CachePadded<AtomicU64>; SHARDS] =
    [const { CachePadded::new(AtomicU64::new(0)) }; SHARDS];
static RUNNING: CachePadded<AtomicU64> = CachePadded::new(AtomicU64::new(0));
static WAITER: Mutex<Option<Waker>> = Mutex::new(None);

async fn flat(n: u64) -> (Duration, u64) {
    let start = Instant::now();
    RUNNING.store(n, Ordering::Relaxed);
    for i in 0..n {
        drop(virid::spawn(async move {
            RESULTS[i as usize % SHARDS].fetch_add(mix(i), Ordering::Relaxed);
            // Ordering: Release for the result above, Acquire so that the last
            // task hands over the results of all.
            if RUNNING.fetch_sub(1, Ordering::AcqRel) == 1 {
                let waiter = WAITER.lock().unwrap().take();
                if let Some(waker) = waiter {
                    waker.wake();
                }
            }
        }));
    }
    poll_fn(|cx| {
        *WAITER.lock().unwrap() = Some(cx.waker().clone());
        // After the waker is in place: the last task may have looked before.
        match RUNNING.load(Ordering::Acquire) {
            0 => Poll::Ready(()),
            _ => Poll::Pending,
        }
    })
    .await;
    let elapsed = start.elapsed();
    let shards = RESULTS.iter().map(|cell| cell.swap(0, Ordering::Relaxed));
    (elapsed, shards.fold(0, u64::wrapping_add))
}

async fn joined(n: u64) -> (Duration, u64) {
    let start = Instant::now();
    let tasks: Vec<_> = (0..n)
        .map(|i| virid::spawn(async move { mix(i) }))
        .collect();
    let mut sum = 0u64;
    for task in tasks {
        sum = sum.wrapping_add(task.await.unwrap());
    }
    (start.elapsed(), sum)
}

/// The second half of SplitMix64: work that no compiler folds into a formula.
fn mix(i: u64) -> u64 {
    let mut z = i.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn sweep<F>(criterion: &mut Criterion, name: &str, burst: fn(u64) -> F)
where
    F: Future<Output = (Duration, u64)> + Send + 'static,
{
    let runtime = Runtime::new().expect("no runtime to measure");
    let mut group = criterion.benchmark_group(name);
    group
        .plot_config(PlotConfiguration::default().summary_scale(AxisScale::Logarithmic))
        .sampling_mode(SamplingMode::Flat);
    for n in sizes() {
        let expected = (0..n).map(mix).fold(0, u64::wrapping_add);
        group.throughput(Throughput::Elements(n));
        if n >= LARGE {
            // The shortest warm-up is one burst.
            group
                .sample_size(10)
                .warm_up_time(Duration::from_millis(1))
                .measurement_time(Duration::from_micros(n.max(5 * LARGE)));
        } else {
            group
                .sample_size(50)
                .warm_up_time(Duration::from_millis(500))
                .measurement_time(Duration::from_secs(4));
        }
        group.bench_function(BenchmarkId::from_parameter(n), |bencher| {
            bencher.iter_custom(|bursts| {
                let series = runtime.spawn(async move {
                    let mut total = Duration::ZERO;
                    for _ in 0..bursts {
                        let (elapsed, sum) = burst(n).await;
                        assert_eq!(sum, expected, "wrong answer from {n} tasks");
                        total += elapsed;
                    }
                    total
                });
                series.join().unwrap()
            });
        });
    }
    group.finish();
}

/// The sizes to run, ascending, because what is set for large bursts stays set.
fn sizes() -> Vec<u64> {
    // As criterion decides it.
    let given = |flag: &str| env::args().any(|argument| argument == flag);
    if given("--test") || !given("--bench") {
        return vec![TEST_SIZE];
    }
    let mut sizes = match env::var("VIRID_SIZES") {
        Err(_) => SIZES.to_vec(),
        Ok(text) => text.split(',').map(size).collect(),
    };
    sizes.sort_unstable();
    sizes.dedup();
    sizes
}

fn size(text: &str) -> u64 {
    let lower = text.trim().to_ascii_lowercase();
    let (digits, unit) = match lower.as_bytes().last() {
        Some(b'k') => (&lower[..lower.len() - 1], 1_000),
        Some(b'm') => (&lower[..lower.len() - 1], 1_000_000),
        _ => (&lower[..], 1),
    };
    match digits.parse::<u64>() {
        Ok(number @ 1..=100_000_000) if number * unit <= 100_000_000 => number * unit,
        _ => {
            eprintln!("VIRID_SIZES: {text:?} is not 1 to 100m, such as 10000, 10k or 1m");
            std::process::exit(2);
        }
    }
}

fn spawn(criterion: &mut Criterion) {
    sweep(criterion, "flat", flat);
    sweep(criterion, "joined", joined);
}

criterion_group!(benches, spawn);
criterion_main!(benches);
