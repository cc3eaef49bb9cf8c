//! Stands in for crossbeam-epoch, which loom does not see: reclaims at the
//! earliest moment that the contract allows, the end of the last guard that was
//! there when work was deferred.
//!
//! The bookkeeping is not modelled: loom runs all threads of a model on one
//! thread of the system, and switches at modelled operations only. The clock is,
//! and orders what the real one orders: what was taken out before work was
//! deferred is not seen under a later guard, and what a thread did under its
//! guard comes before the work that waited for it.

use std::cell::RefCell;
use std::collections::BTreeSet;

use loom::sync::atomic::{AtomicUsize, Ordering};

#[derive(Default)]
struct Book {
    last: u64,
    pinned: BTreeSet<u64>,
    deferred: Vec<Deferred>,
}

struct Deferred {
    waits_for: BTreeSet<u64>,
    work: Box<dyn FnOnce()>,
}

thread_local! {
    static BOOK: RefCell<Book> = RefCell::default();
}

loom::lazy_static! {
    static ref CLOCK: AtomicUsize = AtomicUsize::new(0);
}

fn tick() {
    CLOCK.fetch_add(1, Ordering::AcqRel);
}

#[derive(Debug)]
pub(crate) struct Guard {
    number: u64,
}

pub(crate) fn pin() -> Guard {
    tick();
    BOOK.with_borrow_mut(|book| {
        book.last += 1;
        book.pinned.insert(book.last);
        Guard { number: book.last }
    })
}

impl Guard {
    /// # Safety
    ///
    /// As of crossbeam's.
    pub(crate) unsafe fn defer<'a>(&self, work: impl FnOnce() + 'a) {
        tick();
        let work: Box<dyn FnOnce() + 'a> = Box::new(work);
        // SAFETY: the caller says that what it uses lives until then.
        let work: Box<dyn FnOnce()> = unsafe { std::mem::transmute(work) };
        BOOK.with_borrow_mut(|book| {
            let waits_for = book.pinned.clone();
            book.deferred.push(Deferred { waits_for, work });
        });
    }

    pub(crate) fn flush(&self) {}
}

impl Drop for Guard {
    fn drop(&mut self) {
        tick();
        let ready = BOOK.with_borrow_mut(|book| {
            book.pinned.remove(&self.number);
            for deferred in &mut book.deferred {
                deferred.waits_for.remove(&self.number);
            }
            let is_ready = |deferred: &mut Deferred| deferred.waits_for.is_empty();
            book.deferred.extract_if(.., is_ready).collect::<Vec<_>>()
        });
        for deferred in ready {
            (deferred.work)();
        }
    }
}
