//! Why a task has no result.

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::io;

use super::header::Id;
use crate::unwind::Payload;

/// Why a task has no result: it panicked, or it was cancelled.
///
/// ```
/// let error = virid::spawn(async { panic!("boom") }).join().unwrap_err();
/// assert!(error.is_panic());
/// assert!(error.to_string().ends_with(r#"panicked with message "boom""#));
/// ```
pub struct JoinError {
    id: Id,
    reason: Reason,
}

enum Reason {
    Cancelled,
    Panicked(SharedPayload),
}

/// A payload that may be looked at by several threads.
struct SharedPayload(Payload);

// SAFETY: through a shared reference the payload is only asked whether it is a
// `String` or a `&str`, both of which are `Sync`.
unsafe impl Sync for SharedPayload {}

impl SharedPayload {
    fn text(&self) -> Option<&str> {
        if let Some(text) = self.0.downcast_ref::<String>() {
            return Some(text);
        }
        self.0.downcast_ref::<&'static str>().copied()
    }
}

impl JoinError {
    pub(super) fn cancelled(id: Id) -> Self {
        Self {
            id,
            reason: Reason::Cancelled,
        }
    }

    pub(super) fn panicked(id: Id, payload: Payload) -> Self {
        Self {
            id,
            reason: Reason::Panicked(SharedPayload(payload)),
        }
    }

    /// Whether the task was cancelled before it had a result.
    ///
    /// ```
    /// let runtime = virid::Runtime::new()?;
    /// let task = runtime.spawn(std::future::pending::<()>());
    /// drop(runtime);
    /// assert!(task.join().unwrap_err().is_cancelled());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn is_cancelled(&self) -> bool {
        matches!(self.reason, Reason::Cancelled)
    }

    /// Whether the task panicked: in a poll, or while its future was dropped.
    ///
    /// ```
    /// let error = virid::spawn(async { panic!("boom") }).join().unwrap_err();
    /// assert!(error.is_panic());
    /// ```
    pub fn is_panic(&self) -> bool {
        matches!(self.reason, Reason::Panicked(_))
    }

    /// What the task panicked with, for [`std::panic::resume_unwind`].
    ///
    /// ```
    /// let error = virid::spawn(async { panic!("boom") }).join().unwrap_err();
    /// assert_eq!(error.into_panic().downcast_ref(), Some(&"boom"));
    /// ```
    ///
    /// # Panics
    ///
    /// Where the task was cancelled; [`try_into_panic`](Self::try_into_panic)
    /// does not.
    #[track_caller]
    pub fn into_panic(self) -> Box<dyn Any + Send + 'static> {
        self.try_into_panic().unwrap_or_else(|error| {
            panic!("into_panic on a task that did not panic: {error}; ask is_panic first")
        })
    }

    /// What the task panicked with.
    ///
    /// ```
    /// let error = virid::spawn(async { panic!("boom") }).join().unwrap_err();
    /// assert!(error.try_into_panic().is_ok());
    /// ```
    ///
    /// # Errors
    ///
    /// The error itself, where the task was cancelled.
    pub fn try_into_panic(self) -> Result<Box<dyn Any + Send + 'static>, JoinError> {
        match self.reason {
            Reason::Panicked(payload) => Ok(payload.0),
            Reason::Cancelled => Err(self),
        }
    }

    /// The task's number, as
    /// [`JoinHandle::id`](super::JoinHandle::id).
    ///
    /// ```
    /// let task = virid::spawn(async { panic!("boom") });
    /// let id = task.id();
    /// assert_eq!(task.join().unwrap_err().id(), id);
    /// ```
    pub fn id(&self) -> Id {
        self.id
    }
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.reason {
            Reason::Cancelled => write!(f, "task {} was cancelled", self.id),
            Reason::Panicked(payload) => match payload.text() {
                Some(text) => write!(f, "task {} panicked with message {text:?}", self.id),
                None => write!(f, "task {} panicked", self.id),
            },
        }
    }
}

impl fmt::Debug for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.reason {
            Reason::Cancelled => write!(f, "JoinError::Cancelled({:?})", self.id),
            Reason::Panicked(payload) => match payload.text() {
                Some(text) => write!(f, "JoinError::Panic({:?}, {text:?}, ...)", self.id),
                None => write!(f, "JoinError::Panic({:?}, ...)", self.id),
            },
        }
    }
}

impl Error for JoinError {}

impl From<JoinError> for io::Error {
    fn from(error: JoinError) -> Self {
        io::Error::other(error)
    }
}
