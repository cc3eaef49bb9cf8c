//! The typed task: the future in its cell, later its result in the same place.
//!
//! Called by the holder of the `Runnable` (run, cancel, and both ways to end)
//! and by the handle (take or drop the result), through the table in the
//! header. All code of the user's future runs here, inside [`unwind::catch`].

use std::marker::PhantomData;
use std::ptr::NonNull;
use std::task::{Context, Poll, Waker};

use super::answer::{Complete, Start, Suspend};
use super::error::JoinError;
use super::finished::Finished;
use super::header::{Header, Ran, Runnable, TaskRef, VTable};
use super::join::JoinHandle;
use super::member::Member;
use super::sample;
use super::slot::Slot;
use super::stage::Stage;
use super::waker::borrowed_waker;
use super::work::{Owner, Work};
use crate::memory::{self, Class};
use crate::thread::current::Current;
use crate::unwind::{self, Cancelled};

/// What a task leaves to its handle.
type Outcome<F> = Result<<F as Work>::Output, JoinError>;

/// A task of the work `F`, a future or a green thread: the header, and behind it
/// the payload.
///
/// Invariant of the payload: it holds the future (or the thread) until the task
/// ends (by result, panic or cancelling), then the outcome if a handle is there to
/// own it, then nothing. The header's rules 1 and 2 say who may touch it; it does so inside
/// `header.payload`.
pub(crate) struct TaskCell<F: Work>(PhantomData<F>);

impl<F> TaskCell<F>
where
    F: Work + Send + 'static,
    F::Output: Send + 'static,
{
    const VTABLE: VTable = VTable {
        run: Self::run,
        stage: if F::IS_GREEN { Some(Self::stage) } else { None },
        cancel: Self::cancel,
        take_result: Self::take_result,
        drop_result: Self::drop_result,
        free: Self::free,
        is_sample: false,
    };

    const CLASS: Class = Slot::<F>::class_with::<Outcome<F>>();

    /// Makes a task. The caller queues the `Runnable`.
    ///
    /// # Safety
    ///
    /// `allocate` yields a free cell of the class, of a runtime whose scheduler
    /// runs the task.
    #[inline]
    #[track_caller]
    pub(crate) unsafe fn spawn(
        future: F,
        allocate: impl FnOnce(Class) -> NonNull<u8>,
    ) -> (Runnable, JoinHandle<F::Output>) {
        let cell = allocate(Self::CLASS);
        // SAFETY: the cell is free and ours, who spawn onto its runtime.
        let (id, table) = unsafe { sample::begin(cell, &Self::VTABLE) };
        // SAFETY: the same; a sample gives its table up itself.
        let task = unsafe { Header::begin(cell, id, table) };
        // SAFETY: the class has room for it, and nobody knows the cell yet.
        unsafe { Slot::<F>::write(task, future) };
        // SAFETY: a new state word says `SCHEDULED`, and this is the first and
        // only use of that; the bounds say `Send`.
        let runnable = unsafe { Runnable::new(task) };
        // SAFETY: a new state word says `HANDLE`, and the output's type fits.
        let handle = unsafe { JoinHandle::new(task, id) };
        (runnable, handle)
    }

    /// The work of a task that [`spawn`](Self::spawn) has just made.
    ///
    /// # Safety
    ///
    /// The task is one of the work `F`, and has never run.
    pub(crate) unsafe fn work(runnable: &mut Runnable) -> &mut F {
        // SAFETY: rule 1: the payload is the holder's of the `Runnable`, and holds the
        // work, because the task has not run.
        let mut work = unsafe { Slot::<F>::get(runnable.task()) };
        // SAFETY: the same, for as long as the `Runnable` is borrowed.
        unsafe { work.as_mut() }
    }

    unsafe fn run(task: NonNull<Header>) -> Ran {
        // SAFETY: called through the table, by the holder of the `Runnable`.
        let header = unsafe { task.as_ref() };
        if header.state.start() == Start::Cancel {
            // SAFETY: the `Runnable` goes from our caller to the call.
            return Ran::Ended(unsafe { Self::end_cancelled(task) });
        }
        // SAFETY: the task is alive while it runs, and the waker is not
        // dropped.
        let waker = unsafe { borrowed_waker(task) };
        let polled = unwind::catch(|| {
            header.payload.with_mut(|_| {
                // SAFETY: rule 1: the payload is ours, and holds the future.
                let work = unsafe { Slot::<F>::get(task) };
                // SAFETY: the same, and it stays in the cell until it is dropped.
                unsafe { F::poll(work, &mut Context::from_waker(&waker)) }
            })
        });
        let outcome = match polled {
            // SAFETY: the `Runnable` goes from our caller to the call.
            Ok(Poll::Pending) => return unsafe { Self::suspend(task) },
            Ok(Poll::Ready(output)) => Ok(output),
            Err(payload) if payload.is::<Cancelled>() => Err(JoinError::cancelled(header.id())),
            Err(payload) => Err(JoinError::panicked(header.id(), payload)),
        };
        // SAFETY: the same; the future has ended and was not dropped.
        Ran::Ended(unsafe { Self::end(task, outcome) })
    }

    /// After a poll that was `Pending`.
    ///
    /// # Safety
    ///
    /// The caller holds the `Runnable`, and gives it up.
    unsafe fn suspend(task: NonNull<Header>) -> Ran {
        // SAFETY: the `Runnable` keeps the task alive.
        match unsafe { task.as_ref() }.state.suspend() {
            Suspend::Suspended => Ran::Suspended,
            // SAFETY: the word still says `SCHEDULED`, and the `Runnable` was ours.
            Suspend::Woken => Ran::Again(unsafe { Runnable::new(task) }),
            // SAFETY: we still hold the `Runnable`.
            Suspend::Cancelled => Ran::Ended(unsafe { Self::end_cancelled(task) }),
        }
    }

    unsafe fn stage(task: NonNull<Header>) -> Stage {
        // SAFETY: rule 1: the caller holds the `Runnable`, and the task has not ended.
        let work = unsafe { Slot::<F>::get(task) };
        // SAFETY: the same.
        unsafe { work.as_ref() }.stage()
    }

    unsafe fn cancel(task: NonNull<Header>) {
        // SAFETY: called by the holder of the `Runnable`.
        if let Some(next) = unsafe { Self::end_cancelled(task) } {
            next.schedule();
        }
    }

    /// Ends the task without a result.
    ///
    /// # Safety
    ///
    /// As [`end`](Self::end).
    #[cold]
    unsafe fn end_cancelled(task: NonNull<Header>) -> Option<Runnable> {
        // SAFETY: called by the holder of the `Runnable`.
        let id = unsafe { task.as_ref() }.id();
        // SAFETY: the same; the future has not ended, so it is still there.
        unsafe { Self::end(task, Err(JoinError::cancelled(id))) }
    }

    /// Drops the future and hands the outcome to whoever wants it: the one way
    /// in which a task ends. Who has waited for that is for the caller to queue: no
    /// code of users comes in between.
    ///
    /// # Safety
    ///
    /// The caller holds the `Runnable` and gives it up; the payload holds the
    /// future.
    #[inline]
    unsafe fn end(task: NonNull<Header>, mut outcome: Outcome<F>) -> Option<Runnable> {
        // SAFETY: the `Runnable` keeps the task alive.
        let header = unsafe { task.as_ref() };
        // Dropped last, when the task has ended for everybody.
        let mut owner = header.payload.with_mut(|_| {
            // SAFETY: rule 1: the payload is ours, and holds the future.
            let work = unsafe { Slot::<F>::get(task) };
            // SAFETY: the same.
            unsafe { F::owner(work) }
        });
        let mut next = None;
        let dropped = unwind::catch(|| {
            header.payload.with_mut(|_| {
                let end = |work| {
                    // SAFETY: rule 1: the payload is ours, and holds the future, which
                    // nobody touches again.
                    unsafe { F::end(work, &mut next) }
                };
                // SAFETY: the same.
                unsafe { Slot::<F>::drop_by(task, end) }
            });
        });
        if let Err(payload) = dropped {
            let panicked = Err(JoinError::panicked(header.id(), payload));
            let before = std::mem::replace(&mut outcome, panicked);
            unwind::contain(|| drop(before));
        }
        owner.ends(outcome.as_mut().err());
        if header.state.is_sole() {
            unwind::contain(|| drop(outcome));
            // SAFETY: nobody else can reach the cell, and the payload is gone.
            unsafe { Self::free(task) };
            return next;
        }
        // SAFETY: rule 1: the payload is ours, and empty.
        header
            .payload
            .with_mut(|_| unsafe { Slot::<Outcome<F>>::write(task, outcome) });
        // SAFETY: we hold the `Runnable`, and the outcome is in place.
        unsafe { Self::complete(task) };
        next
    }

    /// Publishes the outcome.
    ///
    /// # Safety
    ///
    /// As `end`, with the outcome in the payload.
    unsafe fn complete(task: NonNull<Header>) {
        // SAFETY: the `Runnable` keeps the task alive until the transition.
        let header = unsafe { task.as_ref() };
        match header.state.complete() {
            Complete::HandedOver => {}
            Complete::WakeJoiner => {
                // SAFETY: the transition made this reference for us, and it
                // keeps the cell for the lines below.
                let _reference = unsafe { TaskRef::adopt(task) };
                let waker = header.join_waker.with(|slot| {
                    // SAFETY: rule 3: `JOIN_WAITER` says that the waker is
                    // there; it is moved out here, and nobody else will.
                    unsafe { slot.cast::<Waker>().read() }
                });
                unwind::contain(|| waker.wake());
            }
            Complete::Member => {
                // SAFETY: the task was completed by us, and a set has its handle.
                let member = unsafe { Member::new(task) };
                let list = NonNull::new(member.list()).expect("a member has a list");
                // SAFETY: the list is the member's, which is given up.
                unsafe { Finished::push(list.cast(), member) };
            }
            Complete::Detached => {
                // SAFETY: there is no handle, so the outcome is still ours.
                unsafe { Self::drop_result(task) };
                let last = header.state.complete_detached();
                // SAFETY: `last` comes from this task.
                unsafe { Header::free_if(task, last) };
            }
        }
    }

    unsafe fn take_result(task: NonNull<Header>, to: *mut ()) {
        // SAFETY: the handle keeps the task alive.
        let header = unsafe { task.as_ref() };
        // SAFETY: rule 2: the payload is the handle's, and holds the outcome;
        // `to` fits it, as the table's contract says.
        header
            .payload
            .with_mut(|_| unsafe { Slot::<Outcome<F>>::take(task, to.cast()) });
        if F::HAS_OWNER {
            let to = to.cast::<Outcome<F>>();
            // SAFETY: it was filled by the line above, and is the caller's until we return.
            if let Err(error) = unsafe { &mut *to } {
                error.yielded();
            }
        }
    }

    unsafe fn drop_result(task: NonNull<Header>) {
        // SAFETY: the caller keeps the task alive.
        let header = unsafe { task.as_ref() };
        // A green thread's own end is not thrown in here, where it would be lost.
        let _shield = Current::get().map(Current::shield);
        unwind::contain(|| {
            // SAFETY: the payload is the caller's, and holds the outcome, which
            // nobody touches again.
            header
                .payload
                .with_mut(|_| unsafe { Slot::<Outcome<F>>::drop_in_place(task) });
        });
    }

    unsafe fn free(task: NonNull<Header>) {
        // Nobody else can reach the cell, which models check here.
        // SAFETY: it is still there.
        let header = unsafe { task.as_ref() };
        header.state.check_free();
        header.join_waker.with_mut(|_| ());
        header.payload.with_mut(|_| ());
        // SAFETY: the cell came from a runtime with this class, and nobody can
        // reach it but for the walk, which reads the state.
        unsafe { memory::free(Self::CLASS, task.cast()) };
    }
}
