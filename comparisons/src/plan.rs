//! What the command line asks for, as a list of what to measure.

use std::time::Duration;

use crate::cli::Cli;
use crate::contender::Contender;
use crate::format;
use crate::machine::Machine;
use crate::protocol::FaultPlan;
use crate::runtimes::CONTENDERS;
use crate::stats;
use crate::workloads::{WORKLOADS, Workload};

/// As many as an interval takes.
const ROUNDS: u32 = stats::FEWEST as u32;
const FULL_ROUNDS: u32 = 17;

/// How much longer than by default the rounds of a workload may take in a full run.
const FULL_BUDGETS: u32 = 8;

/// What to measure, and how long.
#[derive(Debug)]
pub(crate) struct Plan {
    /// One after the other.
    pub(crate) sections: Vec<Section>,
    /// Rounds per size.
    pub(crate) rounds: u32,
    /// A size gets fewer rounds where its workload would take longer than so many
    /// times the budget of it.
    pub(crate) budgets: Option<u32>,
    /// Though at least so many.
    pub(crate) fewest_rounds: u32,
    /// Deadline of each child; by default it grows with the size.
    pub(crate) deadline: Option<Duration>,
    /// Seed of the order in each round.
    pub(crate) seed: u64,
    /// Misbehaviour on purpose.
    pub(crate) fault: Option<FaultPlan>,
}

/// One workload of a plan.
#[derive(Debug)]
pub(crate) struct Section {
    /// The workload.
    pub(crate) workload: Workload,
    /// Worker threads of every runtime.
    pub(crate) workers: usize,
    /// What is measured next to each other, by ascending size.
    pub(crate) groups: Vec<Group>,
}

/// One size of a workload.
#[derive(Debug)]
pub(crate) struct Group {
    /// The size.
    pub(crate) size: u64,
    /// The runtimes that take part at this size.
    pub(crate) contenders: Vec<&'static Contender>,
}

impl Plan {
    /// Plans a run, or says why there is nothing to run.
    pub(crate) fn new(cli: &Cli, machine: &Machine) -> Result<Self, String> {
        let fault = match std::env::var("VIRID_COMPARE_FAULT") {
            Err(_) => None,
            Ok(text) => Some(FaultPlan::parse(&text).ok_or(
                "VIRID_COMPARE_FAULT is workload:runtime:size:{hang|crash|wrong|memory}".to_owned(),
            )?),
        };
        let workloads = workloads(cli);
        if !cli.sizes.is_empty() && !workloads.iter().any(|of| of.facts().scales) {
            let scaling = WORKLOADS.into_iter().filter(|of| of.facts().scales);
            let names: Vec<&str> = scaling.map(Workload::name).collect();
            return Err(format!(
                "--sizes works with {} only: add one of them to --workloads, or leave --sizes out",
                names.join(", ")
            ));
        }
        let workers = cli.workers.map_or(machine.cores, usize::from);
        let sections = workloads.iter().map(|&workload| Section {
            workload,
            workers: workload.facts().workers.unwrap_or(workers),
            groups: groups(cli, workload),
        });
        let sections: Vec<Section> = sections
            .filter(|section| !section.groups.is_empty())
            .collect();
        if sections.is_empty() {
            return Err(nothing_to_measure(cli));
        }
        let many = cli.full && !cli.quick && cli.rounds.is_none();
        Ok(Self {
            sections,
            rounds: match cli.rounds {
                Some(rounds) => u32::from(rounds),
                None if many => FULL_ROUNDS,
                None => ROUNDS,
            },
            budgets: match cli.rounds {
                // Who asks for a number of rounds gets it.
                Some(_) => None,
                None if many => Some(FULL_BUDGETS),
                None => Some(1),
            },
            fewest_rounds: if many { ROUNDS } else { 1 },
            deadline: cli
                .deadline
                .map(|seconds| Duration::from_secs(u64::from(seconds.get()))),
            // Five digits are easy to type again.
            seed: cli.seed.unwrap_or_else(|| fastrand::u64(10_000..100_000)),
            fault,
        })
    }

    /// Every runtime of the plan, some more than once.
    pub(crate) fn contenders(&self) -> impl Iterator<Item = &'static Contender> {
        let groups = self.sections.iter().flat_map(|section| &section.groups);
        groups.flat_map(|group| group.contenders.iter().copied())
    }
}

/// The most that a run takes without further options, or a full one, in minutes.
pub(crate) fn minutes(full: bool) -> u64 {
    let facts = WORKLOADS.iter().map(|of| of.facts());
    let measured = facts.filter(|facts| full || facts.is_default);
    let all: Duration = measured.map(|facts| facts.budget).sum();
    let budgets = if full { FULL_BUDGETS } else { 1 };
    (budgets * all).as_secs().div_ceil(60)
}

fn workloads(cli: &Cli) -> Vec<Workload> {
    let is_wanted = |workload: &Workload| {
        let is_named = cli.workloads.iter().any(|name| name == workload.name());
        let is_default = cli.workloads.is_empty() && workload.facts().is_default;
        cli.full || is_named || is_default
    };
    WORKLOADS.into_iter().filter(is_wanted).collect()
}

fn groups(cli: &Cli, workload: Workload) -> Vec<Group> {
    let facts = workload.facts();
    let mut sizes = match (cli.quick, facts.scales, &cli.sizes[..]) {
        (true, ..) => facts.quick.to_vec(),
        (false, true, given @ [_, ..]) => given.to_vec(),
        (false, ..) => facts.sizes.to_vec(),
    };
    sizes.sort_unstable();
    sizes.dedup();
    let groups = sizes.into_iter().map(|size| {
        let takes_part = |contender: &&Contender| {
            let entry = contender.entry(workload);
            is_wanted(cli, contender) && entry.is_some_and(|entry| entry.holds(size))
        };
        Group {
            size,
            contenders: CONTENDERS.iter().filter(takes_part).collect(),
        }
    });
    groups
        .filter(|group| !group.contenders.is_empty())
        .collect()
}

fn is_wanted(cli: &Cli, contender: &Contender) -> bool {
    cli.runtimes.is_empty() || cli.runtimes.iter().any(|name| name == contender.name)
}

/// What the runtimes that are asked for do take part in.
fn nothing_to_measure(cli: &Cli) -> String {
    let entered = CONTENDERS
        .iter()
        .filter(|contender| is_wanted(cli, contender))
        .map(|contender| {
            let workloads = contender.entries.iter().map(|entry| {
                let name = entry.workload.name();
                match entry.limit {
                    None => name.to_owned(),
                    Some(limit) => format!("{name} up to {}", format::size(limit.most)),
                }
            });
            let workloads: Vec<String> = workloads.collect();
            format!("{} takes part in {}", contender.name, workloads.join(", "))
        });
    let entered: Vec<String> = entered.collect();
    format!("nothing to measure: {}", entered.join("; "))
}
