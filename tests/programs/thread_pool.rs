//! A pool of threads that is given closures to run. One that panics takes nobody with it.

use super::{sync, thread};
use std::panic::{AssertUnwindSafe, catch_unwind};
use sync::mpsc::{Sender, channel};
use sync::{Arc, Mutex};

pub(crate) const PRINTS: &str = "\
19 closures have answered, the sum is 183
the others have panicked: [\"7 is not liked\"]
";

type Work = Box<dyn FnOnce() + Send>;

struct Pool {
    work: Sender<Work>,
    threads: Vec<thread::JoinHandle<Vec<String>>>,
}

impl Pool {
    fn new(size: usize) -> Self {
        let (work, queue) = channel::<Work>();
        let queue = Arc::new(Mutex::new(queue));
        let start = |_| {
            let queue = queue.clone();
            thread::spawn(move || {
                let mut panics = Vec::new();
                loop {
                    // The lock is given back before the closure runs.
                    let next = queue.lock().unwrap().recv();
                    let Ok(work) = next else { return panics };
                    if let Err(panic) = catch_unwind(AssertUnwindSafe(work)) {
                        panics.push(*panic.downcast::<String>().unwrap());
                    }
                }
            })
        };
        let threads = (0..size).map(start).collect();
        Self { work, threads }
    }

    fn run(&self, work: impl FnOnce() + Send + 'static) {
        self.work.send(Box::new(work)).unwrap();
    }

    /// Waits until all closures have run. What they have panicked with.
    fn end(self) -> Vec<String> {
        drop(self.work); // ends the threads, when the queue is empty
        let ended = self.threads.into_iter().map(|thread| thread.join());
        ended.flat_map(|panics| panics.unwrap()).collect()
    }
}

pub(crate) fn run() -> String {
    let pool = Pool::new(4);
    let (answers, answered) = channel();
    for n in 0..20 {
        let answers = answers.clone();
        pool.run(move || {
            if n == 7 {
                panic!("{n} is not liked");
            }
            answers.send(n).unwrap();
        });
    }
    let panics = pool.end();
    drop(answers);
    let answers: Vec<u32> = answered.iter().collect();
    format!(
        "{} closures have answered, the sum is {}\n\
         the others have panicked: {panics:?}\n",
        answers.len(),
        answers.iter().sum::<u32>()
    )
}
