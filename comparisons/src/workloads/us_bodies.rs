//! `flat` and `tree` with a microsecond of work in each task, on one worker and on two:
//! how much of the second worker is left when tasks are short. A table holds the
//! runtimes beside each other; what a second worker gains one reads off two of them.

use std::time::Duration;

use super::{Facts, Phase, flat};

pub(super) static BURST_1: Facts = Facts {
    name: "us-burst-1",
    describe: "as flat, each task with about 1 us of work, on one worker",
    workers: Some(1),
    ..BURST
};

pub(super) static BURST_2: Facts = Facts {
    name: "us-burst-2",
    describe: "as flat, each task with about 1 us of work, on two workers",
    workers: Some(2),
    ..BURST
};

pub(super) static TREE_1: Facts = Facts {
    name: "us-tree-1",
    describe: "as tree, each task with about 1 us of work, on one worker",
    workers: Some(1),
    ..BURST
};

pub(super) static TREE_2: Facts = Facts {
    name: "us-tree-2",
    describe: "as tree, each task with about 1 us of work, on two workers",
    workers: Some(2),
    ..BURST
};

const BURST: Facts = Facts {
    sizes: &[100_000],
    quick: &[10_000],
    is_default: false,
    phases: &[Phase::Warm],
    budget: Duration::from_secs(15),
    ..flat::FACTS
};
