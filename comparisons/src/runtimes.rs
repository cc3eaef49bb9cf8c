//! The runtimes, one file each. A new one is a file and a row here.

mod async_executor;
mod by_hand;
mod go;
mod may;
mod rayon;
mod sockets;
mod std_threads;
mod tokio;
mod virid;
mod virid_threads;

use crate::contender::Contender;

/// Every runtime, in the order of the table. The first is the one the others
/// are compared with, in every workload: virid's tasks take part in all of them,
/// and one baseline lets a reader compare rows of different tables.
pub(crate) static CONTENDERS: [Contender; 12] = [
    virid::CONTENDER,
    virid_threads::CONTENDER,
    tokio::CONTENDER,
    go::CONTENDER,
    rayon::CONTENDER,
    async_executor::CONTENDER,
    may::CONTENDER,
    std_threads::CONTENDER,
    by_hand::VIRID_MUTEXES,
    by_hand::VIRID_QUEUE,
    by_hand::TOKIO_MUTEXES,
    by_hand::TOKIO_QUEUE,
];

/// Name of the runtime that ratios refer to.
pub(crate) const BASELINE: &str = virid::CONTENDER.name;

/// Finds a runtime by name.
pub(crate) fn find(name: &str) -> Option<&'static Contender> {
    CONTENDERS.iter().find(|contender| contender.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workloads::WORKLOADS;

    #[test]
    fn the_baseline_takes_part_in_everything() {
        for workload in WORKLOADS {
            let entry = CONTENDERS[0].entry(workload);
            assert!(entry.unwrap().limit.is_none(), "{workload:?}");
        }
    }

    #[test]
    fn nobody_enters_a_workload_twice() {
        for contender in &CONTENDERS {
            for workload in WORKLOADS {
                let of_workload = contender.entries.iter();
                let count = of_workload.filter(|entry| entry.workload == workload);
                assert!(count.count() <= 1, "{} in {workload:?}", contender.name);
            }
        }
    }
}
