//! What is left of a burst: `flat`, and then the memory that the process has more than
//! before, after the runtime was told to give back what it does not need, where it can be
//! told. virid has `trim` for that and Go `debug.FreeOSMemory`; the others have nothing.
//! The time is that of the burst.

use std::time::Duration;

use super::{Bursts, Facts, Measured, Phase, flat};
use crate::machine;

pub(super) const FACTS: Facts = Facts {
    name: "after-burst",
    describe: "as flat; the memory is what the process has kept afterwards",
    sizes: &[10_000_000],
    is_default: false,
    asks_for_memory: true,
    phases: &[Phase::Warm],
    budget: Duration::from_secs(40),
    ..flat::FACTS
};

/// Measures what is left after each `burst`.
pub(super) fn measure(burst: impl Fn() -> Measured, give_back: impl Fn()) -> Bursts<Measured> {
    Bursts::run(|| {
        let measured = burst();
        give_back();
        Measured {
            held_kib: machine::resident_kib(),
            ..measured
        }
    })
}
