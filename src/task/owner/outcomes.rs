//! What the children of a group or a scope leave to it.

use super::members::Members;
use crate::primitives::Mutex;

/// The value of the child that decides how its owner ends.
pub(crate) struct First<T>(Mutex<Option<T>>);

impl<T> First<T> {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(None))
    }

    /// Ends the owner with the value, unless that was decided before.
    pub(crate) fn decide(&self, members: &Members, value: T) {
        if members.decide() {
            // The owner does not look before this child has ended.
            *self.0.lock() = Some(value);
        }
    }

    pub(crate) fn take(&self) -> Option<T> {
        self.0.lock().take()
    }
}

/// The first success, and the errors until then.
pub(crate) struct Outcomes<T, E> {
    first: First<T>,
    errors: Mutex<Vec<E>>,
}

impl<T, E> Outcomes<T, E> {
    pub(crate) fn new() -> Self {
        Self {
            first: First::new(),
            errors: Mutex::new(Vec::new()),
        }
    }

    pub(crate) fn add(&self, members: &Members, outcome: Result<T, E>) {
        match outcome {
            Ok(value) => self.first.decide(members, value),
            Err(error) => self.errors.lock().push(error),
        }
    }

    pub(crate) fn take_first(&self) -> Option<T> {
        self.first.take()
    }

    pub(crate) fn take_errors(&self) -> Vec<E> {
        std::mem::take(&mut self.errors.lock())
    }
}
