//! Which measurement comes when: one workload after the other, sizes ascending,
//! rounds within a size, every runtime once per round in a shuffled order.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::contender::{Contender, Engine};
use crate::launch::{Launcher, Outcome};
use crate::machine::CpuTicks;
use crate::plan::{Group, Plan};
use crate::protocol::{PROTOCOL, Request, Response, checksum_text};
use crate::results::{Cell, Failure, FailureKind, Sample, Times};
use crate::workloads::Workload;
use crate::{child, format, machine};

/// What became of a plan.
#[derive(Debug)]
pub(crate) struct Outcomes {
    /// One per workload, size and runtime, in the order of the plan.
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
        /// What it measures.
        cell: &'a Cell,
        /// Its round, from 0.
        round: u32,
        /// Most rounds this size will get.
        rounds: u32,
        /// Time since the first.
        elapsed: Duration,
    },
    /// Every runtime has had its turn.
    RoundOver {
        /// The workload.
        workload: Workload,
        /// Its size.
        size: u64,
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
        let mut cells = Vec::new();
        for section in &plan.sections {
            for group in &section.groups {
                cells.extend(group.contenders.iter().map(|contender| Cell {
                    workload: section.workload,
                    size: group.size,
                    workers: section.workers,
                    runtime: contender.name.to_owned(),
                    samples: Vec::new(),
                    failure: None,
                    summary: None,
                }));
            }
        }
        Self {
            outcomes: Outcomes {
                cells,
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
        let mut first_cell = 0;
        for section in &self.plan.sections {
            let section_started = Instant::now();
            for group in &section.groups {
                self.group(section.workload, group, first_cell, section_started);
                if self.outcomes.interrupted {
                    return self.outcomes;
                }
                first_cell += group.contenders.len();
            }
        }
        self.outcomes
    }

    fn group(
        &mut self,
        workload: Workload,
        group: &Group,
        first_cell: usize,
        section_started: Instant,
    ) {
        // Computed here, by the process that ran no task.
        let expected = checksum_text((workload.facts().checksum)(group.size));
        let mut order: Vec<usize> = (0..group.contenders.len()).collect();
        for round in 0..self.plan.rounds {
            let round_started = Instant::now();
            self.order.shuffle(&mut order);
            for &index in &order {
                self.cell(
                    first_cell + index,
                    group.contenders[index],
                    round,
                    &expected,
                );
                if self.outcomes.interrupted || self.launcher.interrupted() {
                    self.outcomes.interrupted = true;
                    return;
                }
            }
            let cells = &self.outcomes.cells[first_cell..first_cell + order.len()];
            (self.report)(Progress::RoundOver {
                workload,
                size: group.size,
                round,
                cells,
            });
            let all_failed = cells.iter().all(|cell| cell.failure.is_some());
            let after_another = section_started.elapsed() + round_started.elapsed();
            let budget = self.plan.budgets.map(|many| many * workload.facts().budget);
            let is_over = budget.is_some_and(|budget| after_another > budget);
            if all_failed || (is_over && round + 1 >= self.plan.fewest_rounds) {
                break;
            }
        }
    }

    fn cell(&mut self, cell: usize, contender: &Contender, round: u32, expected: &str) {
        // A cell that failed stays failed: more rounds cost time and change nothing.
        if self.outcomes.cells[cell].failure.is_some() {
            return;
        }
        (self.report)(Progress::Measuring {
            cell: &self.outcomes.cells[cell],
            round,
            rounds: self.plan.rounds,
            elapsed: self.started.elapsed(),
        });
        let ticks = CpuTicks::now();
        match self.measure(contender, cell) {
            Outcome::Answered(answer) if answer.bursts.all(|burst| burst.checksum == expected) => {
                self.outcomes.cells[cell].samples.push(Sample {
                    round,
                    bursts: answer.bursts.map(|burst| Times {
                        ns: burst.ns,
                        cpu_ns: burst.cpu_ns,
                        involuntary: burst.involuntary,
                        held_kib: burst.held_kib,
                    }),
                    peak_kib: answer.peak_kib,
                    disturbance: ticks.and_then(CpuTicks::disturbance_since),
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

    fn measure(&mut self, contender: &Contender, cell: usize) -> Outcome {
        let cell = &self.outcomes.cells[cell];
        let program = match (contender.engine, self.go) {
            (Engine::Rust { .. }, _) => None,
            (Engine::Go, Ok(program)) => Some(program),
            (Engine::Go, Err(failure)) => return Outcome::Failed(failure.clone()),
        };
        if let Some(failure) = too_big(contender, cell) {
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
            workload: cell.workload,
            runtime: contender.name.to_owned(),
            size: cell.size,
            workers: cell.workers,
            launcher: std::process::id(),
            fault: plan
                .fault
                .as_ref()
                .and_then(|fault| fault.fault(cell.workload, contender.name, cell.size)),
        };
        let deadline = plan.deadline.unwrap_or_else(|| default_deadline(cell.size));
        self.launcher.run(command, &request, deadline)
    }
}

/// Far more than the slowest peer takes for two bursts: half a minute, in which two
/// threads can wake each other through the kernel 100,000 times, and ten microseconds
/// for each task of a larger number.
fn default_deadline(size: u64) -> Duration {
    Duration::from_secs(30) + Duration::from_micros(10) * u32::try_from(size).unwrap_or(u32::MAX)
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

fn too_big(contender: &Contender, cell: &Cell) -> Option<Failure> {
    let entry = contender.entry(cell.workload)?;
    let needed_kib = entry.bytes_each.saturating_mul(cell.size) / 1024;
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
