//! How long spawned tasks wait for their first run, for programs in production.
// The one part that models have, too.
pub(crate) mod countdown;

#[cfg(not(virid_loom))]
mod attached;
#[cfg(not(virid_loom))]
mod builder;
#[cfg(not(virid_loom))]
mod clock;
#[cfg(not(virid_loom))]
mod export;
#[cfg(not(virid_loom))]
mod prometheus;
#[cfg(not(virid_loom))]
pub(crate) mod record;
#[cfg(not(virid_loom))]
mod stats;
#[cfg(not(virid_loom))]
mod view;
#[cfg(not(virid_loom))]
pub(crate) mod window;

#[cfg(not(virid_loom))]
pub use attached::SpawnMonitor;
#[cfg(not(virid_loom))]
pub use builder::Builder;
#[cfg(not(virid_loom))]
pub use clock::Clock;
#[cfg(not(virid_loom))]
pub use stats::SpawnStats;

#[cfg(all(test, not(virid_loom)))]
#[path = "../tests/unit/windows.rs"]
mod window_tests;
