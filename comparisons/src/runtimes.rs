//! The runtimes, one file each. A new one is a file and a row here.

mod async_executor;
mod go;
mod rayon;
mod tokio;
mod virid;

use crate::contender::Contender;

/// Every runtime, in the order of the table. The first is the one the others
/// are compared with.
pub(crate) static CONTENDERS: [Contender; 5] = [
    virid::CONTENDER,
    tokio::CONTENDER,
    go::CONTENDER,
    rayon::CONTENDER,
    async_executor::CONTENDER,
];

/// Name of the runtime that ratios refer to.
pub(crate) const BASELINE: &str = virid::CONTENDER.name;

/// Finds a runtime by name.
pub(crate) fn find(name: &str) -> Option<&'static Contender> {
    CONTENDERS.iter().find(|contender| contender.name == name)
}
