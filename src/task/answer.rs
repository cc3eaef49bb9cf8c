//! What the transitions of a task's state word answer.

/// What the holder of a `Runnable` does with it.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Start {
    /// Poll the future.
    Poll,
    /// Drop the future and complete as cancelled.
    Cancel,
}

/// After a poll that was `Pending`.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Suspend {
    /// The `Runnable` is gone; the next wake makes a new one.
    Suspended,
    /// Woken while running: the `Runnable` still exists and goes to a queue.
    Woken,
    /// Cancelled while running: the `Runnable` still exists; drop the future.
    Cancelled,
}

/// After a wake or a cancel request.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Claim {
    /// The task was suspended: the caller holds a new `Runnable`.
    Runnable,
    /// Somebody else holds the `Runnable` and will see the request, or the
    /// task is complete.
    Nothing,
}

/// Who takes the result of a task that has just ended.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Complete {
    /// The handle owns the result now; the cell may be gone already.
    HandedOver,
    /// The handle owns the result, and the caller the join waker and one
    /// reference: it wakes the joiner, then drops the reference.
    WakeJoiner,
    /// The handle is a set's. The caller hands the task to the set, which may free
    /// the cell from then on.
    Member,
    /// There is no handle. Nothing was changed: the caller drops the result,
    /// then calls `State::complete_detached`.
    Detached,
}

/// Whether the caller was the last to reach the cell.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Last {
    /// The caller frees the cell.
    Yes,
    /// Somebody else still uses the cell.
    No,
}

/// What the handle finds when it wants to change the join waker or leave.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum JoinSlot {
    /// The task runs on; the change was made.
    Changed,
    /// The task is complete; nothing was changed.
    Complete,
}
