//! Benchmarks of async code: criterion's `AsyncExecutor` for what has a `block_on`.
//!
//! As with Tokio's types, the measured future runs on the thread of the benchmark, which is
//! no worker. To measure what happens among workers, let it await a task that does it.

use std::future::Future;

use criterion::async_executor::AsyncExecutor;

use crate::runtime::{Handle, Runtime};

/// Measures futures with criterion:
/// `bencher.to_async(&runtime).iter(|| async { .. })`.
#[cfg_attr(docsrs, doc(cfg(feature = "criterion")))]
impl AsyncExecutor for Runtime {
    fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.handle().block_on(future)
    }
}

#[cfg_attr(docsrs, doc(cfg(feature = "criterion")))]
impl AsyncExecutor for &Runtime {
    fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.handle().block_on(future)
    }
}

#[cfg_attr(docsrs, doc(cfg(feature = "criterion")))]
impl AsyncExecutor for Handle {
    fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        Handle::block_on(self, future)
    }
}

#[cfg_attr(docsrs, doc(cfg(feature = "criterion")))]
impl AsyncExecutor for &Handle {
    fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        Handle::block_on(self, future)
    }
}
