//! How long spawned tasks wait for their first run, for programs in production.
//!
//! ```
//! use std::time::Duration;
//! use virid::monitor::SpawnMonitor;
//!
//! let runtime = virid::Runtime::new()?;
//! let monitor = SpawnMonitor::builder()
//!     .slow_threshold(Duration::from_millis(10))
//!     .on_slow(|place, waited| eprintln!("a task of {place} waited for {waited:?}"))
//!     .attach(&runtime);
//! for n in 0..100 {
//!     runtime.spawn(async move { n }).join().unwrap();
//! }
//! println!("{}", monitor.stats());
//! # assert_eq!(monitor.stats().count, 100);
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # What is measured
//!
//! *From the spawn to the first run*: from inside the call that spawns, after the task's
//! cell was found and before its future or closure is stored there and queued, until a
//! worker is about to poll it, or to begin it on a stack. That is the time in a queue, and
//! with it that of a signal to a parked worker. One look at the clock is part of it, and
//! [`SpawnMonitor::clock`] says what that costs; it is never subtracted. Waits of a few
//! steps of the clock say "about nothing" and no more.
//!
//! Not measured is *spawn-return*, how long the call itself keeps its caller. On a worker
//! that is some ten nanoseconds, below the step of any clock, and so only a batch of
//! spawns can tell it: `comparisons monitor bench` does, with the middle from batches and
//! the tail from single spawns. Nor is how long a task runs, or when it ends.
//!
//! | spawned | seen |
//! |---|---|
//! | tasks and green threads, by workers, green threads and any other thread | yes |
//! | members of sets, groups and scopes, items of `map_ordered` and its kin | yes, from when they get a cell: a spawn that waits for a limit has not begun |
//! | a task of [`Keyed`](crate::task::Keyed) that another of its key is ahead of | no: it waits because the program says so |
//! | closures of [`spawn_blocking`](crate::task::spawn_blocking) and [`thread::blocking`](crate::thread::blocking) | no: their queue is in [`metrics`](crate::metrics) |
//! | tasks that are dropped before they run, at the end of a runtime | no |
//! | aborted tasks | when a worker comes to them |
//! | wakes of a task that has run | no |
//!
//! A monitor is heard of where a thread next looks: a worker before its next task, another
//! thread with its first spawn, of which the next is the first sample. A task that is
//! running when the monitor is attached, and goes on, may spawn some four thousand more
//! before its spawns are seen.
//!
//! # What it costs
//!
//! Nothing where there is no monitor: not a branch, not a load. The thread that spawns
//! looks up where its block of task numbers is used up, as it always has, and with a
//! monitor also where a sample is due; a sample carries its time in a table of functions
//! of its own, which the first run takes off. So only samples cost anything: two looks at
//! the clock, an allocation, and a place in a window that its worker alone writes. A
//! window is read without keeping the worker.
//!
//! One worker, 64 children at a time, on the machine of the project's benchmarks;
//! instructions by callgrind, which does not see the clock's own, times as the median of
//! paired rounds against the same program without a monitor:
//!
//! | sampling | instructions for a task | for a green thread | time for a task | for a green thread |
//! |---|---|---|---|---|
//! | before there was a monitor | 321.1 | 471.2 | | |
//! | none attached | 319.0 | 469.1 | 12.83 ns | 18.55 ns |
//! | 1 of 1,024 | 319.8 | 469.8 | 12.87 ns, +0.1 % | 18.64 ns, +0.7 % |
//! | 1 of 64 | 330.1 | 480.6 | 14.02 ns, +1.2 ns | 20.09 ns, +1.6 ns |
//!
//! With `sampling(1)` every spawn pays some hundred nanoseconds, which is what a test
//! can afford and a busy service need not.
//!
//! # In production
//!
//! Attach one monitor where the runtime is made, keep it as long as the runtime, and
//! serve [`SpawnMonitor::prometheus`], or write it with [`SpawnMonitor::export_to`].
//!
//! What to alert on, with the threshold where users begin to notice:
//!
//! - `rate(virid_spawn_slow_total[5m]) > 0`: somebody waited too long. A counter, so that
//!   no scrape misses what the window has forgotten; each sample of 1 in N stands for N
//!   spawns. [`on_slow`](Builder::on_slow) logs where they were spawned.
//! - `virid_spawn_wait_seconds{quantile="0.99"}` above a tenth of the threshold for
//!   minutes: queues are growing. Look at `virid_worker_queue_depth` and
//!   `virid_injector_depth`: all of them long, and the processors busy, is too much load;
//!   one worker's long, or `virid_worker_polled_total` of one not growing, is a task that
//!   keeps its worker. Hand what it does to `spawn_blocking`, or let it yield.
//! - `rate(virid_spawn_wait_seconds_count[5m]) == 0` where there should be load: nobody
//!   spawns, or those who do are stuck.
//! - The file older than some of its intervals: the process has ended or hangs.
//!
//! Long waits with idle processors and short queues are the system's: another process has
//! taken the processor (steal, a cgroup's quota; `comparisons monitor check` says so), or
//! a parked worker takes long to wake.
//!
//! *Percentiles of spawns look better than they are where the spawners themselves wait.*
//! A loop that cannot go on does not spawn, and what it would have spawned is in no
//! window: coordinated omission. A monitor cannot know what was not spawned. Where work
//! comes at a rate of its own, measure also from when it was due; the second line of
//! numbers below does.
//!
//! Healthy, as `comparisons monitor watch` shows it: five thousand requests a second on two
//! workers, each with two tasks and some 20 us of work.
//!
//! ```text
//! virid monitor watch: a steady load of this command's own
//!
//! OK    p99 of 196 us, threshold of 10.0 ms
//!
//! spawn to first run, the last 1000 samples:
//!   p50 9.93 us  p95 162 us  p99 196 us  max 201 us  mean 36.4 us
//!   41271 samples in all, 14981 a second; slow: 0 in all, 0 new
//!   p99 350 us since the requests were due
//!   clock: steps of 20 ns, 24 ns for a look, which is not subtracted
//!   p99 ▅▅▅▅▅▅▅▅
//!
//! worker       p50       p99       max  queued  waiting   polls/s   parks/s
//!      0   9.58 us    195 us    201 us       1        0      9600      1032
//!      1   10.4 us    184 us    200 us       0        0     10460       864
//! injector: 0 queued
//! ```
//!
//! Sick: the same, and a task that blocks its worker for 30 ms, five times a second. The
//! window has forgotten what was 70 ms ago, but for one of a worker's own; the counter
//! tells, and so do the sparkline of p99 and what the requests waited since they were due.
//!
//! ```text
//! virid monitor watch: a load of this command's own, with tasks that block
//!
//! FAIL  110 samples have waited 10.0 ms or longer
//!
//! spawn to first run, the last 1000 samples:
//!   p50 9.16 us  p95 134 us  p99 210 us  max 531 us  mean 30.2 us
//!   71276 samples in all, 14822 a second; slow: 5757 in all, 110 new
//!   p99 26.8 ms since the requests were due
//!   clock: steps of 20 ns, 23 ns for a look, which is not subtracted
//!   p99 █▇▇█▅▅█▅▆▆█▆██▆▅
//!
//! worker       p50       p99       max  queued  waiting   polls/s   parks/s
//!      0   9.40 us   12.3 ms   28.0 ms       0        0      5765      1015
//!      1   9.41 us    210 us    362 us       0        0     13748      1611
//! injector: 0 queued
//! ```
//!
//! The same steady load while four other processes compute on the two processors. No task
//! blocks and the queues are short between the stalls: all workers are slow alike, and
//! park seldom, because they do not get to run.
//!
//! ```text
//! virid monitor watch: a steady load of this command's own
//!
//! FAIL  260 samples have waited 10.0 ms or longer
//!
//! spawn to first run, the last 1000 samples:
//!   p50 63.1 us  p95 1.87 ms  p99 4.03 ms  max 9.75 ms  mean 429 us
//!   71370 samples in all, 16502 a second; slow: 8317 in all, 260 new
//!   p99 22.6 ms since the requests were due
//!   clock: steps of 20 ns, 24 ns for a look, which is not subtracted
//!   p99 ██▇████▅██▇▇████
//!
//! worker       p50       p99       max  queued  waiting   polls/s   parks/s
//!      0   54.5 us   4.25 ms   9.75 ms       0        0     11693       193
//!      1   85.3 us   4.36 ms   5.20 ms       0        0     10504       264
//! injector: 0 queued
//! ```
// The one part that models have, too.
pub(crate) mod countdown;

#[cfg(not(virid_loom))]
mod attached;
#[cfg(not(virid_loom))]
mod builder;
#[cfg(not(virid_loom))]
mod clock;
#[cfg(not(virid_loom))]
mod export;
#[cfg(not(virid_loom))]
mod prometheus;
#[cfg(not(virid_loom))]
pub(crate) mod record;
#[cfg(not(virid_loom))]
mod stats;
#[cfg(not(virid_loom))]
mod view;
#[cfg(not(virid_loom))]
pub(crate) mod window;

#[cfg(not(virid_loom))]
pub use attached::SpawnMonitor;
#[cfg(not(virid_loom))]
pub use builder::Builder;
#[cfg(not(virid_loom))]
pub use clock::Clock;
#[cfg(not(virid_loom))]
pub use stats::SpawnStats;

#[cfg(all(test, not(virid_loom)))]
#[path = "../tests/unit/windows.rs"]
mod window_tests;
