//! Threads that take turns, without a lock: each waits until it is unparked, says its
//! word, and unparks the next one.

use super::{sync, thread};
use sync::atomic::{AtomicUsize, Ordering};
use sync::mpsc::channel;
use sync::{Arc, Barrier, OnceLock};

pub(crate) const PRINTS: &str = "\
ready steady go ready steady go ready steady go
";

const WORDS: [&str; 3] = ["ready", "steady", "go"];
const TURNS: usize = 9;

pub(crate) fn run() -> String {
    let threads: Arc<[OnceLock<thread::Thread>; 3]> = Arc::default();
    let (turn, all_known) = (Arc::new(AtomicUsize::new(0)), Arc::new(Barrier::new(3)));
    let (says, said) = channel();
    for own in 0..3 {
        let (threads, turn) = (threads.clone(), turn.clone());
        let (all_known, says) = (all_known.clone(), says.clone());
        thread::spawn(move || {
            threads[own].set(thread::current()).unwrap();
            all_known.wait();
            for own_turn in (own..TURNS).step_by(3) {
                // It may return for no reason.
                while turn.load(Ordering::Acquire) != own_turn {
                    thread::park();
                }
                says.send(WORDS[own]).unwrap();
                turn.store(own_turn + 1, Ordering::Release);
                threads[(own + 1) % 3].get().unwrap().unpark();
            }
        });
    }
    drop(says);
    let words: Vec<_> = said.iter().collect();
    format!("{}\n", words.join(" "))
}
