//! What the tests share: a runtime, and the guard against hangs.

#[path = "../../../support/mod.rs"]
mod guard;

pub(crate) use guard::guard;

pub(crate) fn two_workers() -> virid::Runtime {
    virid::Runtime::builder().worker_threads(2).build().unwrap()
}
