//! One look at a monitor, as numbers and as text.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::time::Duration;

use serde::Serialize;

use super::text::Text;
use crate::format;
use crate::monitor::finding::{Status, WIDTH, wrap};

/// A file that is older than this and than some of its intervals says nothing of now.
const STALE: Duration = Duration::from_secs(3);

/// Looks that the sparkline shows.
const LOOKS: usize = 60;

/// One look.
#[derive(Debug, Serialize)]
pub(crate) struct Frame {
    pub(crate) status: Status,
    /// What the status rests on.
    why: String,
    /// There is no news of the program.
    pub(crate) is_stale: bool,
    source: String,
    /// How old the numbers are.
    age_seconds: f64,
    window: Waits,
    samples: u64,
    samples_per_second: f64,
    slow: u64,
    /// Since the look before, or in the window at the first.
    slow_new: u64,
    slow_threshold_ns: f64,
    clock_step_ns: f64,
    clock_cost_ns: f64,
    /// Of the demo load only.
    #[serde(skip_serializing_if = "Option::is_none")]
    p99_since_due_ns: Option<f64>,
    injector_depth: u64,
    workers: Vec<Worker>,
}

#[derive(Debug, Serialize)]
struct Waits {
    count: u64,
    mean_ns: f64,
    p50_ns: f64,
    p95_ns: f64,
    p99_ns: f64,
    max_ns: f64,
}

#[derive(Debug, Serialize)]
struct Worker {
    p50_ns: f64,
    p99_ns: f64,
    max_ns: f64,
    queued: u64,
    waiting_threads: u64,
    polls_per_second: f64,
    parks_per_second: f64,
}

/// What one look sees.
pub(crate) struct Look {
    pub(crate) text: Text,
    pub(crate) age: Duration,
    /// Since the look before.
    pub(crate) passed: Duration,
    pub(crate) p99_since_due: Option<f64>,
}

impl Frame {
    pub(crate) fn new(source: &str, look: &Look, before: Option<&Text>) -> Self {
        let text = &look.text;
        let rate = |name: &str, of: &dyn Fn(&Text, &str) -> f64| match before {
            Some(before) => {
                (of(text, name) - of(before, name)).max(0.0) / look.passed.as_secs_f64()
            }
            None => 0.0,
        };
        let slow = text.number("virid_spawn_slow_total");
        let slow_new = match before {
            Some(before) => (slow - before.number("virid_spawn_slow_total")).max(0.0),
            None => text.number("virid_spawn_window_slow"),
        };
        let wait = |quantile| {
            text.nanos(&format!(
                "virid_spawn_wait_seconds{{quantile=\"{quantile}\"}}"
            ))
        };
        let worker = |index: usize| {
            let of = |name: &str| text.of_worker(name, index);
            let wait = |value| {
                text.nanos(&format!(
                    "virid_worker_spawn_wait_seconds{{worker=\"{index}\",value=\"{value}\"}}"
                ))
            };
            let per_second = |name: &str| {
                rate(name, &|text, name| {
                    text.of_worker(name, index).unwrap_or(0.0)
                })
            };
            Some(Worker {
                queued: of("virid_worker_queue_depth")? as u64,
                waiting_threads: of("virid_worker_waiting_threads")? as u64,
                p50_ns: wait("p50"),
                p99_ns: wait("p99"),
                max_ns: wait("max"),
                polls_per_second: per_second("virid_worker_polled_total"),
                parks_per_second: per_second("virid_worker_parked_total"),
            })
        };
        let mut frame = Self {
            status: Status::Ok,
            why: String::new(),
            is_stale: look.age > STALE,
            source: source.to_owned(),
            age_seconds: look.age.as_secs_f64(),
            window: Waits {
                count: text.number("virid_spawn_window_samples") as u64,
                mean_ns: text.nanos("virid_spawn_wait_mean_seconds"),
                p50_ns: wait("0.5"),
                p95_ns: wait("0.95"),
                p99_ns: wait("0.99"),
                max_ns: text.nanos("virid_spawn_wait_max_seconds"),
            },
            samples: text.number("virid_spawn_wait_seconds_count") as u64,
            samples_per_second: rate("virid_spawn_wait_seconds_count", &Text::number),
            slow: slow as u64,
            slow_new: slow_new as u64,
            slow_threshold_ns: text.nanos("virid_spawn_slow_threshold_seconds"),
            clock_step_ns: text.nanos("virid_clock_step_seconds"),
            clock_cost_ns: text.nanos("virid_clock_cost_seconds"),
            p99_since_due_ns: look.p99_since_due,
            injector_depth: text.number("virid_injector_depth") as u64,
            workers: (0..).map_while(worker).collect(),
        };
        (frame.status, frame.why) = frame.judge();
        frame
    }

    /// How it is, and why.
    fn judge(&self) -> (Status, String) {
        let threshold = format::nanos(self.slow_threshold_ns);
        if self.is_stale {
            let age = self.age_seconds;
            let why = format!("no news for {age:.0} s: the program has ended, or hangs");
            return (Status::Fail, why);
        }
        if self.slow_new > 0 {
            let why = format!(
                "{} samples have waited {threshold} or longer",
                self.slow_new
            );
            return (Status::Fail, why);
        }
        if self.window.count == 0 {
            return (Status::Warn, "no spawn was sampled yet".to_owned());
        }
        let p99 = format::nanos(self.window.p99_ns);
        if self.window.max_ns >= self.slow_threshold_ns {
            let why = format!("none is slow now, but some of the window were ({threshold})");
            return (Status::Warn, why);
        }
        if self.window.p99_ns * 10.0 >= self.slow_threshold_ns {
            let why = format!("p99 of {p99} is close to the threshold of {threshold}");
            return (Status::Warn, why);
        }
        (
            Status::Ok,
            format!("p99 of {p99}, threshold of {threshold}"),
        )
    }

    /// A screen of it.
    pub(crate) fn screen(&self, history: &History) -> String {
        let mut screen = String::new();
        let (style, word) = (self.status.style(), self.status.word());
        let _ = writeln!(screen, "virid monitor watch: {}\n", self.source);
        let mut head = format!("{style}{word:<5}{style:#} ");
        for line in wrap(&self.why, WIDTH - 6) {
            let _ = writeln!(screen, "{head}{line}");
            head = " ".repeat(6);
        }
        let window = &self.window;
        let nanos = format::nanos;
        let _ = writeln!(
            screen,
            "\nspawn to first run, the last {} samples:\n  p50 {}  p95 {}  p99 {}  max {}  mean {}",
            window.count,
            nanos(window.p50_ns),
            nanos(window.p95_ns),
            nanos(window.p99_ns),
            nanos(window.max_ns),
            nanos(window.mean_ns),
        );
        let _ = writeln!(
            screen,
            "  {} samples in all, {:.0} a second; slow: {} in all, {} new",
            self.samples, self.samples_per_second, self.slow, self.slow_new,
        );
        if let Some(since_due) = self.p99_since_due_ns {
            let since_due = nanos(since_due);
            let _ = writeln!(screen, "  p99 {since_due} since the requests were due");
        }
        let _ = writeln!(
            screen,
            "  clock: steps of {:.0} ns, {:.0} ns for a look, which is not subtracted",
            self.clock_step_ns, self.clock_cost_ns,
        );
        let spark = history.spark(self.slow_threshold_ns);
        let _ = writeln!(screen, "  p99 {spark}\n");
        self.workers(&mut screen);
        let _ = writeln!(screen, "injector: {} queued", self.injector_depth);
        screen
    }

    fn workers(&self, screen: &mut String) {
        let _ = writeln!(
            screen,
            "worker       p50       p99       max  queued  waiting   polls/s   parks/s"
        );
        for (index, worker) in self.workers.iter().enumerate() {
            let _ = writeln!(
                screen,
                "{index:>6} {:>9} {:>9} {:>9} {:>7} {:>8} {:>9.0} {:>9.0}",
                format::nanos(worker.p50_ns),
                format::nanos(worker.p99_ns),
                format::nanos(worker.max_ns),
                worker.queued,
                worker.waiting_threads,
                worker.polls_per_second,
                worker.parks_per_second,
            );
        }
    }
}

/// The p99 of the last looks.
#[derive(Debug, Default)]
pub(crate) struct History(VecDeque<f64>);

impl History {
    pub(crate) fn add(&mut self, frame: &Frame) {
        self.0.push_back(frame.window.p99_ns);
        if self.0.len() > LOOKS {
            self.0.pop_front();
        }
    }

    /// From a microsecond at the bottom to the threshold at the top, by the logarithm.
    fn spark(&self, threshold_ns: f64) -> String {
        const LEVELS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
        let top = (threshold_ns / 1e3).max(10.0).log10();
        let level = |p99: &f64| {
            let part = (p99 / 1e3).max(1.0).log10() / top;
            let level = (part * LEVELS.len() as f64) as usize;
            LEVELS[level.min(LEVELS.len() - 1)]
        };
        self.0.iter().map(level).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(numbers: &str, before: Option<&str>, age: u64) -> Frame {
        let text = |numbers: &str| {
            Text::parse(&format!(
                "# HELP a b\nvirid_spawn_slow_threshold_seconds 0.01\n{numbers}\n"
            ))
            .unwrap()
        };
        let look = Look {
            text: text(numbers),
            age: Duration::from_secs(age),
            passed: Duration::from_secs(2),
            p99_since_due: None,
        };
        Frame::new("a test", &look, before.map(text).as_ref())
    }

    fn waits(p99: f64, max: f64, slow: u64) -> String {
        format!(
            "virid_spawn_window_samples 100\nvirid_spawn_wait_seconds{{quantile=\"0.99\"}} {p99}\n\
             virid_spawn_wait_max_seconds {max}\nvirid_spawn_slow_total {slow}\n\
             virid_spawn_window_slow {slow}\nvirid_worker_queue_depth{{worker=\"0\"}} 7\n\
             virid_worker_waiting_threads{{worker=\"0\"}} 1\n\
             virid_worker_polled_total{{worker=\"0\"}} {}",
            slow * 10
        )
    }

    #[test]
    fn the_word_follows_from_the_numbers() {
        let healthy = waits(1e-5, 2e-4, 0);
        assert_eq!(frame(&healthy, None, 0).status, Status::Ok);
        assert_eq!(frame(&waits(2e-3, 3e-3, 0), None, 0).status, Status::Warn);
        let slow = waits(1e-5, 0.02, 3);
        assert_eq!(frame(&slow, None, 0).status, Status::Fail);
        assert_eq!(
            frame(&slow, Some(&slow), 0).status,
            Status::Warn,
            "none is new"
        );
        let worse = frame(&waits(1e-5, 0.02, 5), Some(&slow), 0);
        assert_eq!((worse.status, worse.slow_new), (Status::Fail, 2));
        assert_eq!(worse.workers.len(), 1);
        assert_eq!(worse.workers[0].polls_per_second, 10.0);
        let stale = frame(&healthy, None, 60);
        assert!(stale.status == Status::Fail && stale.is_stale);
        let empty = frame("virid_spawn_window_samples 0", None, 0);
        assert_eq!(empty.status, Status::Warn);
    }

    #[test]
    fn a_screen_is_no_wider_than_a_terminal_and_says_it_in_words() {
        let mut history = History::default();
        let sick = frame(&waits(123.456, 1234.5, 1_000_000), None, 0);
        for _ in 0..100 {
            history.add(&sick);
        }
        let screen = anstream::adapter::strip_str(&sick.screen(&history)).to_string();
        for line in screen.lines() {
            assert!(line.chars().count() <= WIDTH, "{line}");
        }
        assert!(screen.contains("\nFAIL  1000000 samples have waited 10.0 ms or longer\n"));
        assert!(screen.contains('█'));
    }
}
