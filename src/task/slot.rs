//! Where a cell keeps the future, and later what it left: behind the header, or
//! in a box where it is too large for any cell.

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::marker::PhantomData;
use std::ptr::{self, NonNull};

use super::header::Header;
use crate::memory::{CELL_ALIGN, Class, LARGEST};

/// The place for one `T` in a cell. All calls take the header of a cell that is
/// at least of the class that [`END`](Self::END) says.
pub(super) struct Slot<T>(PhantomData<T>);

impl<T> Slot<T> {
    const HEADER: usize = size_of::<Header>();

    /// Whether a cell has room for it.
    const IS_INLINE: bool = align_of::<T>() <= CELL_ALIGN
        && Self::HEADER.next_multiple_of(align_of::<T>()) + size_of::<T>() <= LARGEST;

    /// Where it is, or the address of its box.
    const OFFSET: usize = if Self::IS_INLINE {
        Self::HEADER.next_multiple_of(align_of::<T>())
    } else {
        Self::HEADER.next_multiple_of(align_of::<*mut T>())
    };

    /// How large the cell is at least.
    const END: usize = Self::OFFSET
        + if Self::IS_INLINE {
            size_of::<T>()
        } else {
            size_of::<*mut T>()
        };

    /// The class of cells that hold a `T` and later a `U` in its place.
    pub(super) const fn class_with<U>() -> Class {
        let (first, second) = (Self::END, Slot::<U>::END);
        Class::of(if first > second { first } else { second })
    }

    fn place(task: NonNull<Header>) -> NonNull<u8> {
        // SAFETY: the cell is large enough.
        unsafe { task.cast::<u8>().add(Self::OFFSET) }
    }

    /// Moves a value in: straight to where it stays, so that a large one is
    /// copied once.
    ///
    /// # Safety
    ///
    /// The payload is the caller's, and empty.
    #[inline]
    pub(super) unsafe fn write(task: NonNull<Header>, value: T) {
        let to = if Self::IS_INLINE {
            Self::place(task).cast()
        } else {
            let to = Self::allocate();
            // SAFETY: the payload is the caller's, and the address fits.
            unsafe { Self::place(task).cast().write(to) };
            to
        };
        // SAFETY: it is empty, and fits.
        unsafe { to.write(value) };
    }

    /// Where the value is.
    ///
    /// # Safety
    ///
    /// The payload is the caller's, and holds it.
    #[inline]
    pub(super) unsafe fn get(task: NonNull<Header>) -> NonNull<T> {
        if Self::IS_INLINE {
            Self::place(task).cast()
        } else {
            // SAFETY: `write` left the box's address here.
            unsafe { Self::place(task).cast().read() }
        }
    }

    /// Drops the value, whose place is empty then, also if that panics.
    ///
    /// # Safety
    ///
    /// As of [`get`](Self::get).
    #[inline]
    pub(super) unsafe fn drop_in_place(task: NonNull<Header>) {
        let drop = |value: NonNull<T>| {
            // SAFETY: as this function's contract says.
            unsafe { value.drop_in_place() }
        };
        // SAFETY: the same.
        unsafe { Self::drop_by(task, drop) };
    }

    /// The same, where `drop` is what drops it.
    ///
    /// # Safety
    ///
    /// As of [`get`](Self::get). What `drop` needs is that, and no more.
    #[inline]
    pub(super) unsafe fn drop_by(task: NonNull<Header>, drop: impl FnOnce(NonNull<T>)) {
        // SAFETY: as this function's contract says.
        let value = unsafe { Self::get(task) };
        let _memory = Memory(value);
        drop(value);
    }

    /// Moves the value to `to`; its place is empty then.
    ///
    /// # Safety
    ///
    /// As of [`get`](Self::get), and `to` is empty and fits.
    #[inline]
    pub(super) unsafe fn take(task: NonNull<Header>, to: *mut T) {
        // SAFETY: as this function's contract says.
        let value = unsafe { Self::get(task) };
        let _memory = Memory(value);
        // SAFETY: the same; the two are different memory.
        unsafe { ptr::copy_nonoverlapping(value.as_ptr(), to, 1) };
    }

    fn allocate() -> NonNull<T> {
        let layout = Layout::new::<T>();
        if layout.size() == 0 {
            return NonNull::dangling();
        }
        // SAFETY: the size is not zero.
        let memory = unsafe { alloc(layout) };
        NonNull::new(memory.cast()).unwrap_or_else(|| handle_alloc_error(layout))
    }
}

/// The memory of a value, freed at the end of a scope where it is a box.
struct Memory<T>(NonNull<T>);

impl<T> Drop for Memory<T> {
    #[inline]
    fn drop(&mut self) {
        let layout = Layout::new::<T>();
        if !Slot::<T>::IS_INLINE && layout.size() != 0 {
            // SAFETY: it came from `allocate`, and its value is gone.
            unsafe { dealloc(self.0.as_ptr().cast(), layout) };
        }
    }
}
