//! A sum in parallel, by halves: scoped green threads borrow their part of the
//! slice, and the one that waits for them keeps no worker from running them.

use std::time::Instant;
use virid::thread;

/// Parts of so many numbers are worth a thread.
const SMALLEST: usize = 10_000;

fn sum(numbers: &[u64]) -> u64 {
    if numbers.len() <= SMALLEST {
        return numbers.iter().sum();
    }
    let (left, right) = numbers.split_at(numbers.len() / 2);
    thread::scope(|scope| {
        let left = scope.spawn(|| sum(left));
        sum(right) + left.join().expect("adding does not panic")
    })
}

fn main() {
    let (total, took) = virid::run(|| {
        let numbers: Vec<u64> = (0..20_000_000).collect();
        let start = Instant::now();
        (sum(&numbers), start.elapsed())
    });
    assert_eq!(total, 199_999_990_000_000);
    println!("twenty million numbers sum to {total}, in {took:?}");
}
