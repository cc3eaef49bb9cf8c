//! Dijkstra's dining philosophers. Five share five forks, and each needs the two beside
//! it to eat. All take the fork with the lower number first: so nobody waits in a circle.

use super::{sync, thread};
use sync::{Arc, Mutex};

pub(crate) const PRINTS: &str = "\
Confucius ate 100 times
Hypatia ate 100 times
Kant ate 100 times
Plato ate 100 times
Spinoza ate 100 times
the forks were used [200, 200, 200, 200, 200] times
";

const NAMES: [&str; 5] = ["Confucius", "Hypatia", "Kant", "Plato", "Spinoza"];

pub(crate) fn run() -> String {
    // A fork counts how often it was used.
    let forks: Arc<[Mutex<u32>; 5]> = Arc::default();
    let sit_down = |seat: usize| {
        let forks = forks.clone();
        thread::spawn(move || {
            let (left, right) = (seat, (seat + 1) % 5);
            for _ in 0..100 {
                let mut first = forks[left.min(right)].lock().unwrap();
                thread::yield_now(); // thinks
                let mut second = forks[left.max(right)].lock().unwrap();
                *first += 1;
                *second += 1;
            }
            format!("{} ate 100 times\n", NAMES[seat])
        })
    };
    let philosophers: Vec<_> = (0..5).map(sit_down).collect();
    let mut lines: String = philosophers
        .into_iter()
        .map(|philosopher| philosopher.join().unwrap())
        .collect();
    let used = forks.each_ref().map(|fork| *fork.lock().unwrap());
    lines += &format!("the forks were used {used:?} times\n");
    lines
}
