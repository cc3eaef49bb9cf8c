//! The time for which the system has let a thread run, for others to read.
//!
//! Known on Linux. Elsewhere, and in models, nobody has such a clock.

use std::time::Duration;

/// The clock of one thread, which must be running when it is read.
#[derive(Debug)]
pub(crate) struct CpuClock {
    #[cfg(all(target_os = "linux", not(virid_loom)))]
    id: libc::clockid_t,
}

#[cfg(all(target_os = "linux", not(virid_loom)))]
impl CpuClock {
    pub(crate) fn of_current_thread() -> Option<Self> {
        let mut id = 0;
        // SAFETY: no requirements.
        let own = unsafe { libc::pthread_self() };
        // SAFETY: the thread runs, and the place is ours.
        let failed = unsafe { libc::pthread_getcpuclockid(own, &raw mut id) };
        (failed == 0).then_some(Self { id })
    }

    /// What the thread has used so far.
    pub(crate) fn used(&self) -> Option<Duration> {
        let mut used = libc::timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        // SAFETY: the place is ours. A number that is no clock any more is an error.
        let failed = unsafe { libc::clock_gettime(self.id, &raw mut used) };
        let seconds = Duration::from_secs(used.tv_sec.try_into().ok()?);
        let rest = Duration::from_nanos(used.tv_nsec.try_into().ok()?);
        (failed == 0).then(|| seconds + rest)
    }
}

#[cfg(not(all(target_os = "linux", not(virid_loom))))]
impl CpuClock {
    pub(crate) fn of_current_thread() -> Option<Self> {
        None
    }

    pub(crate) fn used(&self) -> Option<Duration> {
        None
    }
}
