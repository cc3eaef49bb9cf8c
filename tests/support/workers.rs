//! A runtime with a given number of workers.

use virid::{Builder, Runtime};

pub(crate) fn workers(count: usize) -> Runtime {
    Builder::new()
        .worker_threads(count)
        .build()
        .expect("no runtime for the test")
}
