//! The sizes that cells come in.

/// How many classes there are. Models have one.
pub(crate) const CLASSES: usize = if cfg!(virid_loom) { 1 } else { 5 };

/// The size of the smallest cell. loom's atomics are larger than the
/// processor's, so a model's cells are too.
const SMALLEST: usize = if cfg!(virid_loom) { 4096 } else { 64 };

/// The size of the largest cell: what is larger is boxed by the task.
pub(crate) const LARGEST: usize = SMALLEST << (CLASSES - 1);

/// Every cell begins at a multiple of this.
pub(crate) const CELL_ALIGN: usize = 64;

/// One of the sizes 64, 128, 256, 512 and 1,024 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Class(u8);

impl Class {
    /// The smallest class whose cells hold `bytes`.
    ///
    /// # Panics
    ///
    /// Where none does; at compile time, where it is called from a constant.
    pub(crate) const fn of(bytes: usize) -> Self {
        let mut class = 0;
        while SMALLEST << class < bytes {
            class += 1;
        }
        assert!((class as usize) < CLASSES, "no cell is as large");
        Self(class)
    }

    pub(crate) const fn index(self) -> usize {
        self.0 as usize
    }

    pub(crate) const fn bytes(self) -> usize {
        SMALLEST << self.0
    }

    pub(crate) fn all() -> impl Iterator<Item = Self> {
        (0..CLASSES as u8).map(Self)
    }
}
