//! A window whose writer never waits: what a reader gets is in order, whole, and the
//! last that there was.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::window::{Sample, Window};

fn sample(number: u64) -> Sample {
    Sample {
        at: number,
        waited: number * 3,
    }
}

fn copy(window: &Window) -> Vec<Sample> {
    let mut samples = Vec::new();
    window.copy(&mut samples);
    samples
}

#[test]
fn the_last_samples_are_there() {
    let window = Window::new(10);
    assert!(copy(&window).is_empty());
    for number in 0..1_000 {
        window.push(sample(number), number % 2 == 0);
        let first = (number + 1).saturating_sub(10);
        let expected: Vec<_> = (first..=number).map(sample).collect();
        assert_eq!(copy(&window), expected);
    }
    let totals = window.totals();
    assert_eq!((totals.count, totals.slow), (1_000, 500));
    assert_eq!(
        totals.waited,
        (0..1_000).map(|number| number * 3).sum::<u64>()
    );
}

#[test]
fn a_reader_beside_the_writer_gets_whole_samples_in_order() {
    for size in [0, 1, 10, 1_000] {
        let window = Window::new(size);
        let has_ended = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                (0..300_000).for_each(|number| window.push(sample(number), false));
                has_ended.store(true, Ordering::Relaxed);
            });
            while !has_ended.load(Ordering::Relaxed) {
                let samples = copy(&window);
                assert!(samples.len() <= size);
                for (number, found) in (samples.first().map_or(0, |s| s.at)..).zip(&samples) {
                    assert_eq!(*found, sample(number));
                }
            }
        });
        let last: Vec<_> = (300_000 - size as u64..300_000).map(sample).collect();
        assert_eq!(copy(&window), last);
    }
}
