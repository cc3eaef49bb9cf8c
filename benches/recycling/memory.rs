//! The crate's own files, compiled into this program: what is measured is what
//! runs, and not a model of it. Without the end of a runtime (`store.rs`) and
//! the threads that are no workers (`lanes.rs`).

#[path = "../../src/memory/batch.rs"]
pub(crate) mod batch;
#[path = "../../src/memory/carver.rs"]
pub(crate) mod carver;
#[path = "../../src/memory/class.rs"]
pub(crate) mod class;
#[path = "../../src/memory/depot.rs"]
pub(crate) mod depot;
#[path = "../../src/memory/epoch.rs"]
pub(crate) mod epoch;
#[path = "../../src/memory/lists.rs"]
pub(crate) mod lists;
#[path = "../../src/memory/mapping.rs"]
pub(crate) mod mapping;
#[path = "../../src/memory/slab.rs"]
pub(crate) mod slab;
#[path = "../../src/memory/spares.rs"]
pub(crate) mod spares;
#[path = "../../src/memory/stack.rs"]
pub(crate) mod stack;
