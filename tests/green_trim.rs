//! Proves where the memory of free stacks goes: `trim` gives their pages back, a runtime
//! that has nothing to do does so by itself, and none keeps more than its first page.

#![cfg(all(not(virid_loom), target_os = "linux"))]

#[path = "support/alone.rs"]
mod alone;
#[path = "support/child.rs"]
mod child;
#[path = "support/rest.rs"]
mod rest;
mod support;
#[path = "support/until.rs"]
mod until;
#[path = "support/workers.rs"]
mod workers;

use alone::alone;
use rest::rest;
use std::hint::black_box;
use support::guard;
use until::until;
use virid::{Runtime, thread};
use workers::workers;

const THREADS: usize = 20_000;
const PAGE: usize = 4 << 10;

/// How often a trim may come so late, on a busy machine, that the stacks have cooled.
const ROUNDS: usize = 20;

/// The memory that this process has, in bytes, without tables, which stay.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: usize = status.split_whitespace().nth(1).unwrap().parse().unwrap();
    pages * PAGE
}

/// So many threads wait at once, then all end.
fn burst(runtime: &Runtime) {
    let threads: Vec<_> = (0..THREADS).map(|_| runtime.go(thread::park)).collect();
    rest(runtime);
    threads.iter().for_each(|thread| thread.thread().unpark());
    for thread in threads {
        thread.join().unwrap();
    }
}

#[test]
fn a_trim_gives_back_the_pages_of_free_stacks() {
    alone("a_trim_gives_back_the_pages_of_free_stacks", || {
        guard(|| {
            for count in [1, 2] {
                let runtime = workers(count);
                burst(&runtime);
                runtime.trim();
                let (before, mut most) = (resident(), 0);
                for round in 0..ROUNDS {
                    if round >= 3 && most >= THREADS / 2 * PAGE {
                        break;
                    }
                    burst(&runtime);
                    rest(&runtime);
                    // What a worker had in its hand when it was asked comes later.
                    most = most.max(runtime.trim() + runtime.trim());
                    let more = resident().saturating_sub(before);
                    assert!(more <= 8 << 20, "{count} workers keep {more} bytes");
                }
                assert!(most >= THREADS / 2 * PAGE, "{most}");
            }
        });
    });
}

#[test]
fn a_runtime_that_rests_gives_back_the_pages_of_free_stacks() {
    alone(
        "a_runtime_that_rests_gives_back_the_pages_of_free_stacks",
        || {
            guard(|| {
                let runtime = workers(2);
                burst(&runtime);
                runtime.trim();
                let before = resident();
                burst(&runtime);
                until(|| {
                    std::thread::sleep(std::time::Duration::from_millis(10));
                    resident() <= before + (8 << 20)
                });
                assert_eq!(runtime.run(|| 7), 7);
            });
        },
    );
}

/// Takes some of the stack in frames that leave nothing out.
fn deep() {
    #[inline(never)]
    fn take(left: usize) {
        let frame = black_box([1_u8; 1 << 10]);
        if left > 0 {
            take(left - 1);
        }
        black_box(&frame);
    }
    take(80);
}

#[test]
fn a_free_stack_keeps_no_more_than_a_page() {
    alone("a_free_stack_keeps_no_more_than_a_page", || {
        guard(|| {
            let runtime = workers(2);
            burst(&runtime);
            let before = resident();
            for _ in 0..3 {
                for _ in 0..10 {
                    let threads: Vec<_> = (0..THREADS / 10)
                        .map(|_| {
                            runtime.go(|| {
                                thread::park();
                                deep();
                            })
                        })
                        .collect();
                    rest(&runtime);
                    threads.iter().for_each(|thread| thread.thread().unpark());
                    threads
                        .into_iter()
                        .for_each(|thread| thread.join().unwrap());
                }
                // 64 stacks of each worker at most are as they were used.
                let more = resident().saturating_sub(before);
                assert!(more <= 2 * 64 * (128 << 10) + (8 << 20), "{more} bytes");
            }
        });
    });
}
