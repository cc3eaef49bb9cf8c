//! The few statistics the report needs.

use serde::Serialize;

/// Fewest values that have an interval. Of fewer, the bootstrap's interval of a median
/// holds the true one clearly less often than in 95 of 100 cases.
pub(crate) const FEWEST: usize = 9;

const RESAMPLES: usize = 4000;

/// A range in which the true value is in 95 of 100 cases.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Interval {
    /// Its lower end.
    pub(crate) low: f64,
    /// Its upper end.
    pub(crate) high: f64,
}

impl Interval {
    /// Half of its length.
    pub(crate) fn half_width(self) -> f64 {
        (self.high - self.low) / 2.0
    }

    /// Whether a value is in it.
    pub(crate) fn holds(self, value: f64) -> bool {
        (self.low..=self.high).contains(&value)
    }
}

/// A median and how far it can be trusted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Estimate {
    /// The median.
    pub(crate) median: f64,
    /// Of the median; not for fewer than [`FEWEST`] values.
    pub(crate) interval: Option<Interval>,
}

impl Estimate {
    /// The median with its percentile bootstrap: the medians of many samples of the
    /// same size drawn from the values with replacement, less the outer 5 %.
    pub(crate) fn of(values: &[f64], seed: u64) -> Option<Self> {
        let median = median(values.iter().copied())?;
        if values.len() < FEWEST {
            return Some(Self {
                median,
                interval: None,
            });
        }
        let mut draw = fastrand::Rng::with_seed(seed);
        let mut resample = || {
            let drawn = (0..values.len()).map(|_| values[draw.usize(..values.len())]);
            self::median(drawn).unwrap_or(median)
        };
        let mut medians: Vec<f64> = (0..RESAMPLES).map(|_| resample()).collect();
        medians.sort_unstable_by(f64::total_cmp);
        let outside = RESAMPLES / 40;
        Some(Self {
            median,
            interval: Some(Interval {
                low: medians[outside],
                high: medians[RESAMPLES - 1 - outside],
            }),
        })
    }
}

/// The median, or nothing for no values. The mean of the middle two when their
/// number is even.
pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let mut sorted: Vec<f64> = values.into_iter().collect();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    let upper = *sorted.get(middle)?;
    if sorted.len() % 2 == 1 {
        return Some(upper);
    }
    Some((sorted[middle - 1] + upper) / 2.0)
}

/// The smallest and the largest value, or nothing for no values.
pub(crate) fn range(values: &[f64]) -> Option<(f64, f64)> {
    let smallest = values.iter().copied().reduce(f64::min)?;
    let largest = values.iter().copied().reduce(f64::max)?;
    Some((smallest, largest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn median_of_none_odd_and_even() {
        assert_eq!(median([]), None);
        assert_eq!(median([3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median([4.0, 1.0, 2.0, 3.0]), Some(2.5));
    }

    #[test]
    fn interval_is_of_the_median_and_the_same_for_the_same_seed() {
        // One value far off moves no end of it.
        let values = [10.0, 11.0, 12.0, 13.0, 14.0, 15.0, 16.0, 17.0, 900.0];
        let estimate = Estimate::of(&values, 7).unwrap();
        let interval = estimate.interval.unwrap();
        assert_eq!(estimate.median, 14.0);
        assert!(interval.holds(14.0) && interval.half_width() > 0.0);
        assert!(
            interval.low >= 10.0 && interval.high <= 17.0,
            "{interval:?}"
        );
        assert_eq!(Estimate::of(&values, 7).unwrap().interval, Some(interval));
        assert_eq!(Estimate::of(&values[1..], 7).unwrap().interval, None);
        assert!(Estimate::of(&[], 7).is_none());
    }

    /// The claim about 95 of 100, for the numbers of rounds of a run, on a skewed
    /// distribution whose median is 0.5 squared. With other numbers, also larger ones,
    /// it can be 91 of 100: the ends are values that were drawn, and few are.
    #[test]
    fn interval_holds_the_true_median_about_as_often_as_it_says() {
        for rounds in [FEWEST, 17] {
            let mut draw = fastrand::Rng::with_seed(1);
            let held = (0..1000).filter(|&seed| {
                let values: Vec<f64> = (0..rounds).map(|_| draw.f64().powi(2)).collect();
                let interval = Estimate::of(&values, seed).unwrap().interval.unwrap();
                interval.holds(0.25)
            });
            let held = held.count();
            assert!(
                (940..980).contains(&held),
                "{held} of 1000 with {rounds} rounds"
            );
        }
    }

    #[test]
    fn range_of_none_one_and_many() {
        assert_eq!(range(&[]), None);
        assert_eq!(range(&[5.0]), Some((5.0, 5.0)));
        assert_eq!(range(&[9.0, 13.0, 10.0]), Some((9.0, 13.0)));
    }
}
