//! A batch: sixty-two addresses in one block of memory, the unit in which free
//! cells move between threads (a *magazine*: Bonwick and Adams, "Magazines and
//! vmem", USENIX 2001) and in which a worker's overflow is queued.
//!
//! An array, and not a chain through the cells themselves: who takes a batch
//! reads eight lines in a row, where a chain is sixty-two reads that wait for
//! each other, of memory that is cold by then. It is also what makes the depot
//! safe: its nodes are batches, which are reused only when an epoch has passed,
//! so cells need neither tags nor generations.

use std::marker::PhantomData;
use std::ptr::{self, NonNull};

#[cfg(not(virid_loom))]
use super::class::Class;
use crate::primitives::{AtomicPtr, Ordering, UnsafeCell, needed};

/// Addresses in a batch: what makes it half a kibibyte with its two words.
/// Models have two, to reach every edge in a few steps.
pub(crate) const BATCH: usize = if cfg!(virid_loom) { 2 } else { 62 };

/// Field invariant of `content`: it is its holder's alone. A batch is held by
/// whoever made it until it is put into a shared list, and then by whoever takes
/// it out; lists hand it over with Release and Acquire. `next` is the list's.
#[repr(C, align(64))]
pub(crate) struct Batch {
    pub(crate) next: AtomicPtr<Batch>,
    content: UnsafeCell<Content>,
}

#[repr(C)]
struct Content {
    len: usize,
    items: [*mut u8; BATCH],
}

const _: () = assert!(
    cfg!(virid_loom) || !cfg!(target_pointer_width = "64") || size_of::<Batch>() == 512,
    "a batch has an unused word"
);

impl Batch {
    #[cfg(not(virid_loom))]
    pub(crate) const CLASS: Class = Class::of(size_of::<Self>());

    /// How many addresses it holds. For its holder.
    pub(crate) fn len(&self) -> usize {
        self.content.with(|content| {
            // SAFETY: the field invariant of `content`.
            unsafe { (*content).len }
        })
    }

    /// Replaces what it holds. For its holder.
    pub(crate) fn fill(&self, items: impl ExactSizeIterator<Item = NonNull<u8>>) {
        assert!(items.len() <= BATCH, "a batch holds no more");
        self.content.with_mut(|content| {
            // SAFETY: the field invariant of `content`.
            let content = unsafe { &mut *content };
            content.len = items.len();
            for (slot, item) in content.items.iter_mut().zip(items) {
                *slot = item.as_ptr();
            }
        });
    }

    /// Hands what it holds to `take`, in the order in which it was filled. For
    /// its holder, who takes the addresses with this.
    pub(crate) fn drain(&self, mut take: impl FnMut(NonNull<u8>)) {
        self.content.with(|content| {
            // SAFETY: the field invariant of `content`.
            let content = unsafe { &*content };
            for &item in &content.items[..content.len] {
                take(NonNull::new(item).expect("a batch holds addresses"));
            }
        });
    }
}

/// No shared list has held the batch since the last grace period: it may be put
/// into one.
#[derive(Debug)]
pub(crate) enum Clean {}

/// The batch was taken out of a shared list: others may still read its `next`,
/// and take it for the head they know (ABA) were it put back. Only a grace
/// period makes it clean again.
#[derive(Debug)]
pub(crate) enum Used {}

/// A batch that this value's owner holds. Dropping it leaks the batch.
#[derive(Debug)]
#[must_use = "a batch that nobody holds is lost"]
pub(crate) struct Held<K> {
    batch: NonNull<Batch>,
    kind: PhantomData<K>,
}

// SAFETY: who holds a batch is the only one to touch its content.
unsafe impl<K> Send for Held<K> {}

impl<K> Held<K> {
    /// # Safety
    ///
    /// Nobody else holds the batch, and the kind is right.
    pub(crate) unsafe fn of(batch: NonNull<Batch>) -> Self {
        Self {
            batch,
            kind: PhantomData,
        }
    }

    pub(crate) fn into_batch(self) -> NonNull<Batch> {
        self.batch
    }
}

impl Held<Clean> {
    /// An empty batch, made in memory of its class.
    ///
    /// # Safety
    ///
    /// `memory` has the size of the class, nobody else uses it, and it stays
    /// until the batch has been retired.
    pub(crate) unsafe fn make(memory: NonNull<u8>) -> Self {
        let batch = memory.cast::<Batch>();
        let fresh = Batch {
            next: AtomicPtr::new(ptr::null_mut()),
            content: UnsafeCell::new(Content {
                len: 0,
                items: [ptr::null_mut(); BATCH],
            }),
        };
        // SAFETY: as this function's contract says.
        unsafe { batch.write(fresh) };
        // SAFETY: it was made just now.
        unsafe { Self::of(batch) }
    }
}

impl<K> std::ops::Deref for Held<K> {
    type Target = Batch;

    #[inline]
    fn deref(&self) -> &Batch {
        // SAFETY: a batch that is held is not freed.
        unsafe { self.batch.as_ref() }
    }
}

/// Batches that one thread holds, linked by their `next`. Last in, first out.
#[derive(Debug)]
pub(crate) struct Chain<K> {
    first: *mut Batch,
    last: *mut Batch,
    len: usize,
    kind: PhantomData<K>,
}

impl<K> Default for Chain<K> {
    fn default() -> Self {
        Self {
            first: ptr::null_mut(),
            last: ptr::null_mut(),
            len: 0,
            kind: PhantomData,
        }
    }
}

impl<K> Chain<K> {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn push(&mut self, batch: Held<K>) {
        let batch = batch.into_batch().as_ptr();
        if self.first.is_null() {
            self.last = batch;
        }
        // SAFETY: the batch was held, and is the chain's now.
        let next = &unsafe { &*batch }.next;
        // A reader of a shared list may still look at `next`. One of a stack will
        // fail to exchange the head.
        // Ordering: Release pairs with the Acquire in `Overflow::advance`, where a
        // null says that there is nothing: the reader sees that the head moved.
        let release =
            needed!("release of a retired batch", Ordering::Release, not Ordering::Relaxed);
        next.store(self.first, release);
        self.first = batch;
        self.len += 1;
    }

    pub(crate) fn pop(&mut self) -> Option<Held<K>> {
        let batch = NonNull::new(self.first)?;
        self.len -= 1;
        // The chain's end is known by its count: the last one's `next` is
        // whatever a shared list left there.
        self.first = if self.len == 0 {
            ptr::null_mut()
        } else {
            // SAFETY: the chain holds it.
            unsafe { batch.as_ref() }.next.load(Ordering::Relaxed)
        };
        // SAFETY: the chain held it, and of this kind.
        Some(unsafe { Held::of(batch) })
    }

    /// The ends, where it is not empty; the caller holds the batches now.
    pub(crate) fn into_ends(self) -> Option<(NonNull<Batch>, NonNull<Batch>)> {
        NonNull::new(self.first).zip(NonNull::new(self.last))
    }

    #[cfg(not(virid_loom))]
    /// What [`into_ends`](Self::into_ends) took apart.
    ///
    /// # Safety
    ///
    /// The two came from there, nobody else holds the batches, and the kind is
    /// right. The chain is for putting into a list: its length is not known.
    pub(crate) unsafe fn of_ends(first: NonNull<Batch>, last: NonNull<Batch>) -> Self {
        Self {
            first: first.as_ptr(),
            last: last.as_ptr(),
            ..Self::default()
        }
    }

    /// The batches from `first` on, linked up to one whose `next` is null.
    ///
    /// # Safety
    ///
    /// Nobody else holds them, and the kind is right.
    pub(crate) unsafe fn of_linked(first: *mut Batch) -> Self {
        let mut chain = Self {
            first,
            ..Self::default()
        };
        let mut at = first;
        while let Some(batch) = NonNull::new(at) {
            chain.last = at;
            chain.len += 1;
            // SAFETY: as this function's contract says.
            at = unsafe { batch.as_ref() }.next.load(Ordering::Relaxed);
        }
        chain
    }
}

// SAFETY: as of `Held`.
unsafe impl<K> Send for Chain<K> {}
