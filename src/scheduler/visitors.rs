//! Threads that are queueing a task from outside, so that the end of a runtime
//! can wait for them.
//!
//! A visitor enters, pays the light fence and looks whether the runtime is closed;
//! the last worker, which has seen that it is, pays the heavy one and waits until
//! nobody is inside. Either the visitor sees `closed` and queues nothing, or the last
//! worker waits for it. The count is spread over several words, so that visitors
//! seldom write the same one.

use crossbeam_utils::CachePadded;

use crate::context;
use crate::primitives::{AtomicUsize, Ordering, heavy_fence, light_fence, needed, os_yield};

/// Words that the count is spread over. Models have one: numbers of threads grow
/// from run to run, and loom wants every run to be the same.
const WORDS: usize = if cfg!(virid_loom) { 1 } else { 16 };

const _: () = assert!(WORDS.is_power_of_two(), "a mask chooses the word");

#[derive(Debug)]
pub(crate) struct Visitors([CachePadded<AtomicUsize>; WORDS]);

/// One visitor, inside until dropped.
#[derive(Debug)]
pub(crate) struct Visit<'a>(&'a AtomicUsize);

impl Visitors {
    pub(crate) fn new() -> Self {
        Self(std::array::from_fn(|_| {
            CachePadded::new(AtomicUsize::new(0))
        }))
    }

    /// Enters. What the visitor reads after this is ordered against what the
    /// last worker wrote before [`wait_until_gone`](Self::wait_until_gone).
    pub(crate) fn enter(&self) -> Visit<'_> {
        let word = &self.0[context::thread_number() & (WORDS - 1)];
        // Ordering: Relaxed, before the fence.
        word.fetch_add(1, Ordering::Relaxed);
        needed!("visitor's fence", light_fence());
        Visit(word)
    }

    /// Waits for everybody who is inside. Who enters later sees what the caller
    /// wrote, or read, before.
    pub(crate) fn wait_until_gone(&self) {
        needed!("last worker's fence", heavy_fence());
        for word in &self.0 {
            // Ordering: Acquire pairs with the Release of `Visit::drop`: what
            // the visitors queued is seen.
            while word.load(Ordering::Acquire) != 0 {
                os_yield();
            }
        }
    }
}

impl Drop for Visit<'_> {
    fn drop(&mut self) {
        // Ordering: Release, as above.
        self.0.fetch_sub(1, Ordering::Release);
    }
}
