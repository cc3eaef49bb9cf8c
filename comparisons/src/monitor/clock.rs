//! What the clock can tell apart, and what a look at it costs.

use std::time::Instant;

use serde::Serialize;

/// The clock, as far as it limits what can be timed.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Clock {
    /// The smallest difference of two readings, in nanoseconds.
    pub(crate) step_ns: u64,
    /// What one reading takes, in nanoseconds.
    pub(crate) cost_ns: f64,
}

impl Clock {
    /// Reads it some ten thousand times, which takes a millisecond at most unless the
    /// clock is a bad one.
    pub(crate) fn measure() -> Self {
        const READINGS: usize = 20_000;
        let start = Instant::now();
        let mut last = start;
        let mut gaps: Vec<u64> = Vec::with_capacity(READINGS);
        for _ in 0..READINGS {
            let now = Instant::now();
            gaps.push(u64::try_from(now.duration_since(last).as_nanos()).unwrap_or(u64::MAX));
            last = now;
        }
        Self {
            step_ns: step(&mut gaps),
            cost_ns: last.duration_since(start).as_nanos() as f64 / READINGS as f64,
        }
    }
}

/// The smallest distance of two gaps that are seen often, or of one from none. Ticks
/// are no whole nanoseconds, so that each gap is seen with one nanosecond more or less.
fn step(gaps: &mut [u64]) -> u64 {
    gaps.sort_unstable();
    let often = (gaps.len() / 1000).max(1);
    let mut seen = vec![0];
    for alike in gaps.chunk_by(|one, next| next - one <= 1) {
        let last = *seen.last().expect("none is there from the start");
        let first = alike[0];
        if alike.len() >= often && first > last + 1 {
            seen.push(first);
        }
    }
    let distances = seen.windows(2).map(|pair| pair[1] - pair[0]);
    distances.min().unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::step;

    #[test]
    fn step_is_the_distance_of_gaps_that_come_often() {
        let mut gaps = [vec![20; 700], vec![21; 200], vec![30; 90], vec![41; 10]].concat();
        gaps.push(25);
        gaps.extend(vec![20; 9000]);
        assert_eq!(step(&mut gaps), 10);
    }

    #[test]
    fn a_coarse_clock_shows_its_step_beside_no_gap_at_all() {
        let mut gaps = [vec![0; 900], vec![1000; 100]].concat();
        assert_eq!(step(&mut gaps), 1000);
    }
}
