//! The semaphore: permits under a lock that nobody holds for long. Who waits has a
//! place in line and a [`oneshot`] channel, through which the permits come.

use std::fmt;

use super::line::{End, Line};
use super::oneshot::{self, Wake};
use crate::primitives::{Mutex, const_fn, needed};

/// A number of permits; names and meaning are those of `tokio::sync::Semaphore`. Who
/// wants one that is not there waits in line: first come, first served, and a request
/// for many is not overtaken by one for few.
///
/// `acquire` and its like are futures, as in Tokio. `blocking_acquire` is for green and
/// for plain threads: it suspends or parks the caller.
///
/// ```
/// use virid::{sync::Semaphore, thread};
///
/// let two = Semaphore::new(2);
/// thread::scope(|scope| {
///     for _ in 0..10 {
///         scope.spawn(|| {
///             let _permit = two.blocking_acquire().unwrap();
///             // two at most are here
///         });
///     }
/// });
/// assert_eq!(two.available_permits(), 2);
/// ```
pub struct Semaphore {
    state: Mutex<State>,
}

struct State {
    permits: usize,
    is_closed: bool,
    line: Line<Request>,
}

struct Request {
    permits: usize,
    granted: oneshot::Sender<()>,
}

impl State {
    /// Gives permits to the first who waits, if there are enough.
    fn grant(&mut self) -> Option<Wake> {
        loop {
            let wanted = self.line.first()?.permits;
            let left = self.permits.checked_sub(wanted)?;
            let first = self.line.pop(End::Oldest)?;
            // Who has left just now is no loss.
            if let Ok(wake) = first.granted.put(()) {
                self.permits = left;
                return Some(wake);
            }
        }
    }

    fn try_take(&mut self, permits: usize) -> Result<(), TryAcquireError> {
        if self.is_closed {
            return Err(TryAcquireError::Closed);
        }
        // Who wants none takes nothing from those who wait.
        if self.permits < permits || permits > 0 && !self.line.is_empty() {
            return Err(TryAcquireError::NoPermits);
        }
        needed!("taking of a permit", self.permits -= permits);
        Ok(())
    }
}

/// One who waits. Dropped before, it leaves the line, and gives back what it was given
/// meanwhile.
struct Waiting<'a> {
    semaphore: &'a Semaphore,
    number: u64,
    permits: usize,
    granted: oneshot::Receiver<()>,
    has_them: bool,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if self.has_them {
            return;
        }
        // From here on it is given nothing, and not woken by its own end.
        self.granted.close();
        let request = {
            let mut state = self.semaphore.state.lock();
            let request = state.line.leave(self.number);
            if self.granted.try_recv().is_ok() {
                needed!("permits of who leaves", state.permits += self.permits);
            }
            request
        };
        drop(request);
        // Also where it stood before others who want fewer.
        needed!("grant by who leaves", self.semaphore.grant());
    }
}

impl Semaphore {
    /// The most permits there can be.
    pub const MAX_PERMITS: usize = usize::MAX >> 3;

    const_fn! {
        /// With so many permits.
        ///
        /// ```
        /// assert_eq!(virid::sync::Semaphore::new(3).available_permits(), 3);
        /// ```
        ///
        /// # Panics
        ///
        /// For more than [`MAX_PERMITS`](Self::MAX_PERMITS).
        #[track_caller]
        pub fn new(permits: usize) -> Self {
            assert!(
                permits <= Self::MAX_PERMITS,
                "a semaphore cannot have more than MAX_PERMITS permits"
            );
            Self {
                state: Mutex::new(State {
                    permits,
                    is_closed: false,
                    line: Line::new(),
                }),
            }
        }
    }

    const_fn! {
        /// [`new`](Self::new), by the name that Tokio has for it in constants.
        ///
        /// ```
        /// static LIMIT: virid::sync::Semaphore = virid::sync::Semaphore::const_new(10);
        /// ```
        ///
        /// # Panics
        ///
        /// As [`new`](Self::new).
        #[track_caller]
        pub fn const_new(permits: usize) -> Self {
            Self::new(permits)
        }
    }

    /// How many permits nobody has.
    ///
    /// ```
    /// let semaphore = virid::sync::Semaphore::new(3);
    /// let _permit = semaphore.try_acquire_many(2);
    /// assert_eq!(semaphore.available_permits(), 1);
    /// ```
    pub fn available_permits(&self) -> usize {
        self.state.lock().permits
    }

    /// Adds permits.
    ///
    /// ```
    /// let semaphore = virid::sync::Semaphore::new(0);
    /// semaphore.add_permits(1);
    /// assert!(semaphore.try_acquire().is_ok());
    /// ```
    ///
    /// # Panics
    ///
    /// Where there would be more than [`MAX_PERMITS`](Self::MAX_PERMITS).
    #[track_caller]
    pub fn add_permits(&self, n: usize) {
        {
            let mut state = self.state.lock();
            let sum = state.permits.checked_add(n);
            let sum = sum.filter(|sum| *sum <= Self::MAX_PERMITS);
            state.permits = sum.expect("a semaphore cannot have more than MAX_PERMITS permits");
        }
        self.grant();
    }

    pub(super) fn take_at_once(&self, permits: usize) -> Result<(), TryAcquireError> {
        self.state.lock().try_take(permits)
    }

    /// Gives permits to those who wait, in turn.
    fn grant(&self) {
        while let Some(wake) = self.grant_one() {
            wake.wake();
        }
    }

    fn grant_one(&self) -> Option<Wake> {
        self.state.lock().grant()
    }

    /// Takes away up to `n` permits that nobody has. How many it were.
    ///
    /// ```
    /// assert_eq!(virid::sync::Semaphore::new(3).forget_permits(5), 3);
    /// ```
    pub fn forget_permits(&self, n: usize) -> usize {
        let mut state = self.state.lock();
        let taken = n.min(state.permits);
        state.permits -= taken;
        taken
    }

    /// Gives no permit any more; who waits hears so.
    ///
    /// ```
    /// let semaphore = virid::sync::Semaphore::new(1);
    /// semaphore.close();
    /// assert!(semaphore.blocking_acquire().is_err());
    /// ```
    pub fn close(&self) {
        let line = {
            let mut state = self.state.lock();
            state.is_closed = true;
            state.line.take()
        };
        // Their ends say so to those who wait.
        drop(line);
    }

    /// Whether it is closed.
    ///
    /// ```
    /// assert!(!virid::sync::Semaphore::new(1).is_closed());
    /// ```
    pub fn is_closed(&self) -> bool {
        self.state.lock().is_closed
    }

    pub(super) async fn take(&self, permits: usize) -> Result<(), AcquireError> {
        let (number, granted) = {
            let mut state = self.state.lock();
            match state.try_take(permits) {
                Ok(()) => return Ok(()),
                Err(TryAcquireError::Closed) => return Err(AcquireError(())),
                Err(TryAcquireError::NoPermits) => {}
            }
            let (granted, is_granted) = oneshot::channel();
            (state.line.join(Request { permits, granted }), is_granted)
        };
        let mut waiting = Waiting {
            semaphore: self,
            number,
            permits,
            granted,
            has_them: false,
        };
        let result = (&mut waiting.granted).await;
        waiting.has_them = result.is_ok();
        result.map_err(|_| AcquireError(()))
    }
}

impl fmt::Debug for Semaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Semaphore")
            .field("permits", &self.available_permits())
            .finish_non_exhaustive()
    }
}

/// The semaphore is closed.
#[derive(Debug)]
pub struct AcquireError(pub(super) ());

impl fmt::Display for AcquireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the semaphore is closed")
    }
}

impl std::error::Error for AcquireError {}

/// Why there is no permit now.
#[derive(Debug, PartialEq, Eq)]
pub enum TryAcquireError {
    /// The semaphore is closed.
    Closed,
    /// There are too few, or others wait.
    NoPermits,
}

impl fmt::Display for TryAcquireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed => "the semaphore is closed",
            Self::NoPermits => "the semaphore has no permits to give",
        })
    }
}

impl std::error::Error for TryAcquireError {}
