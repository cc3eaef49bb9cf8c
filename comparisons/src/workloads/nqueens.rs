//! All ways to place queens on a board so that none takes another: a task for each safe
//! place in the next row, which gets a copy of the board. Between none and twelve tasks
//! are spawned at a time, and how deep they go differs.

use std::time::Duration;

use super::fork_join::Node;
use super::{Facts, Phase};

pub(super) const FACTS: Facts = Facts {
    name: "nqueens",
    describe: "a task for each safe place of the next queen; n tasks",
    unit: "task",
    units: "tasks",
    sizes: &[856_188],
    quick: &[2_056],
    is_default: false,
    scales: false,
    workers: None,
    asks_for_memory: false,
    phases: &[Phase::Warm],
    budget: Duration::from_secs(30),
    checksum: |tasks| match tasks {
        856_188 => 14_200,
        2_056 => 92,
        _ => unreachable!("another size is another board"),
    },
};

const MOST: usize = 12;

/// The queens of the first rows.
#[derive(Clone, Copy)]
pub(super) struct Board {
    /// In which column each is.
    queens: [u8; MOST],
    rows: u8,
    size: u8,
}

impl Board {
    /// The empty board from which so many tasks are spawned.
    pub(super) fn root(tasks: u64) -> Self {
        Self {
            queens: [0; MOST],
            rows: 0,
            size: if tasks == FACTS.sizes[0] { 12 } else { 8 },
        }
    }

    fn is_safe(self, column: u8) -> bool {
        let queens = self.queens[..usize::from(self.rows)].iter();
        (0..self.rows)
            .zip(queens)
            .all(|(row, &queen)| queen != column && queen.abs_diff(column) != self.rows - row)
    }
}

impl Node<MOST> for Board {
    fn value(self) -> u64 {
        u64::from(self.rows == self.size)
    }

    fn spawned(self) -> [Option<Self>; MOST] {
        std::array::from_fn(|column| {
            let is_place = column < usize::from(self.size) && self.rows < self.size;
            let mut child = self;
            (is_place && self.is_safe(column as u8)).then(|| {
                child.queens[usize::from(self.rows)] = column as u8;
                child.rows += 1;
                child
            })
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
            assert_eq!(by_calls(Board::root(tasks)), expected);
        }
    }
}
