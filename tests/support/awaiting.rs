//! Awaiting a future in every way there is.

use std::future::Future;

use virid::{Runtime, yield_now};

/// Awaits a future as a plain thread, as a task and as a green thread.
pub(crate) fn as_each_caller<F, T>(runtime: &Runtime, future: impl Fn() -> F)
where
    F: Future<Output = T> + Send + 'static,
    T: Send + 'static,
{
    runtime.block_on(future());
    runtime.spawn(future()).join().unwrap();
    let future = future();
    runtime.run(move || virid::block_on(future));
}

/// Lets others run so often.
pub(crate) async fn turns(count: usize) {
    for _ in 0..count {
        yield_now().await;
    }
}
