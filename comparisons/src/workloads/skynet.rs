//! Skynet: each task spawns ten and adds up their results, six levels deep, and the
//! million at the bottom result in their numbers. After the benchmark of that name by
//! Alexander Temerev.

use std::time::Duration;

use super::fork_join::Node;
use super::{Facts, Phase};

pub(super) const FACTS: Facts = Facts {
    name: "skynet",
    describe: "each task spawns ten and adds up their results; n tasks",
    unit: "task",
    units: "tasks",
    sizes: &[1_111_110],
    quick: &[11_110],
    is_default: false,
    scales: false,
    workers: None,
    asks_for_memory: false,
    phases: &[Phase::Warm],
    budget: Duration::from_secs(30),
    checksum: |tasks| match tasks {
        1_111_110 => 499_999_500_000,
        11_110 => 49_995_000,
        _ => unreachable!("another size is another tree"),
    },
};

/// The numbers from `first` on, `count` of them.
#[derive(Clone, Copy)]
pub(super) struct Numbers {
    first: u64,
    count: u64,
}

impl Numbers {
    /// A tree in which `tasks` are spawned.
    pub(super) fn root(tasks: u64) -> Self {
        Self {
            first: 0,
            // Of 10 + 100 + 1,000 and so on the last is nine tenths.
            count: (tasks + 1) / 10 * 9 + 1,
        }
    }
}

impl Node<10> for Numbers {
    fn value(self) -> u64 {
        if self.count == 1 { self.first } else { 0 }
    }

    fn spawned(self) -> [Option<Self>; 10] {
        let count = self.count / 10;
        std::array::from_fn(|child| {
            let first = self.first + child as u64 * count;
            (count > 0).then_some(Self { first, count })
        })
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
            assert_eq!(by_calls(Numbers::root(tasks)), expected);
        }
    }
}
