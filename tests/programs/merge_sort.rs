//! Merge sort, with a thread for each half.

use super::thread;

pub(crate) const PRINTS: &str = "\
2000 numbers are in order
the first: [1, 47, 72, 99, 102]
the last: [65478, 65503, 65513, 65517, 65520]
";

fn sort(numbers: &mut [u16]) {
    if numbers.len() < 2 {
        return;
    }
    let (left, right) = numbers.split_at_mut(numbers.len() / 2);
    if left.len() > 50 {
        thread::scope(|scope| {
            scope.spawn(|| sort(left));
            sort(right);
        });
    } else {
        sort(left);
        sort(right);
    }
    merge(numbers);
}

/// Of two halves in order.
fn merge(numbers: &mut [u16]) {
    let (left, right) = numbers.split_at(numbers.len() / 2);
    let (mut left, mut right) = (left.iter().peekable(), right.iter().peekable());
    let mut merged = Vec::with_capacity(numbers.len());
    while let (Some(one), Some(other)) = (left.peek(), right.peek()) {
        let next = if one <= other { &mut left } else { &mut right };
        merged.extend(next.next());
    }
    merged.extend(left.chain(right));
    numbers.copy_from_slice(&merged);
}

pub(crate) fn run() -> String {
    let mut seed = 1u32;
    let mut random = || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 16) as u16
    };
    let mut numbers: Vec<u16> = (0..2_000).map(|_| random()).collect();
    sort(&mut numbers);
    assert!(numbers.is_sorted());
    let (first, last) = (&numbers[..5], &numbers[1_995..]);
    format!("2000 numbers are in order\nthe first: {first:?}\nthe last: {last:?}\n")
}
