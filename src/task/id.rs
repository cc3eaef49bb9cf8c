//! What tells one task from all others.

use std::fmt;
use std::num::NonZero;

use crate::context;

/// A number that tells a task from all others of the process, also after it
/// has ended. Numbers are not in order of spawning.
///
/// ```
/// let task = virid::spawn(async {});
/// println!("spawned task {}", task.id());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(NonZero<u64>);

impl Id {
    pub(crate) const fn from_number(number: NonZero<u64>) -> Self {
        Self(number)
    }

    pub(crate) const fn number(self) -> u64 {
        self.0.get()
    }

    #[inline]
    pub(crate) fn next() -> Self {
        Self(context::next_task_number().unwrap_or_else(|| context::look_up().0))
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Id({})", self.0)
    }
}
