//! The list of a set's members that have ended: pushed by whoever completes them, on
//! any thread, taken by the one owner of the set, all at once.
//!
//! A list without a lock and without memory of its own: its links are in the cells of
//! the tasks. Nothing is taken out but the whole list, so an address that comes back
//! does no harm.
//!
//! **Waiting.** The word at the head is a task, or says that the list is empty, that
//! it is empty and the owner waits, or that it is closed. So one compare-and-swap both
//! pushes a task and learns that the owner waits, and no push can come between the
//! owner's look and its wait. Who pushes then wakes the owner with the waker in the
//! slot, which stays there: a set is mostly waited for by one task, again and again.
//!
//! **How long it lives.** A member that has been completed and not yet pushed needs the
//! list, and so does who has pushed one and is about to wake the owner. Neither is
//! counted on the way in: members are known to the owner, who waits for nobody and
//! leaves behind the number of those that are still to come; who wakes counts itself
//! before its push, when its own member keeps the list. The last of all frees it.

use std::ptr::{self, NonNull};
use std::task::Waker;

use super::member::Member;
use crate::primitives::{AtomicPtr, AtomicUsize, Ordering, UnsafeCell, needed};
use crate::thread::current::Current;
use crate::unwind;

/// The list is empty and the owner waits: the slot's waker is for who pushes next.
const WAITING: *mut () = ptr::without_provenance_mut(1);
/// The owner has left.
const CLOSED: *mut () = ptr::without_provenance_mut(2);

/// The owner's part of the count, larger than any number of visitors.
const OWNER: usize = 1 << (usize::BITS - 2);

/// The list.
pub(crate) struct Finished {
    /// The last task that was pushed, null, or one of the above.
    head: AtomicPtr<()>,
    /// [`OWNER`], and one for each who may still touch the list after the owner has
    /// left; see the head of this file.
    users: AtomicUsize,
    /// Written by the owner, while `head` does not say `WAITING` and no user is there
    /// who may read it.
    waker: UnsafeCell<Option<Waker>>,
}

/// What the owner finds when it wants to wait.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Wait {
    /// Its waker will be woken.
    Waits,
    /// Somebody has pushed.
    Look,
}

impl Finished {
    /// A new list, for its owner, who ends it with [`close`](Self::close).
    pub(crate) fn new() -> NonNull<Self> {
        let list = Box::new(Self {
            head: AtomicPtr::new(ptr::null_mut()),
            users: AtomicUsize::new(OWNER),
            waker: UnsafeCell::new(None),
        });
        NonNull::from(Box::leak(list))
    }

    /// Hands a member over that has just been completed, and wakes the owner where it
    /// waits. Where the owner has left, the member is dropped here.
    ///
    /// # Safety
    ///
    /// The member is one of this list, the caller has completed it, and gives it up.
    pub(super) unsafe fn push(this: NonNull<Self>, member: Member) {
        // SAFETY: a member that was not pushed keeps its list.
        let list = unsafe { this.as_ref() };
        let mut is_counted = false;
        // Ordering: Relaxed, as where the exchange fails: what is behind the address is
        // not looked at here.
        let mut head = list.head.load(Ordering::Relaxed);
        loop {
            if head == CLOSED {
                // SAFETY: the caller's; nobody else will look at it.
                unsafe { member.drop_complete() };
                let parts = 1 + usize::from(is_counted);
                // SAFETY: the owner has counted the member, which is gone.
                return unsafe { Self::leave(this, parts) };
            }
            if head == WAITING && !is_counted {
                is_counted = true;
                // Ordering: Relaxed. Whoever sees the push sees this too, and until
                // then our member keeps the list.
                let one = needed!("count of who wakes a set", 1, not 0);
                list.users.fetch_add(one, Ordering::Relaxed);
            }
            let next = if head == WAITING {
                ptr::null_mut()
            } else {
                head
            };
            member.set_next(next);
            // Ordering: Release gives the result and the link to the owner (`take_all`);
            // Acquire where the owner waits takes its waker (`wait`).
            match list.head.compare_exchange_weak(
                head,
                member.address(),
                Ordering::AcqRel,
                Ordering::Relaxed,
            ) {
                Ok(_) => break,
                Err(actual) => head = actual,
            }
        }
        if needed!("wake of who waits for members", head == WAITING, not false) {
            list.waker.with(|waker| {
                // SAFETY: the owner writes it only where it sees that nobody is counted
                // who has pushed.
                let waker = unsafe { &*waker };
                // The task that has ended is not to blame for what this does.
                unwind::contain(|| waker.iter().for_each(Waker::wake_by_ref));
            });
        }
        if is_counted {
            // SAFETY: counted above.
            unsafe { Self::leave(this, 1) };
        }
    }

    /// Takes all members, in the order in which they were pushed, by the owner. They
    /// are linked, the first one's is the answer.
    pub(crate) fn take_all(&self) -> Option<Member> {
        // Ordering: Relaxed; the swap orders. A look first, because it writes.
        let head = self.head.load(Ordering::Relaxed);
        if head.is_null() || head == WAITING {
            return None;
        }
        // Ordering: Acquire pairs with the Release in `push`, of all that are in the
        // list: each of their exchanges continues the sequence of the one before.
        let last = self.head.swap(ptr::null_mut(), Ordering::Acquire);
        // SAFETY: the owner has not left, so it is the address of a member.
        unsafe { Member::from_address(last) }.map(reverse)
    }

    /// Says that the owner waits, and leaves its waker, by the owner; for an empty list.
    ///
    /// Where somebody is still about to use the waker before, the new one is woken at
    /// once instead, and the owner comes again.
    pub(crate) fn wait(&self, waker: &Waker) -> Wait {
        // Ordering: Acquire pairs with `push`: who sees that `WAITING` was taken sees
        // that its taker is counted.
        let head = self.head.load(Ordering::Acquire);
        if !head.is_null() && head != WAITING {
            return Wait::Look;
        }
        let is_same = self.waker.with(|slot| {
            // SAFETY: only the owner writes.
            let before = unsafe { &*slot };
            before
                .as_ref()
                .is_some_and(|before| before.will_wake(waker))
        });
        if is_same && head == WAITING {
            return Wait::Waits;
        }
        if !is_same {
            if head == WAITING && !self.exchange(WAITING, ptr::null_mut()) {
                return Wait::Look;
            }
            // Ordering: Acquire pairs with the Release in `leave`: their look at the
            // waker comes before ours.
            let users = self.users.load(Ordering::Acquire);
            if needed!("look at who wakes a set", users != OWNER, not false) {
                waker.wake_by_ref();
                return Wait::Waits;
            }
            let waker = waker.clone();
            let before = self.waker.with_mut(|slot| {
                // SAFETY: nobody can take `WAITING`, and nobody is left who has.
                unsafe { &mut *slot }.replace(waker)
            });
            // As in the drop of a result.
            let _shield = Current::get().map(Current::shield);
            unwind::contain(|| drop(before));
        }
        if self.exchange(ptr::null_mut(), WAITING) {
            Wait::Waits
        } else {
            Wait::Look
        }
    }

    /// Changes what an empty list says, by the owner.
    fn exchange(&self, before: *mut (), after: *mut ()) -> bool {
        // Ordering: Release gives the waker to who takes `WAITING`; Acquire, also where
        // it fails, pairs with `push` as the load in `wait`.
        self.head
            .compare_exchange(before, after, Ordering::AcqRel, Ordering::Acquire)
            .is_ok()
    }

    /// The owner leaves, `missing` members of whom were completed, and neither taken
    /// nor dropped. It does not look at the list again.
    ///
    /// # Safety
    ///
    /// The caller is the owner, the number is right, and all other members have left.
    pub(crate) unsafe fn close(this: NonNull<Self>, missing: usize) {
        // SAFETY: the owner keeps the list.
        let list = unsafe { this.as_ref() };
        // Ordering: Relaxed. Who sees the list closed sees this, by the swap.
        let more = needed!("count of members to come", missing, not 0);
        list.users.fetch_add(more, Ordering::Relaxed);
        // Ordering: Acquire as in `take_all`; Release for the count.
        let mut next = list.head.swap(CLOSED, Ordering::AcqRel);
        if next == WAITING {
            next = ptr::null_mut();
        }
        let mut parts = OWNER;
        // SAFETY: what the owner finds in the list are members.
        while let Some(member) = unsafe { Member::from_address(next) } {
            next = member.next();
            parts += 1;
            // SAFETY: it is complete, and was pushed.
            unsafe { member.drop_complete() };
        }
        // SAFETY: the owner's part, and of those members that have come.
        unsafe { Self::leave(this, parts) };
    }

    /// Gives parts of the count back, and frees the list with the last.
    ///
    /// # Safety
    ///
    /// They are the caller's, who does not look at the list again.
    unsafe fn leave(this: NonNull<Self>, parts: usize) {
        // SAFETY: the caller's parts keep it.
        let users = unsafe { &this.as_ref().users };
        // Ordering: AcqRel. Release for what this user did with the list, Acquire for
        // what the others did, should this be the last.
        if users.fetch_sub(parts, Ordering::AcqRel) != parts {
            return;
        }
        // SAFETY: it came from `new`, and the last user gives it up.
        let list = unsafe { Box::from_raw(this.as_ptr()) };
        // Nobody looks any more, which models check here.
        list.waker.with_mut(|_| ());
        let _shield = Current::get().map(Current::shield);
        unwind::contain(|| drop(list));
    }
}

/// Turns the links of a list around that the caller has taken: its new first.
fn reverse(last: Member) -> Member {
    let mut first = last;
    let mut next = first.next();
    first.set_next(ptr::null_mut());
    // SAFETY: what is linked are members, all of them the caller's.
    while let Some(member) = unsafe { Member::from_address(next) } {
        next = member.next();
        member.set_next(first.address());
        first = member;
    }
    first
}
