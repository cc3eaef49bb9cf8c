//! Proves that a timeout yields what its future does if that is ready in time or at
//! once, that it says so if not, and what becomes of the future then.

#![cfg(all(not(virid_loom), feature = "time"))]

#[path = "support/drops.rs"]
mod drops;
#[path = "support/gate.rs"]
mod gate;
#[path = "support/sizes.rs"]
mod sizes;
mod support;
#[path = "support/wakes.rs"]
mod wakes;
#[path = "support/workers.rs"]
mod workers;

use drops::Drops;
use gate::Gate;
use sizes::on_each_size;
use std::error::Error;
use std::future::{Future, pending, poll_fn, ready};
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use support::guard;
use virid::time::{Timeout, sleep, timeout, timeout_at};
use wakes::Wakes;
use workers::workers;

const SHORT: Duration = Duration::from_millis(2);
const AN_HOUR: Duration = Duration::from_secs(3_600);

#[test]
fn what_is_ready_at_once_needs_no_time() {
    guard(|| {
        virid::block_on(async {
            let past = Instant::now();
            assert_eq!(timeout(Duration::ZERO, ready(1)).await, Ok(1));
            assert_eq!(timeout(Duration::MAX, ready(2)).await, Ok(2));
            assert_eq!(timeout_at(past, ready(3)).await, Ok(3));
        });
        // Nor a timer.
        let wakes = Wakes::new();
        let mut limited = pin!(timeout(AN_HOUR, ready(())));
        let polled = limited
            .as_mut()
            .poll(&mut Context::from_waker(&wakes.waker()));
        assert_eq!(polled, Poll::Ready(Ok(())));
        assert_eq!((wakes.alive(), wakes.count()), (0, 0));
    });
}

#[test]
fn what_is_never_ready_elapses() {
    on_each_size(|runtime| {
        let waits = [0, 1, 1_000, 2_000_000].map(Duration::from_nanos);
        let tasks = waits.map(|wait| {
            runtime.spawn(async move {
                let deadline = Instant::now() + wait;
                let error = timeout(wait, pending::<()>()).await.unwrap_err();
                assert!(Instant::now() >= deadline);
                assert!(timeout_at(deadline, pending::<()>()).await.is_err());
                error
            })
        });
        for task in tasks {
            let error = task.join().unwrap();
            assert_eq!(error, error.clone());
            assert!(error.source().is_none());
            assert_eq!(error.to_string(), "deadline has elapsed");
            let error = io::Error::from(error);
            assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        }
    });
}

#[test]
fn what_is_ready_in_time_is_yielded() {
    on_each_size(|runtime| {
        for limit in [AN_HOUR, Duration::from_secs(1 << 62), Duration::MAX] {
            let gate = Gate::default();
            let task = runtime.spawn(timeout(limit, gate.clone().pass()));
            let slept = runtime.spawn(timeout(limit, sleep(SHORT)));
            slept.join().unwrap().unwrap();
            gate.open();
            assert_eq!(task.join().unwrap(), Ok(()));
        }
    });
}

type Boxed = Pin<Box<dyn Future<Output = bool> + Send>>;

fn boxed(future: impl Future<Output = bool> + Send + 'static) -> Boxed {
    Box::pin(future)
}

#[test]
fn nested_ones_end_with_the_shortest() {
    on_each_size(|runtime| {
        let outer = timeout(SHORT, timeout(AN_HOUR, pending::<()>()));
        assert!(runtime.block_on(outer).is_err());
        let inner = timeout(AN_HOUR, timeout(SHORT, pending::<()>()));
        assert!(runtime.block_on(inner).unwrap().is_err());
        // Both are over: the inner one is asked first.
        let both = timeout(Duration::ZERO, timeout(Duration::ZERO, pending::<()>()));
        assert!(runtime.block_on(both).unwrap().is_err());
        let deep = (0..100).fold(boxed(async { true }), |inside, _| {
            boxed(async { timeout(AN_HOUR, inside).await == Ok(true) })
        });
        assert!(runtime.spawn(deep).join().unwrap());
    });
}

#[test]
fn the_future_is_polled_no_more_and_dropped_with_the_timeout() {
    guard(|| {
        virid::block_on(async {
            let (drops, polls) = (Drops::default(), AtomicUsize::new(0));
            let token = drops.token();
            let future = poll_fn(|_| {
                let _token = &token;
                polls.fetch_add(1, Ordering::SeqCst);
                Poll::<()>::Pending
            });
            let mut limited = Box::pin(timeout(SHORT, future));
            limited.as_mut().await.unwrap_err();
            let before = polls.load(Ordering::SeqCst);
            sleep(SHORT).await;
            assert_eq!(polls.load(Ordering::SeqCst), before);
            drop(limited);
            // A future that is lent can go on.
            let gate = Gate::default();
            let mut passes = Box::pin(gate.clone().pass());
            assert!(timeout(SHORT, &mut passes).await.is_err());
            gate.open();
            assert!(timeout(AN_HOUR, &mut passes).await.is_ok());
            // And so is a task's handle.
            let mut task = virid::spawn(pending::<()>());
            assert!(timeout(SHORT, &mut task).await.is_err());
            task.abort();
            assert!(task.await.unwrap_err().is_cancelled());
        });
    });
}

#[test]
fn a_timeout_drops_what_it_holds_once() {
    guard(|| {
        let drops = Drops::default();
        let held = || {
            let token = drops.token();
            async move {
                let _token = token;
                pending::<()>().await;
            }
        };
        drop(timeout(AN_HOUR, held()));
        assert_eq!(drops.count(), 1);
        assert!(virid::block_on(timeout(SHORT, held())).is_err());
        assert_eq!(drops.count(), 2);
        let task = virid::spawn(timeout(AN_HOUR, held()));
        task.abort();
        assert!(task.join().unwrap_err().is_cancelled());
        assert_eq!(drops.count(), 3);
    });
}

#[test]
fn a_panic_of_the_future_is_the_tasks() {
    on_each_size(|runtime| {
        let task = runtime.spawn(timeout(AN_HOUR, async {
            sleep(SHORT).await;
            panic!("on purpose");
        }));
        let error: Result<Result<(), _>, _> = task.join();
        assert!(error.unwrap_err().is_panic());
    });
}

#[test]
fn a_future_that_races_its_timeout_is_either_ready_or_late() {
    on_each_size(|runtime| {
        let drops = Drops::default();
        let tasks: Vec<_> = (0..5_000_u64)
            .map(|n| {
                let token = drops.token();
                runtime.spawn(async move {
                    let limit = Duration::from_micros(n % 500);
                    let inside = async move {
                        let _token = token;
                        sleep(limit).await;
                    };
                    // Both ways are right; what was inside is gone either way.
                    _ = timeout(limit, inside).await;
                })
            })
            .collect();
        tasks.into_iter().for_each(|task| task.join().unwrap());
        assert_eq!(drops.count(), 5_000);
    });
}

#[test]
fn it_takes_what_can_become_a_future_and_gives_it_back() {
    fn is_free<T: Send + Sync + Unpin>(_: &T) {}
    struct Later(i32);
    impl IntoFuture for Later {
        type Output = i32;
        type IntoFuture = std::future::Ready<i32>;
        fn into_future(self) -> Self::IntoFuture {
            ready(self.0)
        }
    }
    guard(|| {
        assert_eq!(virid::block_on(timeout(AN_HOUR, Later(3))), Ok(3));
        assert_eq!(virid::block_on(timeout_at(Instant::now(), Later(4))), Ok(4));
        let mut limited: Timeout<_> = timeout(AN_HOUR, Later(5));
        is_free(&limited);
        *limited.get_mut() = ready(6);
        assert_eq!(limited.get_ref().clone().into_inner(), 6);
        assert_eq!(virid::block_on(limited.into_inner()), 6);
        // A green thread's handle too.
        let thread = virid::thread::spawn(|| 7);
        let joined = virid::block_on(timeout(AN_HOUR, thread));
        assert_eq!(joined.unwrap().unwrap(), 7);
    });
}

#[test]
fn what_waits_for_a_task_hears_of_the_end_of_its_runtime() {
    guard(|| {
        for round in 0..100 {
            let runtime = workers(1 + round % 2);
            let task = runtime.spawn(pending::<()>());
            let sleeps = runtime.spawn(async { timeout(AN_HOUR, sleep(AN_HOUR)).await });
            let thread = runtime.go(virid::thread::park);
            let waits = std::thread::spawn(|| {
                virid::block_on(async {
                    let error = timeout(AN_HOUR, task).await.unwrap().unwrap_err();
                    assert!(error.is_cancelled());
                    let error = timeout(AN_HOUR, sleeps).await.unwrap().unwrap_err();
                    assert!(error.is_cancelled());
                    assert!(timeout(AN_HOUR, thread).await.unwrap().is_err());
                });
            });
            drop(runtime);
            waits.join().unwrap();
        }
    });
}

#[test]
fn green_threads_wait_with_it() {
    on_each_size(|runtime| {
        runtime.run(|| {
            let counted = Arc::<AtomicUsize>::default();
            virid::thread::scope(|scope| {
                for _ in 0..100 {
                    scope.spawn(|| {
                        assert!(virid::block_on(timeout(SHORT, pending::<()>())).is_err());
                        counted.fetch_add(1, Ordering::SeqCst);
                    });
                }
            });
            assert_eq!(counted.load(Ordering::SeqCst), 100);
        });
    });
}
