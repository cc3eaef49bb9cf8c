//! Proves that a spawn in steady state asks the allocator for nothing: whatever
//! becomes of the task, and as long as its future and its result fit a cell.
//!
//! Every thread counts its own allocations, so what the test harness and other
//! tests do meanwhile is not in the numbers, and the tests run side by side.
//! Cells are carved from memory that no allocator sees; so that none is, is
//! looked up in the runtime's own numbers.

#![cfg(not(virid_loom))]

mod support;
#[path = "support/until.rs"]
mod until;
#[path = "support/workers.rs"]
mod workers;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::future::Future;
use std::hint::black_box;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use support::guard;
use until::until;
use virid::task::JoinHandle;
use virid::{Handle, Runtime, spawn, yield_now};
use workers::workers;

/// Tasks of a measured part, unless their number depends on the burst.
const TASKS: u64 = 100_000;

thread_local! {
    /// Allocations of this thread, so far.
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
    /// Tasks that this thread has run, so far.
    static RAN: Cell<u64> = const { Cell::new(0) };
}

/// The system's allocator, which counts what it is asked for.
struct Counting;

fn count() {
    ALLOCATIONS.set(ALLOCATIONS.get() + 1);
}

fn allocations() -> u64 {
    ALLOCATIONS.get()
}

// SAFETY: every call goes to `System` as it is; counting neither allocates nor
// panics, since the counter is plain memory of the thread without a destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller keeps the trait's contract, which is `System`'s too.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: as above.
        unsafe { System.realloc(memory, layout, size) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(memory, layout) };
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn the_count_sees_every_kind_of_allocation() {
    let before = allocations();
    let mut grown = black_box(Vec::<u64>::with_capacity(1));
    grown.reserve_exact(black_box(100));
    let zeroed = black_box(vec![0_u8; 100]);
    assert_eq!(allocations() - before, 3);
    drop((grown, zeroed));
    assert_eq!(allocations() - before, 3);
}

fn ran() {
    RAN.set(RAN.get() + 1);
}

/// Room for the handles of a burst, made before it is measured.
type Handles = Vec<JoinHandle<u64>>;

/// Allocations of a runtime's only worker while a task does `part` for the
/// second time, in which no cell may be carved any more. Each time it spawns
/// `tasks`, which have run when it ends.
fn second_time<F>(tasks: u64, part: impl Fn(Handles) -> F + Send + 'static) -> u64
where
    F: Future<Output = Handles> + Send + 'static,
{
    let runtime = workers(1);
    let root = runtime.spawn(async move {
        let handles = part(Handles::with_capacity(10_000)).await;
        assert_eq!(RAN.get(), tasks);
        let runtime = Handle::current();
        let carved = runtime.metrics().cells_fresh();
        let before = allocations();
        let handles = part(handles).await;
        let during = allocations() - before;
        assert_eq!(runtime.metrics().cells_fresh(), carved);
        assert_eq!(RAN.get(), 2 * tasks);
        drop(handles);
        during
    });
    root.join().unwrap()
}

/// Spawns [`TASKS`] tasks, `burst` at a time, and drops their handles.
async fn detached(burst: u64, handles: Handles) -> Handles {
    for _ in 0..TASKS / burst {
        (0..burst).for_each(|_| drop(spawn(async { ran() })));
        // First in, first out: this task goes on after those.
        yield_now().await;
    }
    handles
}

/// Spawns [`TASKS`] tasks, `burst` at a time, and awaits them in turn.
async fn joined(burst: u64, mut handles: Handles) -> Handles {
    for _ in 0..TASKS / burst {
        handles.extend((0..burst).map(|number| {
            spawn(async move {
                ran();
                number
            })
        }));
        let mut sum = 0;
        for handle in handles.drain(..) {
            sum += handle.await.unwrap();
        }
        assert_eq!(sum, burst * (burst - 1) / 2);
    }
    handles
}

#[test]
fn detached_tasks_in_small_bursts_allocate_nothing() {
    guard(|| {
        for burst in [1, 10, 50, 100, 200] {
            let during = second_time(TASKS, move |handles| detached(burst, handles));
            assert_eq!(during, 0, "in bursts of {burst}");
        }
    });
}

#[test]
fn detached_tasks_in_large_bursts_allocate_next_to_nothing() {
    guard(|| {
        for burst in [500, 1_000, 10_000] {
            let during = second_time(TASKS, move |handles| detached(burst, handles));
            assert!(during <= TASKS / 10_000, "{during} in bursts of {burst}");
        }
    });
}

#[test]
fn tasks_that_are_awaited_one_after_another_allocate_nothing() {
    guard(|| assert_eq!(second_time(TASKS, |handles| joined(1, handles)), 0));
}

#[test]
fn tasks_that_are_awaited_in_small_bursts_allocate_nothing() {
    guard(|| {
        for burst in [10, 100, 200] {
            let during = second_time(TASKS, move |handles| joined(burst, handles));
            assert_eq!(during, 0, "in bursts of {burst}");
        }
    });
}

#[test]
fn tasks_that_are_awaited_in_large_bursts_allocate_next_to_nothing() {
    guard(|| {
        for burst in [500, 10_000] {
            let during = second_time(TASKS, move |handles| joined(burst, handles));
            assert!(during <= TASKS / 10_000, "{during} in bursts of {burst}");
        }
    });
}

/// A future of `F` bytes whose result has `R`.
struct Filled<const F: usize, const R: usize>([u8; F]);

impl<const F: usize, const R: usize> Future for Filled<F, R> {
    type Output = [u8; R];

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<[u8; R]> {
        ran();
        black_box(&self.0);
        Poll::Ready([7; R])
    }
}

/// Spawns `tasks` of these, 50 at a time, and awaits the first ten of each
/// burst.
async fn of_size<const F: usize, const R: usize>(tasks: u64, handles: Handles) -> Handles {
    for _ in 0..tasks / 50 {
        let awaited: [_; 10] = std::array::from_fn(|_| spawn(Filled::<F, R>([1; F])));
        (10..50).for_each(|_| drop(spawn(Filled::<F, R>([1; F]))));
        for task in awaited {
            assert_eq!(task.await.unwrap(), [7; R]);
        }
        // Those that were spawned last have not run before this.
        yield_now().await;
    }
    handles
}

/// Asserts that no task of this size allocates more than `each` times.
fn assert_size<const F: usize, const R: usize>(each: u64) {
    const SIZED: u64 = 10_000;
    let during = second_time(SIZED, |handles| of_size::<F, R>(SIZED, handles));
    let limit = each * SIZED;
    assert!(during <= limit, "{during} with {F} and {R} bytes");
}

/// A cell has 40 bytes for itself, and eight of a result say whether it is one.
#[test]
fn futures_and_results_of_every_size_that_fits_a_cell_allocate_nothing() {
    guard(|| {
        assert_size::<0, 0>(0);
        assert_size::<24, 0>(0);
        assert_size::<25, 0>(0);
        assert_size::<88, 0>(0);
        assert_size::<89, 0>(0);
        assert_size::<216, 0>(0);
        assert_size::<217, 0>(0);
        assert_size::<472, 0>(0);
        assert_size::<473, 0>(0);
        assert_size::<984, 0>(0);
        assert_size::<0, 16>(0);
        assert_size::<0, 80>(0);
        assert_size::<0, 208>(0);
        assert_size::<0, 464>(0);
        assert_size::<0, 976>(0);
        assert_size::<300, 900>(0);
        assert_size::<900, 300>(0);
    });
}

#[test]
fn what_fits_no_cell_allocates_once_for_the_future_and_once_for_the_result() {
    guard(|| {
        assert_size::<2_000, 0>(1);
        assert_size::<2_000, 900>(1);
        assert_size::<0, 2_000>(1);
        assert_size::<2_000, 2_000>(2);
    });
}

/// Spawns tasks while fewer than `backlog` wait, all of which have run when it
/// ends. It keeps the worker that runs it, so the other one has to steal them.
fn produce(tasks: u64, backlog: u64, done: &Arc<AtomicU64>) {
    let first = done.load(Ordering::Acquire);
    let ended = || done.load(Ordering::Acquire) - first;
    for spawned in 0..tasks {
        until(|| spawned - ended() < backlog);
        let done = done.clone();
        drop(spawn(async move {
            done.fetch_add(1, Ordering::Release);
        }));
    }
    until(|| ended() == tasks);
}

/// Allocations so far of the worker that is not the caller's.
fn of_the_other() -> u64 {
    let slot = Arc::<AtomicU64>::default();
    let other = slot.clone();
    drop(spawn(async move {
        // One more than there were, since nothing says that it is not there.
        other.store(allocations() + 1, Ordering::Release);
    }));
    until(|| slot.load(Ordering::Acquire) != 0);
    slot.load(Ordering::Acquire) - 1
}

#[test]
fn tasks_that_another_worker_steals_allocate_next_to_nothing() {
    guard(|| {
        for backlog in [1, 30, 200] {
            let runtime = workers(2);
            let root = runtime.spawn(async move {
                let done = Arc::<AtomicU64>::default();
                produce(TASKS, backlog, &done);
                let before = allocations() + of_the_other();
                produce(TASKS, backlog, &done);
                allocations() + of_the_other() - before
            });
            let during = root.join().unwrap();
            let limit = TASKS / 1_000;
            assert!(during <= limit, "{during} with {backlog} waiting");
        }
    });
}

/// Allocations so far of this thread and the runtime's only worker.
fn from_outside(runtime: &Runtime) -> u64 {
    let worker = runtime.spawn(async { allocations() });
    worker.join().unwrap() + allocations()
}

/// The queue that threads share is made of blocks of 31 tasks or more.
#[test]
fn tasks_that_a_thread_spawns_allocate_no_more_than_the_shared_queue_does() {
    guard(|| {
        let runtime = workers(1);
        let part = |burst: u64| {
            let mut handles = Handles::with_capacity(burst as usize);
            let before = from_outside(&runtime);
            runtime.block_on(async {
                for _ in 0..TASKS / burst {
                    handles.extend((0..burst).map(|number| spawn(async move { number })));
                    for handle in handles.drain(..) {
                        handle.await.unwrap();
                    }
                }
            });
            from_outside(&runtime) - before
        };
        for burst in [1, 100, 10_000] {
            part(burst);
            let during = part(burst);
            assert!(during <= TASKS / 25, "{during} in bursts of {burst}");
        }
    });
}

/// Each call of `join` makes what the thread waits on.
#[test]
fn a_join_on_a_plain_thread_allocates_once() {
    guard(|| {
        let runtime = workers(1);
        let part = || {
            let before = from_outside(&runtime);
            for number in 0..TASKS {
                let task = runtime.spawn(async move { number });
                assert_eq!(task.join().unwrap(), number);
            }
            from_outside(&runtime) - before
        };
        part();
        let during = part();
        assert!(during <= TASKS + TASKS / 25, "{during}");
    });
}
