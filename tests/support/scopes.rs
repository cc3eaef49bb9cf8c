//! Scopes, called in every way there is, and how their threads end.

use virid::task::JoinError;
use virid::{Runtime, thread};

/// Calls `f` as a plain thread inside the runtime, and as a green thread of it.
pub(crate) fn as_each_caller(runtime: &Runtime, f: impl Fn() + Clone + Send + 'static) {
    let entered = runtime.enter();
    f();
    drop(entered);
    runtime.run(f);
}

pub(crate) fn park_for_ever() -> ! {
    loop {
        thread::park();
    }
}

pub(crate) fn is_cancelled<T>(result: thread::Result<T>) -> bool {
    result.is_err_and(|error| {
        error
            .downcast_ref::<JoinError>()
            .is_some_and(JoinError::is_cancelled)
    })
}
