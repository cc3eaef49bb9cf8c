//! `comparisons monitor watch`, as a user runs it.

#[path = "support/json.rs"]
mod json;
#[expect(dead_code, reason = "the tests of measurements use the rest")]
#[path = "support/run.rs"]
mod run;

use std::fs;
use std::time::{Duration, SystemTime};

use virid::Runtime;
use virid::monitor::SpawnMonitor;

use json::json;
use run::{comparisons, finish, scratch, stderr, stdout};

#[test]
fn a_load_of_its_own_is_looked_at_several_times_and_told_in_words() {
    let watch = ["monitor", "watch", "--looks", "3", "--interval", "50"];
    let output = finish(comparisons(&watch));
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let text = stdout(&output);
    assert_eq!(text.matches("virid monitor watch: ").count(), 3);
    assert!(!text.contains('\u{1b}'), "no terminal, no escape sequence");
    let words = ["\nOK ", "\nWARN ", "\nFAIL "].map(|word| text.matches(word).count());
    assert_eq!(words.iter().sum::<usize>(), 3, "{text}");
}

#[test]
fn a_look_as_json_has_the_numbers_and_the_exit_code_follows_from_its_word() {
    let watch = [
        "monitor", "watch", "--once", "--json", "--load", "blocked", "--slow", "1",
    ];
    let output = finish(comparisons(&watch));
    let look = json(&output);
    assert!(look["samples"].as_u64() > Some(0), "{look}");
    assert!(look["window"]["p99_ns"].as_f64() >= look["window"]["p50_ns"].as_f64());
    assert!(!look["workers"].as_array().unwrap().is_empty());
    let is_slow = look["slow_new"].as_u64() > Some(0);
    assert_eq!(look["status"] == "FAIL", is_slow, "{look}");
    assert_eq!(output.status.code(), Some(i32::from(is_slow)));
}

#[test]
fn a_programs_file_is_watched_and_an_old_one_is_no_news() {
    let path = scratch("watched.prom");
    let runtime = Runtime::builder().worker_threads(2).build().unwrap();
    let slow_after = Duration::from_secs(3_600);
    let monitor = SpawnMonitor::builder()
        .slow_threshold(slow_after)
        .attach(&runtime);
    for _ in 0..100 {
        runtime.spawn(async {}).join().unwrap();
    }
    monitor
        .export_to(&path, Duration::from_secs(3_600))
        .unwrap();
    drop(monitor);
    let watch = [
        "monitor",
        "watch",
        "--once",
        "--file",
        path.to_str().unwrap(),
    ];
    // Written just now, whatever has happened to this machine since.
    let file = fs::File::options().append(true).open(&path).unwrap();
    file.set_modified(SystemTime::now() + Duration::from_secs(3_600))
        .unwrap();
    let output = finish(comparisons(&watch));
    assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
    assert!(stdout(&output).contains("\n  100 samples in all, "));

    file.set_modified(SystemTime::now() - Duration::from_secs(60))
        .unwrap();
    let output = finish(comparisons(&watch));
    assert_eq!(output.status.code(), Some(3), "{}", stdout(&output));
    assert!(stdout(&output).contains("\nFAIL  no news for "));
}

#[test]
fn a_file_that_is_none_of_a_monitors_is_a_usage_error_with_its_cure() {
    let path = scratch("other.prom");
    fs::write(&path, "up 1\n").unwrap();
    for file in [path.to_str().unwrap(), "/nowhere/at/all.prom"] {
        let output = finish(comparisons(&["monitor", "watch", "--file", file]));
        assert_eq!(output.status.code(), Some(2));
        assert!(stderr(&output).contains("export_to"), "{}", stderr(&output));
    }
}
