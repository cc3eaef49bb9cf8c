//! What others see of a worker: one for each, in what all share.

use std::sync::{Arc, OnceLock};

use super::deque::Injector;
use super::parker::Parker;
use super::queue::{Queue, QueueStealer};
use super::running::Running;
use super::watched::Watched;
use crate::memory::Traffic;
use crate::metrics::Counters;
use crate::primitives::AtomicUsize;
use crate::task::header::Runnable;

/// What others see of a worker.
pub(super) struct Remote {
    pub(super) stealer: QueueStealer,
    /// Started green threads of this worker that others have woken.
    pub(super) inbox: Injector<Runnable>,
    /// What its lists have moved.
    pub(super) traffic: Arc<Traffic>,
    /// How often it was asked to hand in before it has done so last.
    pub(super) handed_in: AtomicUsize,
    /// Set by the worker before it announces itself for the first time.
    pub(super) parker: OnceLock<Arc<Parker>>,
    pub(super) counters: Counters,
    pub(super) running: Running,
    /// What it shows to the watchdog.
    pub(super) watched: Watched,
}

impl Remote {
    /// Of the worker whose queue it is.
    pub(super) fn new(queue: &Queue) -> Self {
        Self {
            stealer: queue.stealer(),
            inbox: Injector::new(),
            traffic: Arc::default(),
            handed_in: AtomicUsize::new(0),
            parker: OnceLock::new(),
            counters: Counters::default(),
            running: Running::default(),
            watched: Watched::new(),
        }
    }
}
