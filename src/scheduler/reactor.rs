//! How a worker waits for sockets and timers while it waits for work.
//!
//! async-io has one reactor in a process and a thread of its own that waits there: every
//! event is then a wake from another thread, through the injector, and a signal. But any
//! thread in `async_io::block_on` waits there in place of that thread, so as soon as a
//! task of the runtime was woken by an event ([`Events`](super::events::Events)), each of
//! its workers runs its loop inside of one `block_on` for as long as the runtime lives. Its
//! future is pending where the worker would park, and a signal wakes it. One thread at a
//! time is in the reactor; the other workers wait for their signals as ever.
//!
//! A worker that an event reaches in the reactor queues the task for itself, and goes on
//! with it when all events of this look are passed on: no other thread has a part in it.
//! What is more than one worker's goes to the next by the wake chain.
//!
//! The protocol of `scheduler.rs` is the same in both loops: a worker is in the reactor
//! only after it has announced itself and looked. While all workers compute, one that
//! comes by the end of a task looks into the reactor now and then; and async-io's thread
//! waits there where nobody has done so for a while (10 ms at most, twice).
//!
//! *Rejected*: one `block_on` for each wait. Its end wakes async-io's thread, every time.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use async_io::Timer;

use super::events;
use super::threads::home_of;
use super::worker::Worker;
use crate::forked;
use crate::task::header::Runnable;
use crate::thread::stack;

/// A worker that has no reason to wait looks into the reactor after so long.
const LOOK_AFTER: Duration = Duration::from_micros(500);

/// And looks at the clock every so many turns of its loop.
const CLOCK_INTERVAL: u32 = 64;

impl Worker {
    /// Works until the runtime ends, and waits in the reactor.
    pub(super) fn work_in_reactor(&self) {
        // When it looks for stacks that cool.
        let mut cooling = None;
        async_io::block_on(poll_fn(|context| {
            events::set_in_reactor(false);
            self.parker().wake_by(context.waker());
            let poll = self.work_until_waiting(&mut cooling, context);
            events::set_in_reactor(poll.is_pending());
            poll
        }));
    }

    fn work_until_waiting(
        &self,
        cooling: &mut Option<Timer>,
        context: &mut Context<'_>,
    ) -> Poll<()> {
        let mut looked = None;
        let mut turns = 0_u32;
        loop {
            if self.is_in_reactor().get() {
                if !self.has_signal(cooling, context) {
                    return Poll::Pending;
                }
                self.is_in_reactor().set(false);
                self.counters().unparked.add(1);
                let is_active = self.run_own_or_search();
                self.is_in_reactor().set(!is_active);
                continue;
            }
            self.reassert();
            if self.is_over() {
                return Poll::Ready(());
            }
            turns = turns.wrapping_add(1);
            if turns.is_multiple_of(CLOCK_INTERVAL) {
                let now = Instant::now();
                if now - *looked.get_or_insert(now) >= LOOK_AFTER {
                    // The reactor of a forked process takes its parent's events.
                    // Aborts, as any panic of a worker.
                    forked::assert_not_forked();
                    // The reactor is looked into, and nobody waits there.
                    context.waker().wake_by_ref();
                    return Poll::Pending;
                }
            }
            if let Some(runnable) = self.next() {
                self.run_task(runnable);
            } else if !self.shared().is_closed() {
                self.start_searching();
                let is_active = self.search_or_announce();
                self.is_in_reactor().set(!is_active);
            }
        }
    }

    /// Queues a task that an event is for, by the worker that waits for events. It is
    /// this worker which goes on with it, and so nobody else is signalled.
    pub(super) fn requeue_in_reactor(&self, runnable: Runnable) {
        match home_of(&runnable) {
            Some(home) if home == self.index() => self.threads().push_woken(runnable),
            Some(home) => return self.shared().send_home(home, runnable),
            None => self.push_unsignalled(runnable),
        }
        // No fence: where another was faster, this worker is about to be unparked, and
        // looks into its own queue then.
        self.count_signal(self.shared().signal_worker(self.index()));
    }

    /// Whether the signal has come that the worker waits for. As `wait_for_signal` it
    /// looks up where free stacks have pages that were used lately.
    fn has_signal(&self, cooling: &mut Option<Timer>, context: &mut Context<'_>) -> bool {
        loop {
            if self.parker().take() {
                return true;
            }
            if !stack::any_is_warm() {
                *cooling = None;
                return false;
            }
            let timer = cooling.get_or_insert_with(|| Timer::after(stack::COOLING));
            if Pin::new(timer).poll(context).is_pending() {
                return false;
            }
            *cooling = None;
            while stack::cool() {
                // The signal may have come.
                if self.parker().take() {
                    return true;
                }
            }
        }
    }
}
