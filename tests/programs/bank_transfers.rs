//! Transfers between bank accounts. Each needs the locks of two, and takes them in the
//! order of the accounts; an auditor takes all, and finds the same sum every time.

use super::{sync, thread};
use sync::{Arc, Mutex};

pub(crate) const PRINTS: &str = "\
the accounts have [941, 246, 1017, 965, 1603, 1228]
the auditor has found 6000 each time
";

type Bank = Arc<[Mutex<i64>; 6]>;

fn transfer(bank: &Bank, from: usize, to: usize, amount: i64) {
    let (low, high) = (from.min(to), from.max(to));
    let mut one = bank[low].lock().unwrap();
    thread::yield_now(); // others come in between
    let mut other = bank[high].lock().unwrap();
    let amount = if from == low { -amount } else { amount };
    *one += amount;
    *other -= amount;
}

/// Makes transfers, which are always the same ones.
fn teller(bank: &Bank, own: u32) {
    let mut seed = own;
    for _ in 0..200 {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let [amount, to, from, _] = seed.to_be_bytes().map(usize::from);
        let (from, distance) = (from % 6, 1 + to % 5);
        transfer(bank, from, (from + distance) % 6, amount as i64 % 20);
    }
}

pub(crate) fn run() -> String {
    let bank: Bank = Arc::new(std::array::from_fn(|_| Mutex::new(1_000)));
    let start = |own| {
        let bank = bank.clone();
        thread::spawn(move || teller(&bank, own))
    };
    let tellers: Vec<_> = (0..8).map(start).collect();
    let audit = || {
        let accounts = bank.each_ref().map(|account| account.lock().unwrap());
        accounts.map(|account| *account)
    };
    while tellers.iter().any(|teller| !teller.is_finished()) {
        assert_eq!(audit().iter().sum::<i64>(), 6_000);
        thread::yield_now();
    }
    for teller in tellers {
        teller.join().unwrap();
    }
    let accounts = audit();
    format!(
        "the accounts have {accounts:?}\n\
         the auditor has found {} each time\n",
        accounts.iter().sum::<i64>()
    )
}
