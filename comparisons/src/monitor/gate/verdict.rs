//! Whether what was measured is as it was: decided by an interval, not by a number.

use std::fmt;

use fastrand::Rng;

use crate::stats::median;

/// What is said of one row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Verdict {
    /// It could not be measured.
    Skip,
    /// It is not dearer by more than the limit.
    Ok,
    /// It may be either.
    Unsure,
    /// It is dearer by more than the limit.
    Fail,
}

impl Verdict {
    /// The word.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Skip => "SKIP",
            Self::Ok => "OK",
            Self::Unsure => "UNSURE",
            Self::Fail => "FAIL",
        }
    }
}

/// By which factor something has changed, and between which bounds that is in 99 of
/// 100 cases.
#[derive(Debug, Clone, Copy)]
pub(super) struct Change {
    /// The factor.
    pub(super) factor: f64,
    /// The lower bound.
    pub(super) low: f64,
    /// The upper bound.
    pub(super) high: f64,
}

impl Change {
    /// Of the medians of two samples: the bounds are where the middle 99 of 100 lie of
    /// the changes between samples drawn from these with replacement. Nothing for an
    /// empty sample.
    pub(super) fn between(before: &[f64], now: &[f64]) -> Option<Self> {
        const DRAWN: usize = 4_000;
        let factor = of_medians(before.to_vec(), now.to_vec())?;
        // The same samples are judged in the same way.
        let mut rng = Rng::with_seed(1);
        let mut drawn = |from: &[f64]| -> Vec<f64> {
            from.iter().map(|_| from[rng.usize(..from.len())]).collect()
        };
        let changes = (0..DRAWN).map(|_| of_medians(drawn(before), drawn(now)));
        let mut changes: Vec<f64> = changes.collect::<Option<_>>()?;
        changes.sort_unstable_by(f64::total_cmp);
        let outside = DRAWN / 200;
        Some(Self {
            factor,
            low: changes[outside],
            high: changes[DRAWN - 1 - outside],
        })
    }

    /// Of two counts, which are exact.
    pub(super) fn exact(before: f64, now: f64) -> Self {
        let factor = now / before;
        Self {
            factor,
            low: factor,
            high: factor,
        }
    }

    /// Whether it passes a limit, such as 0.1 for a tenth.
    pub(super) fn judge(&self, limit: f64) -> Verdict {
        if self.low > 1.0 + limit {
            Verdict::Fail
        } else if self.high < 1.0 + limit {
            Verdict::Ok
        } else {
            Verdict::Unsure
        }
    }

    /// Whether it has become cheaper by more than a limit.
    pub(super) fn is_gain(&self, limit: f64) -> bool {
        self.high < 1.0 - limit
    }
}

/// As people read it: `+1.5%`.
pub(super) struct Percent(pub(super) f64);

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:+.1}%", (self.0 - 1.0) * 100.0)
    }
}

fn of_medians(before: Vec<f64>, now: Vec<f64>) -> Option<f64> {
    Some(median(now)? / median(before)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ratios of a machine where one in sixteen processes is far off.
    fn samples(rng: &mut Rng, middle: f64, count: usize) -> Vec<f64> {
        let sample = |rng: &mut Rng| {
            let noise = 0.97 + 0.06 * rng.f64();
            let far_off = if rng.u8(..16) == 0 { 1.5 } else { 1.0 };
            middle * noise * far_off
        };
        (0..count).map(|_| sample(rng)).collect()
    }

    #[test]
    fn fifteen_percent_are_seen_and_nothing_is_not() {
        let mut rng = Rng::with_seed(7);
        let mut open = 0;
        for _ in 0..100 {
            let before = samples(&mut rng, 1.8, 27);
            for (middle, verdict) in [(1.8, Verdict::Ok), (1.8 * 1.15, Verdict::Fail)] {
                let now = samples(&mut rng, middle, 18);
                let judged = Change::between(&before, &now).unwrap().judge(0.08);
                open += usize::from(judged == Verdict::Unsure);
                assert!(judged == verdict || judged == Verdict::Unsure, "{judged:?}");
            }
        }
        assert!(open <= 20, "{open} of 200 left open");
    }

    #[test]
    fn few_and_scattered_samples_decide_nothing() {
        let before = [1.0, 1.0, 1.0, 1.0, 1.0];
        let change = Change::between(&before, &[0.8, 1.0, 1.1, 1.3, 1.6]).unwrap();
        assert_eq!(change.judge(0.08), Verdict::Unsure);
        assert!(Change::between(&before, &[]).is_none());
    }

    #[test]
    fn counts_are_exact() {
        assert_eq!(Change::exact(100.0, 103.0).judge(0.02), Verdict::Fail);
        assert_eq!(Change::exact(100.0, 101.0).judge(0.02), Verdict::Ok);
        assert!(Change::exact(100.0, 90.0).is_gain(0.02));
        assert_eq!(Percent(0.985).to_string(), "-1.5%");
    }
}
