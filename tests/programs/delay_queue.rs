//! A queue of what has to be done at a certain time. Who takes from it waits until the
//! first is due, and no longer where an earlier one comes meanwhile.

use super::{sync, thread};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::{Duration, Instant};
use sync::{Arc, Condvar, Mutex};

pub(crate) const PRINTS: &str = "\
wake up, make tea, drink tea, go out
nothing was done before its time
";

type Entry = (Instant, &'static str);

#[derive(Default)]
struct DelayQueue {
    /// The earliest is the greatest.
    entries: Mutex<BinaryHeap<Reverse<Entry>>>,
    changed: Condvar,
}

impl DelayQueue {
    fn add(&self, entries: impl IntoIterator<Item = Entry>) {
        let entries = entries.into_iter().map(Reverse);
        self.entries.lock().unwrap().extend(entries);
        self.changed.notify_one();
    }

    fn take(&self) -> Entry {
        let mut entries = self.entries.lock().unwrap();
        loop {
            let Some(Reverse((due, _))) = entries.peek() else {
                entries = self.changed.wait(entries).unwrap();
                continue;
            };
            let left = due.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return entries.pop().unwrap().0;
            }
            entries = self.changed.wait_timeout(entries, left).unwrap().0;
        }
    }
}

pub(crate) fn run() -> String {
    let queue = Arc::<DelayQueue>::default();
    let after = |millis| Instant::now() + Duration::from_millis(millis);
    queue.add([(after(3_600_000), "go to bed")]);
    let same = queue.clone();
    let takes = thread::spawn(move || {
        let take = |_| {
            let (due, what) = same.take();
            assert!(Instant::now() >= due);
            what
        };
        (0..4).map(take).collect::<Vec<_>>().join(", ")
    });
    // It may wait for an hour already. What is added now is earlier.
    let (wake_up, make_tea, drink_tea, go_out) = (after(20), after(25), after(30), after(35));
    queue.add([
        (go_out, "go out"),
        (make_tea, "make tea"),
        (wake_up, "wake up"),
        (drink_tea, "drink tea"),
    ]);
    let done = takes.join().unwrap();
    format!("{done}\nnothing was done before its time\n")
}
