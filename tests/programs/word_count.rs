//! Counting words by map and reduce: a thread for each line sends its words to the
//! threads that count them, each of which counts those with certain first letters.

use super::{sync, thread};
use std::collections::BTreeMap;
use sync::mpsc::channel;

pub(crate) const PRINTS: &str = "\
4 green
3 the
2 and
2 grow
2 leaves
2 stems
28 words, 19 of them different
";

const TEXT: &str = "\
green are the leaves and green the stems
many threads grow where few workers run
leaves fall but stems stay green
and in spring the green shoots grow";

const COUNTERS: usize = 3;

pub(crate) fn run() -> String {
    let (mut senders, mut counters) = (Vec::new(), Vec::new());
    for _ in 0..COUNTERS {
        let (sender, words) = channel::<&str>();
        senders.push(sender);
        counters.push(thread::spawn(move || {
            let mut counts = BTreeMap::new();
            for word in words {
                *counts.entry(word).or_insert(0) += 1;
            }
            counts
        }));
    }
    for line in TEXT.lines() {
        let senders = senders.clone();
        thread::spawn(move || {
            for word in line.split_whitespace() {
                let counter = usize::from(word.as_bytes()[0]) % COUNTERS;
                senders[counter].send(word).unwrap();
            }
        });
    }
    drop(senders); // the counters end with the last line
    let mut counts: Vec<(u32, &str)> = Vec::new();
    for counter in counters {
        let own = counter.join().unwrap();
        counts.extend(own.into_iter().map(|(word, count)| (count, word)));
    }
    counts.sort_by_key(|(count, word)| (u32::MAX - count, *word));
    let often = counts.iter().take_while(|(count, _)| *count > 1);
    let mut lines: String = often
        .map(|(count, word)| format!("{count} {word}\n"))
        .collect();
    let all: u32 = counts.iter().map(|(count, _)| count).sum();
    lines += &format!("{all} words, {} of them different\n", counts.len());
    lines
}
