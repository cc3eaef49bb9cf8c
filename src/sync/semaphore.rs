//! The semaphore: permits under a lock that nobody holds for long. Who waits has a
//! place in line and a [`oneshot`] channel, through which the permits come.

mod owned;

use std::fmt;

use super::line::{End, Line};
use super::oneshot::{self, Wake};
use super::permit::{AcquireError, SemaphorePermit, TryAcquireError};
use crate::drive::drive;
use crate::primitives::Mutex;

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
        self.permits -= permits;
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
                state.permits += self.permits;
            }
            request
        };
        drop(request);
        // Also where it stood before others who want fewer.
        self.semaphore.grant();
    }
}

impl Semaphore {
    /// The most permits there can be.
    pub const MAX_PERMITS: usize = usize::MAX >> 3;

    /// With so many permits.
    ///
    /// ```
    /// assert_eq!(virid::sync::Semaphore::new(3).available_permits(), 3);
    /// ```
    ///
    /// # Panics
    ///
    /// For more than [`MAX_PERMITS`](Self::MAX_PERMITS).
    pub const fn new(permits: usize) -> Self {
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

    /// [`new`](Self::new), by the name that Tokio has for it in constants.
    ///
    /// ```
    /// static LIMIT: virid::sync::Semaphore = virid::sync::Semaphore::const_new(10);
    /// ```
    ///
    /// # Panics
    ///
    /// As [`new`](Self::new).
    pub const fn const_new(permits: usize) -> Self {
        Self::new(permits)
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
    pub fn add_permits(&self, n: usize) {
        {
            let mut state = self.state.lock();
            let sum = state.permits.checked_add(n);
            let sum = sum.filter(|sum| *sum <= Self::MAX_PERMITS);
            state.permits = sum.expect("a semaphore cannot have more than MAX_PERMITS permits");
        }
        self.grant();
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

    /// A permit, when there is one. A future that is dropped before it is ready leaves
    /// the line.
    ///
    /// ```
    /// # virid::block_on(async {
    /// let semaphore = virid::sync::Semaphore::new(1);
    /// let permit = semaphore.acquire().await.unwrap();
    /// assert_eq!(semaphore.available_permits(), 0);
    /// # });
    /// ```
    ///
    /// # Errors
    ///
    /// Where the semaphore is closed, also when it is meanwhile.
    pub async fn acquire(&self) -> Result<SemaphorePermit<'_>, AcquireError> {
        self.acquire_many(1).await
    }

    /// `n` permits at once, as [`acquire`](Self::acquire).
    ///
    /// ```
    /// # virid::block_on(async {
    /// let semaphore = virid::sync::Semaphore::new(3);
    /// let permits = semaphore.acquire_many(2).await.unwrap();
    /// assert_eq!(permits.num_permits(), 2);
    /// # });
    /// ```
    ///
    /// # Errors
    ///
    /// As [`acquire`](Self::acquire).
    pub async fn acquire_many(&self, n: u32) -> Result<SemaphorePermit<'_>, AcquireError> {
        self.take(n as usize).await?;
        Ok(self.permit(n))
    }

    /// [`acquire`](Self::acquire) for green and plain threads: waits for a permit.
    ///
    /// A cancellation point: a thread that is cancelled there leaves the line.
    ///
    /// ```
    /// let semaphore = virid::sync::Semaphore::new(1);
    /// let permit = semaphore.blocking_acquire().unwrap();
    /// assert!(semaphore.try_acquire().is_err());
    /// # drop(permit);
    /// ```
    ///
    /// # Errors
    ///
    /// As [`acquire`](Self::acquire).
    ///
    /// # Panics
    ///
    /// Inside an async task: use [`acquire`](Self::acquire) there. And where there is
    /// no permit inside [`no_suspend`](crate::thread::no_suspend).
    #[track_caller]
    pub fn blocking_acquire(&self) -> Result<SemaphorePermit<'_>, AcquireError> {
        const CALL: &str = "Semaphore::blocking_acquire";
        drive(self.acquire_many(1), CALL, "`acquire().await`")
    }

    /// [`acquire_many`](Self::acquire_many) for green and plain threads, as
    /// [`blocking_acquire`](Self::blocking_acquire).
    ///
    /// ```
    /// let semaphore = virid::sync::Semaphore::new(2);
    /// let permits = semaphore.blocking_acquire_many(2).unwrap();
    /// # drop(permits);
    /// ```
    ///
    /// # Errors
    ///
    /// As [`acquire`](Self::acquire).
    ///
    /// # Panics
    ///
    /// As [`blocking_acquire`](Self::blocking_acquire).
    #[track_caller]
    pub fn blocking_acquire_many(&self, n: u32) -> Result<SemaphorePermit<'_>, AcquireError> {
        const CALL: &str = "Semaphore::blocking_acquire_many";
        drive(self.acquire_many(n), CALL, "`acquire_many().await`")
    }

    /// A permit, if there is one and nobody waits. Never waits.
    ///
    /// ```
    /// use virid::sync::{Semaphore, TryAcquireError};
    ///
    /// let none = Semaphore::new(0).try_acquire().map(drop);
    /// assert_eq!(none, Err(TryAcquireError::NoPermits));
    /// ```
    ///
    /// # Errors
    ///
    /// Where there is none, and where the semaphore is closed.
    pub fn try_acquire(&self) -> Result<SemaphorePermit<'_>, TryAcquireError> {
        self.try_acquire_many(1)
    }

    /// `n` permits at once, as [`try_acquire`](Self::try_acquire).
    ///
    /// ```
    /// assert!(virid::sync::Semaphore::new(1).try_acquire_many(2).is_err());
    /// ```
    ///
    /// # Errors
    ///
    /// As [`try_acquire`](Self::try_acquire).
    pub fn try_acquire_many(&self, n: u32) -> Result<SemaphorePermit<'_>, TryAcquireError> {
        self.state.lock().try_take(n as usize)?;
        Ok(self.permit(n))
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

    async fn take(&self, permits: usize) -> Result<(), AcquireError> {
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

    fn permit(&self, permits: u32) -> SemaphorePermit<'_> {
        SemaphorePermit {
            semaphore: self,
            permits: permits as usize,
        }
    }
}

impl fmt::Debug for Semaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Semaphore")
            .field("permits", &self.available_permits())
            .finish_non_exhaustive()
    }
}
