//! What a semaphore gives: permits that borrow it, or share it.

use std::sync::Arc;

use super::semaphore::Semaphore;

/// Permits of a [`Semaphore`], which gets them back when this is dropped.
#[must_use = "a permit that is not kept is given back at once"]
#[clippy::has_significant_drop]
#[derive(Debug)]
pub struct SemaphorePermit<'a> {
    pub(super) semaphore: &'a Semaphore,
    pub(super) permits: usize,
}

/// Permits of a [`Semaphore`] that can be sent anywhere; given back as those of
/// [`SemaphorePermit`].
#[must_use = "a permit that is not kept is given back at once"]
#[clippy::has_significant_drop]
#[derive(Debug)]
pub struct OwnedSemaphorePermit {
    pub(super) semaphore: Arc<Semaphore>,
    pub(super) permits: usize,
}

macro_rules! permits {
    ($permit:ty, |$this:ident| $semaphore:expr) => {
        impl $permit {
            /// Lets the semaphore have these permits no more.
            ///
            /// ```
            /// let semaphore = virid::sync::Semaphore::new(2);
            /// semaphore.try_acquire().unwrap().forget();
            /// assert_eq!(semaphore.available_permits(), 1);
            /// ```
            pub fn forget(mut self) {
                self.permits = 0;
            }

            /// Adds the permits of another one.
            ///
            /// ```
            /// let semaphore = virid::sync::Semaphore::new(3);
            /// let mut permits = semaphore.try_acquire().unwrap();
            /// permits.merge(semaphore.try_acquire_many(2).unwrap());
            /// assert_eq!(permits.num_permits(), 3);
            /// ```
            ///
            /// # Panics
            ///
            /// Where that is of another semaphore.
            #[track_caller]
            pub fn merge(&mut self, mut other: Self) {
                assert!(
                    std::ptr::eq::<Semaphore>(&*self.semaphore, &*other.semaphore),
                    "permits of two semaphores cannot be merged"
                );
                self.permits += std::mem::take(&mut other.permits);
            }

            /// Takes `n` of these permits out; nothing where there are fewer.
            ///
            /// ```
            /// let semaphore = virid::sync::Semaphore::new(3);
            /// let mut permits = semaphore.try_acquire_many(3).unwrap();
            /// drop(permits.split(2));
            /// assert_eq!(semaphore.available_permits(), 2);
            /// ```
            pub fn split(&mut self, n: usize) -> Option<Self> {
                self.permits = self.permits.checked_sub(n)?;
                let $this = self;
                Some(Self {
                    semaphore: $semaphore,
                    permits: n,
                })
            }

            /// How many permits these are.
            ///
            /// ```
            /// let semaphore = virid::sync::Semaphore::new(3);
            /// assert_eq!(semaphore.try_acquire_many(2).unwrap().num_permits(), 2);
            /// ```
            pub fn num_permits(&self) -> usize {
                self.permits
            }
        }

        impl Drop for $permit {
            fn drop(&mut self) {
                if self.permits > 0 {
                    self.semaphore.add_permits(self.permits);
                }
            }
        }
    };
}

impl SemaphorePermit<'_> {
    /// Whose permits these are.
    ///
    /// ```
    /// let semaphore = virid::sync::Semaphore::new(3);
    /// let permit = semaphore.try_acquire().unwrap();
    /// assert_eq!(permit.semaphore().available_permits(), 2);
    /// ```
    pub fn semaphore(&self) -> &Semaphore {
        self.semaphore
    }
}

impl OwnedSemaphorePermit {
    /// Whose permits these are.
    ///
    /// ```
    /// let semaphore = std::sync::Arc::new(virid::sync::Semaphore::new(3));
    /// let permit = semaphore.try_acquire_owned().unwrap();
    /// assert_eq!(permit.semaphore().available_permits(), 2);
    /// ```
    pub fn semaphore(&self) -> &Arc<Semaphore> {
        &self.semaphore
    }
}

permits!(SemaphorePermit<'_>, |this| this.semaphore);
permits!(OwnedSemaphorePermit, |this| this.semaphore.clone());
