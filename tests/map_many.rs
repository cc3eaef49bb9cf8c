//! Proves that memory does not grow with the items of a map, and that all come in order.
//! `VIRID_TASKS` changes how many there are.

#![cfg(not(virid_loom))]

mod support;
#[path = "support/workers.rs"]
mod workers;

use std::env;
use support::guard;
use virid::task::map_ordered;
use workers::workers;

/// A line of `/proc/self/status`, in KiB; `None` where there is no such file.
fn status(line: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|text| text.strip_prefix(line))?;
    line.trim_start_matches(':')
        .split_whitespace()
        .next()?
        .parse()
        .ok()
}

#[test]
fn memory_is_flat_however_many_items_come_in_order() {
    let items: u64 = env::var("VIRID_TASKS").map_or(500_000, |text| text.parse().unwrap());
    guard(move || {
        let runtime = workers(2);
        let consumer = runtime.spawn(async move {
            let mut map = map_ordered(0..items, 64, |n| async move {
                if n % 3 == 0 {
                    virid::yield_now().await;
                }
                n
            });
            let mut early = None;
            for n in 0..items {
                assert_eq!(map.next().await.unwrap().unwrap(), n);
                if n == items / 100 {
                    early = status("VmHWM");
                }
            }
            assert!(map.next().await.is_none());
            (early, status("VmHWM"))
        });
        if let (Some(early), Some(late)) = consumer.join().unwrap() {
            assert!(late <= early + 16 * 1024, "{early} KiB, then {late} KiB");
        }
    });
}
