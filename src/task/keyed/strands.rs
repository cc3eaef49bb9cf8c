//! Who has the turn of a key and who waits for it: a shard of the keys of a `Keyed`.
//!
//! A key that has tasks has a *strand*: a list of all that have not ended, of which the
//! oldest, the head, has the turn. A key without tasks has none. [`enter`](Shard::enter)
//! puts a task at the end, with the turn where it is the first; [`leave`](Shard::leave)
//! takes it out, wherever in the list it is, and hands the turn on if it had that. Both
//! take time that does not depend on how many wait.
//!
//! Everything is under one lock, which is held for a handful of loads and stores; of
//! users' code only the `Eq` of keys runs under it, before anything is changed. What is
//! taken out is dropped, and who is given the turn is queued, when the lock has been left.
//!
//! *Always*: exactly one task of a strand has the turn. A task leaves when its work has
//! been dropped, so that none has begun before the one ahead of it is gone. Nobody is
//! forgotten: to have the turn and to wait for it are decided under the lock, and a wake
//! that comes before the task has been suspended is kept by the task's word (`state.rs`).
//!
//! *Rule of the links.* A node is in the task that it stands for, which does not move.
//! It is in a list from `enter` to `leave`, which the task calls before it frees the
//! node. So whoever finds one in a list under the lock may use it until the lock is left.
//!
//! # Rejected
//!
//! - *A strand with atomics of its own* (a count, whose step from 0 is the turn, and a
//!   queue), so that a task takes the turn from its predecessor without a lock. To find
//!   the strand, and to take it away when it is empty, the lock of the shard is needed all
//!   the same, and these are two of the three things that happen to most tasks.
//! - *Nodes in a table of the shard's own.* Without a pointer, and each a cache line that
//!   nobody else has use for: with a million keys, leaving took a third of the time.
//! - *Tasks that are left in the list when they are aborted*, to be taken out at their
//!   turn: behind one that never ends they would stay for ever.

use std::marker::PhantomPinned;
use std::ptr::NonNull;
use std::sync::Arc;
use std::task::Waker;

use hashbrown::HashTable;

use crate::primitives::{Mutex, UnsafeCell, needed};
use crate::task::header::{Runnable, TaskRef};

/// Whether a task may begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Begin {
    Now,
    /// When it is woken.
    Later,
}

/// Strands that an idle shard keeps the memory of.
const MOST_KEPT: usize = 1024;

/// Some of the keys, and the tasks of each. What every task touches is on one cache line,
/// with the lock: it goes from worker to worker.
#[repr(align(64))]
pub(crate) struct Shard<K>(Mutex<Strands<K>>);

#[repr(C)]
struct Strands<K> {
    strands: HashTable<Strand<K>>,
    tasks: usize,
    ended: u64,
    /// The shard itself while there are tasks, so that none of them has to count.
    me: Option<Arc<Shard<K>>>,
    /// Who waits until no tasks are left, by numbers of their own.
    waiting_for_none: Vec<(u64, Waker)>,
}

struct Strand<K> {
    /// Of the key: with the nodes' a growing table would ask all tasks.
    hash: u64,
    key: K,
    /// Has the turn.
    head: Link,
    tail: Link,
}

/// A task in a strand. Touched only under the lock of its shard.
pub(crate) struct Node {
    state: UnsafeCell<State>,
    /// Others use it while its task has a `&mut` to it.
    _pinned: PhantomPinned,
}

struct State {
    /// Of the key.
    hash: u64,
    /// `None` for the head, which has the turn.
    previous: Option<Link>,
    next: Option<Link>,
    /// `None` outside of any strand.
    task: Option<TaskRef>,
}

/// A node that is in a list.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Link(NonNull<Node>);

// SAFETY: nodes are touched only under the lock, by one at a time, and what is in them
// may be sent.
unsafe impl Send for Link {}
// SAFETY: the same.
unsafe impl Send for Node {}

impl Node {
    pub(crate) fn new() -> Self {
        Self {
            state: UnsafeCell::new(State {
                hash: 0,
                previous: None,
                next: None,
                task: None,
            }),
            _pinned: PhantomPinned,
        }
    }
}

impl Link {
    /// What is in the node; called under the lock of its shard, and not by `f`.
    fn with<R>(self, f: impl FnOnce(&mut State) -> R) -> R {
        // SAFETY: the rule of the links.
        let node = unsafe { self.0.as_ref() };
        node.state.with_mut(|state| {
            // SAFETY: the caller has the lock, and `f` asks for no node.
            f(unsafe { &mut *state })
        })
    }
}

/// How many tasks there are.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    /// Without the turn.
    pub(crate) waiting: usize,
    /// With it.
    pub(crate) running: usize,
    /// That were, and have left.
    pub(crate) ended: u64,
}

/// What a task leaves behind.
#[must_use = "who has the turn next has to be queued"]
pub(crate) struct Left<K> {
    /// Who has the turn from now on, unless it is awake already.
    pub(crate) next: Option<Runnable>,
    /// Who hears that no tasks are left.
    pub(crate) wakers: Vec<(u64, Waker)>,
    pub(crate) rest: Rest<K>,
}

/// What is of no use any more, and is dropped outside of the lock.
pub(crate) struct Rest<K> {
    _task: Option<TaskRef>,
    key: Option<K>,
    strands: HashTable<Strand<K>>,
    /// The last: nobody may have use for the shard when it is gone.
    me: Option<Arc<Shard<K>>>,
}

impl<K> Shard<K> {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(Strands {
            strands: HashTable::new(),
            tasks: 0,
            ended: 0,
            me: None,
            waiting_for_none: Vec::new(),
        }))
    }

    /// Puts a task behind the others of its key. Where it has the turn at once it is not
    /// woken.
    ///
    /// # Safety
    ///
    /// The node is in no strand. It stays where it is until it has left this one, and is
    /// used by nobody else.
    pub(crate) unsafe fn enter(
        self: &Arc<Self>,
        hash: u64,
        key: K,
        node: &mut Node,
        task: TaskRef,
    ) -> Begin
    where
        K: Eq,
    {
        let link = Link(NonNull::from(node));
        let mut shard = self.0.lock();
        let Strands {
            strands, tasks, me, ..
        } = &mut *shard;
        let known = strands.find_mut(hash, |strand| strand.key == key);
        let previous = known.map(|strand| std::mem::replace(&mut strand.tail, link));
        link.with(|state| {
            *state = State {
                hash,
                previous,
                next: None,
                task: Some(task),
            };
        });
        *tasks += 1;
        if *tasks == 1 {
            *me = Some(Arc::clone(self));
        }
        match previous {
            Some(previous) => {
                previous.with(|state| state.next = Some(link));
                // The key that is there stays.
                drop(shard);
                Begin::Later
            }
            None => {
                let strand = Strand {
                    hash,
                    key,
                    head: link,
                    tail: link,
                };
                strands.insert_unique(hash, strand, |strand| strand.hash);
                Begin::Now
            }
        }
    }

    /// Takes a task out, and hands the turn on if it had that. What it leaves keeps the
    /// shard, if nothing else does.
    ///
    /// # Safety
    ///
    /// The node is in a strand of this shard.
    pub(crate) unsafe fn leave(&self, node: &mut Node) -> Left<K> {
        let link = Link(NonNull::from(node));
        let mut shard = self.0.lock();
        let shard = &mut *shard;
        shard.tasks -= 1;
        shard.ended += 1;
        let (hash, previous, next, task) = link.with(|state| {
            let task = state.task.take();
            (state.hash, state.previous, state.next, task)
        });
        let mut left = Left {
            next: None,
            wakers: Vec::new(),
            rest: Rest {
                _task: task,
                key: None,
                strands: HashTable::new(),
                me: None,
            },
        };
        if needed!("turn of who leaves", previous.is_none(), not false) {
            (left.next, left.rest.key) = shard.hand_on(hash, link, next);
        } else {
            shard.unlink(hash, link, previous, next);
        }
        if shard.tasks == 0 {
            left.rest.me = shard.me.take();
            left.wakers = std::mem::take(&mut shard.waiting_for_none);
            if shard.strands.capacity() > MOST_KEPT {
                left.rest.strands = std::mem::take(&mut shard.strands);
            }
        }
        left
    }

    pub(crate) fn counts(&self) -> Counts {
        let shard = self.0.lock();
        let running = shard.strands.len();
        Counts {
            waiting: shard.tasks - running,
            running,
            ended: shard.ended,
        }
    }

    /// All tasks that have not left.
    pub(crate) fn tasks(&self) -> Vec<TaskRef> {
        let shard = self.0.lock();
        let mut tasks = Vec::with_capacity(shard.tasks);
        for strand in &shard.strands {
            let mut next = Some(strand.head);
            while let Some(link) = next {
                link.with(|state| {
                    tasks.extend(state.task.clone());
                    next = state.next;
                });
            }
        }
        tasks
    }

    /// Whether no tasks are left; where some are, the waker is woken when none are.
    pub(crate) fn is_empty_or_will_wake(&self, number: u64, waker: &Waker) -> bool {
        let waker = waker.clone();
        let mut shard = self.0.lock();
        if shard.tasks == 0 {
            return true;
        }
        let waiting = &mut shard.waiting_for_none;
        let known = waiting.iter_mut().find(|(other, _)| *other == number);
        let before = match known {
            Some((_, before)) => Some(std::mem::replace(before, waker)),
            None => {
                waiting.push((number, waker));
                None
            }
        };
        drop(shard);
        drop(before);
        false
    }

    /// Forgets who waits.
    pub(crate) fn forget(&self, number: u64) {
        let mut shard = self.0.lock();
        let waiting = &mut shard.waiting_for_none;
        let known = waiting.iter().position(|(other, _)| *other == number);
        let before = known.map(|known| waiting.swap_remove(known));
        drop(shard);
        drop(before);
    }
}

impl<K> Strands<K> {
    /// Takes out a head: whom to queue, and the key where nobody is left.
    fn hand_on(
        &mut self,
        hash: u64,
        head: Link,
        next: Option<Link>,
    ) -> (Option<Runnable>, Option<K>) {
        let strand = self.strands.find_entry(hash, |strand| strand.head == head);
        let Ok(mut strand) = strand else {
            unreachable!("who has the turn is the head of a strand");
        };
        let Some(next) = next else {
            return (None, Some(strand.remove().0.key));
        };
        strand.get_mut().head = next;
        let woken = next.with(|state| {
            state.previous = None;
            let task = state.task.as_ref();
            needed!("hand-over of a turn", task.and_then(TaskRef::claim), not None::<Runnable>)
        });
        (woken, None)
    }

    /// Takes out one that waits.
    fn unlink(&mut self, hash: u64, link: Link, previous: Option<Link>, next: Option<Link>) {
        if let Some(previous) = previous {
            previous.with(|state| state.next = next);
        }
        match next {
            Some(next) => next.with(|state| state.previous = previous),
            None => {
                let strand = self.strands.find_mut(hash, |strand| strand.tail == link);
                if let (Some(strand), Some(previous)) = (strand, previous) {
                    strand.tail = previous;
                }
            }
        }
    }
}
