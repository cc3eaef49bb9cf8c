//! One future, driven by the thread that calls.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use crate::context;
use crate::scheduler::parker::Parker;
use crate::thread::current::Current;

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
