//! The names of [`std::sync`], for green threads: who waits is suspended, and its worker
//! goes on with others.
//!
//! ```
//! use virid::{sync::{Arc, Barrier, Mutex, mpsc}, thread};
//!
//! virid::run(|| {
//!     let (sender, receiver) = mpsc::channel();
//!     let (total, barrier) = (Arc::new(Mutex::new(0)), Arc::new(Barrier::new(1_000)));
//!     for n in 0..1_000 {
//!         let (sender, total, barrier) = (sender.clone(), total.clone(), barrier.clone());
//!         thread::spawn(move || {
//!             *total.lock().unwrap() += n;
//!             barrier.wait(); // for 999 others, on a few workers
//!             sender.send(*total.lock().unwrap()).unwrap();
//!         });
//!     }
//!     drop(sender);
//!     assert!(receiver.iter().all(|total| total == 499_500));
//! });
//! ```
//!
//! A program that waits by these means only, and by those of [`thread`](crate::thread),
//! runs on green threads with `use virid::{sync, thread}` in place of
//! `use std::{sync, thread}`. Its guards may be held over any wait, which those of
//! `std::sync` may not.
//!
//! # Who may wait
//!
//! | caller | a call that waits, such as [`Mutex::lock`] |
//! |---|---|
//! | a green thread | suspends it; a cancellation point |
//! | the same inside [`no_suspend`](crate::thread::no_suspend) | panics where it would have to wait |
//! | a plain thread | parks it, also inside a runtime's `block_on` |
//! | an async task | panics, and names the twin to await |
//!
//! Green threads, plain threads and async tasks may share all of these.
//!
//! # From std
//!
//! | std | here | differences |
//! |---|---|---|
//! | `Arc`, `Weak`, `atomic`, `LockResult`, `TryLockResult`, `PoisonError`, `TryLockError` | std's own | |
//! | `Mutex`, `RwLock`, their guards | own | `lock_async`, `read_async`, `write_async`. A thread that is cancelled while it holds a guard poisons the lock, as a panic would. |
//! | `Condvar` | own | `wait_async`. One may be used with several mutexes. `wait_timeout` and `wait_timeout_while` need the feature `time`; the deprecated `wait_timeout_ms` is absent |
//! | `WaitTimeoutResult`, `BarrierWaitResult`, `OnceState` | own | types of their own, because std makes its own only |
//! | `Barrier` | own | `wait_async`. Who is cancelled there does not count any more |
//! | `Once`, `OnceLock`, `LazyLock` | own | `call_once_async`, `wait_async`, `get_or_init_async`, `force_async`. To wait inside the closure is fine. A thread that is cancelled inside it is as one that panics there |
//! | `mpsc` | own, with std's errors | `recv_async` (which borrows the receiver mutably), `send_async`. `recv_timeout` needs the feature `time` |
//!
//! What is not stable in std is absent, and so is the deprecated `ONCE_INIT`. Nothing else
//! differs.
//!
//! # From Tokio
//!
//! [`Semaphore`], [`Notify`] and [`oneshot`] have Tokio's names and meaning: `acquire`,
//! `notified` and the receiver are futures, and their twins for threads, green or plain,
//! begin with `blocking_`. Absent are `Notify::notify_last` and what returns an owned
//! `Notified`, and the unstable. Tokio's own `sync` can be awaited on virid as it is.
//!
//! # Async twins
//!
//! They are futures that can be dropped at any time, and then leave no trace. One that
//! is neither polled nor dropped may hold up others, because its turn may have come.
//! A guard is not `Send`, so a spawned task lets go of it, at the end of a block, before
//! the next `.await`.

mod acquire;
mod acquire_owned;
mod barrier;
mod condvar;
mod lazy_lock;
mod line;
mod meeting;
pub mod mpsc;
mod mutex;
mod notify;
mod once;
mod once_lock;
pub mod oneshot;
mod permit;
mod poison;
mod raw;
mod rwlock;
mod semaphore;

use event_listener as event;

pub use barrier::{Barrier, BarrierWaitResult};
pub use condvar::{Condvar, WaitTimeoutResult};
pub use lazy_lock::LazyLock;
pub use mutex::{Mutex, MutexGuard};
pub use notify::{Notified, Notify, OwnedNotified};
pub use once::{Once, OnceState};
pub use once_lock::OnceLock;
pub use permit::{OwnedSemaphorePermit, SemaphorePermit};
pub use rwlock::{RwLock, RwLockReadGuard, RwLockWriteGuard};
pub use semaphore::{AcquireError, Semaphore, TryAcquireError};

pub use std::sync::{Arc, LockResult, PoisonError, TryLockError, TryLockResult, Weak, atomic};
