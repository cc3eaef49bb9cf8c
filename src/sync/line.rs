//! What waits in line: each with a number, by which it can leave.

use std::collections::VecDeque;

#[derive(Debug)]
pub(super) struct Line<T> {
    waiting: VecDeque<(u64, T)>,
    next: u64,
}

impl<T> Line<T> {
    pub(super) const fn new() -> Self {
        Self {
            waiting: VecDeque::new(),
            next: 0,
        }
    }

    /// At its end. The number is never used again.
    pub(super) fn join(&mut self, value: T) -> u64 {
        let number = self.next;
        self.next += 1;
        self.waiting.push_back((number, value));
        number
    }

    pub(super) fn first(&self) -> Option<&T> {
        self.waiting.front().map(|(_, value)| value)
    }

    pub(super) fn pop(&mut self) -> Option<T> {
        self.waiting.pop_front().map(|(_, value)| value)
    }

    /// What has the number, if it still waits.
    pub(super) fn leave(&mut self, number: u64) -> Option<T> {
        let place = self.waiting.binary_search_by_key(&number, |(own, _)| *own);
        let (_, value) = self.waiting.remove(place.ok()?)?;
        Some(value)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(super) fn take(&mut self) -> VecDeque<(u64, T)> {
        std::mem::take(&mut self.waiting)
    }
}
