//! The blocking pool of a runtime: threads that are no workers, for closures that
//! block.
//!
//! Each closure is a task whose one poll is the closure; its `Runnable` waits here and
//! in no other queue. A closure that comes while no thread is idle starts one, up to
//! the bound; a thread that has been idle for long ends. So a thread exists only where
//! there was something to do for it, and a closure waits only where all that are
//! allowed, or that the system grants, are busy.
//!
//! All is behind one lock, which both sides take once for each closure: what blocks
//! takes longer than that by far. The lock is also held while a thread is started, so
//! that nobody counts on one that is refused. No code of a user runs under it.
//!
//! *The end.* The pool is closed before the workers are told: who sees the runtime
//! closed finds here all that was ever queued. Threads take nothing any more then; the
//! workers drop what is queued, as they drop tasks; and the end of the runtime waits
//! for the threads, which end with the closures they are in. A thread that has left
//! before is waited for too, by the next that leaves, and the last by the end: it may
//! still be in the destructors of its thread-locals.
//!
//! Not the crate `blocking`: its pool is one for the whole process, so that no runtime
//! could bound its own threads, count them, or wait for them at its end, and what it
//! returns is no handle of a task.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::panic::Location;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::forked;
use crate::metrics::Blocking;
use crate::primitives::Monitor;
use crate::task::header::Runnable;
use crate::task::id::Id;

/// What a runtime's builder says about its pool.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// How many threads there are at most; not zero.
    pub(crate) most: usize,
    /// How long one is idle before it ends.
    pub(crate) keep_alive: Duration,
    pub(crate) thread_name: String,
    pub(crate) thread_stack_size: Option<usize>,
}

pub(crate) struct Pool {
    settings: Settings,
    /// Notified once for each closure that an idle thread is to take, and at the end.
    state: Monitor<State>,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Runnable>,
    /// Threads that wait. Those that were notified and have not got the lock yet are
    /// among them: each of these takes a closure, if there is one.
    idle: usize,
    /// A seat for each thread, and how many of them are taken.
    seats: Vec<Option<Seat>>,
    threads: usize,
    is_closed: bool,
    /// The last thread that has left; all that have since the pool is closed.
    left: Vec<JoinHandle<()>>,
}

struct Seat {
    /// `None` where nobody is to wait for its end.
    thread: Option<JoinHandle<()>>,
    running: Option<(Id, &'static Location<'static>)>,
}

/// Why a closure was not queued.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// The runtime is ending.
    Closed(Runnable),
    /// There is no thread, and the system refuses one.
    NoThread(Runnable, io::Error),
}

impl State {
    /// A seat that is free.
    fn free_seat(&mut self) -> usize {
        let free = self.seats.iter().position(Option::is_none);
        free.unwrap_or_else(|| {
            self.seats.push(None);
            self.seats.len() - 1
        })
    }

    fn seat(&mut self, seat: usize) -> &mut Seat {
        self.seats[seat].as_mut().expect("a thread has its seat")
    }

    /// Its thread ends. The one that it is to wait for.
    fn leave(&mut self, seat: usize) -> Option<JoinHandle<()>> {
        self.threads -= 1;
        let thread = self.seats[seat].take().and_then(|seat| seat.thread);
        let before = if self.is_closed {
            None
        } else {
            self.left.pop()
        };
        self.left.extend(thread);
        before
    }
}

impl Pool {
    pub(crate) fn new(settings: Settings) -> Self {
        Self {
            settings,
            state: Monitor::new(State::default()),
        }
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Queues a closure, and sees to it that a thread comes to it. `start` starts one
    /// that calls [`work`](Self::work) with the seat.
    ///
    /// Where the system refuses a thread, those that there are will come to it.
    pub(crate) fn push(
        &self,
        runnable: Runnable,
        start: impl FnOnce(usize) -> io::Result<JoinHandle<()>>,
    ) -> Result<(), Refusal> {
        let mut state = self.state.lock();
        if state.is_closed {
            return Err(Refusal::Closed(runnable));
        }
        state.queue.push_back(runnable);
        if state.queue.len() <= state.idle {
            drop(state);
            self.state.notify_one();
            return Ok(());
        }
        if state.threads == self.settings.most {
            return Ok(());
        }
        let seat = state.free_seat();
        match start(seat) {
            Ok(thread) => {
                state.threads += 1;
                state.seats[seat] = Some(Seat {
                    thread: Some(thread),
                    running: None,
                });
            }
            Err(error) if state.threads == 0 => {
                let runnable = state.queue.pop_back().expect("it was just queued");
                return Err(Refusal::NoThread(runnable, error));
            }
            Err(_) => {}
        }
        Ok(())
    }

    /// What a thread of the pool does until it ends. `between` is called after each
    /// closure. The thread that it waits for last of all, if there is one.
    pub(crate) fn work(&self, seat: usize, between: impl Fn()) -> Option<JoinHandle<()>> {
        loop {
            match self.next(seat) {
                Ok(runnable) => {
                    runnable.run().queue_next();
                    // A closure that forked goes no further in the child, where the
                    // queue is a copy. Aborts, as any panic of this thread.
                    forked::assert_not_forked();
                    between();
                }
                Err(before) => return before,
            }
        }
    }

    /// Waits for a closure. An error where the thread is to end.
    fn next(&self, seat: usize) -> Result<Runnable, Option<JoinHandle<()>>> {
        let mut state = self.state.lock();
        state.seat(seat).running = None;
        let mut end = None;
        while !state.is_closed {
            if let Some(runnable) = state.queue.pop_front() {
                state.seat(seat).running = Some(runnable.origin());
                return Ok(runnable);
            }
            let now = Instant::now();
            // An end beyond what the clock can say is none.
            let end = *end.get_or_insert_with(|| now.checked_add(self.settings.keep_alive));
            let left = end.map_or(Duration::MAX, |end| end.saturating_duration_since(now));
            if left.is_zero() {
                break;
            }
            state.idle += 1;
            state = self.state.wait_timeout(state, left);
            state.idle -= 1;
        }
        Err(state.leave(seat))
    }

    /// Begins the end. May be called again.
    pub(crate) fn close(&self) {
        self.state.lock().is_closed = true;
        self.state.notify_all();
    }

    /// Takes a closure that no thread has taken, to drop it; once the pool is closed.
    pub(crate) fn next_queued(&self) -> Option<Runnable> {
        self.state.lock().queue.pop_front()
    }

    /// The threads that have not ended, or just so, for the caller to wait for; once
    /// the pool is closed.
    pub(crate) fn take_threads(&self) -> Vec<JoinHandle<()>> {
        let mut state = self.state.lock();
        let mut threads = std::mem::take(&mut state.left);
        let seats = state.seats.iter_mut().flatten();
        threads.extend(seats.filter_map(|seat| seat.thread.take()));
        threads
    }

    /// The closures that threads are inside of.
    pub(crate) fn running(&self) -> Vec<(Id, &'static Location<'static>)> {
        let state = self.state.lock();
        let seats = state.seats.iter().flatten();
        seats.filter_map(|seat| seat.running).collect()
    }

    pub(crate) fn metrics(&self) -> Blocking {
        let state = self.state.lock();
        Blocking {
            threads: state.threads,
            // One that was notified is as good as busy.
            idle: state.idle.saturating_sub(state.queue.len()),
            queued: state.queue.len(),
        }
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
