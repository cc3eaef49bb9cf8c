//! What users hold of a green thread.

use std::fmt;
use std::future::{Future, IntoFuture};

use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use super::current::Current;
use crate::context;
use crate::task::header::TaskRef;
use crate::task::{self, JoinError};

/// The handle of a green thread, as [`std::thread::JoinHandle`]: dropping it
/// detaches the thread. It can also be awaited in an async task.
///
/// ```
/// # virid::block_on(async {
/// let thread = virid::thread::spawn(|| 6 * 7);
/// assert_eq!(thread.await.unwrap(), 42);
/// # });
/// ```
pub struct JoinHandle<T> {
    task: task::JoinHandle<T>,
    /// Made when it is asked for, and where the thread has a name. In a box, which
    /// makes the handle small: most are dropped at once.
    thread: OnceLock<Box<Thread>>,
}

// As std has them, so that what keeps handles needs no bound.
// SAFETY: a handle is made where a thread is spawned, and there `T` is `Send`.
unsafe impl<T> Send for JoinHandle<T> {}
// SAFETY: the same; a shared handle gives no access to the result.
unsafe impl<T> Sync for JoinHandle<T> {}

impl<T> JoinHandle<T> {
    #[inline]
    pub(super) fn new(task: task::JoinHandle<T>, name: Option<Arc<str>>) -> Self {
        let handle = Self {
            task,
            thread: OnceLock::new(),
        };
        if name.is_some() {
            handle.make_thread_cold(name);
        }
        handle
    }

    #[cold]
    fn make_thread_cold(&self, name: Option<Arc<str>>) -> &Thread {
        self.thread.get_or_init(|| {
            Box::new(Thread(Kind::Green {
                task: self.task.reference(),
                id: self.task.id(),
                name,
            }))
        })
    }

    /// The end of the thread as a future.
    pub(super) fn task(&mut self) -> &mut task::JoinHandle<T> {
        &mut self.task
    }

    /// Waits for the thread to end: a green thread is suspended, a thread of the
    /// operating system parked.
    ///
    /// ```
    /// let thread = virid::thread::spawn(|| "done");
    /// assert_eq!(thread.join().unwrap(), "done");
    /// ```
    ///
    /// # Errors
    ///
    /// What the thread panicked with; where it was cancelled, a boxed
    /// [`JoinError`] that says so.
    ///
    /// # Panics
    ///
    /// Inside an async task: await the handle there.
    #[track_caller]
    pub fn join(self) -> std::thread::Result<T> {
        self.task.join().map_err(payload)
    }

    /// Gives the handle up to a set.
    pub(super) fn into_task(self) -> task::JoinHandle<T> {
        self.task
    }

    /// Whether the thread has ended.
    ///
    /// ```
    /// let thread = virid::thread::spawn(|| ());
    /// while !thread.is_finished() {
    ///     std::thread::yield_now();
    /// }
    /// ```
    pub fn is_finished(&self) -> bool {
        self.task.is_finished()
    }

    /// Asks the thread to end: one that has not begun never does, another one
    /// ends at its next cancellation point. Returns at once.
    ///
    /// ```
    /// let thread = virid::thread::spawn(|| loop {
    ///     virid::thread::park();
    /// });
    /// thread.cancel();
    /// let error = thread.join().unwrap_err();
    /// assert!(error.downcast_ref::<virid::task::JoinError>().unwrap().is_cancelled());
    /// ```
    pub fn cancel(&self) {
        self.task.abort();
    }

    /// The thread, to unpark it.
    ///
    /// ```
    /// let thread = virid::thread::spawn(virid::thread::park);
    /// thread.thread().unpark();
    /// thread.join().unwrap();
    /// ```
    pub fn thread(&self) -> &Thread {
        match self.thread.get() {
            Some(thread) => thread,
            None => self.make_thread_cold(None),
        }
    }
}

/// What `join` of a thread says where there is no result.
pub(super) fn payload(error: JoinError) -> Box<dyn std::any::Any + Send> {
    error
        .try_into_panic()
        .unwrap_or_else(|cancelled| Box::new(cancelled))
}

impl<T> IntoFuture for JoinHandle<T> {
    type Output = std::thread::Result<T>;
    type IntoFuture = Joined<T>;

    fn into_future(self) -> Joined<T> {
        Joined(self.task)
    }
}

/// The end of a green thread as a future; from awaiting a [`JoinHandle`].
#[derive(Debug)]
pub struct Joined<T>(task::JoinHandle<T>);

impl<T> Future for Joined<T> {
    type Output = std::thread::Result<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let task = Pin::new(&mut self.0);
        task.poll(context).map(|result| result.map_err(payload))
    }
}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinHandle")
            .field("id", &self.task.id())
            .field("name", &self.thread.get().and_then(|thread| thread.name()))
            .field("is_finished", &self.is_finished())
            .finish()
    }
}

/// A thread, green or of the operating system, as [`std::thread::Thread`].
///
/// ```
/// let thread = virid::thread::current();
/// thread.unpark();
/// virid::thread::park(); // returns at once
/// ```
#[derive(Clone)]
pub struct Thread(Kind);

#[derive(Clone)]
enum Kind {
    System(std::thread::Thread, ThreadId),
    Green {
        /// `None` where the result was taken before somebody asked.
        task: Option<TaskRef>,
        id: task::Id,
        name: Option<Arc<str>>,
    },
}

// As std has it. Who sees it after a panic can but unpark it.
impl std::panic::UnwindSafe for Thread {}
impl std::panic::RefUnwindSafe for Thread {}

impl Thread {
    pub(super) fn current() -> Self {
        let Some(current) = Current::get() else {
            let id = ThreadId(context::own_number());
            return Self(Kind::System(std::thread::current(), id));
        };
        let task = current.task().reference();
        Self(Kind::Green {
            id: task.id(),
            task: Some(task),
            name: current.name.borrow().clone(),
        })
    }

    /// Lets a [`park`](super::park) of the thread return: the one it is in, or the
    /// next. May be called from anywhere.
    ///
    /// ```
    /// let thread = virid::thread::spawn(virid::thread::park);
    /// thread.thread().unpark();
    /// thread.join().unwrap();
    /// ```
    pub fn unpark(&self) {
        match &self.0 {
            Kind::System(thread, _) => thread.unpark(),
            Kind::Green { task, .. } => {
                if let Some(task) = task {
                    task.unpark();
                }
            }
        }
    }

    /// A number that no other thread has, also after this one has ended.
    ///
    /// ```
    /// let thread = virid::thread::current();
    /// assert_eq!(thread.id(), virid::thread::current().id());
    /// ```
    pub fn id(&self) -> ThreadId {
        match &self.0 {
            Kind::System(_, id) => *id,
            Kind::Green { id, .. } => ThreadId(id.number()),
        }
    }

    /// The thread's name, if it was given one.
    ///
    /// ```
    /// let builder = virid::thread::Builder::new().name("reader".into());
    /// assert_eq!(builder.spawn(|| ())?.thread().name(), Some("reader"));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn name(&self) -> Option<&str> {
        match &self.0 {
            Kind::System(thread, _) => thread.name(),
            Kind::Green { name, .. } => name.as_deref(),
        }
    }
}

impl fmt::Debug for Thread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Thread")
            .field("id", &self.id())
            .field("name", &self.name())
            .finish()
    }
}

/// A number that tells a thread from all others of the process.
///
/// ```
/// let (a, b) = (virid::thread::spawn(|| ()), virid::thread::spawn(|| ()));
/// assert_ne!(a.thread().id(), b.thread().id());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ThreadId(u64);

impl fmt::Debug for ThreadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ThreadId({})", self.0)
    }
}

/// Names the calling green thread.
pub(super) fn set_name(name: Option<Arc<str>>) {
    if let Some(current) = Current::get() {
        current.name.replace(name);
    }
}
