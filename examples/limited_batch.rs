//! A batch of ten thousand pieces of work, sixteen of them at a time. Who waits for a
//! permit has no thread yet, so memory stays as small as the limit.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use virid::sync::{Arc, Semaphore};
use virid::thread;

const PIECES: u64 = 10_000;
const LIMIT: usize = 16;

static AT_WORK: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

fn work(piece: u64) -> u64 {
    let now = AT_WORK.fetch_add(1, Ordering::Relaxed) + 1;
    MOST.fetch_max(now, Ordering::Relaxed);
    thread::sleep(Duration::from_micros(50));
    AT_WORK.fetch_sub(1, Ordering::Relaxed);
    piece * piece
}

fn main() {
    let sum = virid::run(|| {
        let permits = Arc::new(Semaphore::new(LIMIT));
        let start = |piece| {
            let permit = virid::block_on(Arc::clone(&permits).acquire_owned());
            let permit = permit.expect("nobody closes the semaphore");
            thread::spawn(move || {
                let square = work(piece);
                drop(permit);
                square
            })
        };
        let threads: Vec<_> = (1..=PIECES).map(start).collect();
        let squares = threads.into_iter().map(|thread| thread.join().unwrap());
        squares.sum::<u64>()
    });
    assert_eq!(sum, PIECES * (PIECES + 1) * (2 * PIECES + 1) / 6);
    let most = MOST.load(Ordering::Relaxed);
    assert!(most <= LIMIT);
    println!("sum of {PIECES} squares: {sum}; never more than {most} at work");
}
