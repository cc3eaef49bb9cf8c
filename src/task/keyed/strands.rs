//! Who has the turn of a key and who waits for it: a shard of the keys of a `Keyed`.
//!
//! A key that has tasks has a *strand*: a ring of all that have not ended, of which the
//! oldest, the head, has the turn, and the key. The table of the shard leads to the heads.
//! A key without tasks has none. [`enter`](Shard::enter) puts a task at the end, with the
//! turn where it is the first; [`leave`](Shard::leave) takes it out, wherever in the ring
//! it is, and hands the turn on if it had that. Both take time that does not depend on how
//! many wait.
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
//! It is in a strand from `enter` to `leave`, which the task calls before it frees the
//! node. So whoever finds one in a strand under the lock may use it until the lock is left.
//!
//! # Rejected
//!
//! - *A strand with atomics of its own* (a count, whose step from 0 is the turn, and a
//!   queue), so that a task takes the turn from its predecessor without a lock. To find
//!   the strand, and to take it away when it is empty, the lock of the shard is needed all
//!   the same, and these are two of the three things that happen to most tasks.
//! - *Nodes in a table of the shard's own.* Without a pointer, and each a cache line that
//!   nobody else has use for: with a million keys, leaving took a third of the time.
//! - *The hash, the key and both ends of the strand in the table.* Of a million keys it
//!   is four times as large, in no cache, and grows by as much; see the table's field.
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
    /// The head of each. An entry is an address, and all else is with the tasks: of a
    /// million keys the table is as small as may be.
    heads: HashTable<Link<K>>,
    tasks: usize,
    ended: u64,
    /// The shard itself while there are tasks, so that none of them has to count.
    me: Option<Arc<Shard<K>>>,
    /// Who waits until no tasks are left, by numbers of their own.
    waiting_for_none: Vec<(u64, Waker)>,
}

/// A task in a strand. Touched only under the lock of its shard.
pub(crate) struct Node<K> {
    /// `None` outside of any strand.
    state: UnsafeCell<Option<State<K>>>,
    /// Others use it while its task has a `&mut` to it.
    _pinned: PhantomPinned,
}

struct State<K> {
    /// Of the key.
    hash: u64,
    /// Beside it in the strand, which is a ring: the tail is before the head.
    previous: Link<K>,
    next: Link<K>,
    task: TaskRef,
    /// Of the head alone, which has the turn.
    key: Option<K>,
}

/// A node that is in a strand.
struct Link<K>(NonNull<Node<K>>);

impl<K> Clone for Link<K> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K> Copy for Link<K> {}

impl<K> PartialEq for Link<K> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

// SAFETY: nodes are touched only under the lock, by one at a time, and what is in them
// may be sent.
unsafe impl<K: Send> Send for Link<K> {}
// SAFETY: the same.
unsafe impl<K: Send> Send for Node<K> {}

impl<K> Node<K> {
    pub(crate) fn new() -> Self {
        Self {
            state: UnsafeCell::new(None),
            _pinned: PhantomPinned,
        }
    }
}

impl<K> Link<K> {
    /// What is in the node; called under the lock of its shard, and not by `f`.
    fn with_place<R>(self, f: impl FnOnce(&mut Option<State<K>>) -> R) -> R {
        // SAFETY: the rule of the links.
        let node = unsafe { self.0.as_ref() };
        node.state.with_mut(|state| {
            // SAFETY: the caller has the lock, and `f` asks for no node.
            f(unsafe { &mut *state })
        })
    }

    fn fill(self, hash: u64, [previous, next]: [Self; 2], task: TaskRef, key: Option<K>) {
        let state = State {
            hash,
            previous,
            next,
            task,
            key,
        };
        self.with_place(|place| *place = Some(state));
    }

    fn hash(self) -> u64 {
        self.with(|state| state.hash)
    }

    /// The same of a node that is in a strand.
    fn with<R>(self, f: impl FnOnce(&mut State<K>) -> R) -> R {
        self.with_place(|state| f(state.as_mut().expect("it is in a strand")))
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
    _task: TaskRef,
    key: Option<K>,
    heads: HashTable<Link<K>>,
    /// The last: nobody may have use for the shard when it is gone.
    me: Option<Arc<Shard<K>>>,
}

impl<K> Shard<K> {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(Strands {
            heads: HashTable::new(),
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
        node: &mut Node<K>,
        task: TaskRef,
    ) -> Begin
    where
        K: Eq,
    {
        let link = Link(NonNull::from(node));
        let mut shard = self.0.lock();
        let is_same = |head: &Link<K>| head.with(|state| state.key.as_ref() == Some(&key));
        let head = shard.heads.find(hash, is_same).copied();
        shard.tasks += 1;
        if shard.tasks == 1 {
            shard.me = Some(Arc::clone(self));
        }
        let Some(head) = head else {
            link.fill(hash, [link; 2], task, Some(key));
            shard.heads.insert_unique(hash, link, |link| link.hash());
            return Begin::Now;
        };
        let tail = head.with(|state| std::mem::replace(&mut state.previous, link));
        tail.with(|state| state.next = link);
        link.fill(hash, [tail, head], task, None);
        // The key that is there stays, and this one is dropped.
        drop(shard);
        Begin::Later
    }

    /// Takes a task out, and hands the turn on if it had that. What it leaves keeps the
    /// shard, if nothing else does.
    ///
    /// # Safety
    ///
    /// The node is in a strand of this shard.
    pub(crate) unsafe fn leave(&self, node: &mut Node<K>) -> Left<K> {
        let link = Link(NonNull::from(node));
        let mut shard = self.0.lock();
        let shard = &mut *shard;
        let state = link.with_place(Option::take).expect("it is in a strand");
        shard.tasks -= 1;
        shard.ended += 1;
        let mut left = Left {
            next: None,
            wakers: Vec::new(),
            rest: Rest {
                _task: state.task,
                key: None,
                heads: HashTable::new(),
                me: None,
            },
        };
        let next = (state.next != link).then_some(state.next);
        if let Some(next) = next {
            // In this order: they may be the same.
            state.previous.with(|previous| previous.next = next);
            next.with(|next| next.previous = state.previous);
        }
        if let Some(key) = needed!("turn of who leaves", state.key, not None::<K>) {
            (left.next, left.rest.key) = shard.hand_on(state.hash, link, key, next);
        }
        if shard.tasks == 0 {
            left.rest.me = shard.me.take();
            left.wakers = std::mem::take(&mut shard.waiting_for_none);
            if shard.heads.capacity() > MOST_KEPT {
                left.rest.heads = std::mem::take(&mut shard.heads);
            }
        }
        left
    }

    pub(crate) fn counts(&self) -> Counts {
        let shard = self.0.lock();
        let running = shard.heads.len();
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
        for &head in &shard.heads {
            let mut link = head;
            loop {
                link = link.with(|state| {
                    tasks.push(state.task.clone());
                    state.next
                });
                if link == head {
                    break;
                }
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
        head: Link<K>,
        key: K,
        next: Option<Link<K>>,
    ) -> (Option<Runnable>, Option<K>) {
        let Ok(mut entry) = self.heads.find_entry(hash, |other| *other == head) else {
            unreachable!("who has the turn is the head of a strand");
        };
        let Some(next) = next else {
            entry.remove();
            return (None, Some(key));
        };
        *entry.get_mut() = next;
        let woken = next.with(|state| {
            state.key = Some(key);
            needed!("hand-over of a turn", state.task.claim(), not None::<Runnable>)
        });
        (woken, None)
    }
}
