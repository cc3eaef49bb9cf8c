//! The memory of one runtime, from the making of the runtime to the freeing of
//! the last cell: who allocates and who frees where, and how it all ends.
//!
//! **The end.** Cells may outlive the runtime: a handle, a waker or an abort
//! handle keeps one. When the runtime is gone the lanes are closed, all free
//! cells are in the depot, and what was carved and is not there is in use. That
//! number becomes the count of owners, and from then on whoever frees a cell
//! takes one off, and the last gives all memory back. Before that the count is
//! [`OPEN`], far from zero, so that who frees early and who counts late may
//! come in any order.

use std::cell::Cell;
use std::fmt;
use std::ptr::{self, NonNull};
use std::sync::Arc;

use super::class::Class;
use super::depot::Depot;
use super::epoch;
use super::lanes::Lanes;
use super::lists::{Lists, Traffic};
use super::slab::Slab;
use super::spares;
use crate::forked;
use crate::primitives::{AtomicPtr, AtomicUsize, Mutex, Ordering, thread_local_const};

/// The count of owners while the runtime exists. More cells than this, or less
/// than zero of them, would not fit into memory.
const OPEN: usize = 1 << (usize::BITS - 2);

/// How often a trim goes over what is left: what one pass lists anew in fewer
/// batches, the next finds in fewer pages.
const MOST_PASSES: usize = if cfg!(virid_loom) { 1 } else { 4 };

/// `repr(C)`: slabs know the depot's address, and through it the store.
#[repr(C)]
struct Store {
    depot: Depot,
    lanes: Lanes,
    owners: AtomicUsize,
    /// See [`Cells::set_home`].
    home: AtomicPtr<()>,
    /// Trims, and whoever else looks at all slabs, one at a time.
    trimming: Mutex<()>,
}

/// The memory of one runtime. Dropped with the runtime: what is in use then
/// stays until it is freed.
pub(crate) struct Cells(NonNull<Store>);

// SAFETY: a store may be used by any thread.
unsafe impl Send for Cells {}
// SAFETY: the same.
unsafe impl Sync for Cells {}

thread_local_const! {
    /// The lists of the worker that this thread is, or null.
    static LISTS: Cell<*const Lists> = Cell::new(ptr::null());
}

/// While it lives, cells that this thread frees go to one worker's lists.
#[derive(Debug)]
pub(crate) struct Installed(());

/// Makes `lists` this thread's.
///
/// # Safety
///
/// They stay where they are until the answer is dropped.
pub(crate) unsafe fn install(lists: &Lists) -> Installed {
    LISTS.with(|installed| installed.set(lists));
    Installed(())
}

impl Drop for Installed {
    fn drop(&mut self) {
        LISTS.with(|installed| installed.set(ptr::null()));
    }
}

/// Takes back a cell, on any thread.
///
/// # Safety
///
/// The cell came from `allocate` of a runtime's [`Cells`] or of [`Lists`] of it,
/// with this class, and nobody can reach it any more, but for [`Cells::visit`].
#[inline]
pub(crate) unsafe fn free(class: Class, cell: NonNull<u8>) {
    // SAFETY: a cell that is in use keeps its slab.
    let slab = unsafe { Slab::of(cell) };
    debug_assert_eq!(slab.class(), class);
    let installed = LISTS.with(Cell::get);
    // SAFETY: installed lists are there, as `install` asks.
    match unsafe { installed.as_ref() } {
        // SAFETY: as this function's contract says.
        Some(lists) if lists.owns(slab) => unsafe { lists.free(class, cell) },
        // SAFETY: the same.
        _ => unsafe { free_cold(class, cell, slab) },
    }
}

/// # Safety
///
/// As of [`free`]; the slab is the cell's.
#[cold]
unsafe fn free_cold(class: Class, cell: NonNull<u8>, slab: &Slab) {
    let store = Store::of(slab);
    // SAFETY: a cell that is in use keeps its store. The lanes are done with it
    // before their closing returns, and so before the cell is counted as free.
    let lanes = &unsafe { store.as_ref() }.lanes;
    // SAFETY: as this function's contract says.
    let freed = lanes.with(|lists| unsafe { lists.free(class, cell) });
    if freed.is_err() {
        // SAFETY: the cell was counted as in use, and was not freed.
        unsafe { Store::leave(store, 1) };
    }
}

/// What [`Cells::set_home`] said about the runtime of a cell.
///
/// # Safety
///
/// The cell is in use.
pub(crate) unsafe fn home_of(cell: NonNull<u8>) -> *const () {
    // SAFETY: a cell that is in use keeps its slab.
    let slab = unsafe { Slab::of(cell) };
    // SAFETY: and its store.
    let home = unsafe { &(*Store::of(slab).as_ptr()).home };
    // Ordering: Acquire pairs with the Release in `set_home`.
    home.load(Ordering::Acquire)
}

impl Store {
    fn of(slab: &Slab) -> NonNull<Self> {
        let depot = slab.owner().cast_mut().cast();
        NonNull::new(depot).expect("a slab of cells has an owner")
    }

    /// Takes `count` off the owners; the last one gives all memory back.
    ///
    /// # Safety
    ///
    /// They were owners, and use nothing of the store any more.
    unsafe fn leave(store: NonNull<Self>, count: usize) {
        // SAFETY: the count is above zero.
        let owners = unsafe { &(*store.as_ptr()).owners };
        // Ordering: AcqRel. Release for what this owner did with its cell,
        // Acquire for what the others did, should this be the last.
        if owners.fetch_sub(count, Ordering::AcqRel) != count {
            return;
        }
        // SAFETY: it was made by `Cells::new`, and nobody uses it any more.
        let store = unsafe { Box::from_raw(store.as_ptr()) };
        let guard = epoch::pin();
        // SAFETY: the same.
        unsafe { store.depot.unmap_all(&guard) };
    }
}

impl Cells {
    pub(crate) fn new(workers: usize) -> Self {
        let mut store = Box::<Store>::new_uninit();
        let depot = store.as_mut_ptr().cast::<Depot>();
        let depot = NonNull::new(depot).expect("a box has an address");
        let store = Box::write(
            store,
            Store {
                depot: Depot::new(),
                // SAFETY: both are fields of the store.
                lanes: unsafe { Lanes::new(depot, workers) },
                owners: AtomicUsize::new(OPEN),
                home: AtomicPtr::new(ptr::null_mut()),
                trimming: Mutex::new(()),
            },
        );
        Self(NonNull::from(Box::leak(store)))
    }

    fn store(&self) -> &Store {
        // SAFETY: `self` is an owner.
        unsafe { self.0.as_ref() }
    }

    /// Notes the address under which the tasks in these cells find their
    /// scheduler. Never looked behind here. Called before the first task.
    pub(crate) fn set_home(&self, home: *const ()) {
        // Ordering: Release pairs with the Acquire in `home_of`.
        self.store().home.store(home.cast_mut(), Ordering::Release);
    }

    /// Lists for a worker.
    ///
    /// # Safety
    ///
    /// They are dropped before `self`, handed in.
    pub(crate) unsafe fn lists(&self, traffic: Arc<Traffic>) -> Lists {
        // SAFETY: as this function's contract says.
        unsafe { Lists::new(self.0.cast(), traffic) }
    }

    /// A free cell, for a thread that has no lists of this runtime.
    #[track_caller]
    pub(crate) fn allocate(&self, class: Class) -> NonNull<u8> {
        // Here, where an outside spawn begins.
        forked::assert_not_forked();
        self.store()
            .lanes
            .with(|lists| {
                lists.traffic().allocated.add(1);
                lists.allocate(class)
            })
            .expect("lanes are open while the runtime exists")
    }

    /// Makes memory for so many tasks of the smallest size, and touches it.
    pub(crate) fn prewarm(&self, tasks: usize) {
        let class = Class::of(1);
        let allocate = |_| {
            let cell = self.store().lanes.with(|lists| lists.allocate(class));
            cell.expect("lanes are open while the runtime exists")
        };
        let cells: Vec<_> = (0..tasks).map(allocate).collect();
        for cell in cells {
            // SAFETY: a cell is larger than a word.
            let touched = unsafe { cell.add(size_of::<u64>()) };
            // SAFETY: the cell is free and ours, and behind its first word
            // nobody looks.
            unsafe { touched.write_volatile(0) };
            // SAFETY: the same.
            unsafe { free(class, cell) };
        }
    }

    /// What threads that have no lists have moved.
    pub(crate) fn outside_traffic(&self) -> impl Iterator<Item = &Traffic> {
        self.store().lanes.traffic()
    }

    /// Bytes that were carved and not given back.
    pub(crate) fn resident(&self) -> usize {
        self.store().depot.resident()
    }

    /// Visits the first word of every cell that may be in use: not of those that
    /// are free and in nobody's hands, if they fill slabs. The visitor cannot
    /// know whether the cell *is* in use but by that word, which it may read and
    /// change at any time.
    pub(crate) fn visit(&self, visit: impl FnMut(NonNull<u8>)) {
        let store = self.store();
        let _alone = store.trimming.lock();
        store.depot.trim(false);
        store.depot.visit_carved(visit);
    }

    /// Gives back what nobody uses, of what workers have handed in. The bytes.
    pub(crate) fn trim(&self) -> usize {
        let store = self.store();
        let _alone = store.trimming.lock();
        store.lanes.hand_in();
        let mut total = 0;
        for _ in 0..MOST_PASSES {
            // Batches that were taken out, and slabs of an earlier trim.
            epoch::settle();
            let before = spares::resident();
            let (bytes, _) = store.depot.trim(true);
            epoch::settle();
            spares::trim();
            // Less what this pass itself has touched.
            let given_back = bytes + before.saturating_sub(spares::resident());
            total += given_back;
            if given_back == 0 {
                break;
            }
        }
        epoch::settle();
        total
    }
}

impl Drop for Cells {
    fn drop(&mut self) {
        let store = self.store();
        store.lanes.close();
        let (_, in_use) = store.depot.trim(false);
        // SAFETY: while it is open the count holds `OPEN` for us, less what was
        // freed since the lanes were closed; the cells in use stay owners.
        unsafe { Store::leave(self.0, OPEN - in_use) };
        // Now, because this thread may not come by again.
        epoch::settle();
    }
}

impl fmt::Debug for Cells {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cells({:?})", self.store().depot)
    }
}
