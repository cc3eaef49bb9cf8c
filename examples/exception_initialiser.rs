//! The first of the two things that are not sound: waiting inside the initialiser of a
//! `thread_local!` (nothing is undefined here, where nobody keeps a reference).

use std::cell::Cell;
use std::panic::catch_unwind;
use virid::{Builder, thread};

/// Says which thread has made it, and counts itself when it is dropped.
struct Value(&'static str);

impl Drop for Value {
    fn drop(&mut self) {
        DROPPED.set(DROPPED.get() + 1);
    }
}

thread_local! {
    static DROPPED: Cell<u32> = const { Cell::new(0) };
    static BEGUN: Cell<u32> = const { Cell::new(0) };
    static VALUE: Value = {
        BEGUN.set(BEGUN.get() + 1);
        if BEGUN.get() == 2 {
            Value("of the second")
        } else {
            // The second thread of this worker comes in here.
            while BEGUN.get() < 2 {
                thread::yield_now();
            }
            Value("of the first")
        }
    };
}

fn main() -> std::io::Result<()> {
    // One worker: both threads see the same variable.
    let runtime = Builder::new().worker_threads(1).build()?;
    runtime.run(|| {
        let first = thread::spawn(|| VALUE.with(|value| value.0));
        let second = thread::spawn(move || {
            assert_eq!(VALUE.with(|value| value.0), "of the second");
            assert_eq!(DROPPED.get(), 0);
            // Inside `with`, `value` would refer to what this wait drops.
            assert_eq!(first.join().unwrap(), "of the first");
            assert_eq!(VALUE.with(|value| value.0), "of the first");
            assert_eq!(DROPPED.get(), 1);
        });
        second.join().unwrap();
    });
    println!("a value in use was dropped, and another put in its place");

    // A new worker, where the variable has no value yet.
    let runtime = Builder::new().worker_threads(1).build()?;
    let prevented = || catch_unwind(|| thread::no_suspend(|| VALUE.with(|value| value.0)));
    let payload = runtime.run(prevented).unwrap_err();
    let text = payload.downcast_ref::<String>().expect("a message");
    assert!(text.contains("`thread::yield_now`") && text.contains("no_suspend"));
    println!("with no_suspend the wait panics instead: {text}");
    Ok(())
}
