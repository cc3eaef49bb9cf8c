//! What a workload asks of a runtime. Workloads are written once against these
//! traits; a runtime implements the one that fits its own idiom.

use std::future::Future;

/// A runtime whose tasks are futures.
pub(crate) trait TaskHost: 'static {
    /// Spawns `future` as a task that nobody will join. Called from inside a
    /// task of this runtime.
    fn spawn<F>(future: F)
    where
        F: Future<Output = ()> + Send + 'static;

    /// Runs `future` as a task on a worker and blocks the calling thread until
    /// it is finished. It must not run on the calling thread: spawning from a
    /// thread that is no worker is a different and slower path in most runtimes.
    fn run<F>(&self, future: F) -> F::Output
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static;
}

/// A runtime whose tasks are closures inside a scope that ends when they have.
pub(crate) trait ScopeHost {
    /// Calls `body` on a worker and returns what it returned.
    fn run<T, B>(&self, body: B) -> T
    where
        T: Send,
        B: FnOnce() -> T + Send;

    /// Spawns `task(0)`, `task(1)`, up to `task(n - 1)`, one task each, and
    /// returns when all have finished. Called from inside [`run`](Self::run).
    fn scope<T>(n: u64, task: T)
    where
        T: Fn(u64) + Copy + Send + Sync;
}
