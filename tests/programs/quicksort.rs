//! Hoare's quicksort, with a thread for each part that is worth one.

use super::thread;

pub(crate) const PRINTS: &str = "\
27 words in order: a able and branches bright cool dark drop grow
in leaf long moss no of old over roots
shade stones tall the to trees under water where
";

const WORDS: &str = "tall old trees grow over the dark water where long roots drop to cool \
    stones a bright leaf and moss able in shade of no branches under";

fn sort<T: Ord + Send>(values: &mut [T]) {
    let Some(last) = values.len().checked_sub(1) else {
        return;
    };
    // Those that are less than the last come first, then itself.
    let mut less = 0;
    for place in 0..last {
        if values[place] < values[last] {
            values.swap(place, less);
            less += 1;
        }
    }
    values.swap(less, last);
    let (left, right) = values.split_at_mut(less);
    let right = &mut right[1..];
    if left.len().min(right.len()) < 3 {
        sort(left);
        sort(right);
        return;
    }
    thread::scope(|scope| {
        scope.spawn(|| sort(left));
        scope.spawn(|| sort(right));
    });
}

pub(crate) fn run() -> String {
    let mut words: Vec<&str> = WORDS.split(' ').collect();
    sort(&mut words);
    let lines: Vec<_> = words.chunks(9).map(|words| words.join(" ")).collect();
    format!("{} words in order: {}\n", words.len(), lines.join("\n"))
}
