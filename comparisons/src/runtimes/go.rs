//! Go, whose runtime is its own program; see `go/main.go` for its settings.

use crate::contender::{Contender, Engine, Entry};
use crate::workloads::Workload;

/// The row of Go.
pub(crate) const CONTENDER: Contender = Contender {
    name: "go",
    engine: Engine::Go,
    entries: &[
        Entry::new(Workload::Flat, 600),
        Entry::new(Workload::Tree, 600),
        Entry::new(Workload::Yield, 0),
        Entry::new(Workload::PingPong, 0),
        Entry::new(Workload::Parked, 3500),
        Entry::new(Workload::Chained, 0),
        Entry::new(Workload::SpawnJoin, 600),
        Entry::new(Workload::Scope, 0),
        Entry::new(Workload::YieldMany, 0),
        Entry::new(Workload::UsBurst1, 600),
        Entry::new(Workload::UsBurst2, 600),
        Entry::new(Workload::UsTree1, 600),
        Entry::new(Workload::UsTree2, 600),
        Entry::new(Workload::Echo, 0),
        Entry::new(Workload::Skynet, 3500),
        Entry::new(Workload::Fib, 3500),
        Entry::new(Workload::Nqueens, 3500),
        Entry::new(Workload::AfterBurst, 600),
        Entry::new(Workload::Idle, 0),
        Entry::new(Workload::Channel, 0),
    ],
};
