//! Where a task was spawned, in half of a pointer.

use std::panic::Location;

/// A place in a source file, as a distance from a fixed one in units of its
/// alignment: half of a pointer.
#[derive(Clone, Copy)]
pub(super) struct Place(i32);

static ANCHOR: u64 = 0;

impl Place {
    const UNIT: isize = align_of::<Location<'static>>() as isize;

    fn anchor() -> usize {
        (&raw const ANCHOR).addr() & !(Self::UNIT as usize - 1)
    }

    /// A place too far away, in some other library, becomes 0: not known.
    #[inline]
    pub(super) fn of(place: &'static Location<'static>) -> Self {
        let address = std::ptr::from_ref(place).expose_provenance();
        let distance = address.wrapping_sub(Self::anchor()) as isize / Self::UNIT;
        Self(i32::try_from(distance).unwrap_or(0))
    }

    pub(super) fn get(self) -> &'static Location<'static> {
        if self.0 == 0 {
            return Location::caller();
        }
        let distance = self.0 as isize * Self::UNIT;
        let address = Self::anchor().wrapping_add_signed(distance);
        // SAFETY: this is the address that `of` was given, which it exposed, and
        // what is there lives for ever.
        unsafe { &*std::ptr::with_exposed_provenance(address) }
    }
}
