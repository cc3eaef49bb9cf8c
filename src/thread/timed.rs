//! Waits that end by themselves. A green thread waits for a timer of `async-io` as
//! for any other future: one thread of that crate watches the timers of the whole
//! process, and wakes.

use std::future::Future;
use std::pin::pin;
use std::task::Context;
use std::time::Duration;

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
    let task = current.task();
    let waker = task.waker();
    let mut context = Context::from_waker(&waker);
    let mut timer = pin!(Timer::after(timeout));
    let mut has_waited = false;
    loop {
        current.check();
        if task.take_token() {
            return;
        }
        if timer.as_mut().poll(&mut context).is_ready() {
            break;
        }
        current.suspend(CALL);
        has_waited = true;
    }
    if !has_waited {
        // Others run also beside a loop of waits that are over when they begin.
        current.suspend_for(Turn::Yields, CALL);
        current.check();
    }
}
