//! Counts destructor runs, so that a leak or a second drop shows as a number.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

#[derive(Clone, Default)]
pub(crate) struct Drops(Arc<AtomicUsize>);

/// Adds one to its counter when it is dropped.
#[derive(Debug)]
pub(crate) struct Token(Arc<AtomicUsize>);

impl Drops {
    pub(crate) fn token(&self) -> Token {
        Token(self.0.clone())
    }

    pub(crate) fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}
