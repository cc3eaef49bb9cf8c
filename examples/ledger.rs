//! Accounts that are never locked: the entries of one account are booked one after
//! another, in the order in which they came in, and those of different accounts at the
//! same time. What waits in a line is bounded, and so is its memory.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use virid::task::{self, Keyed};

const ACCOUNTS: usize = 100;
const ENTRIES: i64 = 200_000;

#[derive(Default)]
struct Account {
    balance: AtomicI64,
    /// What each entry found, for the auditor.
    journal: Mutex<Vec<(i64, i64)>>,
}

impl Account {
    /// Reads, waits, and writes: right only if nobody else does so meanwhile.
    async fn book(&self, number: i64, amount: i64) -> Result<i64, &'static str> {
        let before = self.balance.load(Ordering::Relaxed);
        task::yield_now().await; // the database
        if before + amount < 0 {
            return Err("overdrawn");
        }
        self.balance.store(before + amount, Ordering::Relaxed);
        self.journal.lock().unwrap().push((number, before + amount));
        Ok(before + amount)
    }
}

async fn run() {
    let accounts: Arc<Vec<_>> = Arc::new((0..ACCOUNTS).map(|_| Account::default()).collect());
    let ledger = Keyed::new().bound_per_key(1_000).bound_total(10_000);
    for number in 0..ENTRIES {
        let account = number as usize % 7 * number as usize % ACCOUNTS;
        let amount = if number % 10 == 9 { -3 } else { number % 5 };
        let accounts = Arc::clone(&accounts);
        let entry = async move { accounts[account].book(number, amount).await };
        // Waits for room.
        drop(ledger.spawn(account, entry).await);
    }
    ledger.wait().await;

    let mut booked = 0;
    for account in accounts.iter() {
        let journal = account.journal.lock().unwrap();
        assert!(journal.is_sorted_by_key(|(number, _)| *number));
        let last = journal.last().map_or(0, |(_, balance)| *balance);
        assert_eq!(account.balance.load(Ordering::Relaxed), last);
        booked += journal.len() as i64;
    }
    println!("{booked} of {ENTRIES} entries booked in order, the others overdrawn");
    assert!(booked > ENTRIES / 2);
}

fn main() {
    virid::spawn(run()).join().unwrap();
}
