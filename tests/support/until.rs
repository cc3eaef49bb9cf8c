//! Waiting for what another thread is about to do.

/// Returns once `done` holds; the guard around the test ends a wait for ever.
pub(crate) fn until(done: impl Fn() -> bool) {
    while !done() {
        std::thread::yield_now();
    }
}
