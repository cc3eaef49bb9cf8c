//! What a worker is running now, for others to read: written by the worker
//! before every poll, read when somebody asks what keeps the runtime from
//! ending.

use std::num::NonZero;
use std::panic::Location;

use crate::primitives::Sequenced;
use crate::task::id::Id;

/// The task that a worker is inside of: in a poll, or in the drop of its future.
#[derive(Debug, Default)]
pub(crate) struct Running(Sequenced<Location<'static>>);

impl Running {
    #[inline]
    pub(crate) fn begin(&self, (id, place): (Id, &'static Location<'static>)) {
        self.0.write(id.number(), place);
    }

    pub(crate) fn end(&self) {
        self.0.clear();
    }

    /// `None` between tasks, and while one is noted.
    pub(crate) fn get(&self) -> Option<(Id, &'static Location<'static>)> {
        let (number, place) = self.0.read()?;
        Some((Id::from_number(NonZero::new(number)?), place))
    }
}
