//! What a workload asks of a runtime. Workloads are written once against these
//! traits; a runtime implements the one that fits its own idiom.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Wake, Waker};

/// A runtime whose tasks are futures.
pub(crate) trait TaskHost: 'static {
    /// Spawns `future` as a task that nobody will join. Called from inside a
    /// task of this runtime.
    fn spawn<F>(future: F)
    where
        F: Future<Output = ()> + Send + 'static;

    /// Runs `future` as a task on a worker and blocks the calling thread until
    /// it is finished. It must not run on the calling thread: spawning from a
    /// thread that is no worker is a different and slower path in most runtimes.
    fn run<F>(&self, future: F) -> F::Output
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static;

    /// Lets the other tasks have their turn.
    fn yield_now() -> impl Future<Output = ()> + Send;
}

/// A runtime with tasks that hand a result back and that any thread can spawn.
pub(crate) trait JoinHost: TaskHost + Sync {
    /// Stands for one task with a number as its result.
    type Join: Send;

    /// Spawns a task that will be joined, from inside a task of this runtime.
    fn spawn_join<F>(future: F) -> Self::Join
    where
        F: Future<Output = u64> + Send + 'static;

    /// Waits for the result.
    fn join(task: Self::Join) -> impl Future<Output = u64> + Send;

    /// Spawns a task that nobody will join, from a thread that is not the runtime's.
    fn spawn_from_outside<F>(&self, future: F)
    where
        F: Future<Output = ()> + Send + 'static;

    /// Gives memory back that is not in use, if there is a way to ask for it.
    fn give_back(&self) {}
}

/// A runtime that has sets of tasks, whose results come as the tasks end.
pub(crate) trait SetHost: JoinHost {
    /// A set of tasks with numbers as results.
    type Set: Send;

    /// An empty one.
    fn set() -> Self::Set;

    /// Spawns a task into the set, from inside a task of this runtime.
    fn spawn_into<F>(set: &mut Self::Set, future: F)
    where
        F: Future<Output = u64> + Send + 'static;

    /// The next result; `None` where the set is empty.
    fn join_next(set: &mut Self::Set) -> impl Future<Output = Option<u64>> + Send;

    /// A set with a limit on how many of its tasks run at once.
    type Bounded: Send;

    /// An empty one.
    fn bounded_set(limit: usize) -> Self::Bounded;

    /// Waits until a task may be spawned, and spawns it.
    fn spawn_bounded<F>(set: &mut Self::Bounded, future: F) -> impl Future<Output = ()> + Send
    where
        F: Future<Output = u64> + Send + 'static;

    /// A result that is there; `None` where none is.
    fn try_join_bounded(set: &mut Self::Bounded) -> Option<u64>;

    /// The next result; `None` where the set is empty.
    fn join_bounded(set: &mut Self::Bounded) -> impl Future<Output = Option<u64>> + Send;
}

/// A runtime on which tasks that have a key in common run one at a time.
pub(crate) trait KeyedHost: TaskHost {
    /// What knows the keys, for one burst.
    type Keys: Send + Sync + 'static;

    /// Whether the tasks of a key run in the order in which they are spawned.
    const IS_IN_ORDER: bool;

    /// Called from inside a task of this runtime. The keys are below `count`.
    fn keys(count: usize) -> Self::Keys;

    /// Spawns `future` as a task that nobody will join.
    fn spawn_with_key<F>(keys: &Self::Keys, key: usize, future: F)
    where
        F: Future<Output = ()> + Send + 'static;
}

/// A runtime whose tasks are closures inside a scope that ends when they have.
/// They cannot wait.
pub(crate) trait ScopeHost: Sync {
    /// Calls `body` on a worker and returns what it returned.
    fn run<T, B>(&self, body: B) -> T
    where
        T: Send,
        B: FnOnce() -> T + Send;

    /// Spawns `task(0)`, `task(1)`, up to `task(n - 1)`, one task each, and
    /// returns when all have finished. Called from inside [`run`](Self::run).
    fn scope<T>(n: u64, task: T)
    where
        T: Fn(u64) + Copy + Send + Sync;

    /// Spawns `task(0)`, where each task `i` spawns its [`tree_children`], and
    /// returns when all `n` have finished. Called from inside [`run`](Self::run).
    fn scope_tree<const ARITY: u64, T>(n: u64, task: T)
    where
        T: Fn(u64) + Copy + Send + Sync;

    /// Spawns a task from a thread that is not the runtime's.
    fn spawn_from_outside<B>(&self, body: B)
    where
        B: FnOnce() + Send + 'static;

    /// Calls both, if it can at the same time, and returns what they returned. Called
    /// from inside [`run`](Self::run).
    fn join<A, B>(one: A, other: B) -> (u64, u64)
    where
        A: FnOnce() -> u64 + Send,
        B: FnOnce() -> u64 + Send;
}

/// The tasks that task `i` of a tree of `n` spawns. A tree with one each is a chain.
pub(crate) fn tree_children<const ARITY: u64>(i: u64, n: u64) -> impl Iterator<Item = u64> {
    (ARITY * i + 1..ARITY * i + ARITY + 1).take_while(move |&child| child < n)
}

/// A runtime whose tasks are threads, green or of the operating system: closures
/// that can wait.
pub(crate) trait ThreadHost: Sync + 'static {
    /// Stands for one thread, to wake it.
    type Handle: Send + Sync + 'static;

    /// Calls `body` on a thread of this runtime and returns what it returned.
    fn run<T, B>(&self, body: B) -> T
    where
        T: Send + 'static,
        B: FnOnce() -> T + Send + 'static;

    /// Starts a thread that nobody will join. Called from a thread of this runtime.
    fn spawn<B>(body: B)
    where
        B: FnOnce() + Send + 'static;

    /// The calling thread.
    fn current() -> Self::Handle;

    /// Waits for [`unpark`](Self::unpark), which may have come before, or for
    /// nothing.
    fn park();

    /// Wakes a thread that parks, or lets its next [`park`](Self::park) return.
    fn unpark(thread: &Self::Handle);

    /// Lets the other threads of the worker have their turn.
    fn yield_now();

    /// Gives memory back that is not in use, if there is a way to ask for it.
    fn give_back(&self) {}

    /// Stands for one thread with a number as its result.
    type Join: Send;

    /// Starts a thread that will be joined. Called from a thread of this runtime.
    fn spawn_join<B>(body: B) -> Self::Join
    where
        B: FnOnce() -> u64 + Send + 'static;

    /// Waits for the result.
    fn join(thread: Self::Join) -> u64;

    /// Starts a thread that nobody will join, from one that is not the runtime's.
    fn spawn_from_outside<B>(&self, body: B)
    where
        B: FnOnce() + Send + 'static;

    /// Starts `task(0)` to `task(n - 1)` in a scope, a thread for each, and returns
    /// when all have finished. Called from a thread of this runtime.
    fn scope<T>(n: u64, task: T)
    where
        T: Fn(u64) + Copy + Send + Sync;
}

/// Sockets of a runtime, without delay for small messages.
pub(crate) trait Net: 'static {
    /// Listens.
    type Listener: Send + Sync;

    /// One end of a connection.
    type Stream: Send + 'static;

    /// Listens on this machine's own address.
    fn listen() -> io::Result<(Self::Listener, SocketAddr)>;

    /// The next connection that comes.
    fn accept(listener: &Self::Listener) -> impl Future<Output = io::Result<Self::Stream>> + Send;

    /// A connection to `address`.
    fn connect(address: SocketAddr) -> impl Future<Output = io::Result<Self::Stream>> + Send;

    /// Waits for bytes; how many there were, none if the other end has closed.
    fn read(
        stream: &mut Self::Stream,
        buffer: &mut [u8],
    ) -> impl Future<Output = io::Result<usize>> + Send;

    /// Sends all of them.
    fn write_all(
        stream: &mut Self::Stream,
        bytes: &[u8],
    ) -> impl Future<Output = io::Result<()>> + Send;
}

/// Waits for `future` in a thread, by parking it.
pub(crate) fn wait_for<H: ThreadHost>(future: impl Future<Output = ()>) {
    struct Unpark<H: ThreadHost>(H::Handle);

    impl<H: ThreadHost> Wake for Unpark<H> {
        fn wake(self: Arc<Self>) {
            H::unpark(&self.0);
        }
    }

    let waker = Waker::from(Arc::new(Unpark::<H>(H::current())));
    let mut future = pin!(future);
    let mut context = Context::from_waker(&waker);
    while future.as_mut().poll(&mut context).is_pending() {
        H::park();
    }
}

#[cfg(test)]
mod tests {
    use super::tree_children;

    #[test]
    fn every_task_but_the_first_has_one_parent() {
        fn check<const ARITY: u64>(n: u64) {
            let spawned = (0..n).flat_map(|i| tree_children::<ARITY>(i, n));
            let mut spawned: Vec<u64> = spawned.collect();
            spawned.sort_unstable();
            assert_eq!(spawned, (1..n).collect::<Vec<_>>());
        }
        for n in 1..40 {
            check::<1>(n);
            check::<2>(n);
        }
    }
}
