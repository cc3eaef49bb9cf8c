//! A threaded program before and after the swap: the same text, once with std's imports
//! and once with virid's. On virid its ten thousand threads share a few workers.

macro_rules! program {
    () => {
        /// Customers of one bank, each with a thread, pay each other in turn. The sum of
        /// all accounts after that.
        pub(crate) fn bank(customers: u64) -> u64 {
            let accounts: Vec<_> = (0..customers).map(|_| Mutex::new(100)).collect();
            let accounts = Arc::new(accounts);
            let (done, all_done) = mpsc::channel();
            for payer in 0..customers {
                let (accounts, done) = (Arc::clone(&accounts), done.clone());
                thread::spawn(move || {
                    let payee = (payer * 7 + 1) % customers;
                    *accounts[payer as usize].lock().unwrap() -= 10_i64;
                    thread::yield_now();
                    *accounts[payee as usize].lock().unwrap() += 10;
                    done.send(()).unwrap();
                });
            }
            drop(done);
            assert_eq!(all_done.iter().count() as u64, customers);
            let sum: i64 = accounts
                .iter()
                .map(|account| *account.lock().unwrap())
                .sum();
            sum as u64
        }
    };
}

mod before {
    use std::sync::{Arc, Mutex, mpsc};
    use std::thread;

    program!();
}

mod after {
    use virid::sync::{Arc, Mutex, mpsc};
    use virid::thread;

    program!();
}

fn main() {
    assert_eq!(before::bank(50), 5_000);
    assert_eq!(virid::run(|| after::bank(10_000)), 1_000_000);
    println!("50 threads of the system and 10,000 green threads agree that money is not lost");
}
