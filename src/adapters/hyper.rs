//! What hyper 1 asks of a runtime: an executor, a timer, and sockets.
//!
//! [`Io`] makes hyper read and write a socket of async-net or async-io. Any other stream of
//! `futures_io`, one with TLS for instance, goes through `smol_hyper::rt::FuturesIo`; a
//! socket of Tokio through `hyper_util::rt::TokioIo`, in the context of `adapters::tokio`.
//!
//! A server of HTTP/2 is built with
//! `hyper::server::conn::http2::Builder::new(Executor).timer(Timer)`, one of HTTP/1 with
//! `http1::Builder::new().timer(Timer)`, one of both with
//! `hyper_util::server::conn::auto::Builder::new(Executor)`. `tests/ecosystem/tests` in
//! virid's repository has such servers, one with an axum `Router`, and clients.

mod io;

use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, Instant};

use hyper::rt;

use crate::runtime::spawn_on_current;
use crate::time::{self, Sleep};

pub use io::Io;

/// Spawns for hyper as [`virid::spawn`](crate::spawn) spawns.
///
/// ```
/// use hyper::rt::Executor as _;
/// use virid::adapters::hyper::Executor;
///
/// let (ended, wait) = std::sync::mpsc::channel();
/// Executor.execute(async move { ended.send("ran").unwrap() });
/// assert_eq!(wait.recv().unwrap(), "ran");
/// ```
///
/// # Panics
///
/// `execute` panics where the default runtime is needed and cannot be started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Executor;

impl<F> rt::Executor<F> for Executor
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    #[track_caller]
    fn execute(&self, future: F) {
        drop(spawn_on_current(future));
    }
}

/// Times hyper's waits, with [`virid::time`](crate::time).
///
/// ```
/// use hyper::rt::Timer as _;
/// use std::time::{Duration, Instant};
/// use virid::adapters::hyper::Timer;
///
/// let start = Instant::now();
/// virid::block_on(Timer.sleep(Duration::from_millis(2)));
/// assert!(start.elapsed() >= Duration::from_millis(2));
/// ```
///
/// # Panics
///
/// As [`time::sleep`](crate::time::sleep()).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timer;

impl rt::Timer for Timer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn rt::Sleep>> {
        Box::pin(time::sleep(duration))
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn rt::Sleep>> {
        Box::pin(time::sleep_until(deadline))
    }

    fn reset(&self, sleep: &mut Pin<Box<dyn rt::Sleep>>, deadline: Instant) {
        match sleep.as_mut().downcast_mut_pin::<Sleep>() {
            Some(sleep) => sleep.get_mut().reset(deadline),
            // Another timer's.
            None => *sleep = self.sleep_until(deadline),
        }
    }
}

#[cfg_attr(docsrs, doc(cfg(feature = "hyper")))]
impl rt::Sleep for Sleep {}
