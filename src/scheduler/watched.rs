//! What a worker shows to the watchdog of its runtime, and how the two find each
//! other: the watchdog's thread is started, woken and ended here.
//!
//! It sleeps while no green thread is suspended in a spawn. *Show a thread; fence;
//! look whether the watchdog is awake* on a worker's side, against *fall asleep;
//! fence; look for a thread* on the watchdog's: at least one sees the other.

use std::panic::Location;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::cpu_clock::CpuClock;
use super::running::Running;
use crate::primitives::{AtomicU32, Mutex, Ordering, fence, park, park_timeout};
use crate::task::header::Runnable;
use crate::task::id::Id;

/// One worker, as the watchdog sees it.
#[derive(Debug)]
pub(crate) struct Watched {
    /// A green thread that has started here and is suspended in a spawn.
    spawner: Running,
    /// There from the first such thread until the worker ends: who holds the lock
    /// reads the clock of a thread that runs.
    clock: Mutex<Option<CpuClock>>,
}

impl Watched {
    pub(crate) fn new() -> Self {
        Self {
            spawner: Running::default(),
            clock: Mutex::new(None),
        }
    }

    /// Shows the thread that has been suspended for longest, by the worker.
    pub(super) fn show(&self, spawner: Option<&Runnable>) {
        match spawner {
            Some(spawner) => self.spawner.begin(spawner.origin()),
            None => self.spawner.end(),
        }
    }

    pub(super) fn spawner(&self) -> Option<(Id, &'static Location<'static>)> {
        self.spawner.get()
    }

    /// Lets the watchdog read the clock of the calling worker. Whether there is one.
    pub(super) fn register(&self) -> bool {
        let clock = CpuClock::of_current_thread();
        let is_some = clock.is_some();
        *self.clock.lock() = clock;
        is_some
    }

    /// Before the calling worker ends.
    pub(super) fn unregister(&self) {
        *self.clock.lock() = None;
    }

    /// The CPU time that the worker has used.
    pub(super) fn used(&self) -> Option<Duration> {
        self.clock.lock().as_ref().and_then(CpuClock::used)
    }
}

/// The thread of a watchdog, and whether it is awake.
#[derive(Debug)]
pub(crate) struct Watch {
    /// Ordering: Relaxed everywhere. It passes on nothing but itself, and the two
    /// fences at the head of this file order it against what workers show.
    state: AtomicU32,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// Nobody has been suspended in a spawn yet.
const ABSENT: u32 = 0;
const ASLEEP: u32 = 1;
/// Also where it could not be started, and after it has said what it had to say:
/// nobody has to wake it.
const AWAKE: u32 = 2;
const ENDED: u32 = 3;

impl Watch {
    pub(crate) fn new() -> Self {
        Self {
            state: AtomicU32::new(ABSENT),
            thread: Mutex::new(None),
        }
    }

    fn change(&self, from: u32, to: u32) -> bool {
        let (success, failure) = (Ordering::Relaxed, Ordering::Relaxed);
        let changed = self.state.compare_exchange(from, to, success, failure);
        changed.is_ok()
    }

    /// Called by a worker that has just shown a thread. `start` makes the watchdog.
    #[inline]
    pub(super) fn wake(&self, start: impl FnOnce() -> Option<JoinHandle<()>>) {
        // Pairs with the one in `fall_asleep`.
        fence(Ordering::SeqCst);
        if self.state.load(Ordering::Relaxed) != AWAKE {
            self.wake_cold(start);
        }
    }

    #[cold]
    fn wake_cold(&self, start: impl FnOnce() -> Option<JoinHandle<()>>) {
        // Held while the watchdog is started, so that whoever wakes it finds it.
        let mut thread = self.thread.lock();
        if self.change(ABSENT, AWAKE) {
            *thread = start();
        } else if self.change(ASLEEP, AWAKE)
            && let Some(thread) = &*thread
        {
            thread.thread().unpark();
        }
    }

    /// Ends the watchdog, by the last worker: none can wake it any more.
    pub(super) fn end(&self) {
        self.state.store(ENDED, Ordering::Relaxed);
        let thread = self.thread.lock().take();
        if let Some(thread) = thread {
            thread.thread().unpark();
            // It has no result; a panic in it has been reported.
            let _ = thread.join();
        }
    }

    /// Waits for `time`, by the watchdog. Whether it is to go on.
    pub(super) fn wait(&self, time: Duration) -> bool {
        let deadline = Instant::now() + time;
        while self.state.load(Ordering::Relaxed) != ENDED {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return true;
            }
            park_timeout(left);
        }
        false
    }

    /// Sleeps until a worker shows a thread, by the watchdog; not at all where
    /// `is_needed` finds one.
    pub(super) fn fall_asleep(&self, is_needed: impl Fn() -> bool) {
        self.change(AWAKE, ASLEEP);
        // Pairs with the one in `wake`.
        fence(Ordering::SeqCst);
        if is_needed() {
            self.change(ASLEEP, AWAKE);
        }
        while self.state.load(Ordering::Relaxed) == ASLEEP {
            park();
        }
    }
}
