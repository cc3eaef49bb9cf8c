//! The children of a group or a scope: that they can be aborted, how many have not ended,
//! and what is decided about their owner's end. Used by those who spawn, by the children
//! when they end, and by the owner, which waits for that; all on any thread. Nobody calls
//! code of others under the locks.

use std::sync::Arc;
use std::task::{Context, Poll};
#[cfg(feature = "time")]
use std::time::Instant;

use super::limit::Permit;
use super::roll::{Roll, wake};
use super::token::CancellationToken;
use crate::metrics::{OwnerCounts, OwnerMetrics};
use crate::primitives::Mutex;
use crate::task::error::{JoinError, Unheard};
use crate::task::header::TaskRef;
use crate::task::work::Owner;
use crate::unwind;
#[cfg(feature = "time")]
use crate::{runtime, task::AbortHandle, time};

/// What a group or a scope, its handles and its children share.
pub(crate) struct Members {
    roll: Roll<TaskRef>,
    state: Mutex<State>,
    /// Those who wait at a limit are counted here.
    pub(crate) counts: OwnerCounts,
    /// Whether the first child that panics decides how the owner ends.
    pub(crate) ends_with_a_panic: bool,
}

struct State {
    is_closed: bool,
    /// How the owner ends is known: a group's body is not polled any more.
    is_decided: bool,
    token: Option<CancellationToken>,
    unheard: Option<Arc<Unheard>>,
    #[cfg(feature = "time")]
    deadline: Option<(Instant, AbortHandle)>,
}

impl Members {
    pub(crate) fn new(ends_with_a_panic: bool) -> Arc<Self> {
        Arc::new(Self {
            roll: Roll::new(),
            state: Mutex::new(State {
                is_closed: false,
                is_decided: false,
                token: None,
                unheard: None,
                #[cfg(feature = "time")]
                deadline: None,
            }),
            counts: OwnerCounts::new(),
            ends_with_a_panic,
        })
    }

    /// A place for a new child; none where the group takes no more.
    pub(crate) fn join(self: &Arc<Self>, permit: Option<Permit>) -> Result<Place, Option<Permit>> {
        if !self.roll.enter() {
            return Err(permit);
        }
        let members = self.clone();
        Ok(Place { members, permit })
    }

    /// Says which task was spawned, so that it can be aborted.
    pub(crate) fn add(&self, task: TaskRef) {
        if let Some(task) = self.roll.add(task, TaskRef::is_complete) {
            task.abort();
        }
    }

    /// Whether no more children are taken. It may say so late.
    pub(crate) fn is_closed(&self) -> bool {
        self.roll.is_closed()
    }

    /// Aborts all children, and takes no more.
    pub(crate) fn cancel(&self) {
        self.close(false);
    }

    /// The same, where that is also how the owner ends. Whether nobody has decided before.
    pub(crate) fn decide(&self) -> bool {
        self.close(true)
    }

    fn close(&self, decides: bool) -> bool {
        let (token, is_first) = {
            let mut state = self.state.lock();
            let is_first = decides && !state.is_decided;
            state.is_decided |= decides;
            state.is_closed = true;
            (state.token.clone(), is_first)
        };
        for task in self.roll.close() {
            task.abort();
        }
        if let Some(token) = token {
            unwind::contain(|| token.cancel());
        }
        if is_first {
            wake(self.roll.take_owner());
        }
        is_first
    }

    /// Whether it is known how the group ends; who polls is woken when it is.
    pub(crate) fn is_decided(&self, context: &Context<'_>) -> bool {
        // Before the look: who decides takes the waker afterwards.
        drop(self.roll.register(context.waker()));
        self.state.lock().is_decided
    }

    /// Ready when all children have ended. The group takes no more then.
    pub(crate) fn poll_ended(&self, context: &Context<'_>) -> Poll<()> {
        self.roll.poll_left(context.waker())
    }

    /// How many children have panicked whose handles have not said so to anybody.
    pub(crate) fn unheard(&self) -> usize {
        let state = self.state.lock();
        state.unheard.as_ref().map_or(0, |unheard| unheard.count())
    }

    /// A token that is cancelled when the children are aborted, or the group has ended.
    pub(crate) fn token(&self) -> CancellationToken {
        let mut state = self.state.lock();
        let is_closed = state.is_closed;
        let token = state.token.get_or_insert_default().clone();
        drop(state);
        if is_closed {
            token.cancel();
        }
        token
    }

    pub(crate) fn metrics(&self) -> OwnerMetrics {
        let (_, running) = self.roll.numbers();
        self.metrics_with(running)
    }

    /// The same, for an owner that counts by itself how many run.
    pub(crate) fn metrics_with(&self, running: usize) -> OwnerMetrics {
        let (added, _) = self.roll.numbers();
        let waiting = self.counts.read().waiting();
        OwnerMetrics::new(waiting, running, added.saturating_sub(running as u64))
    }

    /// Aborts the children then, unless that is later than was said before.
    #[cfg(feature = "time")]
    pub(crate) fn set_deadline(self: &Arc<Self>, deadline: Instant) {
        if deadline <= Instant::now() {
            return self.cancel();
        }
        let members = Arc::downgrade(self);
        let timer = runtime::spawn_on_current(async move {
            time::sleep_until(deadline).await;
            if let Some(members) = members.upgrade() {
                members.cancel();
            }
        });
        let timer = timer.abort_handle();
        let too_late = {
            let mut state = self.state.lock();
            let before = state.deadline.as_ref();
            let counts = !state.is_closed && before.is_none_or(|(before, _)| deadline < *before);
            if counts {
                state.deadline.replace((deadline, timer))
            } else {
                Some((deadline, timer))
            }
        };
        if let Some((_, timer)) = too_late {
            timer.abort();
        }
    }

    /// The owner has gone: nothing of the group is left to do anything.
    pub(crate) fn leave(&self) {
        self.cancel();
        #[cfg(feature = "time")]
        {
            let deadline = self.state.lock().deadline.take();
            if let Some((_, timer)) = deadline {
                timer.abort();
            }
        }
    }
}

/// The place of one child. Dropped when that has ended.
pub(crate) struct Place {
    pub(crate) members: Arc<Members>,
    permit: Option<Permit>,
}

impl Drop for Place {
    fn drop(&mut self) {
        // First: when the group has ended nobody runs under its limits.
        drop(self.permit.take());
        wake(self.members.roll.leave());
    }
}

impl Owner for Option<Place> {
    fn ends(&mut self, error: Option<&mut JoinError>) {
        let (Some(place), Some(error)) = (self, error) else {
            return;
        };
        if !error.is_panic() {
            return;
        }
        let unheard = {
            let mut state = place.members.state.lock();
            state.unheard.get_or_insert_with(Unheard::new).clone()
        };
        error.count(&unheard);
        if place.members.ends_with_a_panic {
            place.members.decide();
        }
    }
}
