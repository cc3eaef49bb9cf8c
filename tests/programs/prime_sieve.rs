//! McIlroy's prime sieve: a pipeline of threads, each of which lets pass what its own
//! prime does not divide. It ends backwards, when nobody receives any more.

use super::{sync, thread};
use sync::mpsc::{Receiver, sync_channel};

pub(crate) const PRINTS: &str = "\
[2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71]
the 20 filters and the source have ended
";

fn source() -> (Receiver<u32>, thread::JoinHandle<()>) {
    let (sender, numbers) = sync_channel(1);
    let counts = thread::spawn(move || _ = (2..).try_for_each(|number| sender.send(number)));
    (numbers, counts)
}

fn filter(prime: u32, numbers: Receiver<u32>) -> (Receiver<u32>, thread::JoinHandle<()>) {
    let (sender, rest) = sync_channel(1);
    let filters = thread::spawn(move || {
        let mut passing = numbers.iter().filter(|number| number % prime != 0);
        _ = passing.try_for_each(|number| sender.send(number));
    });
    (rest, filters)
}

pub(crate) fn run() -> String {
    let (mut numbers, counts) = source();
    let (mut primes, mut threads) = (Vec::new(), vec![counts]);
    while primes.len() < 20 {
        let prime = numbers.recv().unwrap();
        primes.push(prime);
        let (rest, filters) = filter(prime, numbers);
        numbers = rest;
        threads.push(filters);
    }
    drop(numbers);
    let ended = threads.into_iter().map(|thread| thread.join().unwrap());
    let filters = ended.count() - 1;
    format!("{primes:?}\nthe {filters} filters and the source have ended\n")
}
