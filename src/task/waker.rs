//! The wakers of tasks: counted references that can wake.

use std::mem::ManuallyDrop;
use std::ptr::NonNull;
use std::task::{RawWaker, RawWakerVTable, Waker};

use super::header::{Header, TaskRef};

/// The waker that a poll sees. It costs nothing to make: it borrows the life
/// of the running task, and only its clones are counted.
///
/// # Safety
///
/// `task` outlives the waker, which is never dropped.
pub(super) unsafe fn borrowed_waker(task: NonNull<Header>) -> ManuallyDrop<Waker> {
    let raw = RawWaker::new(task.as_ptr().cast(), &WAKER);
    // SAFETY: `WAKER` keeps the contract of `RawWaker`, for as long as the
    // caller keeps this function's.
    ManuallyDrop::new(unsafe { Waker::from_raw(raw) })
}

/// One table for all tasks, so that two wakers of a task always compare equal.
static WAKER: RawWakerVTable = RawWakerVTable::new(clone_waker, wake, wake_by_ref, drop_waker);

/// The task behind a waker.
///
/// # Safety
///
/// `data` comes from [`borrowed_waker`] or [`clone_waker`].
pub(super) unsafe fn task_of(data: *const ()) -> NonNull<Header> {
    // SAFETY: both make wakers from a `NonNull`.
    unsafe { NonNull::new_unchecked(data.cast_mut().cast()) }
}

unsafe fn clone_waker(data: *const ()) -> RawWaker {
    // SAFETY: called through `WAKER` only.
    let task = unsafe { task_of(data) };
    // SAFETY: the waker that is being cloned keeps the task alive.
    unsafe { task.as_ref() }.state.add_reference();
    RawWaker::new(data, &WAKER)
}

unsafe fn wake(data: *const ()) {
    // SAFETY: called through `WAKER` only.
    unsafe { wake_by_ref(data) };
    // SAFETY: the waker is given up here, after `wake_by_ref` has left the
    // scheduler: the reference kept the cell and so the scheduler alive.
    unsafe { drop_waker(data) };
}

unsafe fn wake_by_ref(data: *const ()) {
    // SAFETY: called through `WAKER` only.
    let task = unsafe { task_of(data) };
    // SAFETY: the waker keeps the task alive for the call.
    unsafe { Header::wake(task) };
}

unsafe fn drop_waker(data: *const ()) {
    // SAFETY: called through `WAKER` only.
    let task = unsafe { task_of(data) };
    // SAFETY: a waker that is dropped was cloned, so it is a counted reference.
    drop(unsafe { TaskRef::adopt(task) });
}
