//! The typed cell: header, then the future, later its result in the same place.
//!
//! Called by the holder of the `Runnable` (run, cancel, and both ways to end)
//! and by the handle (take or drop the result), through the table in the
//! header. All code of the user's future runs here, inside [`unwind::catch`].

use std::alloc::Layout;
use std::future::Future;
use std::mem::ManuallyDrop;
use std::pin::Pin;
use std::ptr::NonNull;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use super::error::JoinError;
use super::header::{Header, Runnable, Schedule, TaskRef, VTable, borrowed_waker};
use super::join::JoinHandle;
use super::state::{Complete, Start, Suspend};
use crate::memory;
use crate::primitives::{UnsafeCell, needed};
use crate::unwind;

/// What a task leaves to its handle.
type Outcome<F> = Result<<F as Future>::Output, JoinError>;

/// A task of the future `F`.
///
/// Field invariant of `payload`: it holds `future` until the task ends (by
/// result, panic or cancelling), then `outcome` if a handle is there to own it,
/// then nothing. The header's rules 1 and 2 say who may touch it.
#[repr(C)]
pub(crate) struct TaskCell<F: Future> {
    header: Header,
    payload: UnsafeCell<Payload<F>>,
}

#[repr(C)]
union Payload<F: Future> {
    future: ManuallyDrop<F>,
    /// Read and written through the union's address, where every field of a
    /// `repr(C)` union begins.
    _outcome: ManuallyDrop<Outcome<F>>,
}

impl<F> TaskCell<F>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    const VTABLE: VTable = VTable {
        run: Self::run,
        cancel: Self::cancel,
        take_result: Self::take_result,
        drop_result: Self::drop_result,
        free: Self::free,
    };

    /// Makes a task. The caller queues the `Runnable`.
    #[inline]
    #[track_caller]
    pub(crate) fn spawn(future: F) -> (Runnable, JoinHandle<F::Output>) {
        let cell = memory::allocate(Layout::new::<Self>()).cast::<Self>();
        let fresh = Self {
            header: Header::new(&Self::VTABLE),
            payload: UnsafeCell::new(Payload {
                future: ManuallyDrop::new(future),
            }),
        };
        let id = fresh.header.id;
        // SAFETY: the memory is new and has this type's layout.
        unsafe { cell.write(fresh) };
        let task = cell.cast::<Header>();
        // SAFETY: a new state word says `SCHEDULED`, and this is the first and
        // only use of that; the bounds say `Send`.
        let runnable = unsafe { Runnable::new(task) };
        // SAFETY: a new state word says `HANDLE`, and the output's type fits.
        let handle = unsafe { JoinHandle::new(task, id) };
        (runnable, handle)
    }

    /// # Safety
    ///
    /// `task` is the header of a live `TaskCell<F>`.
    unsafe fn of<'a>(task: NonNull<Header>) -> &'a Self {
        // SAFETY: the cell is `repr(C)` and begins with its header.
        unsafe { task.cast::<Self>().as_ref() }
    }

    unsafe fn run(task: NonNull<Header>, scheduler: &Arc<dyn Schedule>) -> bool {
        // SAFETY: called through the table, by the holder of the `Runnable`.
        let cell = unsafe { Self::of(task) };
        if cell.header.state.start() == Start::Cancel {
            // SAFETY: the `Runnable` goes from our caller to the call.
            unsafe { Self::cancel(task) };
            return false;
        }
        // SAFETY: the task is alive while it runs, and the waker is not
        // dropped.
        let waker = unsafe { borrowed_waker(task) };
        let polled = unwind::catch(|| {
            cell.payload.with_mut(|payload| {
                // SAFETY: rule 1: the payload is ours, and holds the future.
                let future = unsafe { &mut *payload.cast::<F>() };
                // SAFETY: the future stays in the cell until it is dropped.
                let future = unsafe { Pin::new_unchecked(future) };
                future.poll(&mut Context::from_waker(&waker))
            })
        });
        let outcome = match polled {
            // SAFETY: the `Runnable` goes from our caller to the call.
            Ok(Poll::Pending) => return unsafe { Self::suspend(task, scheduler) },
            Ok(Poll::Ready(output)) => Ok(output),
            Err(payload) => Err(JoinError::panicked(cell.header.id, payload)),
        };
        // SAFETY: the same; the future has ended and was not dropped.
        unsafe { Self::end(task, outcome) };
        false
    }

    /// After a poll that was `Pending`; answers as `run`.
    ///
    /// # Safety
    ///
    /// The caller holds the `Runnable`, and gives it up unless the answer is
    /// `true`.
    unsafe fn suspend(task: NonNull<Header>, scheduler: &Arc<dyn Schedule>) -> bool {
        // SAFETY: the `Runnable` keeps the task alive.
        let cell = unsafe { Self::of(task) };
        if !cell.header.state.will_stay_scheduled() {
            // SAFETY: we hold the `Runnable`.
            unsafe { Header::settle(task, scheduler) };
        }
        match cell.header.state.suspend() {
            Suspend::Suspended => false,
            Suspend::Woken => true,
            Suspend::Cancelled => {
                // SAFETY: we still hold the `Runnable`.
                unsafe { Self::cancel(task) };
                false
            }
        }
    }

    unsafe fn cancel(task: NonNull<Header>) {
        // SAFETY: called by the holder of the `Runnable`.
        let id = unsafe { Self::of(task) }.header.id;
        // SAFETY: the same; the future has not ended, so it is still there.
        unsafe { Self::end(task, Err(JoinError::cancelled(id))) };
    }

    /// Drops the future and hands the outcome to whoever wants it: the one way
    /// in which a task ends.
    ///
    /// # Safety
    ///
    /// The caller holds the `Runnable` and gives it up; the payload holds the
    /// future.
    unsafe fn end(task: NonNull<Header>, mut outcome: Outcome<F>) {
        // SAFETY: the `Runnable` keeps the task alive.
        let cell = unsafe { Self::of(task) };
        let dropped = unwind::catch(|| {
            cell.payload.with_mut(|payload| {
                // SAFETY: rule 1: the payload is ours, and holds the future,
                // which nobody touches again.
                unsafe { payload.cast::<F>().drop_in_place() };
            });
        });
        if let Err(payload) = dropped {
            let panicked = Err(JoinError::panicked(cell.header.id, payload));
            let before = std::mem::replace(&mut outcome, panicked);
            unwind::contain(|| drop(before));
        }
        needed!("strike out before the end", {
            // SAFETY: we hold the `Runnable`.
            unsafe { Header::unsettle(task) };
        });
        if cell.header.state.is_sole() {
            unwind::contain(|| drop(outcome));
            // SAFETY: nobody else can reach the cell, and the payload is gone.
            unsafe { Self::free(task) };
            return;
        }
        cell.payload.with_mut(|payload| {
            // SAFETY: rule 1: the payload is ours, and empty.
            unsafe { payload.cast::<Outcome<F>>().write(outcome) };
        });
        // SAFETY: we hold the `Runnable`, and the outcome is in place.
        unsafe { Self::complete(task) };
    }

    /// Publishes the outcome.
    ///
    /// # Safety
    ///
    /// As `end`, with the outcome in the payload.
    unsafe fn complete(task: NonNull<Header>) {
        // SAFETY: the `Runnable` keeps the task alive until the transition.
        let cell = unsafe { Self::of(task) };
        match cell.header.state.complete() {
            Complete::HandedOver => {}
            Complete::WakeJoiner => {
                // SAFETY: the transition made this reference for us, and it
                // keeps the cell for the lines below.
                let _reference = unsafe { TaskRef::adopt(task) };
                let waker = cell.header.join_waker.with(|slot| {
                    // SAFETY: rule 3: `JOIN_WAITER` says that the waker is
                    // there; it is moved out here, and nobody else will.
                    unsafe { slot.cast::<Waker>().read() }
                });
                unwind::contain(|| waker.wake());
            }
            Complete::Detached => {
                // SAFETY: there is no handle, so the outcome is still ours.
                unsafe { Self::drop_result(task) };
                let last = cell.header.state.complete_detached();
                // SAFETY: `last` comes from this task.
                unsafe { Header::free_if(task, last) };
            }
        }
    }

    unsafe fn take_result(task: NonNull<Header>, to: *mut ()) {
        // SAFETY: the handle keeps the task alive.
        let cell = unsafe { Self::of(task) };
        cell.payload.with(|payload| {
            // SAFETY: rule 2: the payload is the handle's, and holds the
            // outcome, which is moved out here.
            let outcome = unsafe { payload.cast::<Outcome<F>>().read() };
            // SAFETY: `to` fits the result, as the table's contract says.
            unsafe { to.cast::<Outcome<F>>().write(outcome) };
        });
    }

    unsafe fn drop_result(task: NonNull<Header>) {
        // SAFETY: the caller keeps the task alive.
        let cell = unsafe { Self::of(task) };
        unwind::contain(|| {
            cell.payload.with_mut(|payload| {
                // SAFETY: the payload is the caller's, and holds the outcome,
                // which nobody touches again.
                unsafe { payload.cast::<Outcome<F>>().drop_in_place() };
            });
        });
    }

    unsafe fn free(task: NonNull<Header>) {
        let cell = task.cast::<Self>();
        // SAFETY: nobody else can reach the cell, which models check here.
        unsafe { Self::of(task) }.header.join_waker.with_mut(|_| ());
        // SAFETY: as above. The header is dropped with
        // it; the payload, a union, drops nothing by itself.
        unsafe { cell.drop_in_place() };
        // SAFETY: the cell came from `allocate` with this layout.
        unsafe { memory::free(cell.cast(), Layout::new::<Self>()) };
    }
}
