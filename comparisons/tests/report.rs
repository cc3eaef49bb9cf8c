//! The files that results are shown in: the HTML report, and the tables and the picture
//! of a Markdown file. Browsers are asked what they make of them, where there is one.

#[path = "support/run.rs"]
mod run;
#[path = "support/tiny.rs"]
mod tiny;

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use run::{comparisons, finish, scratch, stderr, stdout};
use tiny::tiny;

/// The HTML report of a run with curves, and with a cell that has no time. Its results
/// are in the file `curves.json`.
static MEASURED: LazyLock<String> = LazyLock::new(|| {
    let mut command = comparisons(&["--sizes", "100,500,2000", "--rounds", "9"]);
    command
        .args(["--workloads", "flat,tree", "--seed", "7"])
        .args(["--runtimes", "virid,virid-threads,tokio,rayon,may,std"])
        .arg("--out")
        .arg(scratch("curves.json"))
        .env("VIRID_COMPARE_FAULT", "flat:tokio:2000:wrong");
    let output = finish(command);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    fs::read_to_string(scratch("curves.html")).unwrap()
});

#[test]
fn html_report_is_one_file_with_everything_in_it() {
    let page = &*MEASURED;
    for part in [
        "prefers-color-scheme: dark",
        "name=\"viewport\"",
        "<svg",
        "At a glance",
        "All numbers",
        "wrong answer",
        "95 %: ",
        "seed 7",
        "cargo run --release -p comparisons -- --sizes 100,500,2000",
        "cores",
        "rustc",
    ] {
        assert!(page.contains(part), "{part} is missing");
    }
    // Nothing that would have to be fetched, and nothing that runs.
    for foreign in ["src=", "<link", "<script", "@import", "url(", "http"] {
        assert!(!page.contains(foreign), "{foreign}");
    }
}

#[test]
fn report_goes_where_it_is_asked_for() {
    let html = scratch("asked.html");
    let _ = fs::remove_file(&html);
    let path = html.to_str().unwrap();
    let output = finish(tiny("asked-results", "virid,tokio", &["--html", path]));
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let page = fs::read_to_string(&html).unwrap();
    assert!(stderr(&output).contains(path));
    assert!(!scratch("asked-results.html").exists());

    let mut command = comparisons(&["--html", path, "--from"]);
    command.arg(scratch("asked-results.json"));
    assert_eq!(finish(command).status.code(), Some(0));
    assert_eq!(fs::read_to_string(&html).unwrap(), page);

    let output = finish(comparisons(&["--html", "/nonexistent/report.html"]));
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("/nonexistent/report.html"));
}

/// Asks a page in a frame whether it is wider than the frame at two widths, and which names in its drawings
/// are written over each other.
const QUESTIONS: &str = r#"<!doctype html><title></title><iframe id="f" src="PAGE"></iframe>
<script>
const frame = document.getElementById("f");
frame.onload = () => {
  const answers = [];
  for (const width of [1280, 400]) {
    frame.style.cssText = `border:0;height:900px;width:${width}px`;
    const page = frame.contentDocument;
    let overlaps = 0, names = 0;
    for (const svg of page.querySelectorAll("svg")) {
      const boxes = [...svg.querySelectorAll(".name")].map(name => name.getBoundingClientRect());
      names += boxes.length;
      boxes.forEach((one, i) => boxes.slice(i + 1).forEach(other => {
        if (one.left < other.right && other.left < one.right
            && one.top + 3 < other.bottom && other.top + 3 < one.bottom) overlaps += 1;
      }));
    }
    const beyond = page.documentElement.scrollWidth - page.documentElement.clientWidth;
    answers.push(`${width}: ${beyond} wider, ${overlaps} overlaps`);
    if (names == 0) answers.push("no names");
  }
  document.body.replaceChildren(answers.join("; "));
};
</script>"#;

#[test]
fn a_browser_shows_the_report_wide_and_narrow() {
    let Some(browser) = browser() else { return };
    assert!(!MEASURED.is_empty());
    let one_size = scratch("bars.html");
    let more = ["--html", one_size.to_str().unwrap()];
    let output = finish(tiny("bars", "virid,tokio,rayon,may,std", &more));
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    for page in ["curves.html", "bars.html"] {
        let questions = scratch(&format!("ask-{page}"));
        fs::write(&questions, QUESTIONS.replace("PAGE", page)).unwrap();
        let shown = dom(browser, &questions);
        let expected = "1280: 0 wider, 0 overlaps; 400: 0 wider, 0 overlaps";
        assert!(shown.contains(expected), "{page}: {shown}");
    }
}

#[test]
fn a_browser_shows_the_picture() {
    let Some(browser) = browser() else { return };
    let readme = scratch("picture.md");
    fs::write(&readme, "<!-- sweep:begin -->\n<!-- sweep:end -->\n").unwrap();
    assert!(!MEASURED.is_empty());
    let mut command = comparisons(&["--readme", readme.to_str().unwrap(), "--from"]);
    command.arg(scratch("curves.json"));
    assert_eq!(finish(command).status.code(), Some(1));
    for theme in ["light", "dark"] {
        let shown = dom(browser, &scratch(&format!("curves-{theme}.svg")));
        assert!(shown.contains("rayon"), "{shown}");
        // What a browser says of a file that is no XML.
        assert!(!shown.contains("parsererror"), "{shown}");
    }
}

fn browser() -> Option<&'static str> {
    let found = ["chromium", "chromium-browser", "google-chrome"]
        .into_iter()
        .find(|name| {
            let mut command = Command::new(name);
            command
                .arg("--version")
                .stdout(Stdio::null())
                .stderr(Stdio::null());
            command.status().is_ok_and(|status| status.success())
        });
    if found.is_none() {
        // Not by a macro, whose output the test harness keeps to itself.
        let _ = writeln!(
            std::io::stderr(),
            "SKIP: looking at the report: no Chromium"
        );
    }
    found
}

/// What a browser has made of a file once its scripts have run.
fn dom(browser: &str, file: &Path) -> String {
    let profile = scratch(&format!(
        "profile-{}",
        file.file_name().unwrap().to_string_lossy()
    ));
    let mut command = Command::new(browser);
    command
        .args(["--headless=new", "--no-sandbox", "--disable-gpu"])
        .args([
            "--allow-file-access-from-files",
            "--virtual-time-budget=5000",
        ])
        .args(["--window-size=1400,1000", "--dump-dom"])
        .arg(format!("--user-data-dir={}", profile.display()))
        .arg(format!("file://{}", file.display()))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let output = finish(command);
    assert!(output.status.success(), "{}", stderr(&output));
    stdout(&output)
}
