//! The store-buffer litmus test: *write; fence; read* on two threads, which must not
//! both miss what the other wrote.

use std::hint;
use std::sync::atomic::{AtomicU32, Ordering, compiler_fence};
use std::thread;

use super::fences::{heavy_fence, light_fence, prepare_fences};

/// Rounds with the heavy fence, which takes some us each.
const ROUNDS: u32 = 50_000;

/// Rounds in which it is to be seen that one is needed. Most machines show it within
/// some thousands.
const ROUNDS_WITHOUT: u32 = 3_000_000;

/// For each side, the round that it has come to, has written in, has read of the other,
/// and has ended.
#[derive(Default)]
struct Litmus {
    begun: [Line; 2],
    written: [Line; 2],
    read: [Line; 2],
    ended: [Line; 2],
}

/// A word on cache lines of its own.
#[derive(Default)]
#[repr(align(128))]
struct Line(AtomicU32);

impl Line {
    fn set(&self, round: u32) {
        self.0.store(round, Ordering::Release);
    }

    fn wait_for(&self, round: u32) -> u32 {
        loop {
            for _ in 0..1_000 {
                let now = self.0.load(Ordering::Acquire);
                if now >= round {
                    return now;
                }
                hint::spin_loop();
            }
            thread::yield_now();
        }
    }
}

impl Litmus {
    /// One side's part of a round, once the other has come too. Whether there is one.
    fn meet(&self, side: usize, round: u32, fence: fn()) -> bool {
        self.begun[side].set(round);
        if self.begun[1 - side].wait_for(round) == u32::MAX {
            return false;
        }
        self.written[side].0.store(round, Ordering::Relaxed);
        fence();
        let seen = self.written[1 - side].0.load(Ordering::Relaxed);
        self.read[side].set(seen);
        self.ended[side].set(round);
        true
    }
}

/// Whether in one of so many rounds both sides have missed what the other wrote.
fn miss(rounds: u32, light: fn(), heavy: fn()) -> bool {
    let litmus = Litmus::default();
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut round = 1;
            while litmus.meet(1, round, light) {
                round += 1;
            }
        });
        let both_miss = |round| {
            litmus.meet(0, round, heavy);
            litmus.ended[1].wait_for(round);
            let has_missed = |side: &Line| side.0.load(Ordering::Acquire) < round;
            litmus.read.iter().all(has_missed)
        };
        let has_missed = (1..=rounds).any(both_miss);
        litmus.begun[0].set(u32::MAX);
        has_missed
    })
}

#[test]
fn two_sides_never_both_miss_the_other() {
    prepare_fences();
    assert!(!miss(ROUNDS, light_fence, heavy_fence));
}

#[test]
fn without_the_heavy_fence_both_miss_the_other() {
    let compiler_only: fn() = || compiler_fence(Ordering::SeqCst);
    if !miss(ROUNDS_WITHOUT, compiler_only, compiler_only) {
        println!("SKIP: this machine did not show what the fences are for");
    }
}
