//! The second of the two things that are not sound: a library that keeps the address
//! of a stack frame in a thread-local, here scoped-tls (nothing is undefined here, where
//! nobody follows the address).

use std::cell::Cell;
use std::panic::catch_unwind;
use virid::{Builder, thread};

scoped_tls::scoped_thread_local!(static NUMBER: u32);

thread_local! {
    /// How many threads are inside `set`, and how many have left it.
    static ENTERED: Cell<u32> = const { Cell::new(0) };
    static LEFT: Cell<u32> = const { Cell::new(0) };
}

fn wait_for(count: &'static std::thread::LocalKey<Cell<u32>>, number: u32) {
    while count.get() < number {
        thread::yield_now();
    }
}

fn main() -> std::io::Result<()> {
    // One worker: both threads see the same variables.
    let runtime = Builder::new().worker_threads(1).build()?;
    runtime.run(|| {
        let first = thread::spawn(|| {
            NUMBER.set(&1, || {
                ENTERED.set(1);
                wait_for(&ENTERED, 2);
            });
            LEFT.set(1);
        });
        let second = thread::spawn(|| {
            wait_for(&ENTERED, 1);
            NUMBER.set(&2, || {
                ENTERED.set(2);
                wait_for(&LEFT, 1);
                assert!(
                    !NUMBER.is_set(),
                    "the first has taken this one's number away"
                );
            });
        });
        first.join().unwrap();
        second.join().unwrap();
        // `with` would read it.
        assert!(NUMBER.is_set(), "nobody is inside `set`, and all is well");
        println!("the variable refers to the stack of a thread that has ended");
    });

    let prevented = || catch_unwind(|| thread::no_suspend(|| NUMBER.set(&1, thread::yield_now)));
    let payload = virid::run(prevented).unwrap_err();
    let text = payload.downcast_ref::<String>().expect("a message");
    assert!(text.contains("`thread::yield_now`") && text.contains("no_suspend"));
    println!("with no_suspend the wait panics instead: {text}");
    Ok(())
}
