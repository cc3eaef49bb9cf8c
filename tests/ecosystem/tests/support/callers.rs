//! Both kinds of caller.

use std::future::Future;

use crate::support::{guard, two_workers};

/// Runs the future that `start` makes twice: as an async task, and on a green thread with
/// `block_on`. Each time on two workers of its own, all of whose tasks end with it.
#[track_caller]
pub(crate) fn in_task_and_on_green_thread<F, Fut>(start: F)
where
    F: Fn() -> Fut + Send + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    guard(move || {
        eprintln!("in an async task:");
        let runtime = two_workers();
        runtime.spawn(start()).join().unwrap();
        drop(runtime);
        eprintln!("on a green thread:");
        two_workers().run(move || virid::block_on(start()));
    });
}
