//! Waits that end by themselves. A green thread waits for a timer of `async-io` as
//! for any other future: one thread of that crate watches the timers of the whole
//! process, and wakes.

use std::future::Future;
use std::pin::pin;
use std::task::Context;
use std::time::{Duration, Instant};

use async_io::Timer;

use super::current::{Current, Turn};
use crate::context;

/// As [`park`](super::park), and no longer than `timeout`: waits until
/// [`Thread::unpark`](super::Thread::unpark) was called for the calling thread, until
/// the time is over, or for no reason. On a thread of the operating system this is
/// [`std::thread::park_timeout`].
///
/// A timeout of zero takes a token that is there, and else lets others run once. One
/// that ends later than the clock can say never ends: [`Duration::MAX`] is as `park`.
/// A thread that is unparked in time leaves the token taken; one whose time is over
/// leaves it for the next wait.
///
/// It is a cancellation point: a thread that is cancelled, or whose runtime ends, is
/// unwound from here, and its timer is gone.
///
/// Exists with the feature `time`, which is on by default.
///
/// ```
/// use std::time::Duration;
/// use virid::thread;
///
/// virid::run(|| {
///     thread::park_timeout(Duration::from_millis(1)); // nobody unparks it
///
///     let main = thread::current();
///     thread::spawn(move || main.unpark());
///     thread::park_timeout(Duration::from_secs(3_600));
/// });
/// ```
///
/// # Panics
///
/// Inside an async task, and inside [`no_suspend`](super::no_suspend). In a green
/// thread also where the system refuses the thread that watches the timers.
#[track_caller]
pub fn park_timeout(timeout: Duration) {
    const CALL: &str = "thread::park_timeout";
    let Some(current) = Current::get() else {
        context::assert_may_block(CALL, "an async timer");
        return std::thread::park_timeout(timeout);
    };
    if context::is_in_hook() {
        return current.park_in_hook(Some(timeout));
    }
    wait(current, Timer::after(timeout), CALL, || {
        current.task().take_token()
    });
}

/// Waits for so long. On a thread of the operating system this is
/// [`std::thread::sleep`]. In an async task, await the `sleep` of the module `time`.
///
/// A duration of zero lets others run once, and one that ends later than the clock can
/// say never ends. An unpark does not end it, and is there for the next
/// [`park`](super::park).
///
/// It is a cancellation point: a thread that is cancelled, or whose runtime ends, is
/// unwound from here, and its timer is gone.
///
/// Exists with the feature `time`, which is on by default.
///
/// ```
/// use std::time::{Duration, Instant};
/// use virid::thread;
///
/// virid::run(|| {
///     let start = Instant::now();
///     thread::sleep(Duration::from_millis(2)); // its worker goes on with others
///     assert!(start.elapsed() >= Duration::from_millis(2));
/// });
/// ```
///
/// # Panics
///
/// As [`park_timeout`].
#[track_caller]
pub fn sleep(duration: Duration) {
    const CALL: &str = "thread::sleep";
    match Current::get_to_wait() {
        Some(current) => wait(current, Timer::after(duration), CALL, || false),
        None => {
            context::assert_may_block(CALL, "`virid::time::sleep(..).await`");
            std::thread::sleep(duration);
        }
    }
}

/// Waits until `deadline`; see [`sleep`]. One that has passed lets others run once.
///
/// ```
/// use std::time::{Duration, Instant};
/// use virid::thread;
///
/// virid::run(|| {
///     let deadline = Instant::now() + Duration::from_millis(2);
///     thread::sleep_until(deadline);
///     assert!(Instant::now() >= deadline);
/// });
/// ```
///
/// # Panics
///
/// As [`park_timeout`].
#[track_caller]
pub fn sleep_until(deadline: Instant) {
    const CALL: &str = "thread::sleep_until";
    if let Some(current) = Current::get_to_wait() {
        return wait(current, Timer::at(deadline), CALL, || false);
    }
    context::assert_may_block(CALL, "`virid::time::sleep_until(..).await`");
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        std::thread::sleep(left);
    }
}

/// Suspends the calling green thread until the timer fires, or until `is_over` says so
/// when the thread is woken.
#[track_caller]
fn wait(current: &Current, timer: Timer, call: &str, is_over: impl Fn() -> bool) {
    let waker = current.task().waker();
    let mut context = Context::from_waker(&waker);
    let mut timer = pin!(timer);
    let mut has_waited = false;
    loop {
        current.check();
        if is_over() {
            return;
        }
        if timer.as_mut().poll(&mut context).is_ready() {
            break;
        }
        current.suspend(call);
        has_waited = true;
    }
    if !has_waited {
        // Others run also beside a loop of waits that are over when they begin.
        current.suspend_for(Turn::Yields, call);
        current.check();
    }
}
