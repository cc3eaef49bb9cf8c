//! virid runs lightweight tasks, by the million, on a few threads.
//!
//! ```
//! let squares = virid::spawn(async {
//!     let tasks: Vec<_> = (0..1_000u64).map(|n| virid::spawn(async move { n * n })).collect();
//!     let mut sum = 0;
//!     for task in tasks {
//!         sum += task.await.unwrap();
//!     }
//!     sum
//! });
//! assert_eq!(squares.join().unwrap(), 332_833_500);
//! ```
//!
//! [`spawn`] starts an async task on a work-stealing runtime and returns its
//! [`JoinHandle`](task::JoinHandle). Outside any [`Runtime`] a default one is
//! started on first use, with a worker for every core (`VIRID_WORKERS` overrides
//! that); build one to choose its size, to pin its workers, or to end its tasks
//! at a known point. Tasks may wait for anything that is a future, from any
//! crate.
//!
//! What a task must not do is block its thread for long, because tasks that are
//! queued behind it then wait for another worker to take them: inside a task,
//! await what [`block_on`] and [`join`](task::JoinHandle::join) wait for on a
//! plain thread, and hand what blocks to [`spawn_blocking`](task::spawn_blocking).
//!
//! Code in the style of threads runs on *green threads*, which wait for anything
//! without stopping their worker: [`run`], and the module [`thread`].
//!
//! - [`task`]: spawning, joining, aborting; tasks in order where they have a key in common
//!   ([`task::Keyed`]), tasks for the items of a stream; a table for those who come from
//!   Tokio.
//! - [`thread`]: the names of [`std::thread`], on stacks of virid's own.
//! - `sync`: the names of [`std::sync`], which suspend who waits and no worker.
//! - `time`: sleeping, timeouts, intervals.
//! - [`Builder`], [`Runtime`], [`Handle`]: building, entering and ending runtimes.
//! - [`adapters`]: which other crates work on virid, and how.
//! - [`metrics`]: what the workers have done.
//! - [`monitor`]: how long spawned tasks wait for their first run, in production.
//!
//! # Features
//!
//! - `sync` (on by default): the module `sync`, over `event-listener` and `async-channel`.
//! - `time` (on by default): waits that end by themselves, the module `time` and
//!   `thread::{sleep, sleep_until, park_timeout}`. Their timers are those of `async-io`,
//!   whose one thread starts at the first such wait.
//! - `criterion`, `futures`, `hyper`, `quinn`, `tokio`: virid as the runtime of the crate of
//!   that name; see [`adapters`].

// The map of this crate, in floors. A file imports only from lower floors;
// within one folder and floor, from those listed left of it.
//
// 8  lib.rs
// 7  task.rs  task/local.rs  thread.rs  thread/{handle,timed,blocking}.rs
//    time.rs  time/{sleep,timeout,interval}.rs  sync.rs
//    sync/{raw,poison,mutex,condvar,rwlock,once,once_lock,lazy_lock,barrier,line,oneshot}.rs
//    sync/{semaphore,permit,acquire,acquire_owned,notify,meeting}.rs  sync/mpsc/{ends,iter}.rs
//                                           what users call, and the heads of task/ and thread/
// 7  task/owner/{limit,limited,tree,token,roll,members,outcomes}.rs  task/owner.rs
//    task/set/members.rs  task/set.rs  task/set/{next,limited}.rs
//    task/map/source.rs  task/map.rs  task/keyed.rs  task/keyed/bounds.rs
//    task/group/{child,handle}.rs  task/group.rs  task/shield.rs
//    thread/{map,scope,policies,limited}.rs
//                                           who owns tasks and green threads
// 7  monitor/{prometheus,view,export,builder,attached}.rs  monitor.rs
//                                           how long tasks wait for their first run
// 7  adapters/hyper/io.rs  adapters/{criterion,futures,hyper,quinn,tokio}.rs  adapters.rs
//                                           virid as the runtime of other crates
// 6  runtime/{handle,shutdown,owner,builder,check,default}.rs
//                                           Runtime, Builder, Handle, the default runtime
// 5  scheduler/{worker,monitored,search,green,reactor,placement,ending,spawn}.rs
//                                           find-work order, run loop; stealing, parking; green
//                                           threads and where they begin; waiting for sockets and
//                                           timers; the end; spawn
// 4  scheduler/{overflow,recent,queue,watched,blocking,remote,shared,outside,watchdog,spawners,threads}.rs
//                                           a worker's queue; what all workers see; notify;
//                                           the blocking pool; tasks from other threads;
//                                           who hangs, and on whom
// 3  metrics/owner.rs  metrics.rs  scheduler/running.rs  monitor/record.rs
//                                           the workers' counters; what each runs
// 3  task/{abort,join,cell}.rs              what users hold; the future and its result
// 3  task/keyed/{strands,ticket}.rs        whose turn it is among tasks of a key
// 3  thread/{fault,runner,green}.rs         stacks that run green threads; a green thread as a task
// 2  task/{header,sample,waker,error,hold,green,slot,member,work,after}.rs
//                                           the erased task, trait Schedule; where a cell keeps what;
//                                           future or green thread
// 2  thread/current.rs  drive.rs            how a green thread waits; a future on any thread
// 2  task/finished.rs                       how members of a set go there
// 2  scheduler/visitors.rs                  who queues from outside
// 1  monitor/{countdown,window,stats,clock}.rs  context.rs  thread/stack.rs
//    task/{id,place,joiner,stage,state,values}.rs
//    task/state/{green,hold,member}.rs
// 1  scheduler/{deque,ring,idle,parker,events,cpu_clock}.rs
// 1  memory/{class,mapping,epoch,batch,stack,slab,carver,spares,depot,lists,lanes,store}.rs
//                                           cells: recycled, and given back
// 0  primitives.rs  rng.rs  unwind.rs       atomics and fences; victim choice; where panics stop
// 0  forked.rs                              whether the threads are in another process
// 0  task/answer.rs                         what a task's state word answers
//
// `scheduler.rs` holds the idle protocol with its proof, `memory.rs` the
// interface to the cells, `task/header.rs` the rules of who may touch what.

#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(not(virid_loom))]
pub mod adapters;
mod context;
mod drive;
mod forked;
mod memory;
pub mod metrics;
pub mod monitor;
mod primitives;
mod rng;
mod runtime;
mod scheduler;
mod unwind;

#[cfg(all(feature = "sync", not(virid_loom)))]
#[cfg_attr(docsrs, doc(cfg(feature = "sync")))]
pub mod sync;
/// Models know only the word of its locks.
#[cfg(virid_loom)]
#[path = "../tests/loom/sync.rs"]
mod sync;
pub mod task;
#[cfg(not(virid_loom))]
pub mod thread;
/// Models know no green threads.
#[cfg(virid_loom)]
#[path = "../tests/loom/thread.rs"]
mod thread;
#[cfg(all(feature = "time", not(virid_loom)))]
#[cfg_attr(docsrs, doc(cfg(feature = "time")))]
pub mod time;

#[cfg(not(virid_loom))]
pub use runtime::run;
pub use runtime::{
    Builder, EnterGuard, Handle, Runtime, ShutdownReport, TryCurrentError, block_on,
};
#[doc(inline)]
pub use task::{spawn, yield_now};

#[cfg(virid_loom)]
#[doc(hidden)]
#[path = "../tests/loom/internals.rs"]
pub mod internals;
