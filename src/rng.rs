//! Victim choice: a small private generator for each worker.

/// xorshift64* (Marsaglia 2003, Vigna 2016): fast, private to one worker, and
/// good enough to keep two thieves from trying the same victims in step.
#[derive(Debug)]
pub(crate) struct Rng(u64);

impl Rng {
    /// A generator for the worker with this index: every index has its own
    /// sequence, and the same one in every run.
    pub(crate) fn for_worker(index: usize) -> Self {
        let spread = (index as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        Self(spread | 1)
    }

    /// A number in `0..bound`; `bound` must not be 0.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let high = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 32;
        // Multiply-shift (Lemire 2019) in place of a division.
        ((high * bound as u64) >> 32) as usize
    }
}
