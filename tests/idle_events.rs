//! Proves that idle workers cost nothing where tasks wait for sockets and timers, so that
//! a worker waits in the reactor. Alone in its file, because tasks of other tests would
//! count.

#![cfg(all(not(virid_loom), target_os = "linux", feature = "time"))]

#[path = "support/costs.rs"]
mod costs;
mod support;
#[path = "support/workers.rs"]
mod workers;

use std::collections::BTreeMap;
use std::sync::{Arc, Barrier};
use std::thread::sleep;
use std::time::Duration;

use async_net::unix::UnixStream;
use costs::{at_rest, costs};
use futures_lite::AsyncReadExt;
use support::guard;
use workers::workers;

const WORKERS: usize = 4;

#[test]
fn workers_that_wait_for_sockets_and_timers_cost_nothing() {
    guard(|| {
        let none = BTreeMap::new();
        let own = costs(&none);
        let runtime = workers(WORKERS);
        let sleepers = (0..100).map(|i| virid::time::sleep(Duration::from_micros(i * 10)));
        let sleepers: Vec<_> = sleepers.map(|sleep| runtime.spawn(sleep)).collect();
        sleepers.into_iter().for_each(|task| task.join().unwrap());
        // Every worker comes by, and waits anew.
        let together = Arc::new(Barrier::new(WORKERS));
        let meet = |_| {
            let together = Arc::clone(&together);
            runtime.spawn(async move { _ = together.wait() })
        };
        let meetings: Vec<_> = (0..WORKERS).map(meet).collect();
        meetings.into_iter().for_each(|task| task.join().unwrap());
        let (mut one, other) = UnixStream::pair().unwrap();
        let reader = runtime.spawn(async move { one.read(&mut [0]).await });

        let before = at_rest(&own);
        assert!(before.len() > WORKERS, "{before:?}");
        sleep(Duration::from_secs(2));
        assert_eq!(costs(&own), before);
        assert!(!reader.is_finished());
        drop(other);
        assert_eq!(reader.join().unwrap().unwrap(), 0);
    });
}
