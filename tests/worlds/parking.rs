// What std says of parking. Included by tests/thread_park.rs, once for each world.

use std::time::{Duration, Instant};
use sync::Arc;
use sync::atomic::{AtomicBool, AtomicUsize, Ordering};

const SHORT: Duration = Duration::from_millis(5);
const LONG: Duration = Duration::from_secs(3_600);

pub(super) fn a_token_that_is_there_lets_park_return() {
    let own = thread::current();
    for tokens in 1..4 {
        (0..tokens).for_each(|_| own.unpark());
        thread::park();
    }
    // Also one that was there before the thread ran, and from who is itself parked.
    let thread = thread::spawn(move || {
        thread::park();
        own.unpark();
    });
    thread.thread().unpark();
    thread::park();
    thread.join().unwrap();
}

pub(super) fn who_parks_goes_on_when_it_is_unparked() {
    let (queued, go) = (Arc::<AtomicBool>::default(), Arc::<AtomicBool>::default());
    let (says_queued, goes) = (queued.clone(), go.clone());
    let parked = thread::spawn(move || {
        says_queued.store(true, Ordering::Release);
        while !goes.load(Ordering::Acquire) {
            thread::park();
        }
    });
    while !queued.load(Ordering::Acquire) {
        thread::yield_now();
    }
    (0..20).for_each(|_| thread::yield_now());
    assert!(!parked.is_finished());
    go.store(true, Ordering::Release);
    parked.thread().unpark();
    parked.join().unwrap();
}

pub(super) fn no_unpark_is_missed_between_a_look_and_park() {
    let (turn, main) = (Arc::<AtomicUsize>::default(), thread::current());
    let same = turn.clone();
    let wait = |turn: &AtomicUsize, own: usize| {
        while turn.load(Ordering::Acquire) != own {
            thread::park();
        }
    };
    let other = thread::spawn(move || {
        for round in 0..1_000 {
            wait(&same, 2 * round + 1);
            same.store(2 * round + 2, Ordering::Release);
            main.unpark();
        }
    });
    for round in 0..1_000 {
        wait(&turn, 2 * round);
        turn.store(2 * round + 1, Ordering::Release);
        other.thread().unpark();
    }
    other.join().unwrap();
}

pub(super) fn what_was_done_before_an_unpark_is_seen_after_the_park() {
    for round in 1..300 {
        let shared = Arc::new([const { AtomicUsize::new(0) }; 2]);
        let same = shared.clone();
        let parks = thread::spawn(move || {
            // Park and unpark alone order what is read and written here.
            while same[1].load(Ordering::Relaxed) != round {
                thread::park();
            }
            assert_eq!(same[0].load(Ordering::Relaxed), round);
        });
        shared[0].store(round, Ordering::Relaxed);
        shared[1].store(round, Ordering::Relaxed);
        parks.thread().unpark();
        parks.join().unwrap();
    }
}

pub(super) fn many_may_unpark_one_and_one_may_unpark_many() {
    let count = Arc::<AtomicUsize>::default();
    let own = thread::current();
    let threads: Vec<_> = (0..20)
        .map(|_| {
            let (count, own) = (count.clone(), own.clone());
            thread::spawn(move || {
                thread::park();
                count.fetch_add(1, Ordering::Release);
                own.unpark();
            })
        })
        .collect();
    threads.iter().for_each(|thread| thread.thread().unpark());
    while count.load(Ordering::Acquire) < 20 {
        thread::park();
    }
    threads
        .into_iter()
        .for_each(|thread| thread.join().unwrap());
}

pub(super) fn to_unpark_a_thread_that_has_ended_is_nothing() {
    let handle = thread::spawn(thread::current);
    let thread = handle.thread().clone();
    let own = handle.join().unwrap();
    assert_eq!(own.id(), thread.id());
    for _ in 0..3 {
        thread.unpark();
        own.unpark();
    }
}

pub(super) fn park_timeout_ends_when_the_time_is_over() {
    let start = Instant::now();
    while start.elapsed() < SHORT {
        // It may return for no reason.
        thread::park_timeout(SHORT - start.elapsed().min(SHORT));
    }
    for timeout in [Duration::ZERO, Duration::from_nanos(1)] {
        thread::park_timeout(timeout);
    }
}

pub(super) fn park_timeout_ends_when_it_is_unparked() {
    for timeout in [SHORT, LONG, Duration::MAX] {
        thread::current().unpark();
        thread::park_timeout(timeout);
    }
    for timeout in [LONG, Duration::MAX] {
        let go = Arc::<AtomicBool>::default();
        let goes = go.clone();
        let parks = thread::spawn(move || {
            while !goes.load(Ordering::Acquire) {
                thread::park_timeout(timeout);
            }
        });
        (0..20).for_each(|_| thread::yield_now());
        go.store(true, Ordering::Release);
        parks.thread().unpark();
        parks.join().unwrap();
    }
}
