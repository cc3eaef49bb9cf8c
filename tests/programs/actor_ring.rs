//! A ring of actors, each a thread with a mailbox of its own, that pass a token round:
//! a hundred of them where a thread is of the system, a hundred thousand of green ones.

use super::{ACTORS, sync, thread};
use sync::mpsc::{Receiver, Sender, channel};

pub(crate) const PRINTS: &str = "\
the token came back 3 times
each actor has had it 3 times
";

const ROUNDS: usize = 3;

/// Passes on what it receives; how often it did. Ends when the one before it has ended.
fn actor(mailbox: &Receiver<usize>, next: &Sender<usize>) -> usize {
    let mut passed = 0;
    for hops in mailbox {
        next.send(hops + 1).unwrap();
        passed += 1;
    }
    passed
}

pub(crate) fn run() -> String {
    let (first, mut mailbox) = channel();
    let actors: Vec<_> = (0..ACTORS)
        .map(|_| {
            let (next, next_mailbox) = channel();
            let own = std::mem::replace(&mut mailbox, next_mailbox);
            thread::spawn(move || actor(&own, &next))
        })
        .collect();
    let last = mailbox;
    let mut lines = String::new();
    for round in 1..=ROUNDS {
        first.send(0).unwrap();
        assert_eq!(last.recv(), Ok(ACTORS), "in round {round}");
    }
    lines += &format!("the token came back {ROUNDS} times\n");
    drop(first);
    for actor in actors {
        assert_eq!(actor.join().unwrap(), ROUNDS);
    }
    lines += &format!("each actor has had it {ROUNDS} times\n");
    lines
}
