//! Who is calling: what a thread knows about the runtime it works for.
//!
//! | caller                                  | `spawn` goes to                 | `block_on`, `join`                |
//! |-----------------------------------------|---------------------------------|-----------------------------------|
//! | a worker, polling a task                | the worker's own deque          | panics, the message names `.await` |
//! | a plain thread inside `Runtime::block_on` | that runtime's injector       | parks the thread; nesting is fine |
//! | any other plain thread                  | the default runtime's injector  | parks the thread                  |
//! | a destructor of a thread-local          | as the thread that runs it      | as the thread that runs it        |
//!
//! The thread-local has no destructor of its own, so the last row needs no
//! case. This file knows no worker and no runtime: both stand on higher floors,
//! install themselves here as bare addresses, and cast those back.

use std::cell::Cell;
use std::ptr;

use crate::primitives::{Counter, thread_local_const};

/// How many task numbers a thread takes at once: one shared write per block,
/// and none between.
const NUMBERS_PER_BLOCK: u64 = 1 << 12;

/// The first number that no thread has taken yet.
static NEXT_BLOCK: Counter = Counter::new(1);

struct Context {
    /// The worker that this thread is, or null.
    worker: Cell<*const ()>,
    /// The runtime that this thread works for or has entered, or null.
    runtime: Cell<*const ()>,
    /// The task numbers left in this thread's block.
    next_number: Cell<u64>,
    last_number: Cell<u64>,
}

thread_local_const! {
    static CONTEXT: Context = Context {
        worker: Cell::new(ptr::null()),
        runtime: Cell::new(ptr::null()),
        next_number: Cell::new(0),
        last_number: Cell::new(0),
    };
}

/// The address of the worker that this thread is; null on a plain thread.
#[inline]
pub(crate) fn worker() -> *const () {
    CONTEXT.with(|context| context.worker.get())
}

/// The address of the runtime that this thread works for or has entered.
#[inline]
pub(crate) fn runtime() -> *const () {
    CONTEXT.with(|context| context.runtime.get())
}

/// A number that no other task of the process has.
#[inline]
pub(crate) fn next_task_number() -> u64 {
    CONTEXT.with(|context| {
        let number = context.next_number.get();
        if number == context.last_number.get() {
            return take_block_cold(context);
        }
        context.next_number.set(number + 1);
        number
    })
}

#[cold]
fn take_block_cold(context: &Context) -> u64 {
    let first = NEXT_BLOCK.fetch_add(NUMBERS_PER_BLOCK);
    context.next_number.set(first + 1);
    context.last_number.set(first + NUMBERS_PER_BLOCK);
    first
}

/// While it lives, this thread works for a runtime; dropping it restores what
/// was before. Not `Send`: it belongs to the thread that made it.
#[derive(Debug)]
pub(crate) struct Entered {
    worker_before: *const (),
    runtime_before: *const (),
}

/// Makes this thread the worker at the first address, for the runtime at the
/// second. A null worker enters the runtime as a plain thread.
pub(crate) fn enter(worker: *const (), runtime: *const ()) -> Entered {
    CONTEXT.with(|context| Entered {
        worker_before: context.worker.replace(worker),
        runtime_before: context.runtime.replace(runtime),
    })
}

impl Drop for Entered {
    fn drop(&mut self) {
        CONTEXT.with(|context| {
            context.worker.set(self.worker_before);
            context.runtime.set(self.runtime_before);
        });
    }
}

/// Says that the caller is about to stop its thread until something happens.
///
/// # Panics
///
/// On a worker: every task behind the caller would wait with it.
#[track_caller]
pub(crate) fn assert_may_block(call: &str, instead: &str) {
    assert!(
        worker().is_null(),
        "`{call}` inside a task would block its worker and every task queued there; use {instead} instead"
    );
}
