//! What was still running when the wait for the end of a runtime was over.

use std::fmt;
use std::panic::Location;

use crate::task::id::Id;

/// What kept a runtime from ending in time; from
/// [`Runtime::shutdown_timeout`](super::Runtime::shutdown_timeout).
///
/// ```
/// use std::time::Duration;
///
/// let runtime = virid::Runtime::new()?;
/// let (release, wait) = std::sync::mpsc::channel::<()>();
/// let (started, has_started) = std::sync::mpsc::channel();
/// runtime.spawn(async move {
///     started.send(()).unwrap();
///     let _ = wait.recv(); // keeps its worker: what a task must not do
/// });
/// has_started.recv().unwrap();
///
/// let report = runtime.shutdown_timeout(Duration::from_millis(10));
/// assert!(!report.is_complete());
/// let (_, spawned_at) = report.still_running().next().unwrap();
/// assert!(spawned_at.line() > 0);
/// println!("{report}");
/// # drop(release);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "the report says what did not end"]
pub struct ShutdownReport {
    is_complete: bool,
    running: Vec<(Id, &'static Location<'static>)>,
}

impl ShutdownReport {
    pub(super) fn complete() -> Self {
        Self {
            is_complete: true,
            running: Vec::new(),
        }
    }

    pub(super) fn incomplete(running: Vec<(Id, &'static Location<'static>)>) -> Self {
        Self {
            is_complete: false,
            running,
        }
    }

    /// Whether everything ended in time: all futures were dropped, and all
    /// workers have left their last hook.
    ///
    /// ```
    /// let runtime = virid::Runtime::new()?;
    /// assert!(runtime.shutdown_timeout(std::time::Duration::from_secs(10)).is_complete());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn is_complete(&self) -> bool {
        self.is_complete
    }

    /// The tasks that a worker was inside of when the time was over, in a poll, in
    /// the drop of the future, or on the way out, and the closures that the threads of
    /// its blocking pool were inside of: number, and where each was spawned. With a
    /// timeout near zero this may name a task that has just ended, and that was joined
    /// already. Where there was none, some of the green threads that wait and have not
    /// ended: in a destructor, perhaps. May be empty though the end is not complete:
    /// where a worker was between two tasks, or in its
    /// [`on_thread_stop`](super::Builder::on_thread_stop).
    ///
    /// ```
    /// let runtime = virid::Runtime::new()?;
    /// let report = runtime.shutdown_timeout(std::time::Duration::from_secs(10));
    /// assert_eq!(report.still_running().count(), 0);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn still_running(&self) -> impl Iterator<Item = (Id, &'static Location<'static>)> + '_ {
        self.running.iter().copied()
    }
}

impl fmt::Display for ShutdownReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_complete() {
            return f.write_str("the runtime has ended");
        }
        if self.running.is_empty() {
            return f.write_str("the runtime was still ending; no thread was inside a task");
        }
        write!(f, "still running:")?;
        for (id, place) in &self.running {
            write!(f, "\n  task {id}, spawned at {place}")?;
        }
        Ok(())
    }
}
