//! The workloads, one file each: what a runtime is made to do, and what is known
//! of it. A new one is a file and a line in each list here.

mod bounded;
mod flat;
mod join_set;
pub(crate) mod keyed;
mod parked;
mod ping_pong;
mod tree;
mod yields;

use std::io;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::Elapsed;
use crate::hosts::{ScopeHost, SetHost, TaskHost, ThreadHost};

/// A workload by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Workload {
    /// One task spawns all the others.
    Flat,
    /// Every task spawns two.
    Tree,
    /// Two take turns by yielding.
    Yield,
    /// Two take turns by waking each other.
    PingPong,
    /// Many wait, all at once.
    Parked,
    /// One task spawns the others into a set and joins them.
    JoinSet,
    /// The same, with a limit on how many run at once.
    Bounded,
    /// One at a time of each key.
    Keyed,
}

/// Every workload, in the order in which they are measured and shown.
pub(crate) const WORKLOADS: [Workload; 8] = [
    Workload::Flat,
    Workload::Tree,
    Workload::Yield,
    Workload::PingPong,
    Workload::Parked,
    Workload::JoinSet,
    Workload::Bounded,
    Workload::Keyed,
];

/// What the program knows of a workload without running it.
#[derive(Debug)]
pub(crate) struct Facts {
    /// The name used on the command line, in results and on file.
    pub(crate) name: &'static str,
    /// One line that says what the numbers mean.
    pub(crate) describe: &'static str,
    /// What times are divided by.
    pub(crate) unit: &'static str,
    /// Many of them.
    pub(crate) units: &'static str,
    /// The sizes that are measured unless others are asked for.
    pub(crate) sizes: &'static [u64],
    /// The sizes of a quick run.
    pub(crate) quick: &'static [u64],
    /// Whether another size is another question, which `--sizes` asks.
    pub(crate) scales: bool,
    /// Number of workers, if the workload is about so many.
    pub(crate) workers: Option<usize>,
    /// Whether bursts say how much memory the waiting tasks held.
    pub(crate) asks_for_memory: bool,
    /// Which of the bursts have a table.
    pub(crate) phases: &'static [Phase],
    /// What its rounds may take in a run that was not told how many.
    pub(crate) budget: Duration,
    /// The checksum a burst of this size must arrive at.
    pub(crate) checksum: fn(u64) -> u64,
}

/// What is known of each of the two bursts that one process runs.
///
/// They are kept apart because they measure different things: the first pays for
/// fresh memory pages and for the start of threads, the second finds both.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Bursts<T> {
    /// Of the first.
    pub(crate) cold: T,
    /// Of the second.
    pub(crate) warm: T,
}

/// One of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// The first.
    Cold,
    /// The second.
    Warm,
}

impl<T> Bursts<T> {
    /// Runs the first, then the second.
    pub(crate) fn run(mut burst: impl FnMut() -> T) -> Self {
        let cold = burst();
        let warm = burst();
        Self { cold, warm }
    }

    /// The one of `phase`.
    pub(crate) fn of(&self, phase: Phase) -> &T {
        match phase {
            Phase::Cold => &self.cold,
            Phase::Warm => &self.warm,
        }
    }

    /// Both, each made into something else.
    pub(crate) fn map<U>(&self, f: impl Fn(&T) -> U) -> Bursts<U> {
        Bursts {
            cold: f(&self.cold),
            warm: f(&self.warm),
        }
    }

    /// Whether both pass.
    pub(crate) fn all(&self, pass: impl Fn(&T) -> bool) -> bool {
        pass(&self.cold) && pass(&self.warm)
    }
}

/// One timed burst.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Measured {
    /// What the timed part took.
    pub(crate) elapsed: Elapsed,
    /// What the tasks computed.
    pub(crate) checksum: u64,
    /// Memory of the process while all tasks waited, where that is the question.
    pub(crate) held_kib: Option<u64>,
}

impl Measured {
    /// A burst without a question about memory.
    pub(crate) fn new(elapsed: Elapsed, checksum: u64) -> Self {
        Self {
            elapsed,
            checksum,
            held_kib: None,
        }
    }
}

impl Workload {
    /// What is known of it.
    pub(crate) fn facts(self) -> &'static Facts {
        match self {
            Self::Flat => &flat::FACTS,
            Self::Tree => &tree::FACTS,
            Self::Yield => &yields::FACTS,
            Self::PingPong => &ping_pong::FACTS,
            Self::Parked => &parked::FACTS,
            Self::JoinSet => &join_set::FACTS,
            Self::Bounded => &bounded::FACTS,
            Self::Keyed => &keyed::FACTS,
        }
    }

    /// The name used on the command line, in results and on file.
    pub(crate) fn name(self) -> &'static str {
        self.facts().name
    }

    /// Finds a workload by name.
    pub(crate) fn find(name: &str) -> Option<Self> {
        WORKLOADS
            .into_iter()
            .find(|workload| workload.name() == name)
    }

    /// Measures this workload on a runtime with futures.
    pub(crate) fn measure_tasks<H: TaskHost>(self, host: &H, n: u64) -> Bursts<Measured> {
        match self {
            Self::Flat => flat::measure_tasks(host, n),
            Self::Tree => tree::measure_tasks(host, n),
            Self::Yield => yields::measure_tasks(host, n),
            Self::PingPong => ping_pong::measure_tasks(host, n),
            Self::Parked => parked::measure_tasks(host, n),
            Self::JoinSet | Self::Bounded => unreachable!("a runtime with sets has `measure_sets`"),
            Self::Keyed => unreachable!("who takes part measures it with its keys"),
        }
    }

    /// Measures this workload on a runtime with futures that has sets of them.
    pub(crate) fn measure_sets<H: SetHost>(self, host: &H, n: u64) -> Bursts<Measured> {
        match self {
            Self::JoinSet => join_set::measure_sets(host, n),
            Self::Bounded => bounded::measure_sets(host, n),
            other => other.measure_tasks(host, n),
        }
    }

    /// Measures this workload on a runtime with threads.
    pub(crate) fn measure_threads<H: ThreadHost>(self, host: &H, n: u64) -> Bursts<Measured> {
        match self {
            Self::Flat => flat::measure_threads(host, n),
            Self::Tree => tree::measure_threads(host, n),
            Self::Yield => yields::measure_threads(host, n),
            Self::PingPong => ping_pong::measure_threads(host, n),
            Self::Parked => parked::measure_threads(host, n),
            Self::JoinSet | Self::Bounded => unreachable!("sets are of futures"),
            Self::Keyed => unreachable!("no threads take part"),
        }
    }

    /// Measures this workload on a runtime with scopes, whose tasks cannot wait.
    pub(crate) fn measure_scope<H: ScopeHost>(
        self,
        host: &H,
        n: u64,
    ) -> io::Result<Bursts<Measured>> {
        match self {
            Self::Flat => Ok(flat::measure_scope(host, n)),
            Self::Tree => Ok(tree::measure_scope(host, n)),
            _ => Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "tasks in a scope cannot wait",
            )),
        }
    }
}
