//! Whether a runtime's tasks wait for sockets or timers of async-io: seen by who wakes
//! them, because a future does not say what it waits for.

use std::cell::Cell;

use crate::primitives::{AtomicBool, Ordering, current_thread, thread_local_const};

/// The thread that async-io starts for all who do not wait in its reactor. By another
/// name it would not be known, and all its events be passed on by it, as from any thread.
const THREAD_OF_REACTOR: &str = "async-io";

thread_local_const! {
    /// Whether this thread is in the reactor, and wakes whom an event is for. None until
    /// somebody asks.
    static IN_REACTOR: Cell<Option<bool>> = Cell::new(None);
}

/// Says whether this thread is in the reactor from now on.
pub(crate) fn set_in_reactor(is_in: bool) {
    IN_REACTOR.set(Some(is_in));
}

fn is_in_reactor() -> bool {
    IN_REACTOR.get().unwrap_or_else(|| {
        let is_in = current_thread().name() == Some(THREAD_OF_REACTOR);
        set_in_reactor(is_in);
        is_in
    })
}

/// What one runtime knows of it.
#[derive(Debug)]
pub(crate) struct Events {
    /// Ordering: Relaxed everywhere. A worker that sees it late waits once more as
    /// before.
    are_awaited: AtomicBool,
}

impl Events {
    pub(crate) fn new() -> Self {
        Self {
            are_awaited: AtomicBool::new(false),
        }
    }

    /// A thread that is no worker of the runtime wakes a task of it.
    #[inline]
    pub(crate) fn note_waker(&self) {
        if !self.are_awaited() && is_in_reactor() {
            self.are_awaited.store(true, Ordering::Relaxed);
        }
    }

    /// Whether one of its tasks was woken by an event. Never false again.
    #[inline]
    pub(crate) fn are_awaited(&self) -> bool {
        self.are_awaited.load(Ordering::Relaxed)
    }
}
