//! Who monitors a runtime's spawns, and how its workers hear of it: each has a list of
//! its own, which it renews where it looks up from its work.

use std::sync::Arc;

use super::shared::{LOOK, MONITORED, Shared};
use super::worker::Worker;
use crate::context;
use crate::monitor::countdown::{want, want_no_more};
use crate::monitor::record::Record;
use crate::monitor::window::Begun;
use crate::primitives::Ordering;
use crate::unwind;

impl Shared {
    /// Begins to record samples. The calling thread's next spawn may be one; a worker's
    /// from its next task on, or after some four thousand more of the one that it is in.
    pub(crate) fn attach(&self, record: Arc<Record>) {
        let mut records = self.records.lock();
        want(record.rate());
        records.push(record);
        // Ordering: Relaxed, as all of `attention`; the list is under its lock.
        self.attention.fetch_or(MONITORED, Ordering::Relaxed);
        self.attention.fetch_add(LOOK, Ordering::Relaxed);
        drop(records);
        context::look_up_soon();
    }

    /// Ends what [`attach`](Self::attach) has begun.
    pub(crate) fn detach(&self, record: &Arc<Record>) {
        let mut records = self.records.lock();
        records.retain(|other| !Arc::ptr_eq(other, record));
        want_no_more(record.rate());
        // Ordering: the same.
        if records.is_empty() {
            self.attention.fetch_and(!MONITORED, Ordering::Relaxed);
        }
        self.attention.fetch_add(LOOK, Ordering::Relaxed);
    }

    pub(crate) fn is_monitored(&self) -> bool {
        self.attention() & MONITORED != 0
    }
}

impl Worker {
    /// Renews the list, where nobody is changing it just now. Whether it has.
    pub(super) fn see_who_monitors(&self) -> bool {
        let Some(records) = self.shared().records.try_lock() else {
            return false;
        };
        let before = self.records.replace(records.clone());
        drop(records);
        drop(before);
        context::look_up_soon();
        true
    }

    /// Notes the wait of a sample that is about to run here.
    pub(super) fn record(&self, begun: Begun) {
        let mut slow = Vec::new();
        for record in self.records.borrow().iter() {
            slow.extend(record.add(self.index(), begun));
        }
        for tell in slow {
            let _mark = context::forbid_blocking();
            unwind::contain(|| tell(begun.place, begun.waited));
            unwind::contain(|| drop(tell));
        }
    }
}
