//! Payloads of any size and alignment, in a pattern that shows what happened to
//! them.

use std::hint::black_box;

/// `N` bytes in a pattern that begins with a seed, aligned as `A` is.
pub(crate) struct Block<A, const N: usize> {
    bytes: [u8; N],
    alignment: [A; 0],
}

/// What futures and results are made of.
pub(crate) trait Payload: Send + Unpin + 'static {
    fn new(seed: u8) -> Self;

    /// Whether it is what `new` made of this seed, at an address that fits.
    fn is(&self, seed: u8) -> bool;
}

impl<A: Send + Unpin + 'static, const N: usize> Payload for Block<A, N> {
    fn new(seed: u8) -> Self {
        Self {
            bytes: std::array::from_fn(|index| at(seed, index)),
            alignment: [],
        }
    }

    fn is(&self, seed: u8) -> bool {
        let mut bytes = self.bytes.iter().enumerate();
        // Hidden from the compiler, which knows that references are aligned.
        let address = black_box((&raw const *self).addr());
        let is_aligned = address.is_multiple_of(align_of::<Self>());
        is_aligned
            && self.alignment.is_empty()
            && bytes.all(|(index, &byte)| byte == at(seed, index))
    }
}

/// The byte of a pattern. 251 is prime: no two lines or pages are alike.
fn at(seed: u8, index: usize) -> u8 {
    seed.wrapping_add((index % 251) as u8)
}

/// Types that are there for their alignment.
macro_rules! aligned {
    ($($name:ident: $bytes:literal,)+) => {
        $(
            #[repr(align($bytes))]
            pub(crate) struct $name;
            const _: () = assert!(align_of::<[$name; 0]>() == $bytes);
        )+
    };
}

aligned! {
    A1: 1, A2: 2, A4: 4, A8: 8, A16: 16, A32: 32, A64: 64, A128: 128, A1024: 1024, A4096: 4096,
}

/// Bytes at any address.
pub(crate) type Bytes<const N: usize> = Block<A1, N>;
