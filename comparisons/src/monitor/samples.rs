//! What many samples come to.

use serde::{Deserialize, Serialize};

use crate::stats::median;

/// Of one row: the middle from one kind of sample, the tail from another.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Summary {
    /// The smallest, in nanoseconds as all of these.
    pub(crate) min: f64,
    /// The median.
    pub(crate) median: f64,
    /// The mean.
    pub(crate) mean: f64,
    /// What 95 of 100 do not pass.
    pub(crate) p95: f64,
    /// What 99 of 100 do not pass.
    pub(crate) p99: f64,
    /// The largest.
    pub(crate) max: f64,
}

impl Summary {
    /// Of samples of one kind; nothing where there are none.
    pub(crate) fn of(samples: &[f64]) -> Option<Self> {
        Self::of_batches(samples, samples)
    }

    /// A single spawn is shorter than the clock's step, so that smallest, middle and
    /// mean come from batches, each divided by its size; but a batch hides how long the
    /// slowest of it took, so that the tail comes from single samples.
    pub(crate) fn of_batches(batches: &[f64], singles: &[f64]) -> Option<Self> {
        let mut ascending = singles.to_vec();
        ascending.sort_unstable_by(f64::total_cmp);
        Some(Self {
            min: batches.iter().copied().reduce(f64::min)?,
            median: median(batches.iter().copied())?,
            mean: batches.iter().sum::<f64>() / batches.len() as f64,
            p95: nearest_rank(&ascending, 95)?,
            p99: nearest_rank(&ascending, 99)?,
            max: *ascending.last()?,
        })
    }
}

/// The smallest value that `percent` of all do not pass.
fn nearest_rank(ascending: &[f64], percent: usize) -> Option<f64> {
    let rank = (ascending.len() * percent).div_ceil(100);
    ascending.get(rank.checked_sub(1)?).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tail_is_of_single_samples_and_the_middle_of_batches() {
        let batches = [3.0, 1.0, 2.0];
        let singles: Vec<f64> = (1..=100).rev().map(f64::from).collect();
        let summary = Summary::of_batches(&batches, &singles).unwrap();
        assert_eq!((summary.min, summary.median, summary.mean), (1.0, 2.0, 2.0));
        assert_eq!((summary.p95, summary.p99, summary.max), (95.0, 99.0, 100.0));
    }

    #[test]
    fn one_sample_is_all_of_it_and_none_is_nothing() {
        let summary = Summary::of(&[7.0]).unwrap();
        assert_eq!((summary.min, summary.p95, summary.max), (7.0, 7.0, 7.0));
        assert!(Summary::of(&[]).is_none());
    }
}
