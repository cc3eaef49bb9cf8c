// What std says of its barrier. Included by tests/sync_once.rs, once for each world.

pub(super) fn nobody_passes_a_barrier_before_all_have_come() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    let shared = Arc::new((sync::Barrier::new(8), AtomicUsize::new(0)));
    let meet = |_| {
        let shared = shared.clone();
        thread::spawn(move || {
            let mut leads = 0;
            for round in 1..=100 {
                shared.1.fetch_add(1, Ordering::SeqCst);
                leads += usize::from(shared.0.wait().is_leader());
                assert!(shared.1.load(Ordering::SeqCst) >= 8 * round);
            }
            leads
        })
    };
    let threads: Vec<_> = (0..8).map(meet).collect();
    let leads: usize = threads
        .into_iter()
        .map(|thread| thread.join().unwrap())
        .sum();
    // One in each round.
    assert_eq!(leads, 100);
}

pub(super) fn a_barrier_for_one_or_none_lets_all_pass() {
    for size in [0, 1] {
        let barrier = sync::Barrier::new(size);
        assert!((0..3).all(|_| barrier.wait().is_leader()));
        assert!(format!("{barrier:?}").starts_with("Barrier"));
    }
}
