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
//! `std::sync` may not. [Coming from std](#coming-from-std) lists what differs.
//!
//! # Who may wait
//!
//! | caller | a call that waits, such as [`Mutex::lock`] |
//! |---|---|
//! | a green thread | suspends it; a cancellation point |
//! | the same inside [`no_suspend`](crate::thread::no_suspend) | panics where it would have to wait |
//! | a plain thread, of the blocking pool too | parks it, also inside a runtime's `block_on` |
//! | an async task, or the destructor of one | panics, and names the twin to await |
//! | the panic hook, on any of these | stops the thread of the system, and all that have begun on its worker |
//! | a thread hook of a runtime, and what drops futures at its end | panics |
//! | the destructor of a `thread_local!` | parks the thread, also a worker's, which is none any more |
//!
//! Green threads, plain threads and async tasks may share all of these. What never waits
//! may be called anywhere: `try_lock`, `notify_one`, `Sender::send`, the drop of a guard.
//!
//! # Async twins
//!
//! | for threads, green or plain | for async tasks |
//! |---|---|
//! | [`Mutex::lock`] | [`lock_async`](Mutex::lock_async) |
//! | [`RwLock::read`], [`write`](RwLock::write) | [`read_async`](RwLock::read_async), [`write_async`](RwLock::write_async) |
//! | [`Condvar::wait`], [`wait_while`](Condvar::wait_while) | [`wait_async`](Condvar::wait_async), [`wait_while_async`](Condvar::wait_while_async) |
//! | [`Barrier::wait`] | [`wait_async`](Barrier::wait_async) |
//! | [`Once::call_once`], [`call_once_force`](Once::call_once_force), [`wait`](Once::wait), [`wait_force`](Once::wait_force) | the same with `_async`; the closure's future is awaited |
//! | [`OnceLock::get_or_init`], [`set`](OnceLock::set), [`wait`](OnceLock::wait) | [`get_or_init_async`](OnceLock::get_or_init_async), [`wait_async`](OnceLock::wait_async) |
//! | [`LazyLock::force`] | [`force_async`](LazyLock::force_async), where the closure does not wait |
//! | [`SyncSender::send`](mpsc::SyncSender::send), [`Receiver::recv`](mpsc::Receiver::recv) | [`send_async`](mpsc::SyncSender::send_async), [`recv_async`](mpsc::Receiver::recv_async) |
//! | [`blocking_acquire`](Semaphore::blocking_acquire), [`blocking_notified`](Notify::blocking_notified), [`blocking_recv`](oneshot::Receiver::blocking_recv) | [`acquire`](Semaphore::acquire), [`notified`](Notify::notified), the receiver itself |
//!
//! They can be awaited on any runtime, and on a green thread with
//! [`block_on`](crate::block_on). Each can be dropped at any time, and then leaves no
//! trace, so that `virid::time::timeout` may be put around it. One that is kept and not
//! polled may hold up others, because its turn may have come.
//!
#![doc = include_str!("sync/from_std.md")]

// Who waits does so with `event-listener` and `async-channel`. Own code are the word of the
// locks (`raw.rs` says why), and what has Tokio's names, with `sync_channel(0)` above it:
// no other library has all that Tokio says of these, and what blocks in Tokio's own stops
// the thread of the system.

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
