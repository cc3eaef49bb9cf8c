//! Proves that threaded programs in the style of textbooks run on green threads as they
//! are. Each is one file of `tests/programs`, which is compiled twice: with the `sync` and
//! `thread` of std, and with those of virid. Both print what the file says, those of virid
//! on one, two and eight workers.

#![cfg(all(
    feature = "sync",
    feature = "time",
    not(virid_loom),
    target_os = "linux"
))]

mod support;
#[path = "support/workers.rs"]
mod workers;

#[path = "programs"]
mod of_std {
    pub(crate) use std::{sync, thread};
    pub(crate) const ACTORS: usize = 100;

    pub(crate) mod actor_ring;
    pub(crate) mod bank_transfers;
    pub(crate) mod bounded_buffer;
    pub(crate) mod building_water;
    pub(crate) mod chat_server;
    pub(crate) mod cigarette_smokers;
    pub(crate) mod delay_queue;
    pub(crate) mod dining_philosophers;
    pub(crate) mod dining_savages;
    pub(crate) mod elevator;
    pub(crate) mod game_of_life;
    pub(crate) mod matrix_multiplication;
    pub(crate) mod memo_cache;
    pub(crate) mod merge_sort;
    pub(crate) mod one_lane_bridge;
    pub(crate) mod prime_sieve;
    pub(crate) mod promises;
    pub(crate) mod quicksort;
    pub(crate) mod readers_and_writers;
    pub(crate) mod river_crossing;
    pub(crate) mod roller_coaster;
    pub(crate) mod santa_claus;
    pub(crate) mod sleeping_barber;
    pub(crate) mod thread_pool;
    pub(crate) mod turns;
    pub(crate) mod word_count;
}

#[path = "programs"]
#[expect(clippy::duplicate_mod, reason = "with other `sync` and `thread`")]
mod of_virid {
    pub(crate) use virid::{sync, thread};
    pub(crate) const ACTORS: usize = 100_000;

    pub(crate) mod actor_ring;
    pub(crate) mod bank_transfers;
    pub(crate) mod bounded_buffer;
    pub(crate) mod building_water;
    pub(crate) mod chat_server;
    pub(crate) mod cigarette_smokers;
    pub(crate) mod delay_queue;
    pub(crate) mod dining_philosophers;
    pub(crate) mod dining_savages;
    pub(crate) mod elevator;
    pub(crate) mod game_of_life;
    pub(crate) mod matrix_multiplication;
    pub(crate) mod memo_cache;
    pub(crate) mod merge_sort;
    pub(crate) mod one_lane_bridge;
    pub(crate) mod prime_sieve;
    pub(crate) mod promises;
    pub(crate) mod quicksort;
    pub(crate) mod readers_and_writers;
    pub(crate) mod river_crossing;
    pub(crate) mod roller_coaster;
    pub(crate) mod santa_claus;
    pub(crate) mod sleeping_barber;
    pub(crate) mod thread_pool;
    pub(crate) mod turns;
    pub(crate) mod word_count;
}

macro_rules! programs {
    ($($program:ident)+) => {
        $(
            mod $program {
                use super::{of_std, of_virid, support::guard, workers::workers};

                #[test]
                fn on_std() {
                    guard(|| assert_eq!(of_std::$program::run(), of_std::$program::PRINTS));
                }

                #[test]
                fn on_green_threads() {
                    guard(|| {
                        for count in [1, 2, 8] {
                            let printed = workers(count).run(of_virid::$program::run);
                            assert_eq!(printed, of_virid::$program::PRINTS, "{count} workers");
                        }
                    });
                }
            }
        )+
    };
}

programs! {
    actor_ring
    bank_transfers
    bounded_buffer
    building_water
    chat_server
    cigarette_smokers
    delay_queue
    dining_philosophers
    dining_savages
    elevator
    game_of_life
    matrix_multiplication
    memo_cache
    merge_sort
    one_lane_bridge
    prime_sieve
    promises
    quicksort
    readers_and_writers
    river_crossing
    roller_coaster
    santa_claus
    sleeping_barber
    thread_pool
    turns
    word_count
}
