//! What a header keeps for who takes the result.

use std::mem::ManuallyDrop;
use std::task::Waker;

/// Room for the waker of one who awaits the handle, or for a [`Membership`]; the
/// header's rule 3 says when it is which. Used through pointers that are cast.
#[repr(C)]
pub(super) union Joiner {
    empty: (),
    _waker: ManuallyDrop<Waker>,
    _membership: Membership,
}

impl Joiner {
    pub(super) const EMPTY: Self = Self { empty: () };
}

/// Of which set a task is a member, and under which number.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(super) struct Membership {
    /// The set's list of finished members; once the task is complete, the next task of
    /// that list.
    pub(super) list: *mut (),
    pub(super) number: usize,
}
