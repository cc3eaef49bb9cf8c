//! What the threads of this process cost.

use std::collections::BTreeMap;
use std::fs::{read_dir, read_to_string};
use std::thread::sleep;
use std::time::Duration;

/// What a thread has cost so far, with the name the kernel knows it by and whether it
/// waits.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Cost {
    name: String,
    is_asleep: bool,
    voluntary_switches: u64,
    forced_switches: u64,
    ticks: u64,
}

/// Reads the cost of a thread, or nothing if it has ended.
fn cost(thread: &str) -> Option<Cost> {
    let file = |name: &str| read_to_string(format!("/proc/self/task/{thread}/{name}")).ok();
    let (status, stat) = (file("status")?, file("stat")?);
    let field = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name))?;
        line.split_once(':')
            .map(|(_, value)| value.trim().to_owned())
    };
    // The name in brackets may hold blanks; the state is field 3, ticks are 14 and 15.
    let after_name = stat.rsplit_once(')')?.1;
    let ticks = after_name.split_whitespace().skip(11).take(2);
    Some(Cost {
        name: field("Name")?,
        is_asleep: after_name.trim_start().starts_with('S'),
        voluntary_switches: field("voluntary_ctxt_switches")?.parse().ok()?,
        forced_switches: field("nonvoluntary_ctxt_switches")?.parse().ok()?,
        ticks: ticks.filter_map(|ticks| ticks.parse::<u64>().ok()).sum(),
    })
}

/// The cost of every thread of this process that `known` does not hold.
pub(crate) fn costs(known: &BTreeMap<String, Cost>) -> BTreeMap<String, Cost> {
    let threads = read_dir("/proc/self/task").unwrap();
    let names = threads.map(|thread| thread.unwrap().file_name().into_string().unwrap());
    let new = names.filter(|thread| !known.contains_key(thread));
    new.filter_map(|thread| cost(&thread).map(|cost| (thread, cost)))
        .collect()
}

/// Waits until the threads that `own` does not hold are at rest. What they have cost.
///
/// A worker may search a little before it sleeps, and without a processor it costs
/// nothing meanwhile; the guard ends a search that never does.
pub(crate) fn at_rest(own: &BTreeMap<String, Cost>) -> BTreeMap<String, Cost> {
    let mut before = costs(own);
    loop {
        sleep(Duration::from_millis(200));
        let now = costs(own);
        if now == before && now.values().all(|cost| cost.is_asleep) {
            return now;
        }
        before = now;
    }
}
