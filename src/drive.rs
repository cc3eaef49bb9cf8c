//! One future, driven by the thread that calls.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use crate::context;
use crate::scheduler::parker::Parker;
use crate::thread::current::Current;
#[cfg(all(feature = "sync", feature = "time", not(virid_loom)))]
pub(crate) use timed::drive_for;

/// What a call does first that may wait and perhaps need not: it is a cancellation
/// point, and panics where it may not wait. `call` and `instead` are for the message.
///
/// # Panics
///
/// As [`drive`].
#[cfg(all(feature = "sync", not(virid_loom)))]
#[inline]
#[track_caller]
pub(crate) fn before_wait(call: &str, instead: &str) {
    match Current::get_to_wait() {
        Some(current) => current.check(),
        None => context::assert_may_block(call, instead),
    }
}

/// Polls `future` on this thread, which is parked in between; on a green thread,
/// which is suspended. `call` and `instead` are for the message where that is not
/// allowed.
///
/// # Panics
///
/// On a worker; see the table in `context.rs`. And with whatever `future`
/// panics.
#[track_caller]
pub(crate) fn drive<F: Future>(future: F, call: &str, instead: &str) -> F::Output {
    if let Some(current) = Current::get_to_wait() {
        return current.block_on(future, call);
    }
    context::assert_may_block(call, instead);
    let parker = Arc::new(Parker::for_current_thread());
    let waker = Waker::from(Arc::clone(&parker));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
        parker.park();
    }
}

#[cfg(all(feature = "sync", feature = "time", not(virid_loom)))]
mod timed {
    use std::future::poll_fn;
    use std::time::{Duration, Instant};

    use async_io::Timer;

    use super::*;
    use crate::thread::current::Turn;

    /// As [`drive`], and no longer than `timeout`; `None` where that was over first. A
    /// future that is ready at once is so however short the timeout. One that ends
    /// later than the clock can say never ends.
    #[track_caller]
    pub(crate) fn drive_for<F: Future>(
        future: F,
        timeout: Duration,
        call: &str,
        instead: &str,
    ) -> Option<F::Output> {
        let mut future = pin!(future);
        if let Some(current) = Current::get_to_wait() {
            let mut timer = pin!(Timer::after(timeout));
            let mut polls = 0;
            let either = poll_fn(|context| {
                polls += 1;
                if let Poll::Ready(output) = future.as_mut().poll(context) {
                    return Poll::Ready(Some(output));
                }
                timer.as_mut().poll(context).map(|_| None)
            });
            let output = current.block_on(either, call);
            if output.is_none() && polls == 1 {
                // Others run also beside a loop of waits that are over when they begin.
                current.suspend_for(Turn::Yields, call);
                current.check();
            }
            return output;
        }
        context::assert_may_block(call, instead);
        let deadline = Instant::now().checked_add(timeout);
        let parker = Arc::new(Parker::for_current_thread());
        let waker = Waker::from(Arc::clone(&parker));
        let mut context = Context::from_waker(&waker);
        loop {
            if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
                return Some(output);
            }
            if !parker.park_until(deadline) {
                return None;
            }
        }
    }
}
