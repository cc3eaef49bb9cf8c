//! Requests to end: trees of tokens, and who waits for them. The names and what they say
//! are those of `tokio_util::sync::CancellationToken`.
#![cfg(all(feature = "sync", not(virid_loom)))]

#[path = "support/dice.rs"]
mod dice;
#[path = "support/drops.rs"]
mod drops;
#[path = "support/mod.rs"]
mod support;
#[path = "support/wakes.rs"]
mod wakes;
#[path = "support/workers.rs"]
mod workers;

use std::future::{Future, pending, ready};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::task::{Context, Waker};
use std::thread;

use dice::Dice;
use drops::Drops;
use support::guard;
use virid::task::CancellationToken;
use workers::workers;

#[test]
fn a_cancel_reaches_all_below_and_nobody_else() {
    guard(|| {
        let root = CancellationToken::new();
        let (left, right) = (root.child_token(), root.child_token());
        let below = left.child_token();
        let same = left.clone();
        left.cancel();
        assert!(left.is_cancelled() && same.is_cancelled() && below.is_cancelled());
        assert!(!root.is_cancelled() && !right.is_cancelled());
        left.cancel();
        assert!(left.child_token().is_cancelled());
        assert!(left.child_token().child_token().is_cancelled());
        root.cancel();
        assert!(right.is_cancelled());
    });
}

#[test]
fn a_token_that_is_dropped_leaves_its_children_with_its_parent() {
    guard(|| {
        let root = CancellationToken::new();
        let middle = root.child_token();
        let children: Vec<_> = (0..3).map(|_| middle.child_token()).collect();
        drop(middle);
        assert!(children.iter().all(|child| !child.is_cancelled()));
        children[1].cancel();
        assert!(!children[0].is_cancelled() && !children[2].is_cancelled());
        root.cancel();
        assert!(children.iter().all(CancellationToken::is_cancelled));
        let orphan = {
            let gone = CancellationToken::new();
            gone.child_token()
        };
        assert!(!orphan.is_cancelled());
        orphan.cancel();
        assert!(orphan.is_cancelled());
    });
}

#[test]
fn a_tree_may_be_a_million_deep_or_wide() {
    guard(|| {
        const MANY: usize = 1_000_000;
        let root = CancellationToken::new();
        let mut deep = vec![root.clone()];
        for _ in 0..MANY {
            deep.push(deep.last().unwrap().child_token());
        }
        let wide: Vec<_> = (0..MANY).map(|_| root.child_token()).collect();
        deep[MANY / 2].cancel();
        assert!(deep[MANY / 2..].iter().all(CancellationToken::is_cancelled));
        assert!(deep[..MANY / 2].iter().all(|one| !one.is_cancelled()));
        root.cancel();
        assert!(
            deep.iter()
                .chain(&wide)
                .all(CancellationToken::is_cancelled)
        );

        // One that is not cancelled, dropped from its root on, and from its leaf on.
        for from_root in [true, false] {
            let mut chain = vec![CancellationToken::new()];
            for _ in 0..MANY {
                chain.push(chain.last().unwrap().child_token());
            }
            if from_root {
                chain.reverse();
            }
            while chain.pop().is_some() {}
        }
        // And one of which only the ends are left.
        let first = CancellationToken::new();
        let mut last = first.child_token();
        for _ in 0..MANY {
            last = last.child_token();
        }
        first.cancel();
        assert!(last.is_cancelled());
    });
}

/// Random changes of a tree, beside one that is simple and slow.
#[test]
fn a_random_tree_is_as_a_simple_one() {
    guard(|| {
        let mut dice = Dice::new();
        for _ in 0..200 {
            let mut tokens = vec![Some(CancellationToken::new())];
            let mut parents = vec![None::<usize>];
            let mut cancelled = vec![false];
            for _ in 0..200 {
                let at = dice.below(tokens.len() as u64) as usize;
                match dice.below(8) {
                    0..4 => {
                        let Some(token) = &tokens[at] else { continue };
                        let child = token.child_token();
                        tokens.push(Some(child));
                        parents.push(Some(at));
                        cancelled.push(cancelled[at]);
                    }
                    4..7 => tokens[at] = None,
                    _ => {
                        let Some(token) = &tokens[at] else { continue };
                        token.cancel();
                        cancelled[at] = true;
                        // A parent comes before its children.
                        for child in 0..parents.len() {
                            cancelled[child] |= parents[child].is_some_and(|one| cancelled[one]);
                        }
                    }
                }
                for (token, cancelled) in tokens.iter().zip(&cancelled) {
                    if let Some(token) = token {
                        assert_eq!(token.is_cancelled(), *cancelled);
                    }
                }
            }
        }
    });
}

#[test]
fn who_waits_is_told() {
    guard(|| {
        for count in [1, 2, 8] {
            let runtime = workers(count);
            let token = CancellationToken::new();
            let child = token.child_token();
            let here = [token.clone(), child.clone()];
            let mut tasks = Vec::new();
            let mut green = Vec::new();
            let mut plain = Vec::new();
            for n in 0..64 {
                let one = here[n % 2].clone();
                tasks.push(runtime.spawn(one.clone().cancelled_owned()));
                let same = one.clone();
                tasks.push(runtime.spawn(async move { same.cancelled().await }));
                let same = one.clone();
                green.push(runtime.go(move || same.wait()));
                if n < 4 {
                    plain.push(thread::spawn(move || one.wait()));
                }
            }
            token.cancel();
            tasks.into_iter().for_each(|task| task.join().unwrap());
            green.into_iter().for_each(|thread| thread.join().unwrap());
            plain.into_iter().for_each(|thread| thread.join().unwrap());
            // Those who come later do not wait.
            child.wait();
            virid::block_on(child.cancelled());
        }
    });
}

#[test]
fn a_wait_that_is_dropped_is_told_nothing() {
    guard(|| {
        let token = CancellationToken::new();
        let wakes = wakes::Wakes::new();
        let waker = wakes.waker();
        let mut context = Context::from_waker(&waker);
        let mut waits = Box::pin(token.cancelled());
        assert!(waits.as_mut().poll(&mut context).is_pending());
        assert_eq!(wakes.alive(), 2);
        drop(waits);
        assert_eq!(wakes.alive(), 1, "ours is left");
        token.cancel();
        assert_eq!(wakes.count(), 0);
        let mut late = pin!(token.cancelled());
        assert!(late.as_mut().poll(&mut context).is_ready());
        assert!(late.as_mut().poll(&mut context).is_ready());
    });
}

#[test]
fn a_future_runs_until_its_token_is_cancelled() {
    guard(|| {
        let token = CancellationToken::new();
        let drops = Drops::default();
        assert_eq!(
            virid::block_on(token.run_until_cancelled(ready(7))),
            Some(7)
        );
        let kept = drops.token();
        let mut runs = Box::pin(token.run_until_cancelled(async {
            let _kept = kept;
            pending::<()>().await;
        }));
        let mut context = Context::from_waker(Waker::noop());
        assert!(runs.as_mut().poll(&mut context).is_pending());
        token.cancel();
        assert!(runs.as_mut().poll(&mut context).is_ready());
        drop(runs);
        assert_eq!(drops.count(), 1);
        // Not even polled.
        let runs = token.run_until_cancelled(async { unreachable!() });
        assert_eq!(virid::block_on(runs), None::<()>);
        let owned = token.clone().run_until_cancelled_owned(ready(7));
        assert_eq!(virid::block_on(owned), None);
    });
}

#[test]
fn a_guard_cancels_unless_it_is_disarmed() {
    guard(|| {
        let token = CancellationToken::new();
        let disarmed = token.clone().drop_guard().disarm();
        assert!(!disarmed.is_cancelled());
        let child = token.child_token();
        let unwinds = thread::spawn(move || {
            let _guard = token.drop_guard();
            panic!("with a guard");
        });
        assert!(unwinds.join().is_err());
        assert!(child.is_cancelled());
    });
}

/// Tokens that are made, dropped, waited for and cancelled on several threads at once: all
/// below what was cancelled say so, and nobody waits on.
#[test]
fn a_storm_of_cancels_reaches_everybody() {
    guard(|| {
        let mut dice = Dice::new();
        for count in [1, 2, 8] {
            let runtime = workers(count);
            for _ in 0..50 {
                let root = CancellationToken::new();
                let barrier = Arc::new(Barrier::new(4));
                let told = Arc::new(AtomicUsize::new(0));
                let threads: Vec<_> = (0..3)
                    .map(|_| {
                        let mut dice = dice.fork();
                        let (root, barrier, told) = (root.clone(), barrier.clone(), told.clone());
                        let handle = runtime.handle().clone();
                        thread::spawn(move || {
                            barrier.wait();
                            let mut waiting = Vec::new();
                            let mut tokens = vec![root];
                            for _ in 0..100 {
                                let at = dice.below(tokens.len() as u64) as usize;
                                let child = tokens[at].child_token();
                                let (one, told) = (child.clone(), told.clone());
                                waiting.push(handle.spawn(async move {
                                    one.cancelled().await;
                                    told.fetch_add(1, Ordering::Relaxed);
                                }));
                                tokens.push(child);
                                if dice.below(4) == 0 {
                                    let at = dice.below(tokens.len() as u64) as usize;
                                    if tokens.len() > 1 {
                                        tokens.swap_remove(at);
                                    }
                                }
                                if dice.below(16) == 0 {
                                    let at = dice.below(tokens.len() as u64) as usize;
                                    let token = &tokens[at];
                                    let below = token.child_token();
                                    token.cancel();
                                    assert!(token.is_cancelled() && below.is_cancelled());
                                }
                            }
                            waiting
                        })
                    })
                    .collect();
                barrier.wait();
                root.cancel();
                let waiting = threads.into_iter().map(|thread| thread.join().unwrap());
                for task in waiting.flatten() {
                    task.join().unwrap();
                }
                assert_eq!(told.load(Ordering::Relaxed), 300);
            }
        }
    });
}
