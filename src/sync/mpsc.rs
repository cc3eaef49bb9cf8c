//! Channels with many senders and one receiver, as [`std::sync::mpsc`]: the same names,
//! and std's own errors.
//!
//! ```
//! use virid::{sync::mpsc::channel, thread};
//!
//! let sum = virid::run(|| {
//!     let (sender, receiver) = channel();
//!     for n in 1..=10 {
//!         let sender = sender.clone();
//!         thread::spawn(move || sender.send(n).unwrap());
//!     }
//!     drop(sender);
//!     receiver.iter().sum::<u32>() // ends when all senders are gone
//! });
//! assert_eq!(sum, 55);
//! ```
//!
//! Who waits, in [`Receiver::recv`] or in [`SyncSender::send`] where there is no room,
//! is suspended, or parked on a plain thread. Both are cancellation points: a thread
//! that is cancelled there takes no value along, and what it was about to send is
//! dropped. [`Sender::send`] never waits.
//!
//! What is sent by one sender arrives in that order. What has not been received when
//! the receiver is dropped is dropped then.

mod ends;
mod iter;

pub use ends::{Receiver, Sender, SyncSender, channel, sync_channel};
pub use iter::{IntoIter, Iter, TryIter};
pub use std::sync::mpsc::{RecvError, RecvTimeoutError, SendError, TryRecvError, TrySendError};
