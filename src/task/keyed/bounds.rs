//! Bounds on the tasks of a `Keyed`: of all, and of each key.
//!
//! Who comes when there are as many waits before its task is made, in the line of a
//! semaphore. A key has a semaphore of its own while it has tasks or somebody waits for
//! it; who is the last to leave takes it away.

use std::fmt;
use std::future::Future;
use std::hash::Hash;
use std::ops::Deref;
use std::sync::Arc;

use hashbrown::HashTable;

use super::{Keyed, SHARDS, shard_of};
use crate::drive::drive;
use crate::metrics::{OwnerCounts, OwnerMetrics};
use crate::primitives::Mutex;
use crate::runtime;
use crate::sync::{OwnedSemaphorePermit, Semaphore};
use crate::task::JoinHandle;
use crate::task::work::Async;
use crate::thread;

/// A [`Keyed`] with bounds; from [`Keyed::bound_per_key`] and [`Keyed::bound_total`].
/// Spawning waits until there are fewer tasks that have not ended, running and waiting
/// for their turn alike, and only then makes the task: memory stays bounded. First come,
/// first served; who stops waiting leaves no gap. For all else it is the `Keyed`; to spawn
/// past the bounds, call that's own `Keyed::spawn(&bounded, key, future)`.
///
/// ```
/// use virid::task::Keyed;
///
/// # virid::block_on(async {
/// let accounts = Keyed::new().bound_per_key(8).bound_total(1_000);
/// for n in 0..100u64 {
///     accounts.spawn(n % 10, async move { n }).await;
/// }
/// accounts.wait().await;
/// # });
/// ```
///
/// **Dropping** it aborts all its tasks, as dropping a `Keyed` does.
pub struct BoundedKeyed<K> {
    keyed: Keyed<K>,
    total: Option<Arc<Semaphore>>,
    per_key: Option<(usize, Arc<Gates<K>>)>,
    /// Those who wait for room.
    counts: OwnerCounts,
}

impl<K> Keyed<K> {
    /// Lets no more than `n` tasks of a key wait and run.
    ///
    /// ```
    /// # virid::block_on(async {
    /// let keyed = virid::task::Keyed::new().bound_per_key(1);
    /// keyed.spawn("key", async {}).await;
    /// keyed.spawn("key", async {}).await; // after the first has ended
    /// # });
    /// ```
    ///
    /// # Panics
    ///
    /// For 0, with which nothing would ever run.
    #[track_caller]
    pub fn bound_per_key(self, n: usize) -> BoundedKeyed<K> {
        BoundedKeyed::of(self).bound_per_key(n)
    }

    /// Lets no more than `n` tasks wait and run, whatever their keys.
    ///
    /// ```
    /// # virid::block_on(async {
    /// let keyed = virid::task::Keyed::new().bound_total(1);
    /// keyed.spawn("key", async {}).await;
    /// keyed.spawn("other", async {}).await; // after the first has ended
    /// # });
    /// ```
    ///
    /// # Panics
    ///
    /// For 0, with which nothing would ever run.
    #[track_caller]
    pub fn bound_total(self, n: usize) -> BoundedKeyed<K> {
        BoundedKeyed::of(self).bound_total(n)
    }
}

/// So many permits, fewer than none would be a mistake.
#[track_caller]
fn checked(n: usize) -> usize {
    assert!(
        n > 0,
        "a bound of 0 lets nothing run; allow one task at least"
    );
    n.min(Semaphore::MAX_PERMITS)
}

impl<K> BoundedKeyed<K> {
    fn of(keyed: Keyed<K>) -> Self {
        Self {
            keyed,
            total: None,
            per_key: None,
            counts: OwnerCounts::new(),
        }
    }

    /// As [`Keyed::bound_per_key`].
    ///
    /// ```
    /// let keyed = virid::task::Keyed::<u64>::new().bound_total(100).bound_per_key(10);
    /// ```
    ///
    /// # Panics
    ///
    /// For 0.
    #[track_caller]
    pub fn bound_per_key(mut self, n: usize) -> Self {
        self.per_key = Some((checked(n), Arc::new(Gates::new())));
        self
    }

    /// As [`Keyed::bound_total`].
    ///
    /// ```
    /// let keyed = virid::task::Keyed::<u64>::new().bound_per_key(10).bound_total(100);
    /// ```
    ///
    /// # Panics
    ///
    /// For 0.
    #[track_caller]
    pub fn bound_total(mut self, n: usize) -> Self {
        self.total = Some(Arc::new(Semaphore::new(checked(n))));
        self
    }

    /// [`Keyed::metrics`], and among those that wait the callers for which there is no room
    /// yet. (`Keyed::metrics(&bounded)` leaves them out: the difference is what the bounds
    /// hold back.)
    ///
    /// ```
    /// use std::{future::pending, pin::pin};
    /// use virid::task::Keyed;
    ///
    /// # virid::block_on(async {
    /// let keyed = Keyed::new().bound_total(2);
    /// keyed.spawn("alice", pending::<()>()).await; // runs
    /// keyed.spawn("alice", async {}).await; // waits for its turn
    /// let mut held_back = pin!(keyed.spawn("bob", async {})); // waits for room
    /// assert!(futures_lite::future::poll_once(held_back.as_mut()).await.is_none());
    /// assert_eq!((keyed.metrics().waiting(), keyed.metrics().running()), (2, 1));
    /// assert_eq!(Keyed::metrics(&keyed).waiting(), 1);
    /// # });
    /// ```
    pub fn metrics(&self) -> OwnerMetrics {
        let (tasks, callers) = (self.keyed.metrics(), self.counts.read());
        let waiting = callers.waiting() + tasks.waiting();
        OwnerMetrics::new(waiting, tasks.running(), tasks.finished())
    }

    /// A permit of a bound, when there is one.
    async fn permit(&self, of: &Arc<Semaphore>) -> OwnedSemaphorePermit {
        if let Ok(permit) = Arc::clone(of).try_acquire_owned() {
            return permit;
        }
        let _waits = self.counts.wait();
        let permit = Arc::clone(of).acquire_owned().await;
        permit.expect("nobody closes it")
    }
}

/// All that a `Keyed` can do but spawn.
impl<K> Deref for BoundedKeyed<K> {
    type Target = Keyed<K>;

    fn deref(&self) -> &Keyed<K> {
        &self.keyed
    }
}

impl<K: Hash + Eq + Clone + Send + 'static> BoundedKeyed<K> {
    /// [`Keyed::spawn`] when the bounds allow it. Tasks of a key come in the order in
    /// which these futures were first polled. Dropping one of them before it is ready
    /// spawns nothing.
    ///
    /// ```
    /// # virid::block_on(async {
    /// let keyed = virid::task::Keyed::new().bound_total(10);
    /// let task = keyed.spawn("key", async { 6 * 7 }).await;
    /// assert_eq!(task.await.unwrap(), 42);
    /// # });
    /// ```
    ///
    /// # Panics
    ///
    /// As [`Keyed::spawn`].
    pub async fn spawn<F>(&self, key: K, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let share = self.share(&key).await;
        let current = runtime::current();
        self.keyed.start(&current, key, Async(future), share)
    }

    /// [`Keyed::go`] when the bounds allow it: the caller waits, a green thread by being
    /// suspended. A cancellation point.
    ///
    /// ```
    /// let keyed = virid::task::Keyed::new().bound_total(10);
    /// let thread = keyed.go("key", || 6 * 7);
    /// assert_eq!(thread.join().unwrap(), 42);
    /// ```
    ///
    /// # Panics
    ///
    /// As [`Keyed::go`]; and inside an async task.
    #[track_caller]
    pub fn go<F, T>(&self, key: K, f: F) -> thread::JoinHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let share = drive(self.share(&key), "BoundedKeyed::go", "`spawn(..).await`");
        self.keyed.go_within(key, f, share)
    }

    /// Waits for room. First that of the key, so that who waits for one key keeps
    /// nobody of another waiting.
    async fn share(&self, key: &K) -> Share<K> {
        let of_key = match &self.per_key {
            None => None,
            Some((n, gates)) => {
                let gate = gates.gate(self.keyed.hash(key), key, *n);
                let semaphore = gate.semaphore.as_ref().expect("it is not being dropped");
                let permit = self.permit(semaphore).await;
                Some(ShareOfKey {
                    _permit: permit,
                    _gate: gate,
                })
            }
        };
        let of_all = match &self.total {
            None => None,
            Some(total) => Some(self.permit(total).await),
        };
        Share {
            _of_all: of_all,
            _of_key: of_key,
        }
    }
}

/// What a task has of the bounds, given back when it is dropped.
struct Share<K> {
    _of_all: Option<OwnedSemaphorePermit>,
    _of_key: Option<ShareOfKey<K>>,
}

/// Dropped in the order of the fields.
struct ShareOfKey<K> {
    _permit: OwnedSemaphorePermit,
    _gate: Gate<K>,
}

/// The semaphores of the keys that have any tasks.
struct Gates<K>([Mutex<HashTable<Entry<K>>>; SHARDS]);

struct Entry<K> {
    hash: u64,
    key: K,
    semaphore: Arc<Semaphore>,
}

/// Somebody who has to do with a key; the last takes the key's semaphore away.
struct Gate<K> {
    gates: Arc<Gates<K>>,
    hash: u64,
    /// `None` only while it is dropped.
    semaphore: Option<Arc<Semaphore>>,
}

impl<K> Gates<K> {
    fn new() -> Self {
        Self(std::array::from_fn(|_| Mutex::new(HashTable::new())))
    }

    fn gate(self: &Arc<Self>, hash: u64, key: &K, n: usize) -> Gate<K>
    where
        K: Eq + Clone,
    {
        let is_same = |entry: &Entry<K>| entry.key == *key;
        let mut table = self.0[shard_of(hash)].lock();
        let known = table
            .find(hash, is_same)
            .map(|entry| Arc::clone(&entry.semaphore));
        let semaphore = known.unwrap_or_else(|| {
            let semaphore = Arc::new(Semaphore::new(n));
            let entry = Entry {
                hash,
                key: key.clone(),
                semaphore: Arc::clone(&semaphore),
            };
            table.insert_unique(hash, entry, |entry| entry.hash);
            semaphore
        });
        let semaphore = Some(semaphore);
        Gate {
            gates: Arc::clone(self),
            hash,
            semaphore,
        }
    }
}

impl<K> Drop for Gate<K> {
    fn drop(&mut self) {
        let Some(semaphore) = self.semaphore.take() else {
            return;
        };
        let mut table = self.gates.0[shard_of(self.hash)].lock();
        let address = Arc::as_ptr(&semaphore);
        // Under the lock: of two who leave, the later finds itself the last. The table
        // has one more.
        drop(semaphore);
        let is_it = |entry: &Entry<K>| std::ptr::eq(Arc::as_ptr(&entry.semaphore), address);
        let gone = match table.find_entry(self.hash, is_it) {
            Ok(entry) if Arc::strong_count(&entry.get().semaphore) == 1 => Some(entry.remove().0),
            _ => None,
        };
        // The key's destructor is a user's.
        drop(table);
        drop(gone);
    }
}

impl<K> fmt::Debug for BoundedKeyed<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BoundedKeyed")
            .field("metrics", &self.metrics())
            .field("per_key", &self.per_key.as_ref().map(|(n, _)| n))
            .finish_non_exhaustive()
    }
}
