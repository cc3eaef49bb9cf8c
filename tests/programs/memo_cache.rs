//! A cache whose values are made once, however many ask for them at the same time; who
//! asks for another one does not wait for it.

use super::{sync, thread};
use std::collections::HashMap;
use sync::atomic::{AtomicUsize, Ordering};
use sync::{Arc, LazyLock, Mutex, OnceLock};

pub(crate) const PRINTS: &str = "\
8 threads asked for 10 values each
27 has a way to 1 of 111 steps
10 values were computed
";

/// The numbers that are asked for; made by who looks first.
static NUMBERS: LazyLock<Vec<u64>> = LazyLock::new(|| (1..=10).map(|n| n * 3).collect());

#[derive(Default)]
struct Cache {
    values: Mutex<HashMap<u64, Arc<OnceLock<u64>>>>,
    computed: AtomicUsize,
}

impl Cache {
    /// How many steps Collatz's rule takes from a number to 1.
    fn steps(&self, number: u64) -> u64 {
        let value = self
            .values
            .lock()
            .unwrap()
            .entry(number)
            .or_default()
            .clone();
        *value.get_or_init(|| {
            self.computed.fetch_add(1, Ordering::Relaxed);
            thread::yield_now(); // it takes its time
            let next = |n: &u64| match n {
                1 => None,
                n if n % 2 == 0 => Some(n / 2),
                n => Some(3 * n + 1),
            };
            std::iter::successors(Some(number), next).count() as u64 - 1
        })
    }
}

pub(crate) fn run() -> String {
    let cache = Arc::<Cache>::default();
    let ask = |_| {
        let cache = cache.clone();
        thread::spawn(move || NUMBERS.iter().map(|n| cache.steps(*n)).collect::<Vec<_>>())
    };
    let threads: Vec<_> = (0..8).map(ask).collect();
    let answers: Vec<_> = threads.into_iter().map(|t| t.join().unwrap()).collect();
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    format!(
        "{} threads asked for {} values each\n\
         {} has a way to 1 of {} steps\n\
         {} values were computed\n",
        answers.len(),
        NUMBERS.len(),
        NUMBERS[8],
        answers[0][8],
        cache.computed.load(Ordering::Relaxed)
    )
}
