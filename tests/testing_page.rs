//! Proves that `TESTING.md` speaks of what there is: each test that it names, each promise;
//! and that models bring no protocol of their own.

#![cfg(not(virid_loom))]

use std::fs;
use std::path::Path;

fn page() -> String {
    fs::read_to_string("TESTING.md").expect("tests run in the package's folder")
}

/// What stands between backticks and reads as a path to a test.
fn names(text: &str) -> Vec<&str> {
    let quoted = text.split('`').skip(1).step_by(2);
    let is_name = |text: &&str| {
        let is_word = |word: &str| {
            let is_part =
                |letter: char| letter.is_ascii_lowercase() || "_0123456789".contains(letter);
            !word.is_empty() && word.chars().all(is_part)
        };
        text.contains("::") && text.split("::").all(is_word)
    };
    quoted.filter(is_name).collect()
}

/// Whether the file that a name says has a test, or a model, of that name.
fn exists(name: &str) -> bool {
    let (path, test) = name.rsplit_once("::").expect("a name is a path");
    let path = format!("tests/{}.rs", path.replace("::", "/"));
    let text = fs::read_to_string(path).unwrap_or_default();
    let head = format!("fn {test}()");
    let Some(at) = text.find(&head) else {
        return false;
    };
    let before = text[..at].trim_end_matches("pub ").trim_end();
    name.starts_with("loom::") || before.ends_with(']')
}

#[test]
fn every_test_that_it_names_exists() {
    let page = page();
    let names = names(&page);
    assert!(names.len() > 60, "{}", names.len());
    let missing: Vec<_> = names.iter().filter(|name| !exists(name)).collect();
    assert!(missing.is_empty(), "{missing:#?}");
}

/// The rows of the table of promises, without its head.
fn rows(page: &str) -> Vec<Vec<&str>> {
    let table = page.split("## Promises").nth(1).expect("a table");
    let table = table.split("\n## ").next().expect("a table");
    let rows = table.lines().filter(|line| line.starts_with('|')).skip(2);
    rows.map(|row| row.split('|').skip(1).take(5).map(str::trim).collect())
        .collect()
}

#[test]
fn every_promise_has_a_test() {
    let page = page();
    let rows = rows(&page);
    for promise in 1..=7 {
        let number = format!("{promise}. ");
        let mut of = rows.iter().filter(|row| row[0].starts_with(&number));
        assert!(
            of.any(|row| row[1..].iter().any(|cell| !cell.is_empty())),
            "{promise}"
        );
    }
}

#[test]
fn what_is_under_sanitizer_is_in_its_run() {
    let page = page();
    let run = fs::read_to_string(".ci/run").expect("there is one");
    let run = run.split("address_sanitizer()").nth(1).expect("a step");
    let left_out: Vec<_> = run
        .lines()
        .map(str::trim)
        .filter_map(|line| line.strip_suffix(") ;;"))
        .flat_map(|files| files.split(" | "))
        .collect();
    assert!(left_out.contains(&"ten_million"), "{left_out:?}");
    for row in rows(&page) {
        for name in names(row[3]) {
            let file = name.split("::").next().expect("a name is a path");
            assert!(!left_out.contains(&file), "{name} is not in the run");
        }
    }
}

#[test]
fn no_model_has_a_compare_and_swap_of_its_own() {
    for file in fs::read_dir(Path::new("tests/loom")).expect("models") {
        let path = file.expect("a folder can be listed").path();
        if path.ends_with("queues.rs") {
            // The stand-ins for crossbeam's queues.
            continue;
        }
        let text = fs::read_to_string(&path).expect("a model is text");
        for word in ["compare_exchange", "compare_and_swap", "fetch_update"] {
            assert!(!text.contains(word), "{word} in {}", path.display());
        }
    }
}
