//! Recycled memory: lists, depot, slabs, lanes and the overflow of a queue, two
//! or three threads each. loom's allocator says if a slab or a batch was leaked;
//! one that was given back too early is full of rubbish.

use std::ptr::NonNull;
use std::sync::Arc;

use loom::thread;

use crate::memory::models::{Chain, Stack, take_batch};
use crate::memory::{Cells, Class, Clean, Held, Lists, free, pin, retire_batch};
use crate::primitives::{AtomicU64, AtomicUsize, Ordering};
use crate::scheduler::overflow::Overflow;
use crate::scheduler::queue::Queue;
use crate::task::cell::TaskCell;
use crate::task::header::{Ran, Runnable};
use crate::task::work::Async;

/// The smallest class, as all cells of these models.
const CLASS: Class = Class::of(1);

/// A cell in use: whoever gets one that somebody else has notices.
struct Used(NonNull<u8>);

// SAFETY: a cell may be freed by any thread.
unsafe impl Send for Used {}

impl Used {
    fn new(cell: NonNull<u8>) -> Self {
        let used = Self(cell);
        let before = used.word().swap(1, Ordering::Relaxed);
        assert_ne!(before, 1, "a cell was handed out twice");
        used
    }

    fn word(&self) -> &AtomicU64 {
        // SAFETY: a cell begins with an atomic word.
        unsafe { self.0.cast().as_ref() }
    }

    /// Into the lists of the thread.
    fn free_into(self, lists: &Lists) {
        self.word().store(2, Ordering::Relaxed);
        // SAFETY: the cell is ours, and of the model's one store.
        unsafe { lists.free(CLASS, self.0) };
    }

    /// As a thread without lists.
    fn free(self) {
        self.word().store(2, Ordering::Relaxed);
        // SAFETY: the cell is ours.
        unsafe { free(CLASS, self.0) };
    }
}

fn allocate(lists: &Lists) -> Used {
    Used::new(lists.allocate(CLASS))
}

fn lists_of(cells: &Cells) -> Lists {
    // SAFETY: every model drops its lists first.
    unsafe { cells.lists(Arc::default()) }
}

/// A cell that was handed in by two threads goes to one of two takers each.
pub fn takers_share_what_was_handed_in() {
    loom::model(|| {
        let cells = Arc::new(Cells::new(1));
        let lists = lists_of(&cells);
        let in_use = [allocate(&lists), allocate(&lists)];
        in_use.into_iter().for_each(|cell| cell.free_into(&lists));
        lists.hand_in();
        let taker = thread::spawn({
            let cells = Arc::clone(&cells);
            move || {
                let lists = lists_of(&cells);
                let in_use = [allocate(&lists), allocate(&lists), allocate(&lists)];
                in_use.into_iter().for_each(|cell| cell.free_into(&lists));
                lists.hand_in();
            }
        });
        let in_use = [allocate(&lists), allocate(&lists)];
        in_use.into_iter().for_each(|cell| cell.free_into(&lists));
        lists.hand_in();
        taker.join().unwrap();
    });
}

/// A taker that is slow between its look at the head and its exchange, while the
/// batch that it saw is taken and its memory retired.
pub fn a_slow_taker_meets_a_batch_that_goes() {
    loom::model(|| {
        let stack = Arc::new(Stack::new());
        for _ in 0..2 {
            let mut chain = Chain::default();
            chain.push(take_batch(&pin()));
            stack.push(chain);
        }
        let take = |stack: &Stack| {
            let guard = pin();
            if let Some(batch) = stack.pop(&guard) {
                retire_batch(batch);
            }
        };
        let taker = thread::spawn({
            let stack = Arc::clone(&stack);
            move || take(&stack)
        });
        take(&stack);
        taker.join().unwrap();
        assert!(stack.pop(&pin()).is_none(), "two were there, and two taken");
    });
}

/// Why there is a grace period: the classic list, whose nodes come back at once.
/// **This model fails.** A taker sees `a` as the head and `b` behind it. Another
/// takes both, keeps `b`, and puts `a` back. The first one's exchange finds `a`,
/// and makes `b` the head, which is in use.
pub fn an_untagged_list_hands_a_node_out_twice() {
    loom::model(|| {
        let stack = Arc::new(Stack::new());
        for _ in 0..2 {
            let mut chain = Chain::default();
            chain.push(take_batch(&pin()));
            stack.push(chain);
        }
        let taker = thread::spawn({
            let stack = Arc::clone(&stack);
            move || stack.pop(&pin()).map(Held::into_batch)
        });
        let a = stack.pop(&pin()).map(Held::into_batch);
        let b = stack.pop(&pin()).map(Held::into_batch);
        if let Some(a) = a {
            let mut chain = Chain::default();
            // SAFETY: none; this is what the types forbid elsewhere.
            chain.push(unsafe { Held::of(a) });
            stack.push(chain);
        }
        let taken = taker.join().unwrap();
        let left = stack.pop(&pin()).map(Held::into_batch);
        assert!(b.is_none() || left != b, "a node was handed out twice");
        // SAFETY: whoever gets here has each batch once.
        let retire = |batch| retire_batch(unsafe { Held::of(batch) });
        b.into_iter().chain(taken).chain(left).for_each(retire);
    });
}

/// A carver that is slow between its look at the current slab and its step,
/// while others use the slab up, free all of it and give it back.
pub fn a_slow_carver_meets_a_slab_that_goes() {
    loom::model(|| {
        let cells = Arc::new(Cells::new(1));
        let lists = lists_of(&cells);
        let first = [allocate(&lists), allocate(&lists)];
        let carver = thread::spawn({
            let cells = Arc::clone(&cells);
            move || {
                let lists = lists_of(&cells);
                allocate(&lists).free_into(&lists);
                lists.hand_in();
            }
        });
        let others = [allocate(&lists), allocate(&lists), allocate(&lists)];
        first
            .into_iter()
            .chain(others)
            .for_each(|cell| cell.free_into(&lists));
        lists.hand_in();
        cells.trim();
        carver.join().unwrap();
        drop(lists);
    });
}

/// Two cells outlive their runtime, and are freed by two threads while it ends:
/// the last of three gives the slab back. With one lane, one of them may have
/// to do without.
pub fn the_last_cells_race_the_end_of_their_runtime() {
    loom::model(|| {
        let cells = Cells::new(1);
        let in_use = [(), ()].map(|()| Used::new(cells.allocate(CLASS)));
        let threads = in_use.map(|cell| thread::spawn(move || cell.free()));
        drop(cells);
        threads
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
    });
}

/// Two batches of an overflow, its owner and a thief: every task runs once.
pub fn a_batch_of_the_overflow_goes_to_one_taker() {
    loom::model(|| {
        let cells = Arc::new(Cells::new(1));
        let ran = Arc::new(AtomicUsize::new(0));
        let overflow = Arc::new(Overflow::new());
        let lists = lists_of(&cells);
        let task = || {
            let ran = Arc::clone(&ran);
            let future = async move { ran.fetch_add(1, Ordering::Relaxed) };
            // SAFETY: the cells are of one store, and the task never waits.
            let made = unsafe { TaskCell::spawn(Async(future), |class| lists.allocate(class)) };
            drop(made.1);
            made.0.into_cell()
        };
        let thief = thread::spawn({
            let (cells, overflow) = (Arc::clone(&cells), Arc::clone(&overflow));
            move || {
                let lists = lists_of(&cells);
                while overflow.take(&lists, run) {}
                lists.hand_in();
            }
        });
        for _ in 0..2 {
            // SAFETY: this thread is the owner.
            unsafe { overflow.push(batch_of(task(), &lists), &lists) };
        }
        while overflow.take(&lists, run) {}
        thief.join().unwrap();
        assert!(overflow.is_empty());
        assert_eq!(ran.load(Ordering::Relaxed), 2);
        lists.hand_in();
        drop(overflow);
    });
}

/// Two batches, and a thief that takes one: there is one for the owner.
pub fn a_batch_is_left_for_the_owner() {
    loom::model(|| {
        let cells = Arc::new(Cells::new(1));
        let overflow = Arc::new(Overflow::new());
        let lists = lists_of(&cells);
        for _ in 0..2 {
            // SAFETY: this thread is the owner.
            unsafe { overflow.push(batch_of(task(&lists).into_cell(), &lists), &lists) };
        }
        let thief = thread::spawn({
            let (cells, overflow) = (Arc::clone(&cells), Arc::clone(&overflow));
            move || {
                let lists = lists_of(&cells);
                overflow.take(&lists, run);
                lists.hand_in();
            }
        });
        assert!(overflow.take(&lists, run), "nothing of two batches");
        thief.join().unwrap();
        while overflow.take(&lists, run) {}
        lists.hand_in();
        drop(overflow);
    });
}

/// A queue that always holds a task: one in front, and one that yields.
pub fn a_yield_behind_the_front_is_seen() {
    loom::model(|| {
        let cells = Arc::new(Cells::new(1));
        let queue = Queue::new();
        let lists = lists_of(&cells);
        queue.push(task(&lists));
        queue.push(task(&lists));
        queue.spill(&lists);
        let yielding = queue.pop(&lists, || ()).expect("two were queued");
        let looker = thread::spawn({
            let stealer = queue.stealer();
            move || assert!(!stealer.is_empty(), "a task was overlooked")
        });
        queue.push(yielding);
        run(queue.pop(&lists, || ()).expect("one is in front"));
        looker.join().unwrap();
        run(queue.pop(&lists, || ()).expect("one has yielded"));
        lists.hand_in();
    });
}

/// A batch of one task.
fn batch_of(task: NonNull<u8>, lists: &Lists) -> Held<Clean> {
    let batch = lists.take_batch();
    batch.fill([task].into_iter());
    batch
}

/// A task that does nothing.
fn task(lists: &Lists) -> Runnable {
    // SAFETY: the cells are of one store, and the task never waits.
    let made = unsafe { TaskCell::spawn(Async(async {}), |class| lists.allocate(class)) };
    drop(made.1);
    made.0
}

fn run(task: Runnable) {
    assert!(matches!(task.run(), Ran::Ended(None)));
}
