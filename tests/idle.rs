//! Proves that idle workers cost nothing: over two seconds no thread of a
//! runtime switches context or uses a tick of CPU time. Alone in its file,
//! because tasks of other tests would count.

#![cfg(all(not(virid_loom), target_os = "linux"))]

#[path = "support/costs.rs"]
mod costs;
mod support;
#[path = "support/workers.rs"]
mod workers;

use std::collections::BTreeMap;
use std::thread::sleep;
use std::time::Duration;

use costs::{at_rest, costs};
use support::guard;
use workers::workers;

#[test]
fn idle_workers_neither_switch_context_nor_use_cpu_time() {
    guard(|| {
        let none = BTreeMap::new();
        let own = costs(&none);
        let runtime = workers(4);
        let tasks: Vec<_> = (0..10_000)
            .map(|i| runtime.spawn(async move { i }))
            .collect();
        tasks.into_iter().for_each(|task| _ = task.join().unwrap());
        virid::spawn(async {}).join().unwrap();
        let suspended = runtime.spawn(std::future::pending::<()>());

        let before = at_rest(&own);
        assert!(before.len() >= 5, "{before:?}");
        sleep(Duration::from_secs(2));
        assert_eq!(costs(&own), before);
        assert!(!suspended.is_finished());
    });
}
