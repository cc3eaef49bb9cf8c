//! A handle that can end a task and cannot wait for it.

use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};

use super::header::TaskRef;
use super::id::Id;

/// Aborts a task without owning it; see
/// [`JoinHandle::abort_handle`](super::JoinHandle::abort_handle).
///
/// Dropping it does nothing to the task. While one exists the task's cell stays
/// allocated; the future and the result do not.
///
/// ```
/// let task = virid::spawn(async { "done" });
/// let abort = task.abort_handle();
/// assert_eq!(task.join().unwrap(), "done");
/// abort.abort(); // too late, and harmless
/// assert!(abort.is_finished());
/// ```
#[derive(Clone)]
pub struct AbortHandle {
    /// `None` where the result was taken before the handle was made.
    task: Option<TaskRef>,
    id: Id,
}

impl AbortHandle {
    pub(super) fn new(task: Option<TaskRef>, id: Id) -> Self {
        Self { task, id }
    }

    /// Asks the task to end; see
    /// [`JoinHandle::abort`](super::JoinHandle::abort).
    ///
    /// ```
    /// let task = virid::spawn(std::future::pending::<()>());
    /// task.abort_handle().abort();
    /// assert!(task.join().unwrap_err().is_cancelled());
    /// ```
    pub fn abort(&self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }

    /// Whether the task has ended.
    ///
    /// ```
    /// let task = virid::spawn(async {});
    /// let abort = task.abort_handle();
    /// task.join().unwrap();
    /// assert!(abort.is_finished());
    /// ```
    pub fn is_finished(&self) -> bool {
        self.task.as_ref().is_none_or(TaskRef::is_complete)
    }

    /// The task's number, as
    /// [`JoinHandle::id`](super::JoinHandle::id).
    ///
    /// ```
    /// let task = virid::spawn(async {});
    /// assert_eq!(task.abort_handle().id(), task.id());
    /// ```
    pub fn id(&self) -> Id {
        self.id
    }
}

impl UnwindSafe for AbortHandle {}
impl RefUnwindSafe for AbortHandle {}

impl fmt::Debug for AbortHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AbortHandle")
            .field("id", &self.id)
            .field("is_finished", &self.is_finished())
            .finish()
    }
}
