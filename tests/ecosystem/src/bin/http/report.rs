//! What was measured, and the tables.

use std::time::Duration;

use super::cli::Kind;

/// One turn of one server.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Measured {
    pub(crate) per_second: f64,
    pub(crate) median_us: f64,
    /// Exceeded by one request in a hundred.
    pub(crate) slow_us: f64,
    /// Of the server, for each request.
    pub(crate) processor_us: f64,
    /// Of the server, for each connection beyond those of an empty one.
    pub(crate) bytes: f64,
}

impl Measured {
    pub(crate) fn new(time: Duration, mut latencies: Vec<u64>) -> Self {
        latencies.sort_unstable();
        let at = |percent: usize| {
            let index = (latencies.len() * percent / 100).min(latencies.len() - 1);
            latencies[index] as f64 / 1e3
        };
        Self {
            per_second: latencies.len() as f64 / time.as_secs_f64(),
            median_us: at(50),
            slow_us: at(99),
            processor_us: 0.0,
            bytes: 0.0,
        }
    }

    /// For the parent.
    pub(crate) fn to_line(self) -> String {
        format!("{} {} {}", self.per_second, self.median_us, self.slow_us)
    }

    pub(crate) fn from_line(line: &str) -> Option<Self> {
        let numbers: Vec<f64> = line.split_whitespace().flat_map(str::parse).collect();
        let [per_second, median_us, slow_us] = numbers[..] else {
            return None;
        };
        Some(Self {
            per_second,
            median_us,
            slow_us,
            processor_us: 0.0,
            bytes: 0.0,
        })
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_unstable_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 {
        return values[middle];
    }
    (values[middle - 1] + values[middle]) / 2.0
}

/// Prints the medians over all rounds. The ratios are those within a round.
pub(crate) fn print(title: &str, servers: &[Kind], rounds: &[Vec<Measured>]) {
    println!("\n**{title}**\n");
    let first = servers[0].name();
    println!(
        "| server | requests/s | time of {first} / its own: median (range) | latency p50 | p99 \
         | processor/request | memory/connection |"
    );
    println!("|:--|--:|--:|--:|--:|--:|--:|");
    for (index, kind) in servers.iter().enumerate() {
        let of =
            |field: fn(&Measured) -> f64| median(rounds.iter().map(|round| field(&round[index])));
        let ratios = || {
            rounds
                .iter()
                .map(|round| round[index].per_second / round[0].per_second)
        };
        let least = ratios().fold(f64::INFINITY, f64::min);
        let most = ratios().fold(0.0, f64::max);
        println!(
            "| {kind} | {:.0} | {:.2} ({least:.2}-{most:.2}) | {:.0} us | {:.0} us | {:.1} us | {:.1} KiB |",
            of(|measured| measured.per_second),
            median(ratios()),
            of(|measured| measured.median_us),
            of(|measured| measured.slow_us),
            of(|measured| measured.processor_us),
            of(|measured| measured.bytes) / 1_024.0,
        );
    }
}
