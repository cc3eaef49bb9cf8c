//! Wall time and CPU time of one piece of work, and how often the kernel took its
//! processor away.

use std::ops::Add;
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use rustix::time::{ClockId, clock_gettime};

/// Both clocks and the kernel's count, read together.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stopwatch {
    wall: Instant,
    cpu_ns: u64,
    involuntary: u64,
}

/// What a [`Stopwatch`] saw.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Elapsed {
    /// Wall time.
    pub(crate) wall: Duration,
    /// User and system time of all threads of the process.
    pub(crate) cpu_ns: u64,
    /// How often a thread of the process lost its processor to another.
    pub(crate) involuntary: u64,
}

impl Add for Elapsed {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            wall: self.wall + other.wall,
            cpu_ns: self.cpu_ns + other.cpu_ns,
            involuntary: self.involuntary + other.involuntary,
        }
    }
}

impl Stopwatch {
    /// Starts both clocks.
    pub(crate) fn start() -> Self {
        let involuntary = involuntary_switches();
        let cpu_ns = process_cpu_ns();
        Self {
            wall: Instant::now(),
            cpu_ns,
            involuntary,
        }
    }

    /// Reads both clocks.
    pub(crate) fn elapsed(self) -> Elapsed {
        let wall = self.wall.elapsed();
        Elapsed {
            wall,
            cpu_ns: process_cpu_ns().saturating_sub(self.cpu_ns),
            involuntary: involuntary_switches().saturating_sub(self.involuntary),
        }
    }
}

/// The same quantity as user plus system time of `getrusage`, in nanoseconds
/// instead of microseconds.
fn process_cpu_ns() -> u64 {
    let now = clock_gettime(ClockId::ProcessCPUTime);
    let seconds = u64::try_from(now.tv_sec).unwrap_or(0);
    let nanos = u64::try_from(now.tv_nsec).unwrap_or(0);
    seconds * 1_000_000_000 + nanos
}

/// Of all threads of the process, also of those that have ended.
fn involuntary_switches() -> u64 {
    let usage = getrusage(UsageWho::RUSAGE_SELF);
    usage
        .ok()
        .and_then(|usage| u64::try_from(usage.involuntary_context_switches()).ok())
        .unwrap_or(0)
}
