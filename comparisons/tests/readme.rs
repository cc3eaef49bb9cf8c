//! The tables and the picture of a Markdown file: written, and checked.

#[path = "support/run.rs"]
mod run;
#[path = "support/tiny.rs"]
mod tiny;

use std::fs;
use std::path::Path;

use run::{comparisons, finish, scratch, stderr, stdout};
use tiny::tiny;

const OLD: &str = "# Title\n\n<!-- sweep:begin -->\nold\n<!-- sweep:end -->\n\nEnd\n";

/// Shows earlier results in a Markdown file.
fn from(results: &Path, readme: &Path, more: &[&str]) -> std::process::Output {
    let mut command = comparisons(&["--readme", readme.to_str().unwrap(), "--from"]);
    command
        .arg(results)
        .args(more)
        .env_remove("VIRID_COMPARE_ALLOW_DEBUG");
    finish(command)
}

#[test]
fn tables_are_replaced_and_stay_the_same() {
    let readme = scratch("README.md");
    fs::write(&readme, OLD).unwrap();
    let path = readme.to_str().unwrap();
    let output = finish(tiny("readme", "virid,tokio", &["--readme", path]));
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let measured = fs::read_to_string(&readme).unwrap();
    assert!(measured.starts_with("# Title\n\n<!-- sweep:begin -->\n\n"));
    assert!(measured.ends_with("\n<!-- sweep:end -->\n\nEnd\n"));
    assert!(measured.contains("| tokio |") || measured.contains("| **tokio** |"));
    assert!(measured.contains("[readme.json](readme.json)"));
    assert!(!measured.contains("\nold\n"));
    // One size has no curves.
    assert!(!measured.contains("<picture>"));

    let results = scratch("readme.json");
    for _ in 0..2 {
        assert_eq!(from(&results, &readme, &[]).status.code(), Some(0));
        assert_eq!(fs::read_to_string(&readme).unwrap(), measured);
    }
}

#[test]
fn check_finds_whatever_has_drifted_and_changes_nothing() {
    let readme = scratch("DRIFT.md");
    fs::write(&readme, OLD).unwrap();
    let mut command = comparisons(&["--sizes", "100,200", "--rounds", "1"]);
    let results = scratch("drift.json");
    command
        .args(["--workloads", "flat", "--runtimes", "virid,tokio"])
        .arg("--out")
        .arg(&results);
    assert_eq!(finish(command).status.code(), Some(0));
    let check = || from(&results, &readme, &["--check"]);

    let output = check();
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("DRIFT.md"), "{}", stderr(&output));
    assert_eq!(fs::read_to_string(&readme).unwrap(), OLD);

    assert_eq!(from(&results, &readme, &[]).status.code(), Some(0));
    let output = check();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stdout(&output).contains("drift.json"));
    let text = fs::read_to_string(&readme).unwrap();
    assert!(text.contains("<img src=\"drift-light.svg\""), "{text}");

    // The tables, the picture, the results.
    let changed = text.replacen("200", "201", 1);
    assert_ne!(changed, text);
    fs::write(&readme, &changed).unwrap();
    assert_eq!(check().status.code(), Some(1));
    fs::write(&readme, &text).unwrap();
    let picture = scratch("drift-dark.svg");
    let svg = fs::read_to_string(&picture).unwrap();
    fs::remove_file(&picture).unwrap();
    let output = check();
    assert_eq!(output.status.code(), Some(1));
    let said = stderr(&output);
    assert!(
        said.contains("drift-dark.svg") && !said.contains("DRIFT.md,"),
        "{said}"
    );
    fs::write(&picture, svg).unwrap();
    assert_eq!(check().status.code(), Some(0));
    let samples = fs::read_to_string(&results).unwrap();
    fs::write(&results, samples.replace("\"ns\":", "\"ns\":1")).unwrap();
    assert_eq!(check().status.code(), Some(1));
}

#[test]
fn readme_without_markers_is_a_usage_error_and_is_left_alone() {
    let readme = scratch("PLAIN.md");
    fs::write(&readme, "nothing\n").unwrap();
    let output = finish(tiny(
        "plain",
        "virid",
        &["--readme", readme.to_str().unwrap()],
    ));
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("sweep:begin"));
    assert_eq!(fs::read_to_string(&readme).unwrap(), "nothing\n");
}
