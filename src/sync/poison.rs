//! Poisoning, as in std: a lock that was held for writing while its holder panicked
//! says so to everybody who locks it later.

use std::sync::{LockResult, PoisonError};
use std::thread::panicking;

use crate::primitives::{AtomicBool, Ordering};

/// Whether a lock is poisoned. The lock orders it: it is set before the lock is given
/// back, and read after it was taken, so that Relaxed is enough (as it is where it is
/// read without the lock, which is a hint).
#[derive(Debug)]
pub(super) struct Flag(AtomicBool);

impl Flag {
    pub(super) const fn new() -> Self {
        Self(AtomicBool::new(false))
    }

    #[inline]
    pub(super) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    pub(super) fn clear(&self) {
        self.0.store(false, Ordering::Relaxed);
    }

    /// What a lock answers when it was taken.
    #[inline]
    pub(super) fn result<G>(&self, guard: G) -> LockResult<G> {
        if self.is_set() {
            Err(PoisonError::new(guard))
        } else {
            Ok(guard)
        }
    }

    /// For as long as the lock is held for writing.
    #[inline]
    pub(super) fn watch(&self) -> Watch<'_> {
        Watch {
            flag: self,
            was_panicking: panicking(),
        }
    }
}

/// Poisons when it is dropped by a panic that began after it was made. What std says
/// of panics is about the calling green thread alone (`thread/panics.rs`).
#[derive(Debug)]
pub(super) struct Watch<'a> {
    flag: &'a Flag,
    was_panicking: bool,
}

impl Watch<'_> {
    /// Where the lock is given back for a wait: that is no end of its use.
    pub(super) fn end(self) {
        std::mem::forget(self);
    }
}

impl Drop for Watch<'_> {
    #[inline]
    fn drop(&mut self) {
        if !self.was_panicking && panicking() {
            self.flag.0.store(true, Ordering::Relaxed);
        }
    }
}
