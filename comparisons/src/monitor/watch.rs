//! `monitor watch`: how spawning is doing, in a program that runs.

mod frame;
mod load;
mod text;

use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use clap::{Args, value_parser};

use self::frame::{Frame, History, Look};
use self::load::{Kind, Load};
use self::text::Text;
use super::finding::Status;
use crate::session::{End, Stop};

/// A demo load is looked at for the first time when it has run for so long.
const WARM_UP: Duration = Duration::from_secs(1);

/// Shows how long spawned tasks wait for their first run, several times a second.
///
/// Of a program that exports its numbers (`SpawnMonitor::export_to`), or of a load to
/// look at. FAIL: samples have waited as long as the threshold since the last look, or
/// there is no news; WARN: some of the window have, or a hundredth waited for a tenth of
/// it. Ends with Ctrl-C.
#[derive(Debug, Args)]
pub(crate) struct Watch {
    /// The file that the program writes; a load of this command's own without it
    #[arg(long, value_name = "PATH")]
    file: Option<PathBuf>,

    /// What the load of this command's own is like
    #[arg(long, value_enum, default_value = "steady", conflicts_with = "file")]
    load: Kind,

    /// Milliseconds from which on a spawn of that load is slow
    #[arg(long, value_name = "MS", default_value_t = 10, conflicts_with = "file",
          value_parser = value_parser!(u64).range(1..=60_000))]
    slow: u64,

    /// Samples in the window of that load
    #[arg(long, value_name = "N", default_value_t = 1_000, conflicts_with = "file",
          value_parser = value_parser!(u32).range(1..=100_000))]
    window: u32,

    /// Milliseconds between two looks
    #[arg(long, value_name = "MS", default_value_t = 250,
          value_parser = value_parser!(u64).range(50..=60_000))]
    interval: u64,

    /// Look once; exit with 1 where that is FAIL, and with 3 where there is no news
    #[arg(long)]
    once: bool,

    /// End after so many looks
    #[arg(long, value_name = "N", conflicts_with = "once",
          value_parser = value_parser!(u64).range(1..))]
    looks: Option<u64>,

    /// Print a line of JSON for each look
    #[arg(long)]
    json: bool,
}

/// Where the numbers come from.
enum Source<'a> {
    File(&'a Path),
    Load(Kind, Load),
}

/// Looks again and again.
pub(crate) fn run(options: &Watch) -> Result<End, Stop> {
    let source = match &options.file {
        Some(path) => Source::File(path),
        None => {
            let slow_after = Duration::from_millis(options.slow);
            let load = Load::start(options.load, slow_after, options.window as usize)?;
            thread::sleep(WARM_UP);
            Source::Load(options.load, load)
        }
    };
    let looks = if options.once { Some(1) } else { options.looks };
    let interval = Duration::from_millis(options.interval);
    let mut history = History::default();
    let mut before: Option<(Text, Instant)> = None;
    let mut due = Instant::now();
    for number in 1.. {
        let now = Instant::now();
        let passed = before.as_ref().map_or(interval, |(_, at)| now - *at);
        let look = source.look(passed)?;
        let frame = Frame::new(&source.name(), &look, before.as_ref().map(|(text, _)| text));
        history.add(&frame);
        show(options, &frame, &history)?;
        if looks == Some(number) {
            return Ok(end(options, &frame));
        }
        before = Some((look.text, now));
        // From when it was due, so that slow looks do not become rare ones.
        due += interval;
        thread::sleep(due.saturating_duration_since(Instant::now()));
    }
    unreachable!("the numbers do not run out")
}

fn end(options: &Watch, frame: &Frame) -> End {
    match frame.status {
        Status::Fail if options.once && frame.is_stale => End::Unfit,
        Status::Fail if options.once => End::Failed,
        _ => End::Complete,
    }
}

fn show(options: &Watch, frame: &Frame, history: &History) -> io::Result<()> {
    let mut screen = if options.json {
        serde_json::to_string(frame).map_err(io::Error::other)?
    } else {
        frame.screen(history)
    };
    screen.push('\n');
    let is_drawn_over = !options.json && !options.once && draws_over();
    if is_drawn_over {
        // To the upper left, and nothing below: not through what takes colours out.
        io::stdout().write_all(b"\x1b[H\x1b[J")?;
    }
    let mut out = anstream::stdout();
    out.write_all(screen.as_bytes())?;
    out.flush()
}

/// Whether each look takes the place of the one before.
fn draws_over() -> bool {
    io::stdout().is_terminal() && std::env::var_os("TERM").is_some_and(|term| term != "dumb")
}

impl Source<'_> {
    fn name(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Load(Kind::Steady, _) => "a steady load of this command's own".to_owned(),
            Self::Load(Kind::Blocked, _) => {
                "a load of this command's own, with tasks that block".to_owned()
            }
        }
    }

    fn look(&self, passed: Duration) -> Result<Look, Stop> {
        match self {
            Self::File(path) => {
                let (text, age) = read(path).map_err(|error| no_file(path, &error.to_string()))?;
                let Some(text) = Text::parse(&text) else {
                    return Err(no_file(path, "it is not what a monitor writes"));
                };
                Ok(Look {
                    text,
                    age,
                    passed,
                    p99_since_due: None,
                })
            }
            Self::Load(_, load) => Ok(Look {
                text: Text::parse(&load.text()).expect("a monitor writes what can be read"),
                age: Duration::ZERO,
                passed,
                p99_since_due: Some(load.p99_since_due()),
            }),
        }
    }
}

/// A file, and how old it is.
fn read(path: &Path) -> io::Result<(String, Duration)> {
    let text = fs::read_to_string(path)?;
    let written = fs::metadata(path)?.modified()?;
    // A clock that was set back makes it new.
    let age = SystemTime::now()
        .duration_since(written)
        .unwrap_or_default();
    Ok((text, age))
}

fn no_file(path: &Path, why: &str) -> Stop {
    Stop::Usage(format!(
        "{}: {why}\nThe program to watch writes it: \
         monitor.export_to(\"{0}\", Duration::from_millis(250))",
        path.display()
    ))
}
