//! The watchdog of a runtime: a thread that says so when a worker hangs because a
//! green thread holds a lock of `std::sync` while it is suspended in a spawn.
//!
//! The worker goes on with others then, one of these waits for the lock, and blocks
//! the only thread on which its holder could go on. All workers may be in such a
//! state, so none of them can tell. A worker counts as hanging when a thread of its
//! own is suspended in a spawn, and it has been inside one and the same poll for a
//! second in which it used no CPU time: so one that computes is never blamed.

use std::fmt;
use std::io::{self, Write};
use std::panic::Location;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::shared::Shared;
use crate::task::id::Id;

/// How often the watchdog looks while a thread is suspended in a spawn.
const LOOK: Duration = Duration::from_millis(500);

/// After so many looks at the same a worker hangs; and after so many that found
/// nothing the watchdog falls asleep, so that it is woken once a second at most.
const LOOKS: u32 = 2;

/// CPU time between two looks that counts as none: a signal may have been handled.
const ALMOST_NONE: Duration = Duration::from_micros(100);

/// Who is where, for the message.
type Origin = (Id, &'static Location<'static>);

/// Starts or wakes the watchdog. Called by a worker that has shown a thread.
pub(super) fn wake(shared: &Arc<Shared>, can_watch: bool) {
    shared.watch().wake(|| {
        let kept = Arc::clone(shared);
        let builder = thread::Builder::new().name(String::from("virid-watchdog"));
        // Where the system refuses the thread, nobody watches.
        let start = || builder.spawn(move || watch(&kept)).ok();
        can_watch.then(start).flatten()
    });
}

fn watch(shared: &Shared) {
    let watch = shared.watch();
    let mut sights = vec![Sight::default(); shared.workers()];
    let mut found_nothing = 0;
    let mut before = Instant::now();
    while watch.wait(LOOK) {
        // Were all threads stopped meanwhile, none had the time to compute.
        if before.elapsed() > LOOK * 2 {
            sights.fill(Sight::default());
        }
        before = Instant::now();
        for (worker, sight) in sights.iter_mut().enumerate() {
            if let Some(hang) = sight.look(shared, worker) {
                // In one piece, and nobody is there to hear of a failure.
                let text = format!("{hang}");
                let _ = io::stderr().write_all(text.as_bytes());
                return;
            }
        }
        let is_needed = || (0..shared.workers()).any(|worker| has_spawner(shared, worker));
        found_nothing = if is_needed() { 0 } else { found_nothing + 1 };
        if found_nothing == LOOKS {
            found_nothing = 0;
            watch.fall_asleep(is_needed);
            sights.fill(Sight::default());
            before = Instant::now();
        }
    }
}

fn has_spawner(shared: &Shared, worker: usize) -> bool {
    shared.watched(worker).spawner().is_some()
}

/// What was seen of a worker at the last look.
#[derive(Clone, Copy, Default)]
struct Sight {
    inside: Option<Origin>,
    polled: u64,
    used: Duration,
    /// How many looks in turn have seen the same.
    same: u32,
}

impl Sight {
    /// Looks again.
    fn look(&mut self, shared: &Shared, worker: usize) -> Option<Hang> {
        let watched = shared.watched(worker);
        let seen = (
            watched.spawner(),
            shared.running(worker).get(),
            watched.used(),
        );
        let (Some(spawner), Some(inside), Some(used)) = seen else {
            *self = Self::default();
            return None;
        };
        let polled = shared.counters(worker).polled.get();
        let is_same = self.inside == Some(inside)
            && self.polled == polled
            && used.saturating_sub(self.used) <= ALMOST_NONE;
        *self = Self {
            inside: Some(inside),
            polled,
            used,
            same: if is_same { self.same + 1 } else { 0 },
        };
        (self.same == LOOKS).then_some(Hang {
            worker,
            inside,
            spawner,
        })
    }
}

/// A worker that hangs. `Display` is what users are told.
struct Hang {
    worker: usize,
    /// The task that blocks it.
    inside: Origin,
    /// The thread that waits in a spawn.
    spawner: Origin,
}

impl fmt::Display for Hang {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            worker,
            inside: (task, task_place),
            spawner: (spawner, spawner_place),
        } = self;
        writeln!(
            f,
            "virid: worker {worker} is blocked, perhaps for ever:\n  \
             task or green thread {task}, spawned at {task_place},\n    \
             has used no CPU time for a second, and keeps the worker from\n  \
             green thread {spawner}, spawned at {spawner_place},\n    \
             which is suspended while it spawns another.\n\
             If green thread {spawner} holds a lock of std::sync that {task} waits for, \
             neither goes on.\nAny of these helps:\n  \
             - drop the lock's guard before spawning\n  \
             - spawn inside virid::thread::no_suspend, where a spawn does not wait\n  \
             - build the runtime with virid::Builder::spawn_yields(false)\n\
             This is said once for a runtime."
        )
    }
}
