//! Which of an owner's tasks have ended, in the order in which they did.
//!
//! A task carries a [`Report`] that is dropped when its work is gone, on whatever thread
//! that happens; the owner takes the numbers out. One short lock for each task that
//! ends, and one for each number that is taken; nothing where a task is spawned.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Poll, Waker};

use crate::primitives::Mutex;
use crate::unwind;

pub(crate) struct Finished(Mutex<State>);

struct State {
    ended: VecDeque<usize>,
    /// Of the owner, while it waits.
    waker: Option<Waker>,
}

impl Finished {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new(State {
            ended: VecDeque::new(),
            waker: None,
        })))
    }

    /// The next that has ended; where there is none, the waker is woken for it.
    pub(crate) fn poll_next(&self, waker: &Waker) -> Poll<usize> {
        let waker = waker.clone();
        let mut state = self.0.lock();
        if let Some(number) = state.ended.pop_front() {
            return Poll::Ready(number);
        }
        let before = state.waker.replace(waker);
        drop(state);
        drop(before);
        Poll::Pending
    }

    /// One of its tasks, by a number that the owner chooses.
    pub(crate) fn report(self: &Arc<Self>, number: usize) -> Report {
        Report {
            finished: Arc::clone(self),
            number,
        }
    }
}

/// Tells when it is dropped.
pub(crate) struct Report {
    finished: Arc<Finished>,
    number: usize,
}

impl Drop for Report {
    fn drop(&mut self) {
        let waker = {
            let mut state = self.finished.0.lock();
            state.ended.push_back(self.number);
            state.waker.take()
        };
        if let Some(waker) = waker {
            unwind::contain(|| waker.wake());
        }
    }
}
