//! Time for tasks: waiting for a while, for at most a while, and again and again.
//!
//! ```
//! use std::time::Duration;
//! use virid::time;
//!
//! # virid::block_on(async {
//! time::sleep(Duration::from_millis(1)).await;
//!
//! let late = time::timeout(Duration::from_millis(1), std::future::pending::<()>()).await;
//! assert!(late.is_err());
//!
//! let mut ticks = time::interval(Duration::from_millis(1));
//! for _ in 0..3 {
//!     ticks.tick().await;
//! }
//! # });
//! ```
//!
//! Names and meaning are those of Tokio's `time` module, but for what stands below.
//! On a green thread [`thread::sleep`](crate::thread::sleep) waits without a future,
//! and [`block_on`](crate::block_on) waits for any of these.
//!
//! The timers are those of `async-io`: one thread for the whole process, started at
//! the first wait that takes any time, watches them and wakes. So these futures need
//! no runtime of virid's, and work under any executor. Once a task of a runtime has been
//! woken so, that runtime's idle workers watch in place of that thread, timers and
//! sockets alike: what they wake goes on without a part of another thread. Exists with
//! the feature `time`, which is on by default.
//!
//! # How exact
//!
//! No wait ends before its time, as [`Instant`] tells it. How long after depends on the
//! system and on what else the workers have to do. Waits that are over at the same
//! moment are woken in the order of their deadlines.
//!
//! A deadline that has passed is no wait: such a future is ready when it is first
//! polled, and lets nobody else run. A deadline that no clock can say never comes:
//! [`Duration::MAX`] is for ever.
//!
//! # What it costs
//!
//! A wait that is over when it is first polled costs a look at the clock. Any other is
//! put into one ordered map and taken out again, under a lock that the whole process
//! shares; a thousand changes at a time wait before that in a queue without a lock.
//! `cargo run --release --example million_timers` shows a million at once: in three runs
//! on two cores of a shared server each took 0.5 to 0.7 us to be spawned and put to
//! sleep and 355 bytes in all, and the last went on 18 to 28 ms after its deadline.
//!
//! # Other than in Tokio
//!
//! - [`Instant`] is std's, and there is no clock to pause or advance.
//! - Deadlines are kept as they are given, not rounded up to a millisecond.
//! - [`Sleep`] is [`Unpin`]: it can be awaited by `&mut` reference without being
//!   pinned, and reset without a `Pin`.
//! - There is no budget: a loop of waits that are over when they begin keeps its
//!   worker. Put a [`yield_now`](crate::yield_now) into it.

mod interval;
mod sleep;
mod timeout;

pub use interval::{Interval, MissedTickBehavior, interval, interval_at};
pub use sleep::{Sleep, sleep, sleep_until};
pub use std::time::{Duration, Instant};
pub use timeout::{Elapsed, Timeout, timeout, timeout_at};
