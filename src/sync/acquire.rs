//! How permits of a semaphore are had: awaited, waited for, or at once.

use super::permit::SemaphorePermit;
use super::semaphore::{AcquireError, Semaphore, TryAcquireError};
use crate::drive::drive;

impl Semaphore {
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
        self.take_at_once(n as usize)?;
        Ok(self.permit(n))
    }

    fn permit(&self, permits: u32) -> SemaphorePermit<'_> {
        SemaphorePermit {
            semaphore: self,
            permits: permits as usize,
        }
    }
}
