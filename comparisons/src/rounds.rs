//! Which measurement comes when: sizes ascending, rounds within a size, every
//! runtime once per round in a shuffled order.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::contender::{Contender, Engine};
use crate::launch::{Launcher, Outcome};
use crate::protocol::{FaultPlan, PROTOCOL, Request, Response, checksum_text};
use crate::results::{Cell, Failure, FailureKind, Sample, Times};
use crate::workloads::Workload;
use crate::{child, format, machine};

/// What to measure, and how long.
#[derive(Debug)]
pub(crate) struct Plan {
    /// The workload.
    pub(crate) workload: Workload,
    /// Numbers of tasks, ascending.
    pub(crate) sizes: Vec<u64>,
    /// The runtimes.
    pub(crate) contenders: Vec<&'static Contender>,
    /// Worker threads of every runtime.
    pub(crate) workers: usize,
    /// Rounds per size.
    pub(crate) rounds: u32,
    /// When this much time would be exceeded, a size gets fewer rounds than
    /// `rounds`, though at least one.
    pub(crate) budget: Option<Duration>,
    /// Deadline of each child; by default it grows with the size.
    pub(crate) deadline: Option<Duration>,
    /// Seed of the order in each round.
    pub(crate) seed: u64,
    /// Misbehaviour on purpose.
    pub(crate) fault: Option<FaultPlan>,
}

/// What became of a plan.
#[derive(Debug)]
pub(crate) struct Outcomes {
    /// One per size and runtime, in the order of the plan.
    pub(crate) cells: Vec<Cell>,
    /// Version of each runtime that answered.
    pub(crate) versions: BTreeMap<String, String>,
    /// Whether the user ended the run.
    pub(crate) interrupted: bool,
}

/// Carries out a plan.
#[derive(Debug)]
pub(crate) struct Rounds<'a, R> {
    plan: &'a Plan,
    launcher: Launcher,
    go: &'a Result<PathBuf, Failure>,
    report: R,
    order: fastrand::Rng,
    started: Instant,
    outcomes: Outcomes,
}

/// What is going on.
#[derive(Debug)]
pub(crate) enum Progress<'a> {
    /// A child is about to start.
    Measuring {
        /// Its runtime.
        runtime: &'a str,
        /// Its number of tasks.
        tasks: u64,
        /// Its round, from 0.
        round: u32,
        /// Most rounds this size will get.
        rounds: u32,
        /// Time since the first.
        elapsed: Duration,
    },
    /// Every runtime has had its turn.
    RoundOver {
        /// The number of tasks.
        tasks: u64,
        /// The round, from 0.
        round: u32,
        /// All cells of this size.
        cells: &'a [Cell],
    },
}

impl<'a, R: FnMut(Progress<'_>)> Rounds<'a, R> {
    /// Prepares to carry out `plan`, with the Go program or the reason why there
    /// is none.
    pub(crate) fn new(
        plan: &'a Plan,
        launcher: Launcher,
        go: &'a Result<PathBuf, Failure>,
        report: R,
    ) -> Self {
        let cells = plan.sizes.iter().flat_map(|&tasks| {
            plan.contenders.iter().map(move |contender| Cell {
                runtime: contender.name.to_owned(),
                tasks,
                samples: Vec::new(),
                failure: None,
                summary: None,
            })
        });
        Self {
            outcomes: Outcomes {
                cells: cells.collect(),
                versions: BTreeMap::new(),
                interrupted: false,
            },
            plan,
            launcher,
            go,
            report,
            order: fastrand::Rng::with_seed(plan.seed),
            started: Instant::now(),
        }
    }

    /// Measures everything, or until the user interrupts.
    pub(crate) fn run(mut self) -> Outcomes {
        let per_size = self.plan.contenders.len();
        for (index, &tasks) in self.plan.sizes.iter().enumerate() {
            self.size(tasks, index * per_size);
            if self.outcomes.interrupted {
                break;
            }
        }
        self.outcomes
    }

    fn size(&mut self, tasks: u64, first_cell: usize) {
        // Computed here, by the process that ran no task.
        let expected = checksum_text(self.plan.workload.checksum(tasks));
        let mut order: Vec<usize> = (0..self.plan.contenders.len()).collect();
        for round in 0..self.plan.rounds {
            let round_started = Instant::now();
            self.order.shuffle(&mut order);
            for &index in &order {
                self.cell(first_cell + index, index, round, &expected);
                if self.outcomes.interrupted || self.launcher.interrupted() {
                    self.outcomes.interrupted = true;
                    return;
                }
            }
            let cells = &self.outcomes.cells[first_cell..first_cell + order.len()];
            (self.report)(Progress::RoundOver {
                tasks,
                round,
                cells,
            });
            let all_failed = cells.iter().all(|cell| cell.failure.is_some());
            let after_another = self.started.elapsed() + round_started.elapsed();
            if all_failed
                || self
                    .plan
                    .budget
                    .is_some_and(|budget| after_another > budget)
            {
                break;
            }
        }
    }

    fn cell(&mut self, cell: usize, contender: usize, round: u32, expected: &str) {
        let contender = self.plan.contenders[contender];
        let tasks = self.outcomes.cells[cell].tasks;
        // A cell that failed stays failed: more rounds cost time and change nothing.
        if self.outcomes.cells[cell].failure.is_some() {
            return;
        }
        (self.report)(Progress::Measuring {
            runtime: contender.name,
            tasks,
            round,
            rounds: self.plan.rounds,
            elapsed: self.started.elapsed(),
        });
        match self.measure(contender, tasks) {
            Outcome::Answered(answer) if answer.bursts.all(|burst| burst.checksum == expected) => {
                self.outcomes.cells[cell].samples.push(Sample {
                    round,
                    bursts: answer.bursts.map(|burst| Times {
                        ns: burst.ns,
                        cpu_ns: burst.cpu_ns,
                    }),
                    peak_kib: answer.peak_kib,
                });
                self.outcomes
                    .versions
                    .insert(contender.name.to_owned(), answer.version);
            }
            Outcome::Answered(answer) => {
                self.outcomes.cells[cell].failure = Some(wrong_answer(&answer, expected));
            }
            Outcome::Failed(failure) => self.outcomes.cells[cell].failure = Some(failure),
            Outcome::Interrupted => self.outcomes.interrupted = true,
        }
    }

    fn measure(&mut self, contender: &Contender, tasks: u64) -> Outcome {
        let program = match (contender.engine, self.go) {
            (Engine::Rust { .. }, _) => None,
            (Engine::Go, Ok(program)) => Some(program),
            (Engine::Go, Err(failure)) => return Outcome::Failed(failure.clone()),
        };
        if let Some(failure) = too_big(contender, tasks) {
            return Outcome::Failed(failure);
        }
        let command = match child_command(program.map(|path| path.as_path())) {
            Ok(command) => command,
            Err(error) => {
                return Outcome::Failed(Failure {
                    kind: FailureKind::Crashed,
                    reason: "did not start".to_owned(),
                    detail: Some(error.to_string()),
                });
            }
        };
        let plan = self.plan;
        let request = Request {
            protocol: PROTOCOL,
            workload: plan.workload,
            runtime: contender.name.to_owned(),
            tasks,
            workers: plan.workers,
            launcher: std::process::id(),
            fault: plan
                .fault
                .as_ref()
                .and_then(|fault| fault.fault(contender.name, tasks)),
        };
        let deadline = plan.deadline.unwrap_or_else(|| default_deadline(tasks));
        self.launcher.run(command, &request, deadline)
    }
}

/// Ten microseconds a task is more than ten times what the slowest peer takes.
fn default_deadline(tasks: u64) -> Duration {
    Duration::from_secs(30) + Duration::from_micros(10) * u32::try_from(tasks).unwrap_or(u32::MAX)
}

fn child_command(program: Option<&Path>) -> std::io::Result<Command> {
    if let Some(program) = program {
        let mut command = Command::new(program);
        // The table promises Go's own defaults.
        for variable in ["GOGC", "GOMEMLIMIT", "GODEBUG", "GOMAXPROCS", "GOTRACEBACK"] {
            command.env_remove(variable);
        }
        return Ok(command);
    }
    let mut command = Command::new(std::env::current_exe()?);
    command.arg(child::CHILD_ARGUMENT);
    Ok(command)
}

fn too_big(contender: &Contender, tasks: u64) -> Option<Failure> {
    let needed_kib = contender.bytes_per_task.saturating_mul(tasks) / 1024;
    let available_kib = machine::available_kib()?;
    (needed_kib > available_kib).then(|| Failure {
        kind: FailureKind::NeedsMemory,
        reason: "needs more memory".to_owned(),
        detail: Some(format!(
            "may take {}, and {} is available",
            format::kib(needed_kib as f64),
            format::kib(available_kib as f64)
        )),
    })
}

fn wrong_answer(answer: &Response, expected: &str) -> Failure {
    Failure {
        kind: FailureKind::WrongAnswer,
        reason: "wrong answer".to_owned(),
        detail: Some(format!(
            "checksums {} and {} instead of {expected}",
            answer.bursts.cold.checksum, answer.bursts.warm.checksum
        )),
    }
}
