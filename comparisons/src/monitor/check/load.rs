//! Who else uses the processors.

use std::thread;
use std::time::Duration;

use super::memory::pressure;
use crate::monitor::finding::Finding;
use crate::monitor::system::{System, listed};

/// How long it watches.
const WATCHED: Duration = Duration::from_millis(300);

/// Load and steal.
pub(super) fn findings(system: &System) -> Vec<Finding> {
    let before = Ticks::read(system);
    thread::sleep(WATCHED);
    let after = Ticks::read(system);
    let now = before
        .zip(after)
        .and_then(|(before, after)| before.until(&after));
    vec![
        load(system, now.as_ref()),
        steal(after.as_ref(), now.as_ref()),
    ]
}

/// Processor time of the whole machine.
#[derive(Debug, Clone, Copy)]
struct Ticks {
    total: u64,
    idle: u64,
    stolen: u64,
}

impl Ticks {
    fn read(system: &System) -> Option<Self> {
        // user, nice, system, idle, iowait, irq, softirq, steal.
        let line = system.field("/proc/stat", "cpu")?;
        let ticks: Vec<u64> = line
            .split_whitespace()
            .filter_map(|t| t.parse().ok())
            .collect();
        Some(Self {
            total: ticks.get(..8)?.iter().sum(),
            idle: ticks[3] + ticks[4],
            stolen: ticks[7],
        })
    }

    /// What has come to it; nothing where the clock has not ticked.
    fn until(&self, later: &Self) -> Option<Self> {
        let total = later
            .total
            .checked_sub(self.total)
            .filter(|&ticks| ticks > 0)?;
        Some(Self {
            total,
            idle: later.idle.saturating_sub(self.idle),
            stolen: later.stolen.saturating_sub(self.stolen),
        })
    }

    fn part(&self, ticks: u64) -> f64 {
        ticks as f64 / self.total.max(1) as f64
    }
}

fn load(system: &System, now: Option<&Ticks>) -> Finding {
    let average = system.read("/proc/loadavg");
    let average = average.and_then(|text| text.split(' ').next()?.parse::<f64>().ok());
    let online = system.read("/sys/devices/system/cpu/online");
    let cores = online.as_deref().and_then(listed).unwrap_or(1) as f64;
    // Nobody works here while this process sleeps but the others.
    let busy = now.map_or(0.0, |now| {
        now.part(now.total - now.idle.min(now.total) - now.stolen)
    });
    let waiting = pressure(system, "cpu");
    let average = average.unwrap_or(0.0);
    let seen = format!(
        "{average:.2} on average over the last minute, on {cores} cores; just now others use \
         {:.0}% of them",
        busy * 100.0
    );
    let cure = "end what runs beside it, or measure later; the gate needs a machine of its own";
    if busy > 0.25 || average > cores {
        Finding::warn(
            "load",
            format!("{seen}: workers wait for a processor"),
            cure,
        )
    } else if waiting > 10.0 {
        let seen = format!("{seen}; something waited {waiting:.0}% of the last ten seconds");
        Finding::warn("load", seen, cure)
    } else {
        Finding::ok("load", seen)
    }
}

fn steal(ever: Option<&Ticks>, now: Option<&Ticks>) -> Finding {
    const NOTICED: f64 = 0.01;
    const MUCH: f64 = 0.10;
    let Some(ever) = ever else {
        return Finding::ok("steal", "not known");
    };
    let since_start = ever.part(ever.stolen);
    // Where the clock stood still, the time since the start has to do.
    let just_now = now.map_or(since_start, |now| now.part(now.stolen));
    let seen = format!(
        "{:.1}% of the time just now went to other machines of the host, {:.1}% since the start",
        just_now * 100.0,
        since_start * 100.0
    );
    let cure = "a machine whose cores are its own (no burstable or shared type), or another time";
    if just_now > MUCH {
        Finding::fail("steal", seen, cure)
    } else if just_now > NOTICED || since_start > NOTICED {
        Finding::warn("steal", seen, cure)
    } else {
        Finding::ok("steal", seen)
    }
}
