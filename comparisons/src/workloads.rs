//! The workloads, one file each: what a runtime is made to do, and what is known
//! of it. A new one is a file and a line in each list here.

mod after_burst;
mod backlog;
mod bounded;
mod channel;
pub(crate) mod cold_start;
pub(crate) mod echo;
mod fib;
mod flat;
mod fork_join;
mod idle;
mod join_set;
pub(crate) mod keyed;
mod nqueens;
mod outside;
mod parked;
mod ping_pong;
pub(crate) mod remote_wake;
mod scopes;
mod skynet;
mod spawn_join;
mod tree;
mod us_bodies;
mod wake;
mod yield_many;
mod yields;

use std::io;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::Elapsed;
use crate::hosts::{JoinHost, ScopeHost, SetHost, ThreadHost};

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
    /// Each task spawns the next.
    Chained,
    /// One task spawns all the others and joins them.
    SpawnJoin,
    /// Scopes of 1,000, one after the other.
    Scope,
    /// A thread outside the runtime spawns.
    #[serde(rename = "outside-1")]
    Outside1,
    /// Four do.
    #[serde(rename = "outside-4")]
    Outside4,
    /// Eight do.
    #[serde(rename = "outside-8")]
    Outside8,
    /// Many take turns by yielding.
    YieldMany,
    /// A thread outside the runtime wakes a task; the median.
    Wake,
    /// The same, the slowest in a hundred.
    #[serde(rename = "wake-p99")]
    WakeP99,
    /// Two in two runtimes take turns by waking each other.
    RemoteWake,
    /// `Flat` with work in each task, on one worker.
    #[serde(rename = "us-burst-1")]
    UsBurst1,
    /// The same on two.
    #[serde(rename = "us-burst-2")]
    UsBurst2,
    /// `Tree` with work in each task, on one worker.
    #[serde(rename = "us-tree-1")]
    UsTree1,
    /// The same on two.
    #[serde(rename = "us-tree-2")]
    UsTree2,
    /// A runtime starts.
    ColdStart,
    /// Clients and a server speak over TCP.
    Echo,
    /// Each spawns ten and adds up their results.
    Skynet,
    /// Each spawns one and computes another.
    Fib,
    /// Each spawns as many as there are safe places.
    Nqueens,
    /// All are spawned before any runs.
    Backlog,
    /// What is left of a burst.
    AfterBurst,
    /// Nothing is to be done.
    Idle,
    /// Two send and two receive.
    Channel,
}

/// Every workload, in the order in which they are measured and shown.
pub(crate) const WORKLOADS: [Workload; 31] = [
    Workload::Flat,
    Workload::Tree,
    Workload::Yield,
    Workload::PingPong,
    Workload::Parked,
    Workload::JoinSet,
    Workload::Bounded,
    Workload::Keyed,
    Workload::Chained,
    Workload::SpawnJoin,
    Workload::Scope,
    Workload::Outside1,
    Workload::Outside4,
    Workload::Outside8,
    Workload::YieldMany,
    Workload::Wake,
    Workload::WakeP99,
    Workload::RemoteWake,
    Workload::UsBurst1,
    Workload::UsBurst2,
    Workload::UsTree1,
    Workload::UsTree2,
    Workload::ColdStart,
    Workload::Echo,
    Workload::Skynet,
    Workload::Fib,
    Workload::Nqueens,
    Workload::Backlog,
    Workload::AfterBurst,
    Workload::Idle,
    Workload::Channel,
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
    /// Whether a run measures it that was not told what to measure.
    pub(crate) is_default: bool,
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
            Self::Tree => &tree::TREE,
            Self::Yield => &yields::FACTS,
            Self::PingPong => &ping_pong::FACTS,
            Self::Parked => &parked::FACTS,
            Self::JoinSet => &join_set::FACTS,
            Self::Bounded => &bounded::FACTS,
            Self::Keyed => &keyed::FACTS,
            Self::Chained => &tree::CHAINED,
            Self::SpawnJoin => &spawn_join::FACTS,
            Self::Scope => &scopes::FACTS,
            Self::Outside1 => &outside::ONE,
            Self::Outside4 => &outside::FOUR,
            Self::Outside8 => &outside::EIGHT,
            Self::YieldMany => &yield_many::FACTS,
            Self::Wake => &wake::MEDIAN,
            Self::WakeP99 => &wake::TAIL,
            Self::RemoteWake => &remote_wake::FACTS,
            Self::UsBurst1 => &us_bodies::BURST_1,
            Self::UsBurst2 => &us_bodies::BURST_2,
            Self::UsTree1 => &us_bodies::TREE_1,
            Self::UsTree2 => &us_bodies::TREE_2,
            Self::ColdStart => &cold_start::FACTS,
            Self::Echo => &echo::FACTS,
            Self::Skynet => &skynet::FACTS,
            Self::Fib => &fib::FACTS,
            Self::Nqueens => &nqueens::FACTS,
            Self::Backlog => &backlog::FACTS,
            Self::AfterBurst => &after_burst::FACTS,
            Self::Idle => &idle::FACTS,
            Self::Channel => &channel::FACTS,
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
    pub(crate) fn measure_tasks<H: JoinHost>(self, host: &H, n: u64) -> Bursts<Measured> {
        match self {
            Self::Flat => Bursts::run(|| flat::run_tasks::<H, 0>(host, n)),
            Self::Tree => tree::measure_tasks::<H, 2, 0>(host, n),
            Self::Yield => yields::measure_tasks(host, n),
            Self::PingPong => ping_pong::measure_tasks(host, n),
            Self::Parked => parked::measure_tasks(host, n),
            Self::Chained => tree::measure_tasks::<H, 1, 0>(host, n),
            Self::SpawnJoin => spawn_join::measure_tasks(host, n),
            Self::Scope => scopes::measure_tasks(host, n),
            Self::Outside1 => outside::measure_tasks(host, 1, n),
            Self::Outside4 => outside::measure_tasks(host, 4, n),
            Self::Outside8 => outside::measure_tasks(host, 8, n),
            Self::YieldMany => yield_many::measure_tasks(host, n),
            Self::Wake => wake::measure_tasks(host, n, 50),
            Self::WakeP99 => wake::measure_tasks(host, n, 99),
            Self::UsBurst1 | Self::UsBurst2 => Bursts::run(|| flat::run_tasks::<H, 1>(host, n)),
            Self::UsTree1 | Self::UsTree2 => tree::measure_tasks::<H, 2, 1>(host, n),
            Self::Skynet => fork_join::measure_tasks(host, skynet::Numbers::root(n)),
            Self::Fib => fork_join::measure_tasks(host, fib::Fib::root(n)),
            Self::Nqueens => fork_join::measure_tasks(host, nqueens::Board::root(n)),
            Self::Backlog => backlog::measure_tasks(host, n),
            Self::Channel => channel::measure_tasks(host, n),
            Self::AfterBurst => {
                after_burst::measure(|| flat::run_tasks::<H, 0>(host, n), || host.give_back())
            }
            Self::Idle => idle::measure(|| flat::run_tasks::<H, 0>(host, idle::TASKS), n),
            Self::JoinSet | Self::Bounded => unreachable!("a runtime with sets has `measure_sets`"),
            Self::Keyed | Self::RemoteWake | Self::ColdStart | Self::Echo => {
                unreachable!("who takes part measures it with what it needs")
            }
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
            Self::Flat => Bursts::run(|| flat::run_threads::<H, 0>(host, n)),
            Self::Tree => tree::measure_threads::<H, 2, 0>(host, n),
            Self::Yield => yields::measure_threads(host, n),
            Self::PingPong => ping_pong::measure_threads(host, n),
            Self::Parked => parked::measure_threads(host, n),
            Self::Chained => tree::measure_threads::<H, 1, 0>(host, n),
            Self::SpawnJoin => spawn_join::measure_threads(host, n),
            Self::Scope => scopes::measure_threads(host, n),
            Self::Outside1 => outside::measure_threads(host, 1, n),
            Self::Outside4 => outside::measure_threads(host, 4, n),
            Self::Outside8 => outside::measure_threads(host, 8, n),
            Self::YieldMany => yield_many::measure_threads(host, n),
            Self::Wake => wake::measure_threads(host, n, 50),
            Self::WakeP99 => wake::measure_threads(host, n, 99),
            Self::UsBurst1 | Self::UsBurst2 => Bursts::run(|| flat::run_threads::<H, 1>(host, n)),
            Self::UsTree1 | Self::UsTree2 => tree::measure_threads::<H, 2, 1>(host, n),
            Self::Skynet => fork_join::measure_threads(host, skynet::Numbers::root(n)),
            Self::Fib => fork_join::measure_threads(host, fib::Fib::root(n)),
            Self::Nqueens => fork_join::measure_threads(host, nqueens::Board::root(n)),
            Self::AfterBurst => {
                after_burst::measure(|| flat::run_threads::<H, 0>(host, n), || host.give_back())
            }
            Self::Idle => idle::measure(|| flat::run_threads::<H, 0>(host, idle::TASKS), n),
            Self::JoinSet | Self::Bounded => unreachable!("sets are of futures"),
            Self::Keyed | Self::Backlog | Self::Channel => unreachable!("no threads take part"),
            Self::RemoteWake | Self::ColdStart | Self::Echo => {
                unreachable!("who takes part measures it with what it needs")
            }
        }
    }

    /// Measures this workload on a runtime with scopes, whose tasks cannot wait.
    pub(crate) fn measure_scope<H: ScopeHost>(
        self,
        host: &H,
        n: u64,
    ) -> io::Result<Bursts<Measured>> {
        Ok(match self {
            Self::Flat => Bursts::run(|| flat::run_scope::<H, 0>(host, n)),
            Self::Tree => tree::measure_scope::<H, 2, 0>(host, n),
            Self::Chained => tree::measure_scope::<H, 1, 0>(host, n),
            Self::Scope => scopes::measure_scope(host, n),
            Self::Outside1 => outside::measure_scope(host, 1, n),
            Self::Outside4 => outside::measure_scope(host, 4, n),
            Self::Outside8 => outside::measure_scope(host, 8, n),
            Self::UsBurst1 | Self::UsBurst2 => Bursts::run(|| flat::run_scope::<H, 1>(host, n)),
            Self::UsTree1 | Self::UsTree2 => tree::measure_scope::<H, 2, 1>(host, n),
            Self::Skynet => fork_join::measure_scope(host, skynet::Numbers::root(n)),
            Self::Fib => fork_join::measure_scope(host, fib::Fib::root(n)),
            Self::Nqueens => fork_join::measure_scope(host, nqueens::Board::root(n)),
            Self::Idle => idle::measure(|| flat::run_scope::<H, 0>(host, idle::TASKS), n),
            _ => {
                return Err(io::Error::new(
                    io::ErrorKind::Unsupported,
                    "tasks in a scope cannot wait",
                ));
            }
        })
    }
}
