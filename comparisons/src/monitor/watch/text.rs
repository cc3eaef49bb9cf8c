//! What a program's monitor has written, read back: the text format of Prometheus, as
//! far as virid writes it.

use std::collections::HashMap;

/// The numbers of one text, by name and labels.
#[derive(Debug, Default)]
pub(crate) struct Text(HashMap<String, f64>);

impl Text {
    /// `None` for what no monitor has written.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let number = |line: &str| {
            let (name, value) = line.rsplit_once(' ')?;
            Some((name.to_owned(), value.parse().ok()?))
        };
        let numbers: HashMap<_, _> = lines.map(number).collect::<Option<_>>()?;
        let is_one = numbers.contains_key("virid_spawn_window_samples");
        is_one.then_some(Self(numbers))
    }

    /// 0 for what is not there, and for what is not a number.
    pub(crate) fn number(&self, name: &str) -> f64 {
        let value = self.0.get(name).copied().unwrap_or(0.0);
        if value.is_finite() { value } else { 0.0 }
    }

    /// A time that is written in seconds, in nanoseconds.
    pub(crate) fn nanos(&self, name: &str) -> f64 {
        self.number(name) * 1e9
    }

    /// One of a worker's numbers, if there is such a worker.
    pub(crate) fn of_worker(&self, name: &str, worker: usize) -> Option<f64> {
        self.0
            .get(&format!("{name}{{worker=\"{worker}\"}}"))
            .copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_monitor_writes_is_read_and_nothing_else() {
        let runtime = virid::Runtime::builder().worker_threads(2).build().unwrap();
        let monitor = virid::monitor::SpawnMonitor::attach(&runtime);
        let before = Text::parse(&monitor.prometheus()).unwrap();
        assert_eq!(
            before.nanos("virid_spawn_wait_seconds{quantile=\"0.99\"}"),
            0.0
        );
        for _ in 0..10 {
            runtime.spawn(async {}).join().unwrap();
        }
        let text = Text::parse(&monitor.prometheus()).unwrap();
        assert_eq!(text.number("virid_spawn_wait_seconds_count"), 10.0);
        assert_eq!(text.nanos("virid_spawn_slow_threshold_seconds"), 1e7);
        assert!(text.nanos("virid_spawn_wait_max_seconds") > 0.0);
        assert!(text.of_worker("virid_worker_polled_total", 1).is_some());
        assert_eq!(text.of_worker("virid_worker_polled_total", 2), None);
        assert!(Text::parse("up 1\n").is_none());
        assert!(Text::parse("no text of that kind\n").is_none());
    }
}
