//! A thousand green threads that borrow from the one that started them, and a
//! wait for an async task in the middle of straight-line code.

use virid::thread;

fn main() {
    let total = virid::run(|| {
        let numbers: Vec<u64> = (0..1_000_000).collect();
        let sums: Vec<u64> = thread::scope(|scope| {
            let threads: Vec<_> = numbers
                .chunks(1_000)
                .map(|part| scope.spawn(move || part.iter().sum()))
                .collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .collect()
        });
        // The worker goes on with others while this thread waits.
        let task = virid::spawn(async move { sums.into_iter().sum::<u64>() });
        virid::block_on(task).unwrap()
    });
    assert_eq!(total, 499_999_500_000);
    println!("a million numbers, summed by a thousand threads: {total}");
}
