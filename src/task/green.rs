//! What green threads need of their tasks beyond what futures do.

use std::mem::ManuallyDrop;
use std::panic::Location;
use std::ptr::NonNull;
use std::task::Waker;

use super::answer::Start;
use super::header::{Header, Runnable, TaskRef};
use super::id::Id;
use super::waker::{borrowed_waker, task_of};

/// The task of a green thread, as the thread and its worker know it. Not counted:
/// for use while the thread is alive, which who makes one promises.
#[derive(Clone, Copy)]
pub(crate) struct Own(NonNull<Header>);

impl Own {
    /// The task behind the waker that its poll sees.
    ///
    /// # Safety
    ///
    /// The waker is that of a poll of virid's, and the answer is used only while
    /// the task is alive.
    pub(crate) unsafe fn behind(waker: &Waker) -> Self {
        // SAFETY: as this function's contract says.
        Self(unsafe { task_of(waker.data()) })
    }

    fn header(&self) -> &Header {
        // SAFETY: the type's promise.
        unsafe { self.0.as_ref() }
    }

    /// A waker of the task, not counted either.
    #[inline]
    pub(crate) fn waker(self) -> ManuallyDrop<Waker> {
        // SAFETY: the type's promise, and it is not dropped.
        unsafe { borrowed_waker(self.0) }
    }

    /// A reference, to keep.
    pub(crate) fn reference(self) -> TaskRef {
        // SAFETY: the type's promise.
        unsafe { TaskRef::new(self.0) }
    }

    /// The task's number, and where it was spawned.
    pub(crate) fn origin(self) -> (Id, &'static Location<'static>) {
        self.header().origin()
    }

    /// Whether the task is asked to end, and has not noticed.
    #[inline]
    pub(crate) fn is_cancel_asked(self) -> bool {
        self.header().state.is_cancel_asked()
    }

    /// Takes the token of an unpark, by the thread itself. Whether there was one.
    pub(crate) fn take_token(self) -> bool {
        self.header().state.take_token()
    }

    /// The right to run the thread, which it holds while it runs.
    ///
    /// # Safety
    ///
    /// The thread was suspended, and nobody has got the right from it.
    #[inline]
    pub(crate) unsafe fn runnable(self) -> Runnable {
        // SAFETY: as this function's contract says.
        unsafe { Runnable::new(self.0) }
    }
}

impl Runnable {
    /// Before a green thread goes on, which has started: whether it is asked to
    /// end. It holds the right to run from now on, as a poll does.
    #[inline]
    pub(crate) fn resume(self) -> bool {
        let task = self.into_task();
        // SAFETY: the task lives while its `Runnable` does.
        let state = unsafe { &task.as_ref().state };
        let is_asked = state.start() == Start::Cancel;
        if is_asked {
            state.take_cancel();
        }
        is_asked
    }
}

impl TaskRef {
    /// Leaves a token for a green thread, and wakes it, unless it waits for its turn to
    /// begin.
    pub(crate) fn unpark(&self) {
        let task = self.task();
        // SAFETY: `self` is a reference.
        if unsafe { task.as_ref() }.state.set_token() {
            // SAFETY: the same.
            unsafe { Header::wake(task) };
        }
    }

    pub(crate) fn id(&self) -> Id {
        // SAFETY: `self` is a reference.
        unsafe { self.task().as_ref() }.id()
    }

    /// If it is a green thread, its number, and where it was spawned.
    pub(crate) fn origin_of_thread(&self) -> Option<(Id, &'static Location<'static>)> {
        // SAFETY: `self` is a reference.
        let header = unsafe { self.task().as_ref() };
        header.vtable().stage.is_some().then(|| header.origin())
    }
}
