// What std says of its condition variable. Included by tests/sync_condvar.rs, once for
// each world.

use std::sync::Arc;
use std::time::{Duration, Instant};
use sync::{Condvar, Mutex};

const SHORT: Duration = Duration::from_millis(5);
const LONG: Duration = Duration::from_secs(3_600);

type Both<T> = Arc<(Mutex<T>, Condvar)>;

fn both<T>(value: T) -> Both<T> {
    Arc::new((Mutex::new(value), Condvar::new()))
}

pub(super) fn a_wait_gives_the_lock_back_and_has_it_again_after() {
    let both = both(0);
    let same = both.clone();
    let mut value = both.0.lock().unwrap();
    let other = thread::spawn(move || {
        // Only free because the other one waits.
        *same.0.lock().unwrap() = 1;
        same.1.notify_one();
    });
    while *value == 0 {
        value = both.1.wait(value).unwrap();
    }
    assert!(both.0.try_lock().is_err());
    drop(value);
    other.join().unwrap();
}

pub(super) fn no_notification_is_missed_between_giving_back_and_waiting() {
    let both = both(0);
    let same = both.clone();
    let other = thread::spawn(move || {
        for round in 1..=1_000 {
            let mut value = same.0.lock().unwrap();
            while *value != 2 * round - 1 {
                value = same.1.wait(value).unwrap();
            }
            *value += 1;
            same.1.notify_one();
        }
    });
    for round in 0..1_000 {
        let mut value = both.0.lock().unwrap();
        assert_eq!(*value, 2 * round);
        *value += 1;
        both.1.notify_one();
        drop(both.1.wait_while(value, |value| *value % 2 == 1).unwrap());
    }
    other.join().unwrap();
}

/// Waiters that have said under the lock that they are about to wait.
fn waiters(both: &Both<(usize, usize)>, count: usize) -> Vec<thread::JoinHandle<()>> {
    let wait = |_| {
        let both = both.clone();
        thread::spawn(move || {
            let mut state = both.0.lock().unwrap();
            state.0 += 1;
            state = both.1.wait_while(state, |state| state.1 == 0).unwrap();
            state.1 -= 1;
        })
    };
    let threads = (0..count).map(wait).collect();
    while both.0.lock().unwrap().0 < count {
        thread::yield_now();
    }
    threads
}

pub(super) fn notify_one_lets_one_go_on_for_each_call() {
    let both = both((0, 0));
    let threads = waiters(&both, 10);
    for _ in 0..10 {
        both.0.lock().unwrap().1 += 1;
        both.1.notify_one();
    }
    threads
        .into_iter()
        .for_each(|thread| thread.join().unwrap());
}

pub(super) fn notify_all_lets_all_go_on() {
    let both = both((0, 0));
    let threads = waiters(&both, 10);
    both.0.lock().unwrap().1 = 10;
    both.1.notify_all();
    threads
        .into_iter()
        .for_each(|thread| thread.join().unwrap());
}

pub(super) fn a_notification_is_not_kept_for_who_comes_later() {
    let both = both(());
    both.1.notify_one();
    both.1.notify_all();
    let guard = both.0.lock().unwrap();
    let (_guard, result) = both.1.wait_timeout_while(guard, SHORT, |()| true).unwrap();
    assert!(result.timed_out());
}

pub(super) fn wait_while_asks_first_and_does_not_wait_without_need() {
    let both = both(1);
    let guard = both.0.lock().unwrap();
    let guard = both.1.wait_while(guard, |value| *value == 0).unwrap();
    let (guard, result) = both
        .1
        .wait_timeout_while(guard, LONG, |value| *value == 0)
        .unwrap();
    assert!(!result.timed_out());
    assert_eq!(*guard, 1);
}

pub(super) fn a_wait_with_a_timeout_ends_no_earlier_and_has_the_lock() {
    let both = both(7);
    let start = Instant::now();
    let guard = both.0.lock().unwrap();
    let (guard, result) = both.1.wait_timeout_while(guard, SHORT, |_| true).unwrap();
    assert!(result.timed_out());
    assert!(start.elapsed() >= SHORT);
    assert_eq!(*guard, 7);
    assert!(both.0.try_lock().is_err());
}

pub(super) fn a_wait_with_a_timeout_ends_when_it_is_notified() {
    for timeout in [LONG, Duration::MAX] {
        let both = both(false);
        let same = both.clone();
        let guard = both.0.lock().unwrap();
        let other = thread::spawn(move || {
            *same.0.lock().unwrap() = true;
            same.1.notify_one();
        });
        let (guard, result) = both
            .1
            .wait_timeout_while(guard, timeout, |is| !*is)
            .unwrap();
        assert!(*guard && !result.timed_out());
        drop(guard);
        other.join().unwrap();
    }
}

pub(super) fn a_wait_with_a_timeout_says_that_it_was_notified() {
    let both = both(false);
    let same = both.clone();
    let mut guard = both.0.lock().unwrap();
    let other = thread::spawn(move || {
        *same.0.lock().unwrap() = true;
        same.1.notify_all();
    });
    while !*guard {
        let (again, result) = both.1.wait_timeout(guard, LONG).unwrap();
        assert!(!result.timed_out());
        guard = again;
    }
    drop(guard);
    other.join().unwrap();
}

pub(super) fn a_timeout_of_zero_looks_once() {
    let both = both(false);
    let guard = both.0.lock().unwrap();
    let (guard, result) = both
        .1
        .wait_timeout_while(guard, Duration::ZERO, |is| !*is)
        .unwrap();
    assert!(result.timed_out());
    drop(both.1.wait_timeout(guard, Duration::ZERO).unwrap());
}

pub(super) fn who_waits_hears_that_the_mutex_is_poisoned() {
    let both = both(false);
    let same = both.clone();
    let guard = both.0.lock().unwrap();
    let other = thread::spawn(move || {
        let mut guard = same.0.lock().unwrap();
        *guard = true;
        same.1.notify_all();
        panic!("as the test wants");
    });
    let error = both.1.wait_while(guard, |is| !*is).unwrap_err();
    assert!(*error.into_inner());
    assert!(other.join().is_err());
    let guard = both.0.lock().unwrap_err().into_inner();
    let error = both.1.wait_timeout(guard, SHORT).unwrap_err();
    drop(error.into_inner().0);
}

pub(super) fn a_wait_does_not_poison() {
    struct Waits(Both<bool>);
    impl Drop for Waits {
        fn drop(&mut self) {
            let guard = self.0.0.lock().unwrap();
            let (_guard, _result) = self.0.1.wait_timeout(guard, SHORT).unwrap();
        }
    }
    let both = both(false);
    let waits = Waits(both.clone());
    let thread = thread::spawn(move || {
        let _waits = waits;
        panic!("as the test wants");
    });
    assert!(thread.join().is_err());
    assert!(!both.0.is_poisoned());
}

pub(super) fn a_condition_is_asked_under_the_lock_and_poisons_it_with_a_panic() {
    let both = both(0);
    let same = both.clone();
    let thread = thread::spawn(move || {
        let asks = |_: &mut u32| {
            assert!(same.0.try_lock().is_err());
            panic!("as the test wants");
        };
        drop(same.1.wait_while(same.0.lock().unwrap(), asks));
    });
    assert!(thread.join().is_err());
    assert!(both.0.is_poisoned());
}

pub(super) fn it_can_be_made_in_a_constant_and_by_default() {
    static BOTH: (Mutex<u32>, Condvar) = (Mutex::new(0), Condvar::new());
    BOTH.1.notify_one();
    Condvar::default().notify_all();
    assert!(format!("{:?}", BOTH.1).starts_with("Condvar"));
}

pub(super) fn a_buffer_with_a_bound_gives_everything_once() {
    let shared = Arc::new((Mutex::new(Vec::new()), Condvar::new(), Condvar::new()));
    let sender = |first: u32| {
        let shared = shared.clone();
        thread::spawn(move || {
            for n in first..first + 100 {
                let buffer = shared.0.lock().unwrap();
                let mut buffer = shared.1.wait_while(buffer, |b| b.len() == 3).unwrap();
                buffer.push(n);
                shared.2.notify_one();
            }
        })
    };
    let receiver = || {
        let shared = shared.clone();
        thread::spawn(move || {
            let next = |_| {
                let buffer = shared.0.lock().unwrap();
                let mut buffer = shared.2.wait_while(buffer, |b| b.is_empty()).unwrap();
                shared.1.notify_one();
                buffer.pop().unwrap()
            };
            (0..100).map(next).collect::<Vec<_>>()
        })
    };
    let senders: Vec<_> = (0..4).map(|n| sender(n * 100)).collect();
    let receivers: Vec<_> = (0..4).map(|_| receiver()).collect();
    let mut all: Vec<u32> = receivers
        .into_iter()
        .flat_map(|thread| thread.join().unwrap())
        .collect();
    all.sort_unstable();
    assert!(all.into_iter().eq(0..400));
    senders
        .into_iter()
        .for_each(|thread| thread.join().unwrap());
}
