//! What do the means of `virid::sync` cost where nobody waits, and what does a wait
//! cost, beside those of `std::sync`?
//!
//! ```text
//! cargo bench --bench sync
//! cargo bench --bench sync -- lock
//! ```
//!
//! The first rows are for a caller that has not to wait: a plain thread with std's, a
//! plain thread with virid's, and a green thread with virid's. `round trip` is a value
//! that goes to another thread and back through two channels: between threads of the
//! system with std's, between green threads of one worker with virid's. A run without
//! arguments ends with the ratios to std, taken in turn and so free of what slows both.

use std::env;
use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use virid::{Builder, Runtime};

type Measure = fn(u64) -> Duration;

/// A name, with std, with virid, and whether the latter is also measured on a plain
/// thread.
const ROWS: [(&str, Measure, Measure, bool); 7] = [
    ("lock", of_std::lock, of_virid::lock, true),
    ("read", of_std::read, of_virid::read, true),
    ("write", of_std::write, of_virid::write, true),
    ("lazy", of_std::lazy, of_virid::lazy, true),
    ("send and recv", of_std::send, of_virid::send, true),
    (
        "round trip",
        of_std::round_trip,
        of_virid::round_trip,
        false,
    ),
    ("meeting", of_std::meeting, of_virid::meeting, false),
];

macro_rules! measures {
    ($world:ident, $of:ident) => {
        mod $world {
            use super::*;
            use $of::sync::mpsc::{channel, sync_channel};
            use $of::sync::{LazyLock, Mutex, RwLock};
            use $of::thread;

            fn time(count: u64, mut f: impl FnMut()) -> Duration {
                let start = Instant::now();
                (0..count).for_each(|_| f());
                start.elapsed()
            }

            pub(crate) fn lock(count: u64) -> Duration {
                let mutex = Mutex::new(0u64);
                let elapsed = time(count, || *black_box(&mutex).lock().unwrap() += 1);
                assert_eq!(mutex.into_inner().unwrap(), count);
                elapsed
            }

            pub(crate) fn read(count: u64) -> Duration {
                let lock = RwLock::new(7u64);
                time(count, || assert_eq!(*black_box(&lock).read().unwrap(), 7))
            }

            pub(crate) fn write(count: u64) -> Duration {
                let lock = RwLock::new(0u64);
                let elapsed = time(count, || *black_box(&lock).write().unwrap() += 1);
                assert_eq!(lock.into_inner().unwrap(), count);
                elapsed
            }

            pub(crate) fn lazy(count: u64) -> Duration {
                let lazy = LazyLock::new(|| 7);
                time(count, || assert_eq!(**black_box(&lazy), 7))
            }

            pub(crate) fn send(count: u64) -> Duration {
                let (sender, receiver) = channel();
                time(count, || {
                    sender.send(black_box(1u64)).unwrap();
                    assert_eq!(receiver.recv(), Ok(1));
                })
            }

            pub(crate) fn round_trip(count: u64) -> Duration {
                let ((ask, asked), (answer, answers)) = (channel(), channel());
                let other = thread::spawn(move || {
                    for n in asked {
                        answer.send(n).unwrap();
                    }
                });
                let elapsed = time(count, || {
                    ask.send(1u64).unwrap();
                    assert_eq!(answers.recv(), Ok(1));
                });
                drop(ask);
                other.join().unwrap();
                elapsed
            }

            pub(crate) fn meeting(count: u64) -> Duration {
                let (sender, receiver) = sync_channel(0);
                let other = thread::spawn(move || {
                    (0..count).for_each(|n| sender.send(n).unwrap());
                });
                let mut next = 0;
                let elapsed = time(count, || {
                    assert_eq!(receiver.recv(), Ok(next));
                    next += 1;
                });
                other.join().unwrap();
                elapsed
            }
        }
    };
}

measures!(of_std, std);
measures!(of_virid, virid);

fn one_worker() -> Runtime {
    let runtime = Builder::new().worker_threads(1).build();
    runtime.expect("no runtime to measure")
}

fn rows(criterion: &mut Criterion) {
    let runtime = one_worker();
    for (name, with_std, with_virid, is_for_plain) in ROWS {
        let mut group = criterion.benchmark_group(name);
        // These take nanoseconds: criterion's usual eight seconds each tell no more.
        group
            .warm_up_time(Duration::from_millis(500))
            .measurement_time(Duration::from_secs(2));
        group.bench_function("std", |bencher| bencher.iter_custom(with_std));
        if is_for_plain {
            group.bench_function("virid, plain thread", |bencher| {
                bencher.iter_custom(with_virid);
            });
        }
        group.bench_function("virid, green thread", |bencher| {
            bencher.iter_custom(|count| runtime.run(move || with_virid(count)));
        });
        group.finish();
    }
}

/// Prints what virid's cost as multiples of std's.
fn ratios(_: &mut Criterion) {
    const ROUNDS: usize = 31;
    // A filter asks for something else, and other flags for no measurement.
    if env::args().skip(1).any(|argument| argument != "--bench") || env::args().len() == 1 {
        return;
    }
    let runtime = one_worker();
    for (name, with_std, with_virid, is_for_plain) in ROWS {
        let count = if is_for_plain { 200_000 } else { 3_000 };
        let each = |elapsed: Duration| elapsed.as_nanos() as f64 / count as f64;
        let round = || {
            let of_std = each(with_std(count));
            let plain = if is_for_plain {
                each(with_virid(count))
            } else {
                f64::NAN
            };
            let green = each(runtime.run(move || with_virid(count)));
            [of_std, plain, green, plain / of_std, green / of_std]
        };
        round();
        let rounds: Vec<_> = (0..ROUNDS).map(|_| round()).collect();
        let median = |part: usize| {
            let mut values: Vec<f64> = rounds.iter().map(|round| round[part]).collect();
            values.sort_unstable_by(f64::total_cmp);
            values[ROUNDS / 2]
        };
        let plain = if is_for_plain {
            format!(" plain thread {:.1} ns, ratio {:.2};", median(1), median(3))
        } else {
            String::new()
        };
        println!(
            "{name}: std {:.1} ns;{plain} green thread {:.1} ns, ratio {:.2} \
             (medians of {ROUNDS} rounds)",
            median(0),
            median(2),
            median(4),
        );
    }
}

criterion_group!(benches, rows, ratios);
criterion_main!(benches);
