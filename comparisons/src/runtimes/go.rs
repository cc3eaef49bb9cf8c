//! Go, whose runtime is its own program; see `go/main.go` for its settings.

use crate::contender::{Contender, Engine};

/// The row of Go.
pub(crate) const CONTENDER: Contender = Contender {
    name: "go",
    engine: Engine::Go,
    bytes_per_task: 600,
};
