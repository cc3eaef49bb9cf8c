//! Proves that children have copies of the task-locals that are declared so: made where
//! they are spawned, passed on to their own children, and dropped once.

#![cfg(not(virid_loom))]

#[path = "support/drops.rs"]
mod drops;
mod support;
#[path = "support/until.rs"]
mod until;
#[path = "support/workers.rs"]
mod workers;

use drops::{Drops, Token};
use std::cell::Cell;
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use support::guard;
use until::until;
use virid::task::{JoinSet, spawn_blocking};
use virid::{Runtime, block_on, thread, yield_now};
use workers::workers;

/// A copy that knows how often it was copied, and counts its drop.
struct Copied {
    generation: u32,
    drops: Drops,
    _token: Token,
}

impl Copied {
    fn new(drops: &Drops) -> Self {
        Self {
            generation: 0,
            drops: drops.clone(),
            _token: drops.token(),
        }
    }
}

impl Clone for Copied {
    fn clone(&self) -> Self {
        Self {
            generation: self.generation + 1,
            drops: self.drops.clone(),
            _token: self.drops.token(),
        }
    }
}

virid::task_local! {
    static OWN: u32;
    static TRACE: Copied = inherit;
    /// More than one.
    static LEVEL: u32 = inherit;
    static CELL: Cell<u32> = inherit;
    static CLONES: Fussy = inherit
}

fn generation() -> Option<u32> {
    TRACE.try_with(|copied| copied.generation).ok()
}

#[test]
fn every_kind_of_child_has_a_copy() {
    guard(|| {
        let runtime = workers(2);
        let drops = Drops::default();
        let root = TRACE.scope(Copied::new(&drops), async {
            let mut set = JoinSet::new();
            set.spawn(async { generation() });
            set.spawn_blocking(generation);
            set.spawn_on(async { generation() }, &virid::Handle::current());
            let mut all = set.join_all().await;
            all.push(virid::spawn(async { generation() }).await.unwrap());
            all.push(spawn_blocking(generation).await.unwrap());
            all.push(thread::spawn(generation).await.unwrap());
            all.push(virid::Handle::current().go(generation).await.unwrap());
            let named = thread::Builder::new().name("named".into());
            all.push(named.spawn(generation).unwrap().await.unwrap());
            assert_eq!(generation(), Some(0));
            all
        });
        assert_eq!(runtime.spawn(root).join().unwrap(), [Some(1); 8]);
        until(|| drops.count() == 9);
    });
}

#[test]
fn green_threads_pass_copies_on() {
    guard(|| {
        let drops = Drops::default();
        let counted = drops.clone();
        workers(2).run(move || {
            TRACE.sync_scope(Copied::new(&counted), || {
                let scoped = thread::scope(|scope| {
                    let one = scope.spawn(|| {
                        thread::yield_now();
                        (generation(), thread::blocking(generation))
                    });
                    one.join().unwrap()
                });
                assert_eq!(scoped, (Some(1), Some(2)));
                let deep = thread::spawn(|| {
                    let task = virid::spawn(async {
                        yield_now().await;
                        let child = thread::spawn(generation).await.unwrap();
                        (generation(), child)
                    });
                    task.join().unwrap()
                });
                assert_eq!(deep.join().unwrap(), (Some(2), Some(3)));
            });
            assert_eq!(thread::spawn(generation).join().unwrap(), None);
        });
        // The first; two copies in the scope; three behind it.
        until(|| drops.count() == 6);
    });
}

#[test]
fn a_plain_thread_passes_copies_on() {
    guard(|| {
        let runtime = workers(1);
        let drops = Drops::default();
        TRACE.sync_scope(Copied::new(&drops), || {
            assert_eq!(
                runtime.spawn(async { generation() }).join().unwrap(),
                Some(1)
            );
            assert_eq!(runtime.run(generation), Some(1));
            assert_eq!(block_on(async { generation() }), Some(0));
        });
        assert_eq!(runtime.spawn(async { generation() }).join().unwrap(), None);
        until(|| drops.count() == 3);
    });
}

#[test]
fn the_innermost_of_each_key_is_inherited_and_no_other() {
    guard(|| {
        let runtime = workers(1);
        let read = || (LEVEL.try_get().ok(), OWN.try_get().ok(), generation());
        let drops = Drops::default();
        let copied = Copied::new(&drops);
        let seen = runtime.spawn(LEVEL.scope(
            1,
            TRACE.scope(
                copied,
                OWN.scope(
                    7,
                    LEVEL.scope(2, async move {
                        let outer = virid::spawn(async move { read() }).await.unwrap();
                        let inner = LEVEL.sync_scope(3, || virid::spawn(async move { read() }));
                        (outer, inner.await.unwrap(), read())
                    }),
                ),
            ),
        ));
        assert_eq!(
            seen.join().unwrap(),
            (
                (Some(2), None, Some(1)),
                (Some(3), None, Some(1)),
                (Some(2), Some(7), Some(0))
            )
        );
    });
}

/// A child sees its parent's value of the moment, and changes its own only.
#[test]
fn a_copy_is_made_where_the_child_is_spawned() {
    guard(|| {
        workers(1).run(|| {
            CELL.sync_scope(Cell::new(1), || {
                let child = thread::spawn(|| CELL.with(|cell| cell.replace(50) + 1));
                CELL.with(|cell| cell.set(2));
                assert_eq!(child.join().unwrap(), 2);
                assert_eq!(CELL.with(Cell::get), 2);
            });
        });
    });
}

#[test]
fn a_child_can_set_its_own_and_its_parents_stays() {
    guard(|| {
        let runtime = workers(8);
        let sum = runtime.spawn(LEVEL.scope(0, async {
            let mut set = JoinSet::new();
            for number in 0..500 {
                set.spawn(async move {
                    assert_eq!(LEVEL.get(), 0);
                    let own = LEVEL.scope(number, async {
                        yield_now().await;
                        let child = virid::spawn(async {
                            yield_now().await;
                            LEVEL.get()
                        });
                        child.await.unwrap()
                    });
                    let child = own.await;
                    assert_eq!((LEVEL.get(), child), (0, number));
                    child
                });
            }
            set.join_all().await.into_iter().sum::<u32>()
        }));
        assert_eq!(sum.join().unwrap(), 124_750);
    });
}

#[test]
fn copies_go_with_children_that_are_aborted_or_never_run() {
    guard(|| {
        let drops = Drops::default();
        let runtime = workers(1);
        let handle = runtime.handle().clone();
        TRACE.sync_scope(Copied::new(&drops), || {
            let aborted = runtime.spawn(pending::<()>());
            aborted.abort();
            assert!(aborted.join().is_err());
            until(|| drops.count() == 1);
            let left = runtime.spawn(pending::<()>());
            drop(runtime);
            assert!(left.join().is_err());
            until(|| drops.count() == 2);
            assert!(handle.spawn(async {}).join().is_err());
            assert!(handle.go(|| ()).join().is_err());
            assert!(handle.spawn_blocking(|| ()).join().is_err());
            until(|| drops.count() == 5);
        });
        assert_eq!(drops.count(), 6);
    });
}

/// A future's destructor reads the copy of its task.
#[test]
fn a_childs_future_is_dropped_inside_its_values() {
    struct Reads(Arc<AtomicUsize>);
    impl Drop for Reads {
        fn drop(&mut self) {
            let level = LEVEL.try_get().map_or(1_000, |level| level as usize);
            self.0.fetch_add(level, Ordering::SeqCst);
        }
    }
    guard(|| {
        let runtime = workers(1);
        let seen = Arc::new(AtomicUsize::new(0));
        LEVEL.sync_scope(5, || {
            for is_aborted in [true, false] {
                let reads = Reads(Arc::clone(&seen));
                let body = async move {
                    let _reads = reads;
                    if is_aborted {
                        pending::<()>().await;
                    }
                };
                let task = runtime.spawn(body);
                if is_aborted {
                    task.abort();
                }
                assert_eq!(task.join().is_err(), is_aborted);
            }
        });
        until(|| seen.load(Ordering::SeqCst) == 10);
    });
}

/// Its `clone` panics, or spawns, as asked.
struct Fussy(u32);

impl Clone for Fussy {
    fn clone(&self) -> Self {
        match self.0 {
            0 => panic!("in a clone"),
            1 => {
                // Deeper by one: inherits nothing of the kind.
                let sees = CLONES.sync_scope(Fussy(2), || {
                    virid::spawn(async { CLONES.with(|fussy| fussy.0) })
                });
                Self(10 + sees.join().unwrap())
            }
            other => Self(other),
        }
    }
}

#[test]
fn a_clone_that_panics_is_its_spawners_panic() {
    guard(|| {
        let runtime = workers(1);
        let panics = runtime.run(|| {
            CLONES.sync_scope(Fussy(0), || {
                let spawn = || std::panic::catch_unwind(|| drop(virid::spawn(async {})));
                let go = || std::panic::catch_unwind(|| drop(thread::spawn(|| ())));
                let block = || std::panic::catch_unwind(|| thread::blocking(|| ()));
                let in_scope = std::panic::catch_unwind(|| {
                    thread::scope(|scope| drop(scope.spawn(|| ())));
                });
                [spawn(), go(), block(), in_scope].map(|panic| panic.is_err())
            })
        });
        assert_eq!(panics, [true; 4]);
        runtime.spawn(async {}).join().unwrap();
    });
}

#[test]
fn a_clone_may_spawn() {
    guard(|| {
        let runtime: Runtime = workers(2);
        let seen = runtime.run(|| {
            CLONES.sync_scope(Fussy(1), || {
                virid::spawn(async { CLONES.with(|fussy| fussy.0) }).join()
            })
        });
        assert_eq!(seen.unwrap(), 12);
    });
}
