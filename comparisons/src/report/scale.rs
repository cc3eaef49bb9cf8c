//! From values to places in a drawing.

/// A logarithmic axis.
#[derive(Debug, Clone, Copy)]
pub(super) struct LogScale {
    low: f64,
    high: f64,
    from: f64,
    to: f64,
}

impl LogScale {
    /// An axis from the place `from` to the place `to` that has room for all `values`,
    /// or nothing if there are none above zero.
    pub(super) fn new(values: impl IntoIterator<Item = f64>, from: f64, to: f64) -> Option<Self> {
        let positive = values.into_iter().filter(|&value| value > 0.0);
        let (low, high) = positive.fold((f64::INFINITY, 0.0_f64), |(low, high), value| {
            (low.min(value), high.max(value))
        });
        (low <= high).then(|| Self {
            low: round_below(low),
            high: round_above(high),
            from,
            to,
        })
    }

    /// The same axis with no room beyond the values.
    pub(super) fn tight(self, low: f64, high: f64) -> Self {
        Self { low, high, ..self }
    }

    /// The place of a value.
    pub(super) fn at(&self, value: f64) -> f64 {
        if self.low >= self.high {
            return (self.from + self.to) / 2.0;
        }
        let part = (value / self.low).ln() / (self.high / self.low).ln();
        self.from + part * (self.to - self.from)
    }

    /// Values to write at the axis: round ones, at most seven.
    pub(super) fn ticks(&self) -> Vec<f64> {
        let mut ticks = vec![self.low];
        while let Some(&last) = ticks.last() {
            let next = round_above(last * 1.01);
            if next > self.high * 1.01 {
                break;
            }
            ticks.push(next);
        }
        if ticks.len() > 7 {
            ticks.retain(|tick| is_power_of_ten(*tick));
        }
        ticks
    }
}

fn is_power_of_ten(value: f64) -> bool {
    let log = value.log10();
    (log - log.round()).abs() < 1e-6
}

/// The power of ten below a value.
fn decade(value: f64) -> f64 {
    10_f64.powf((value.log10() + 1e-9).floor())
}

/// The largest of 1, 2, 5, 10, ... that is no more than `value`.
fn round_below(value: f64) -> f64 {
    let decade = decade(value);
    let steps = [5.0, 2.0, 1.0];
    let step = steps
        .into_iter()
        .find(|step| step * decade <= value * 1.000_001);
    step.unwrap_or(1.0) * decade
}

/// The smallest of them that is no less.
fn round_above(value: f64) -> f64 {
    let decade = decade(value);
    let steps = [1.0, 2.0, 5.0];
    let step = steps
        .into_iter()
        .find(|step| step * decade >= value * 0.999_999);
    step.unwrap_or(10.0) * decade
}

/// Moves places apart, as little as it takes for neighbours to be `gap` apart, within
/// `low` and `high` as far as that is possible. Their order stays.
pub(super) fn spread(places: &mut [f64], gap: f64, low: f64, high: f64) {
    let mut order: Vec<usize> = (0..places.len()).collect();
    order.sort_by(|&one, &other| places[one].total_cmp(&places[other]));
    let inside = |middle: f64, many: usize| {
        let half = gap * (many - 1) as f64 / 2.0;
        middle.min(high - half).max(low + half)
    };
    // Clusters of touching places, each centred where its members want to be.
    let mut clusters: Vec<(f64, usize)> = Vec::new();
    for &index in &order {
        clusters.push((inside(places[index], 1), 1));
        while let [.., (before, many), (last, few)] = clusters[..] {
            let all = many + few;
            if last - before >= gap * all as f64 / 2.0 {
                break;
            }
            let middle = (before * many as f64 + last * few as f64) / all as f64;
            clusters.truncate(clusters.len() - 2);
            clusters.push((inside(middle, all), all));
        }
    }
    let mut order = order.into_iter();
    for (middle, many) in clusters {
        let first = middle - gap * (many - 1) as f64 / 2.0;
        for (step, index) in order.by_ref().take(many).enumerate() {
            places[index] = first + gap * step as f64;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_cover_the_values() {
        let scale = LogScale::new([23.0, 700.0], 100.0, 0.0).unwrap();
        assert_eq!(scale.ticks(), [20.0, 50.0, 100.0, 200.0, 500.0, 1000.0]);
        assert_eq!(scale.at(20.0), 100.0);
        assert!(scale.at(1000.0).abs() < 1e-9);
        let wide = LogScale::new([3.0, 42_000.0], 0.0, 1.0).unwrap();
        assert_eq!(wide.ticks(), [10.0, 100.0, 1000.0, 10_000.0]);
        assert!(LogScale::new([], 0.0, 1.0).is_none());
        assert!(LogScale::new([0.0], 0.0, 1.0).is_none());
    }

    #[test]
    fn one_value_is_in_the_middle() {
        assert_eq!(LogScale::new([20.0], 0.0, 10.0).unwrap().at(20.0), 5.0);
    }

    #[test]
    fn labels_move_apart_and_stay_in_order() {
        let mut places = [50.0, 10.0, 52.0, 51.0];
        spread(&mut places, 10.0, 0.0, 100.0);
        assert_eq!(places, [41.0, 10.0, 61.0, 51.0]);
        let mut places = [99.0, 98.0];
        spread(&mut places, 10.0, 0.0, 100.0);
        assert_eq!(places, [100.0, 90.0]);
        let mut places = [82.0, 99.0, 98.0];
        spread(&mut places, 10.0, 0.0, 100.0);
        assert_eq!(places, [80.0, 100.0, 90.0]);
    }
}
