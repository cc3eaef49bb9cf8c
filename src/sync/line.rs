//! What waits in line: each with a number, by which it can leave.

use std::collections::BTreeMap;

/// Those who leave are as cheap as those who come, wherever they stand: a hundred
/// thousand may, at one end of their time.
#[derive(Debug)]
pub(super) struct Line<T> {
    waiting: BTreeMap<u64, T>,
    next: u64,
}

/// One end of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Oldest,
    Newest,
}

impl<T> Line<T> {
    pub(super) const fn new() -> Self {
        Self {
            waiting: BTreeMap::new(),
            next: 0,
        }
    }

    /// Behind all others. The number is never used again.
    pub(super) fn join(&mut self, value: T) -> u64 {
        let number = self.next;
        self.next += 1;
        self.waiting.insert(number, value);
        number
    }

    pub(super) fn first(&self) -> Option<&T> {
        self.waiting.first_key_value().map(|(_, value)| value)
    }

    pub(super) fn pop(&mut self, end: End) -> Option<T> {
        let (_, value) = match end {
            End::Oldest => self.waiting.pop_first()?,
            End::Newest => self.waiting.pop_last()?,
        };
        Some(value)
    }

    /// What has the number, if it still waits.
    pub(super) fn leave(&mut self, number: u64) -> Option<T> {
        self.waiting.remove(&number)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// All, the oldest first.
    pub(super) fn take(&mut self) -> impl Iterator<Item = T> + use<T> {
        std::mem::take(&mut self.waiting).into_values()
    }
}
