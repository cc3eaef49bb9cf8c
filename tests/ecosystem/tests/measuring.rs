//! criterion measures futures on a runtime of virid's.

mod support;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use criterion::async_executor::AsyncExecutor;
use criterion::{Bencher, Criterion};

use support::{guard, two_workers};

/// How often the routine ran when it was measured by such an executor.
fn measure(name: &str, executor: impl AsyncExecutor + Clone) -> u64 {
    let ran = Arc::new(AtomicU64::new(0));
    let routine = async || {
        let ran = Arc::clone(&ran);
        let task = virid::spawn(async move { ran.fetch_add(1, Ordering::Relaxed) });
        task.await.unwrap();
        virid::thread::spawn(|| ()).await.unwrap();
    };
    let mut criterion = Criterion::default()
        .without_plots()
        .output_directory(Path::new(env!("CARGO_TARGET_TMPDIR")))
        .warm_up_time(Duration::from_millis(1))
        .measurement_time(Duration::from_millis(10))
        .nresamples(10)
        .sample_size(10);
    criterion.bench_function(name, |bencher: &mut Bencher<'_>| {
        bencher.to_async(executor.clone()).iter(routine);
    });
    ran.load(Ordering::Relaxed)
}

#[test]
fn runtime_and_handle_run_routines() {
    guard(|| {
        let runtime = two_workers();
        assert!(measure("runtime", &runtime) >= 10);
        assert!(measure("handle", runtime.handle()) >= 10);
        assert!(measure("owned handle", runtime.handle().clone()) >= 10);
        // By value, for who keeps none.
        assert_eq!(AsyncExecutor::block_on(&two_workers(), async { 7 }), 7);
    });
}
