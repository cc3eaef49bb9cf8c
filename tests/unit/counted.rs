//! The processor's atomics, with a count of the read-modify-writes of a thread:
//! what the unit tests of the crate are compiled with.

use std::cell::Cell;
use std::ops::Deref;
use std::sync::atomic::{self, Ordering};

thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

/// Counts one.
pub(crate) fn count() {
    COUNT.set(COUNT.get() + 1);
}

/// How many this thread has done.
pub(crate) fn counted() -> u64 {
    COUNT.get()
}

macro_rules! counted {
    ($name:ident $(<$parameter:ident>)?, $value:ty, $($method:ident)*) => {
        #[derive(Debug)]
        pub(crate) struct $name$(<$parameter>)?(atomic::$name$(<$parameter>)?);

        #[allow(dead_code, reason = "each type has all of them, and not all are used")]
        impl$(<$parameter>)? $name$(<$parameter>)? {
            pub(crate) const fn new(value: $value) -> Self {
                Self(atomic::$name::new(value))
            }

            pub(crate) fn compare_exchange(
                &self,
                now: $value,
                next: $value,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$value, $value> {
                count();
                self.0.compare_exchange(now, next, success, failure)
            }

            pub(crate) fn compare_exchange_weak(
                &self,
                now: $value,
                next: $value,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$value, $value> {
                count();
                self.0.compare_exchange_weak(now, next, success, failure)
            }

            pub(crate) fn fetch_update(
                &self,
                success: Ordering,
                failure: Ordering,
                change: impl FnMut($value) -> Option<$value>,
            ) -> Result<$value, $value> {
                count();
                self.0.fetch_update(success, failure, change)
            }

            $(
                pub(crate) fn $method(&self, value: $value, order: Ordering) -> $value {
                    count();
                    self.0.$method(value, order)
                }
            )*
        }

        impl$(<$parameter>)? Deref for $name$(<$parameter>)? {
            type Target = atomic::$name$(<$parameter>)?;

            fn deref(&self) -> &Self::Target {
                &self.0
            }
        }
    };
}

counted!(AtomicPtr<T>, *mut T, swap);
counted!(AtomicBool, bool, swap);
counted!(AtomicU32, u32, swap fetch_add fetch_sub);
counted!(AtomicU64, u64, swap fetch_add fetch_sub fetch_and fetch_or);
counted!(AtomicUsize, usize, swap fetch_add fetch_sub fetch_and fetch_or);
