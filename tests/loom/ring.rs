//! The private ring: its owner beside thieves, and the drop of a handle whose task
//! waits there.

use std::ptr::{self, NonNull};
use std::sync::Arc;

use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;

use crate::memory::Cells;
use crate::scheduler::ring::{self, NEW, Ring, RingStealer};
use crate::task::cell::TaskCell;
use crate::task::header::{Ran, Runnable};
use crate::task::work::Async;

/// How often each of four tasks was taken.
#[derive(Default)]
struct Taken([AtomicUsize; 4]);

impl Taken {
    fn count(&self, task: NonNull<u8>) {
        self.0[task.as_ptr().addr() - 1].fetch_add(1, Ordering::Relaxed);
    }

    fn check(&self, pushed: usize) {
        for (task, taken) in self.0.iter().enumerate() {
            let expected = usize::from(task < pushed);
            assert_eq!(taken.load(Ordering::Relaxed), expected, "task {task}");
        }
    }
}

/// A number in place of a cell.
fn task(number: usize) -> NonNull<u8> {
    NonNull::new(ptr::without_provenance_mut(number + 1)).expect("not zero")
}

fn thief(stealer: RingStealer<NEW>, taken: &Arc<Taken>) -> thread::JoinHandle<()> {
    let taken = Arc::clone(taken);
    thread::spawn(move || {
        stealer.steal_half(|task| taken.count(task));
    })
}

/// Whoever is faster, each task is taken once.
pub fn an_owner_and_a_thief_take_each_task_once() {
    loom::model(|| {
        let taken = Arc::new(Taken::default());
        let ring = Ring::new();
        ring.push(task(0));
        ring.push(task(1));
        let thief = thief(ring.stealer(), &taken);
        while let Some(task) = ring.pop() {
            taken.count(task);
        }
        thief.join().unwrap();
        while let Some(task) = ring.pop() {
            taken.count(task);
        }
        taken.check(2);
    });
}

/// Two thieves need not wait for each other.
pub fn two_thieves_take_each_task_once() {
    loom::model(|| {
        let taken = Arc::new(Taken::default());
        let ring = Ring::new();
        ring.push(task(0));
        ring.push(task(1));
        let thieves = [ring.stealer(), ring.stealer()].map(|ring| thief(ring, &taken));
        for thief in thieves {
            thief.join().unwrap();
        }
        while let Some(task) = ring.pop() {
            taken.count(task);
        }
        taken.check(2);
    });
}

/// A slot that is filled anew while a thief reads it.
pub fn a_slot_is_filled_anew_beside_a_thief() {
    loom::model(|| {
        let taken = Arc::new(Taken::default());
        let ring = Ring::<2>::new();
        ring.push(task(0));
        ring.push(task(1));
        let thief = thread::spawn({
            let (stealer, taken) = (ring.stealer(), Arc::clone(&taken));
            move || {
                stealer.steal_half(|task| taken.count(task));
            }
        });
        if let Some(oldest) = ring.pop() {
            taken.count(oldest);
            ring.push(task(2));
        }
        thief.join().unwrap();
        while let Some(task) = ring.pop() {
            taken.count(task);
        }
        let last = taken.0[2].load(Ordering::Relaxed);
        taken.check(2 + last);
    });
}

/// The plain store of a handle's drop, beside a thief that takes the task and ends it.
pub fn a_handle_is_dropped_while_its_task_is_stolen() {
    loom::model(|| {
        let cells = Cells::new(1);
        // SAFETY: the cells outlive the lists.
        let lists = unsafe { cells.lists(Arc::default()) };
        let ring = Ring::new();
        // SAFETY: the ring stays where it is until the end.
        let _installed = unsafe { ring::install(&ring) };
        let ran = Arc::new(AtomicUsize::new(0));
        let body = {
            let ran = Arc::clone(&ran);
            async move {
                ran.fetch_add(1, Ordering::Relaxed);
            }
        };
        // SAFETY: the cells are of one store, and the task never waits.
        let made = unsafe { TaskCell::spawn(Async(body), |class| lists.allocate(class)) };
        let (runnable, handle) = made;
        ring.push(runnable.into_cell());
        let thief = thread::spawn({
            let stealer = ring.stealer();
            move || {
                stealer.steal_half(run);
            }
        });
        drop(handle);
        ring.pop().into_iter().for_each(run);
        thief.join().unwrap();
        ring.pop().into_iter().for_each(run);
        assert_eq!(ran.load(Ordering::Relaxed), 1);
        lists.hand_in();
    });
}

fn run(cell: NonNull<u8>) {
    // SAFETY: it was pushed as a `Runnable`, and taken once.
    let task = unsafe { Runnable::from_cell(cell) };
    assert!(matches!(task.run(), Ran::Ended(None)));
}
