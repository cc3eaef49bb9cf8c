//! Other crates on virid: what works as it is, and the adapters for what does not.
//!
//! A future needs virid for nothing but to be polled, so a crate works as it is unless it
//! spawns, sleeps or opens sockets through a runtime that it knows by name. Many of those
//! let their users say which runtime that is: for some of them the adapter is here. The
//! rest need Tokio's own, and get it beside virid: the module `tokio`.
//!
//! | crate | how it works on virid | feature |
//! |---|---|---|
//! | async-io, async-net, async-process, async-fs, blocking, async-lock, async-channel, event-listener | as they are | |
//! | futures, futures-lite, futures-concurrency, flume; `tokio::sync`, `select!` and `join!` | as they are | |
//! | async-tungstenite, futures-rustls and others that ask for a stream of `futures_io` | as they are, over a socket of async-net | |
//! | [futures](https://docs.rs/futures) `Spawn`, `SpawnExt` | [`Handle`](crate::Handle) and [`Runtime`](crate::Runtime) are executors | `futures` |
//! | [hyper](https://docs.rs/hyper) 1, hyper-util | `hyper::Executor`, `hyper::Timer`, and `hyper::Io` around sockets of async-net; other streams of `futures_io` in `smol_hyper::rt::FuturesIo` | `hyper` |
//! | [axum](https://docs.rs/axum) | its `Router` as the service of a hyper server (`hyper_util::service::TowerToHyperService`); `axum::serve` itself is Tokio's | `hyper` |
//! | [quinn](https://docs.rs/quinn) 0.11 | `quinn::Runtime` for `Endpoint::new` | `quinn` |
//! | [criterion](https://docs.rs/criterion) 0.8 | `Bencher::to_async` with a [`Runtime`](crate::Runtime) or a [`Handle`](crate::Handle) | `criterion` |
//! | [sqlx](https://docs.rs/sqlx) 0.9 | with its feature `runtime-smol` as it is (what it spawns, it spawns on the threads of smol); with `runtime-tokio` as the next row | |
//! | reqwest, `tokio::{net, time, fs, process, task}`, tonic, sqlx with `runtime-tokio`, and others that say "there is no reactor running" | in `tokio::with_context`, or on threads that called `tokio::enter_thread` | `tokio` |
//! | a crate that starts threads of its own, such as rusqlite or ureq, or blocks | in [`thread::blocking`](crate::thread::blocking()) or [`spawn_blocking`](crate::task::spawn_blocking) | |
//!
//! Every row was tried with the crate itself, on green threads and in async tasks, or is of
//! the kind of one that was: `tests/ecosystem` in virid's repository has servers and
//! clients for the rows with a feature, and for async-net, async-tungstenite and sqlx.
//!
//! No feature is on by default, and none adds to the dependencies of who does not ask for
//! it. Where an adapter spawns, it spawns as [`virid::spawn`](crate::spawn) does: onto the
//! runtime of the calling task or green thread, of the surrounding
//! [`block_on`](crate::Handle::block_on) or guard of [`enter`](crate::Handle::enter), or
//! the default one. What it spawns is detached. When that runtime ends, so does what was
//! spawned there, and the crate sees a future that was dropped.
//!
//! # Who watches the sockets
//!
//! Those of async-net, and all others over async-io, are watched by a thread of async-io's
//! at first. With the feature `time`, on by default, it is the idle workers that do so as
//! soon as a task or green thread of their runtime has been woken by a socket or a timer
//! for the first time, one worker at a time: it goes on with what it wakes without another
//! thread's part in it. A worker that has enough to do looks every half millisecond,
//! between two tasks; where none of them comes by for longer, async-io's thread is there
//! again within some 20 ms. Runtimes without sockets and timers wait for each other as
//! ever, and no runtime has to be told.
//!
//! # In straight-line code
//!
//! On a green thread, drive any of their futures with [`virid::block_on`](crate::block_on):
//!
//! ```
//! use async_net::{TcpListener, TcpStream};
//! use futures_lite::{AsyncReadExt, AsyncWriteExt};
//! use virid::{block_on, thread};
//!
//! # fn main() -> std::io::Result<()> {
//! virid::run(|| {
//!     let listener = block_on(TcpListener::bind("127.0.0.1:0"))?;
//!     let address = listener.local_addr()?;
//!     let server = thread::spawn(move || {
//!         let (mut stream, _) = block_on(listener.accept())?;
//!         block_on(stream.write_all(b"hello"))
//!     });
//!     let mut said = String::new();
//!     block_on(block_on(TcpStream::connect(address))?.read_to_string(&mut said))?;
//!     assert_eq!(said, "hello");
//!     server.join().unwrap()
//! })
//! # }
//! ```

#[cfg(feature = "criterion")]
mod criterion;
#[cfg(feature = "futures")]
mod futures;
#[cfg(feature = "hyper")]
#[cfg_attr(docsrs, doc(cfg(feature = "hyper")))]
pub mod hyper;
#[cfg(feature = "quinn")]
#[cfg_attr(docsrs, doc(cfg(feature = "quinn")))]
pub mod quinn;
#[cfg(feature = "tokio")]
#[cfg_attr(docsrs, doc(cfg(feature = "tokio")))]
pub mod tokio;
