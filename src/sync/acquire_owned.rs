//! How permits are had that share their semaphore.

use std::sync::Arc;

use super::permit::OwnedSemaphorePermit;
use super::semaphore::{AcquireError, Semaphore, TryAcquireError};
use crate::drive::drive;

impl Semaphore {
    /// [`acquire`](Self::acquire) with a permit that can be sent anywhere.
    ///
    /// ```
    /// # virid::block_on(async {
    /// let semaphore = std::sync::Arc::new(virid::sync::Semaphore::new(1));
    /// let permit = semaphore.clone().acquire_owned().await.unwrap();
    /// virid::spawn(async move { drop(permit) });
    /// # });
    /// ```
    ///
    /// # Errors
    ///
    /// As [`acquire`](Self::acquire).
    pub async fn acquire_owned(self: Arc<Self>) -> Result<OwnedSemaphorePermit, AcquireError> {
        self.acquire_many_owned(1).await
    }

    /// [`acquire_many`](Self::acquire_many) with permits that can be sent anywhere.
    ///
    /// ```
    /// # virid::block_on(async {
    /// let semaphore = std::sync::Arc::new(virid::sync::Semaphore::new(2));
    /// assert_eq!(semaphore.acquire_many_owned(2).await.unwrap().num_permits(), 2);
    /// # });
    /// ```
    ///
    /// # Errors
    ///
    /// As [`acquire`](Self::acquire).
    pub async fn acquire_many_owned(
        self: Arc<Self>,
        n: u32,
    ) -> Result<OwnedSemaphorePermit, AcquireError> {
        self.take(n as usize).await?;
        Ok(self.owned(n))
    }

    /// [`acquire_owned`](Self::acquire_owned) for green and plain threads, as
    /// [`blocking_acquire`](Self::blocking_acquire).
    ///
    /// ```
    /// let semaphore = std::sync::Arc::new(virid::sync::Semaphore::new(1));
    /// let permit = semaphore.blocking_acquire_owned().unwrap();
    /// virid::thread::spawn(move || drop(permit));
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
    pub fn blocking_acquire_owned(self: Arc<Self>) -> Result<OwnedSemaphorePermit, AcquireError> {
        const CALL: &str = "Semaphore::blocking_acquire_owned";
        drive(self.acquire_many_owned(1), CALL, "`acquire_owned().await`")
    }

    /// [`acquire_many_owned`](Self::acquire_many_owned) for green and plain threads, as
    /// [`blocking_acquire`](Self::blocking_acquire).
    ///
    /// ```
    /// let semaphore = std::sync::Arc::new(virid::sync::Semaphore::new(2));
    /// assert_eq!(semaphore.blocking_acquire_many_owned(2).unwrap().num_permits(), 2);
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
    pub fn blocking_acquire_many_owned(
        self: Arc<Self>,
        n: u32,
    ) -> Result<OwnedSemaphorePermit, AcquireError> {
        const CALL: &str = "Semaphore::blocking_acquire_many_owned";
        drive(
            self.acquire_many_owned(n),
            CALL,
            "`acquire_many_owned().await`",
        )
    }

    /// [`try_acquire`](Self::try_acquire) with a permit that can be sent anywhere.
    ///
    /// ```
    /// let semaphore = std::sync::Arc::new(virid::sync::Semaphore::new(1));
    /// assert!(semaphore.try_acquire_owned().is_ok());
    /// ```
    ///
    /// # Errors
    ///
    /// As [`try_acquire`](Self::try_acquire).
    pub fn try_acquire_owned(self: Arc<Self>) -> Result<OwnedSemaphorePermit, TryAcquireError> {
        self.try_acquire_many_owned(1)
    }

    /// [`try_acquire_many`](Self::try_acquire_many) with permits that can be sent
    /// anywhere.
    ///
    /// ```
    /// let semaphore = std::sync::Arc::new(virid::sync::Semaphore::new(2));
    /// assert!(semaphore.try_acquire_many_owned(2).is_ok());
    /// ```
    ///
    /// # Errors
    ///
    /// As [`try_acquire`](Self::try_acquire).
    pub fn try_acquire_many_owned(
        self: Arc<Self>,
        n: u32,
    ) -> Result<OwnedSemaphorePermit, TryAcquireError> {
        self.take_at_once(n as usize)?;
        Ok(self.owned(n))
    }

    fn owned(self: Arc<Self>, permits: u32) -> OwnedSemaphorePermit {
        OwnedSemaphorePermit {
            semaphore: self,
            permits: permits as usize,
        }
    }
}
