//! Tasks in order where they have a key in common, in parallel where not: [`Keyed`].
//!
//! Each task is one of the runtime's, in a cell of its own, with its own handle, number
//! and abort. One that finds others of its key ahead of it is made *suspended*, in no
//! queue, and the task ahead of it claims it when its future has been dropped, and has it
//! queued when it has ended. So what the handle promises is what every task's handle
//! promises, and the workers share the work of all keys as they share all work.
//! `strands.rs` says who has the turn.
//!
//! Who comes next goes to the queue of the worker on which the turn was given up, when
//! nothing is left to do there for the task before: its result is dropped or handed
//! over, and who awaits it is woken. So no code of users comes between that and the
//! worker's next look at its queue, and nobody has to be signalled, as after a yield
//! (`scheduler.rs`). With a signal for each turn two workers passed the tasks of one key
//! to and fro, with two system calls for most of them.
//!
//! Rejected: *each task spawned as any other, to wait for its turn in its first poll*,
//! which goes twice through the queues, and *one task for each key that has tasks, which
//! polls boxed futures one after another* and lets others run after each 32. That one
//! saves the way through the queue, pays for the box, and leaves a worker idle where few
//! keys have many; and it had no handles yet, no numbers and no aborts. With a microsecond
//! of work they took 820 and 890 ns a task where this took 630, mutexes that nobody has
//! to look up 665, and one queue for all 1,140 (a million tasks, 100 keys, two workers;
//! medians of three bursts each, in turn, on a noisy machine).

#[cfg(all(feature = "sync", not(virid_loom)))]
mod bounds;
pub(crate) mod strands;
mod ticket;

use std::collections::hash_map::RandomState;
use std::fmt;
use std::future::{Future, poll_fn};
use std::hash::{BuildHasher, Hash};
use std::sync::Arc;
use std::task::Poll;

#[cfg(all(feature = "sync", not(virid_loom)))]
pub use self::bounds::BoundedKeyed;
use self::strands::{Counts, Shard};
use self::ticket::Ticket;
use super::id::Id;
use super::join::JoinHandle;
use super::work::{Async, Spawn};
use crate::metrics::OwnerMetrics;
use crate::runtime;
use crate::scheduler::shared::Shared;
#[cfg(not(virid_loom))]
use crate::scheduler::spawn::let_children_run;
use crate::scheduler::spawn::spawn_in_turn;
#[cfg(not(virid_loom))]
use crate::thread;

/// Over how many locks the keys are spread; a power of two.
const SHARDS: usize = if cfg!(virid_loom) { 1 } else { 64 };

/// Which of them; tables look at other bits of the hash, the upper and the lowest.
fn shard_of(hash: u64) -> usize {
    (hash >> 32) as usize & (SHARDS - 1)
}

/// Runs the tasks of one key one at a time, in the order in which they were spawned, and
/// those of different keys in parallel: a queue for each key that has tasks, and
/// nothing for one that has none.
///
/// A task begins when nothing is left to do for the one before it with the same key, be
/// that by its result, a panic or an abort: its future has been dropped, its handle says
/// finished, and where there is no handle its result has been dropped, too. **A panic
/// does not stop the key**: who must not go on after it keeps that in what the tasks share. Each
/// task is an ordinary one, with its own [`JoinHandle`]: abort one that waits for its
/// turn, and it ends at once and leaves the others in their order. A task that waits
/// holds its turn, as it would hold a lock: one that waits for a later task of its own
/// key waits for ever.
///
/// ```
/// use std::sync::{Arc, Mutex};
/// use virid::task::Keyed;
///
/// # virid::block_on(async {
/// let accounts = Keyed::new();
/// let seen = Arc::new(Mutex::new(Vec::new()));
/// for n in 0..100 {
///     let seen = Arc::clone(&seen);
///     accounts.spawn("alice", async move {
///         virid::yield_now().await;
///         seen.lock().unwrap().push(n);
///     });
/// }
/// accounts.wait().await;
/// assert!(seen.lock().unwrap().iter().copied().eq(0..100));
/// # });
/// ```
///
/// Spawning never waits and the queues have no bounds; [`bound_per_key`](Self::bound_per_key)
/// and [`bound_total`](Self::bound_total) give them some, and let spawning wait. What comes
/// faster than it is done is best bounded: tasks by the million leave the processor's cache
/// before they run, and then cost more than they would. [`metrics`](Self::metrics) says how
/// many there are.
///
/// Keys are compared under a lock, and cloned where each key has a bound: their `Eq` and
/// `Clone` must not wait, nor use the same `Keyed`.
///
/// **Dropping** it aborts all tasks that have not ended; it does not wait for them, for
/// which there are [`abort_all`](Self::abort_all) and [`wait`](Self::wait). Share it by
/// reference or in an [`Arc`].
pub struct Keyed<K> {
    shards: Box<[Arc<Shard<K>>]>,
    hasher: RandomState,
}

impl<K> Keyed<K> {
    /// Without tasks, and without bounds.
    ///
    /// ```
    /// let keyed = virid::task::Keyed::<String>::new();
    /// assert!(keyed.is_empty());
    /// ```
    pub fn new() -> Self {
        let shards = (0..SHARDS).map(|_| Arc::new(Shard::new()));
        Self {
            shards: shards.collect(),
            hasher: RandomState::new(),
        }
    }

    /// How many tasks have not ended.
    ///
    /// ```
    /// let keyed = virid::task::Keyed::new();
    /// let task = keyed.spawn(1, std::future::pending::<()>());
    /// assert_eq!(keyed.len(), 1);
    /// ```
    pub fn len(&self) -> usize {
        let metrics = self.metrics();
        metrics.waiting() + metrics.running()
    }

    /// Whether all tasks have ended.
    ///
    /// ```
    /// assert!(virid::task::Keyed::<u64>::new().is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many tasks wait for their turn, how many have it, and how many have ended. (One
    /// whose handle says finished has ended here, too.) Takes the lock of each shard of the
    /// keys for a moment: for a look now and then.
    ///
    /// ```
    /// use virid::task::Keyed;
    ///
    /// # virid::block_on(async {
    /// let keyed = Keyed::new();
    /// keyed.spawn("alice", std::future::pending::<()>());
    /// keyed.spawn("alice", async {});
    /// keyed.spawn("bob", async {}).await.unwrap();
    /// let metrics = keyed.metrics();
    /// assert_eq!((metrics.waiting(), metrics.running(), metrics.finished()), (1, 1, 1));
    /// # });
    /// ```
    pub fn metrics(&self) -> OwnerMetrics {
        let mut sum = Counts::default();
        for counts in self.shards.iter().map(|shard| shard.counts()) {
            sum.waiting += counts.waiting;
            sum.running += counts.running;
            sum.ended += counts.ended;
        }
        OwnerMetrics::new(sum.waiting, sum.running, sum.ended)
    }

    /// Aborts all tasks that have not ended, as [`JoinHandle::abort`] does. Returns at
    /// once.
    ///
    /// ```
    /// # virid::block_on(async {
    /// let keyed = virid::task::Keyed::new();
    /// let task = keyed.spawn("key", std::future::pending::<()>());
    /// keyed.abort_all();
    /// assert!(task.await.unwrap_err().is_cancelled());
    /// # });
    /// ```
    pub fn abort_all(&self) {
        for shard in &self.shards {
            for task in shard.tasks() {
                task.abort();
            }
        }
    }

    /// Ready when all tasks have ended that were spawned before it was first polled. It
    /// may wait for later ones too.
    ///
    /// Their futures are gone then; a handle may still be about to be told. Can be
    /// dropped at any time, and awaited again. A thread waits with
    /// [`block_on`](crate::block_on).
    ///
    /// ```
    /// let keyed = virid::task::Keyed::new();
    /// for n in 0..10 {
    ///     keyed.spawn(n % 3, async {});
    /// }
    /// virid::block_on(keyed.wait());
    /// assert!(keyed.is_empty());
    /// ```
    pub async fn wait(&self) {
        for shard in &self.shards {
            let wait = Wait {
                shard,
                number: Id::next().number(),
            };
            poll_fn(|context| {
                let waker = context.waker();
                match wait.shard.is_empty_or_will_wake(wait.number, waker) {
                    true => Poll::Ready(()),
                    false => Poll::Pending,
                }
            })
            .await;
        }
    }
}

/// Waits for a shard without tasks.
struct Wait<'a, K> {
    shard: &'a Shard<K>,
    number: u64,
}

impl<K> Drop for Wait<'_, K> {
    fn drop(&mut self) {
        self.shard.forget(self.number);
    }
}

impl<K: Hash + Eq + Send + 'static> Keyed<K> {
    /// Spawns a task on the current runtime, as [`task::spawn`](super::spawn) does. It
    /// begins when those that were spawned earlier with the same key have ended.
    ///
    /// ```
    /// # virid::block_on(async {
    /// let keyed = virid::task::Keyed::new();
    /// let task = keyed.spawn("key", async { 6 * 7 });
    /// assert_eq!(task.await.unwrap(), 42);
    /// # });
    /// ```
    ///
    /// # Panics
    ///
    /// Where the default runtime is needed and cannot be started; and with what the
    /// `Hash` and `Eq` of the key panic, in which case there is no task.
    #[track_caller]
    pub fn spawn<F>(&self, key: K, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let current = runtime::current();
        self.start(&current, key, Async(future), ())
    }

    /// Starts a green thread, as [`thread::spawn`] does, in its turn
    /// among the tasks and threads of the key. It has no stack before.
    ///
    /// ```
    /// let keyed = virid::task::Keyed::new();
    /// let thread = keyed.go("key", || 6 * 7);
    /// assert_eq!(thread.join().unwrap(), 42);
    /// ```
    ///
    /// # Panics
    ///
    /// As [`spawn`](Self::spawn).
    #[cfg(not(virid_loom))]
    #[track_caller]
    pub fn go<F, T>(&self, key: K, f: F) -> thread::JoinHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        self.go_within(key, f, ())
    }

    #[cfg(not(virid_loom))]
    #[track_caller]
    fn go_within<F, T, B>(&self, key: K, f: F, bounds: B) -> thread::JoinHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
        B: Send + 'static,
    {
        let current = runtime::current();
        let task = self.start(&current, key, thread::work_of(f), bounds);
        let handle = thread::handle_of(task);
        let_children_run();
        handle
    }

    fn hash(&self, key: &K) -> u64 {
        self.hasher.hash_one(key)
    }

    /// Makes a task in its turn.
    #[track_caller]
    pub(crate) fn start<W, B>(
        &self,
        shared: &Shared,
        key: K,
        work: W,
        bounds: B,
    ) -> JoinHandle<W::Output>
    where
        W: Spawn,
        W::Output: Send + 'static,
        B: Send + 'static,
    {
        let hash = self.hash(&key);
        let of_key = &self.shards[shard_of(hash)];
        spawn_in_turn(shared, work, Ticket::new(bounds), |ticket, task| {
            // SAFETY: the task is in its cell, where it stays until it leaves it.
            unsafe { ticket.enter(of_key, hash, key, task) }
        })
    }
}

impl<K> Drop for Keyed<K> {
    fn drop(&mut self) {
        self.abort_all();
    }
}

impl<K> Default for Keyed<K> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K> fmt::Debug for Keyed<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyed")
            .field("metrics", &self.metrics())
            .finish_non_exhaustive()
    }
}
