//! A pipeline with backpressure: each stage is a green thread, and between two stages is
//! a channel that holds a few lines. A slow stage makes those before it wait, and memory
//! stays flat however long the input is.

use virid::sync::mpsc::{Receiver, sync_channel};
use virid::thread;

const LINES: u64 = 100_000;
const ROOM: usize = 16;

/// A stage that turns what comes in into what goes out.
fn stage<A, B>(from: Receiver<A>, step: impl Fn(A) -> Option<B> + Send + 'static) -> Receiver<B>
where
    A: Send + 'static,
    B: Send + 'static,
{
    let (sender, receiver) = sync_channel(ROOM);
    thread::spawn(move || {
        for item in from {
            if let Some(item) = step(item)
                && sender.send(item).is_err()
            {
                // The next stage has what it wants; this one ends, and so those before.
                return;
            }
        }
    });
    receiver
}

fn main() {
    let (found, last) = virid::run(|| {
        let (sender, lines) = sync_channel(ROOM);
        thread::spawn(move || {
            let lines = (0..LINES).map(|number| format!("order {number} of {}", number % 7));
            lines.into_iter().try_for_each(|line| sender.send(line))
        });
        let numbers = stage(lines, |line: String| {
            line.split(' ').nth(1)?.parse::<u64>().ok()
        });
        let multiples = stage(numbers, |number| (number % 1_000 == 0).then_some(number));
        multiples
            .into_iter()
            .fold((0, 0), |(count, _), number| (count + 1, number))
    });
    assert_eq!((found, last), (100, 99_000));
    println!("{found} of {LINES} orders are multiples of a thousand, the last is {last}");
}
