//! Fibonacci numbers the slow way: fib(k) spawns fib(k - 1), computes fib(k - 2) in place
//! and joins. Next to nothing but spawns and joins, nested as deep as k.

use std::time::Duration;

use super::fork_join::Node;
use super::{Facts, Phase};

pub(super) const FACTS: Facts = Facts {
    name: "fib",
    describe: "fib(k) spawns fib(k - 1) and computes fib(k - 2); n tasks",
    unit: "task",
    units: "tasks",
    sizes: &[1_346_268],
    quick: &[10_945],
    is_default: false,
    scales: false,
    workers: None,
    asks_for_memory: false,
    phases: &[Phase::Warm],
    budget: Duration::from_secs(30),
    checksum: |tasks| match tasks {
        1_346_268 => 832_040,
        10_945 => 6_765,
        _ => unreachable!("another size is another number"),
    },
};

/// The number of this index.
#[derive(Clone, Copy)]
pub(super) struct Fib(u64);

impl Fib {
    /// The number for which so many tasks are spawned.
    pub(super) fn root(tasks: u64) -> Self {
        Self(if tasks == FACTS.sizes[0] { 30 } else { 20 })
    }
}

impl Node<1> for Fib {
    fn value(self) -> u64 {
        if self.0 < 2 { self.0 } else { 0 }
    }

    fn spawned(self) -> [Option<Self>; 1] {
        [(self.0 > 1).then(|| Self(self.0 - 1))]
    }

    fn in_place(self) -> Option<Self> {
        (self.0 > 1).then(|| Self(self.0 - 2))
    }
}

#[cfg(test)]
mod tests {
    use super::super::fork_join::by_calls;
    use super::*;

    #[test]
    fn answers_and_sizes_are_those_of_plain_calls() {
        for tasks in [FACTS.sizes[0], FACTS.quick[0]] {
            let expected = ((FACTS.checksum)(tasks), tasks);
            assert_eq!(by_calls(Fib::root(tasks)), expected);
        }
    }
}
