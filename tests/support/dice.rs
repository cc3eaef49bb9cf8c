//! Seeded choices. `VIRID_SEED` repeats those of a run; the seed is printed.

use std::env;
use std::io::{self, Write};
use std::time::{SystemTime, UNIX_EPOCH};

/// splitmix64: small, seeded, and good enough to mix choices.
#[derive(Clone)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new() -> Self {
        Dice(seed())
    }

    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.roll() % bound
    }

    pub(crate) fn fork(&mut self) -> Self {
        Dice(self.roll())
    }
}

fn seed() -> u64 {
    let seed = match env::var("VIRID_SEED") {
        Ok(text) => text.parse().expect("VIRID_SEED is not a number"),
        Err(_) => SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap()
            .as_nanos() as u64,
    };
    // Not `eprintln!`: what the harness captures is lost in an abort.
    _ = writeln!(io::stderr(), "VIRID_SEED={seed}");
    seed
}
