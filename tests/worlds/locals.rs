// What std says of the keys of thread-locals, within one thread that does not wait.
// Included by tests/thread_local.rs, once for each world.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use sync::atomic::{AtomicUsize, Ordering};
use thread::{AccessError, LocalKey};

pub(super) fn a_key_makes_its_value_at_the_first_use() {
    static MADE: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static TEXT: String = {
            MADE.fetch_add(1, Ordering::Relaxed);
            String::from("made")
        };
    }
    let key: &'static LocalKey<String> = &TEXT;
    let before = MADE.load(Ordering::Relaxed);
    assert_eq!(key.with(String::len), 4);
    let length: Result<usize, AccessError> = key.try_with(String::len);
    assert_eq!(length, Ok(4));
    let first = key.with(|text| text.as_ptr() as usize);
    assert_eq!(key.with(|text| text.as_ptr() as usize), first);
    assert_eq!(MADE.load(Ordering::Relaxed), before + 1);
}

pub(super) fn a_key_of_a_cell_is_set_without_making_its_value() {
    thread_local! {
        static CELL: Cell<Option<u32>> = panic!("not made");
        static REF_CELL: RefCell<Vec<u32>> = panic!("not made");
    }
    assert!(catch_unwind(|| CELL.get()).is_err());
    CELL.set(Some(1));
    assert_eq!((CELL.get(), CELL.replace(Some(2))), (Some(1), Some(1)));
    assert_eq!((CELL.take(), CELL.get()), (Some(2), None));
    REF_CELL.set(vec![1]);
    REF_CELL.with_borrow_mut(|vec| vec.push(2));
    REF_CELL.with_borrow(|vec| assert_eq!(*vec, [1, 2]));
    assert_eq!(REF_CELL.replace(vec![3]), [1, 2]);
    assert_eq!((REF_CELL.take(), REF_CELL.take()), (vec![3], vec![]));
}

pub(super) fn a_key_of_a_ref_cell_panics_while_it_is_borrowed() {
    thread_local! {
        static REF_CELL: RefCell<u32> = const { RefCell::new(1) };
    }
    let fails = |f: &dyn Fn()| assert!(catch_unwind(AssertUnwindSafe(f)).is_err());
    REF_CELL.with_borrow(|_| {
        REF_CELL.with_borrow(|value| assert_eq!(*value, 1));
        fails(&|| REF_CELL.with_borrow_mut(|_| ()));
        fails(&|| REF_CELL.set(2));
    });
    REF_CELL.with_borrow_mut(|_| fails(&|| REF_CELL.with_borrow(|_| ())));
    assert_eq!(REF_CELL.take(), 1);
}
