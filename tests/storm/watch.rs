//! The watchdog: where nothing has gone on for 30 s it says what there is, and aborts.

use super::ledger::Ledger;
use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write as _};
use std::process::abort;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;
use virid::Handle;

const PATIENCE: u32 = 30;
const MOST_LIVES: usize = 100;

/// Grows as long as anything goes on.
static STEPS: AtomicU64 = AtomicU64::new(0);

struct Round {
    what: String,
    ledger: Arc<Ledger>,
    handle: Handle,
}

static ROUND: Mutex<Option<Round>> = Mutex::new(None);

pub(crate) fn step() {
    STEPS.fetch_add(1, Ordering::Relaxed);
}

/// Tells the watchdog what round it is.
pub(crate) fn round(what: String, ledger: &Arc<Ledger>, handle: &Handle) {
    step();
    let round = Round {
        what,
        ledger: ledger.clone(),
        handle: handle.clone(),
    };
    let before = ROUND.lock().unwrap().replace(round);
    drop(before);
}

pub(crate) fn start() {
    thread::spawn(|| {
        let (mut last, mut quiet) = (0, 0);
        while quiet < PATIENCE {
            thread::sleep(Duration::from_secs(1));
            let now = STEPS.load(Ordering::Relaxed);
            quiet = if now == last { quiet + 1 } else { 0 };
            last = now;
        }
        fail(&format!("no progress for {PATIENCE} s"));
    });
}

/// Says what is wrong and what there is. Not a panic, which a task would survive, and not
/// `eprintln!`, whose text is lost where the harness captures it.
pub(crate) fn fail(what: &str) -> ! {
    _ = writeln!(io::stderr(), "STORM: {what}");
    // In case that what is asked below hangs as well.
    thread::spawn(|| {
        thread::sleep(Duration::from_secs(20));
        abort();
    });
    _ = io::stderr().write_all(threads().as_bytes());
    if let Ok(round) = ROUND.try_lock()
        && let Some(round) = &*round
    {
        _ = io::stderr().write_all(dump(round).as_bytes());
        _ = writeln!(io::stderr(), "{:#?}", round.handle.metrics());
    }
    abort()
}

fn dump(round: &Round) -> String {
    let mut text = format!("{}\n{:?}\n", round.what, round.ledger.totals());
    for line in round.ledger.open_lives().take(MOST_LIVES) {
        _ = writeln!(text, "{line}");
    }
    text
}

/// What the system says of each thread.
fn threads() -> String {
    let mut text = String::new();
    let Ok(tasks) = fs::read_dir("/proc/self/task") else {
        return text;
    };
    for task in tasks.flatten() {
        let read = |name| fs::read_to_string(task.path().join(name)).unwrap_or_default();
        let status = read("status");
        let state = status.lines().find(|line| line.starts_with("State"));
        let number = task.file_name();
        _ = writeln!(
            text,
            "thread {} {}: {}, in {}, call {}",
            number.display(),
            read("comm").trim(),
            state.unwrap_or_default(),
            read("wchan"),
            read("syscall").trim(),
        );
    }
    text
}
