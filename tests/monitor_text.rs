//! The text that a monitor writes, and the file that it writes it to.

#![cfg(not(virid_loom))]

mod support;
#[path = "support/until.rs"]
mod until;
#[path = "support/workers.rs"]
mod workers;

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::PathBuf;
use std::time::Duration;
use support::guard;
use until::until;
use virid::monitor::SpawnMonitor;
use workers::workers;

/// The samples of a text, by name and labels. Checks the form.
fn parse(text: &str) -> HashMap<String, f64> {
    assert!(text.ends_with('\n'), "the last line ends");
    let mut families = HashSet::new();
    let mut samples = HashMap::new();
    let mut family = "";
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            family = rest.split(' ').next().unwrap();
            assert!(families.insert(family), "{family} comes twice");
            continue;
        }
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let kind = rest.strip_prefix(family).unwrap().trim();
            assert!(["counter", "gauge", "summary"].contains(&kind), "{line}");
            assert_eq!(kind == "counter", family.ends_with("_total"), "{line}");
            continue;
        }
        let (name, value) = line.rsplit_once(' ').unwrap();
        assert!(name.starts_with(family), "{name} stands under {family}");
        let value = value.parse().unwrap();
        assert_eq!(
            samples.insert(name.to_owned(), value),
            None,
            "{name} comes twice"
        );
    }
    samples
}

fn file(name: &str) -> PathBuf {
    let dir = std::env::temp_dir().join(format!("virid-monitor-{}-{name}", std::process::id()));
    fs::create_dir_all(&dir).unwrap();
    dir.join("spawns.prom")
}

#[test]
fn the_text_says_what_the_numbers_say() {
    guard(|| {
        let runtime = workers(2);
        let monitor = SpawnMonitor::builder().sampling(1).attach(&runtime);
        let empty = parse(&monitor.prometheus());
        assert!(empty["virid_spawn_wait_seconds{quantile=\"0.99\"}"].is_nan());
        assert_eq!(empty["virid_spawn_wait_seconds_count"], 0.0);
        for _ in 0..100 {
            runtime.spawn(async {}).join().unwrap();
        }
        let stats = monitor.stats();
        let samples = parse(&monitor.prometheus());
        let is = |name: &str, wait: Duration| assert_eq!(samples[name], wait.as_secs_f64());
        is("virid_spawn_wait_seconds{quantile=\"0.5\"}", stats.p50);
        is("virid_spawn_wait_seconds{quantile=\"0.95\"}", stats.p95);
        is("virid_spawn_wait_seconds{quantile=\"0.99\"}", stats.p99);
        is("virid_spawn_wait_max_seconds", stats.max);
        is(
            "virid_spawn_slow_threshold_seconds",
            Duration::from_millis(10),
        );
        is("virid_clock_cost_seconds", monitor.clock().cost);
        assert_eq!(samples["virid_spawn_wait_seconds_count"], 100.0);
        assert_eq!(samples["virid_spawn_window_samples"], 100.0);
        let polled: f64 = (0..2)
            .map(|worker| samples[&format!("virid_worker_polled_total{{worker=\"{worker}\"}}")])
            .sum();
        assert_eq!(polled, 100.0);
    });
}

#[test]
fn a_reader_of_the_file_sees_all_of_it_at_any_time() {
    guard(|| {
        let path = file("whole");
        let runtime = workers(2);
        let monitor = SpawnMonitor::builder().sampling(1).attach(&runtime);
        monitor.export_to(&path, Duration::ZERO).unwrap();
        let lines = fs::read_to_string(&path).unwrap().lines().count();
        let mut last = 0.0;
        until(|| {
            runtime.spawn(async {}).join().unwrap();
            let text = fs::read_to_string(&path).unwrap();
            assert_eq!(text.lines().count(), lines);
            parse(&text)["virid_spawn_wait_seconds_count"] >= 100.0
        });
        for _ in 0..100 {
            let count =
                parse(&fs::read_to_string(&path).unwrap())["virid_spawn_wait_seconds_count"];
            assert!(count >= last);
            last = count;
        }
        let samples = monitor.samples() + 1;
        runtime.spawn(async {}).join().unwrap();
        drop(monitor);
        let end = parse(&fs::read_to_string(&path).unwrap());
        assert_eq!(end["virid_spawn_wait_seconds_count"], samples as f64);
        let folder = path.parent().unwrap();
        assert_eq!(
            fs::read_dir(folder).unwrap().count(),
            1,
            "nothing is left beside it"
        );
        fs::remove_dir_all(folder).unwrap();
    });
}

#[test]
fn a_file_that_cannot_be_written_is_an_error_and_another_call_takes_over() {
    guard(|| {
        let path = file("errors");
        let folder = path.parent().unwrap();
        let runtime = workers(1);
        let monitor = SpawnMonitor::attach(&runtime);
        let nowhere = folder.join("no such folder").join("spawns.prom");
        assert!(monitor.export_to(&nowhere, Duration::from_secs(1)).is_err());
        let first = folder.join("first.prom");
        monitor
            .export_to(&first, Duration::from_secs(3_600))
            .unwrap();
        monitor
            .export_to(&path, Duration::from_secs(3_600))
            .unwrap();
        fs::remove_file(&first).unwrap();
        drop(monitor);
        assert!(!first.exists() && path.exists());
        // A folder in the place of the file: what was written beside it goes again.
        let monitor = SpawnMonitor::attach(&runtime);
        fs::create_dir(&first).unwrap();
        assert!(monitor.export_to(&first, Duration::from_secs(1)).is_err());
        assert_eq!(fs::read_dir(folder).unwrap().count(), 2);
        fs::remove_dir_all(folder).unwrap();
    });
}
