//! Why a task has no result.

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::io;
use std::sync::Arc;

use super::id::Id;
use crate::primitives::{AtomicUsize, Ordering};
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
    /// `None` where the task was cancelled.
    panic: Option<SharedPayload>,
}

// A result shares the task's cell with the future: two words of error leave
// room for a result of three in the smallest cell.
const _: () = assert!(
    size_of::<Result<u64, JoinError>>() == 2 * size_of::<u64>(),
    "an error takes more than its id and a pointer"
);

/// A payload that may be looked at by several threads. Boxed once more, because
/// the box of a payload is two words.
struct SharedPayload(Box<Panic>);

struct Panic {
    payload: Payload,
    /// Of an owner that counts the panics of which nobody has heard: this one, until the
    /// task's handle yields it.
    unheard: Option<Arc<Unheard>>,
}

/// How many tasks of an owner have panicked whose handles have not said so to anybody.
#[derive(Debug)]
pub(crate) struct Unheard(AtomicUsize);

impl Unheard {
    #[cfg(all(feature = "sync", not(virid_loom)))]
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(AtomicUsize::new(0)))
    }

    /// Ordering: Relaxed. Whoever asks has seen the tasks end, and a handle that is
    /// awaited by somebody else meanwhile may count or not.
    #[cfg(all(feature = "sync", not(virid_loom)))]
    pub(crate) fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

// SAFETY: through a shared reference the payload is only asked whether it is a
// `String` or a `&str`, both of which are `Sync`.
unsafe impl Sync for SharedPayload {}

impl SharedPayload {
    fn text(&self) -> Option<&str> {
        let payload = &self.0.payload;
        if let Some(text) = payload.downcast_ref::<String>() {
            return Some(text);
        }
        payload.downcast_ref::<&'static str>().copied()
    }
}

impl JoinError {
    pub(super) fn cancelled(id: Id) -> Self {
        Self { id, panic: None }
    }

    pub(super) fn panicked(id: Id, payload: Payload) -> Self {
        Self {
            id,
            panic: Some(SharedPayload(Box::new(Panic {
                payload,
                unheard: None,
            }))),
        }
    }

    /// Counts it until its handle yields it, if it is a panic.
    #[cfg(all(feature = "sync", not(virid_loom)))]
    pub(super) fn count(&mut self, unheard: &Arc<Unheard>) {
        if let Some(SharedPayload(panic)) = &mut self.panic {
            // Ordering: Relaxed, as `Unheard::count` says.
            unheard.0.fetch_add(1, Ordering::Relaxed);
            panic.unheard = Some(unheard.clone());
        }
    }

    /// The handle yields it: somebody has heard of it.
    pub(super) fn yielded(&mut self) {
        if let Some(SharedPayload(panic)) = &mut self.panic
            && let Some(unheard) = panic.unheard.take()
        {
            // Ordering: Relaxed, as `Unheard::count` says.
            unheard.0.fetch_sub(1, Ordering::Relaxed);
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
        self.panic.is_none()
    }

    /// Whether the task panicked: in a poll, or while its future was dropped.
    ///
    /// ```
    /// let error = virid::spawn(async { panic!("boom") }).join().unwrap_err();
    /// assert!(error.is_panic());
    /// ```
    pub fn is_panic(&self) -> bool {
        self.panic.is_some()
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
        match self.panic {
            Some(SharedPayload(panic)) => Ok(panic.payload),
            None => Err(self),
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
        match &self.panic {
            None => write!(f, "task {} was cancelled", self.id),
            Some(payload) => match payload.text() {
                Some(text) => write!(f, "task {} panicked with message {text:?}", self.id),
                None => write!(f, "task {} panicked", self.id),
            },
        }
    }
}

impl fmt::Debug for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.panic {
            None => write!(f, "JoinError::Cancelled({:?})", self.id),
            Some(payload) => match payload.text() {
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
