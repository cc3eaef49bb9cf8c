// What std says of sleeping. Included by tests/thread_sleep.rs, once for each world.

use std::time::{Duration, Instant};
use sync::Arc;
use sync::atomic::{AtomicBool, AtomicUsize, Ordering};

pub(super) fn a_sleep_is_no_shorter_than_it_was_wanted() {
    for micros in [0, 1, 50, 1_000, 7_300] {
        let (start, time) = (Instant::now(), Duration::from_micros(micros));
        thread::sleep(time);
        assert!(start.elapsed() >= time);
    }
    let start = Instant::now();
    (0..100).for_each(|_| thread::sleep(Duration::from_nanos(1)));
    assert!(start.elapsed() >= Duration::from_nanos(100));
}

pub(super) fn others_go_on_while_one_sleeps() {
    let is_done = Arc::<AtomicBool>::default();
    let same = is_done.clone();
    let sleeps = thread::spawn(move || {
        while !same.load(Ordering::Acquire) {
            thread::sleep(Duration::from_millis(1));
        }
    });
    let works = thread::spawn(move || is_done.store(true, Ordering::Release));
    works.join().unwrap();
    sleeps.join().unwrap();
}

pub(super) fn an_unpark_neither_ends_a_sleep_nor_is_used_up_by_it() {
    let (start, time) = (Instant::now(), Duration::from_millis(20));
    let own = thread::current();
    own.unpark();
    let unparks = thread::spawn(move || (0..100).for_each(|_| own.unpark()));
    thread::sleep(time);
    assert!(start.elapsed() >= time);
    unparks.join().unwrap();
    thread::current().unpark();
    thread::sleep(Duration::from_millis(1));
    thread::park();
}

pub(super) fn many_sleep_at_once() {
    let awake = AtomicUsize::new(0);
    thread::scope(|scope| {
        for n in 0..100 {
            let awake = &awake;
            scope.spawn(move || {
                let (start, time) = (Instant::now(), Duration::from_micros(n * 97 % 5_000));
                thread::sleep(time);
                assert!(start.elapsed() >= time);
                awake.fetch_add(1, Ordering::Relaxed);
            });
        }
    });
    assert_eq!(awake.into_inner(), 100);
}
