//! Proves that a green thread has the stack that was asked for, that no request
//! yields less than a panic needs, and that an overflow ends the process.

#![cfg(all(not(virid_loom), unix))]

#[path = "support/child.rs"]
mod child;
#[path = "support/sizes.rs"]
mod sizes;
mod support;
#[path = "support/workers.rs"]
mod workers;

use sizes::on_each_size;
use std::hint::black_box;
use std::io::ErrorKind;
use std::os::unix::process::ExitStatusExt;
use support::guard;
use virid::{Builder, thread};
use workers::workers;

const KIB: usize = 1 << 10;

/// Recurses until so many bytes of stack are taken.
fn take(bytes: usize) {
    let top = [1_u8; 1];
    take_below(black_box(&top).as_ptr().addr(), bytes);
}

#[inline(never)]
fn take_below(top: usize, bytes: usize) {
    let frame = [1_u8; KIB];
    if top.abs_diff(black_box(&frame).as_ptr().addr()) < bytes {
        take_below(top, bytes);
    }
    // Looked at after the call, so that it stays.
    black_box(&frame);
}

/// Takes so many bytes in one frame.
fn in_one_frame<const N: usize>() -> u8 {
    let frame = black_box([1_u8; N]);
    black_box(&frame)[N / 2]
}

fn sized(bytes: usize) -> thread::Builder {
    thread::Builder::new().stack_size(bytes)
}

#[test]
fn a_thread_has_the_stack_that_was_asked_for() {
    on_each_size(|runtime| {
        runtime.run(|| {
            let sizes = [64, 128, 1_024, 4_096, 256, 16_384].into_iter().cycle();
            let fill = |kib: usize| sized(kib * KIB).spawn(move || take(kib * KIB - 8 * KIB));
            let threads: Vec<_> = sizes.take(120).map(|kib| fill(kib).unwrap()).collect();
            threads
                .into_iter()
                .for_each(|thread| thread.join().unwrap());
            thread::spawn(|| take(120 * KIB)).join().unwrap();
            let large = sized(2 * KIB * KIB).spawn(in_one_frame::<{ KIB * KIB }>);
            assert_eq!(large.unwrap().join().unwrap(), 1);
        });
    });
}

#[test]
fn a_runtime_gives_its_threads_the_stack_that_it_was_built_with() {
    guard(|| {
        for count in [1, 2, 8] {
            let builder = Builder::new().worker_threads(count).stack_size(KIB * KIB);
            let runtime = builder.prewarm(0, 8).build().unwrap();
            let fill = || take(KIB * KIB - 8 * KIB);
            let deep = move || [(); 100].map(|()| thread::spawn(fill));
            runtime.run(move || {
                for thread in deep() {
                    thread.join().unwrap();
                }
                thread::scope(|scope| scope.spawn(fill).join().unwrap());
            });
        }
    });
}

#[test]
fn a_size_that_is_too_large_is_an_error_that_names_the_limit() {
    guard(|| {
        let limit = (1_usize << 30).to_string();
        for bytes in [(1 << 30) + 1, usize::MAX] {
            let error = sized(bytes).spawn(|| ()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert!(error.to_string().contains(&limit), "{error}");
            thread::scope(|scope| {
                let scoped = sized(bytes).spawn_scoped(scope, || ());
                assert_eq!(scoped.unwrap_err().kind(), ErrorKind::InvalidInput);
            });
            let error = Builder::new().stack_size(bytes).build().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert!(error.to_string().contains(&limit), "{error}");
        }
        sized(1 << 30).spawn(|| ()).unwrap().join().unwrap();
    });
}

#[test]
fn a_name_with_a_nul_byte_is_an_error() {
    guard(|| {
        let error = thread::Builder::new().name("a\0b".into()).spawn(|| ());
        let error = error.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains("NUL"), "{error}");
    });
}

#[test]
fn frames_are_aligned_on_every_stack() {
    #[repr(align(64))]
    struct Line([u8; 64]);
    on_each_size(|runtime| {
        runtime.run(|| {
            for bytes in [0, 32 * KIB, 100_000, 256 * KIB] {
                let address = || {
                    let line = Line([1; 64]);
                    assert_eq!(black_box(&line).0, [1; 64]);
                    (&raw const *black_box(&line)).addr() % 64
                };
                assert_eq!(sized(bytes).spawn(address).unwrap().join().unwrap(), 0);
            }
        });
    });
}

#[test]
fn stacks_made_ready_at_the_start_run_threads() {
    guard(|| {
        for (tasks, stacks) in [(0, 1), (10_000, 32), (1, 64), (0, 1_000)] {
            for count in [1, 2, 8] {
                let builder = Builder::new().worker_threads(count).prewarm(tasks, stacks);
                let runtime = builder.build().unwrap();
                runtime.run(|| {
                    for thread in [(); 200].map(|()| thread::spawn(|| take(100 * KIB))) {
                        thread.join().unwrap();
                    }
                });
            }
        }
    });
}

#[test]
fn a_contained_panic_with_a_backtrace_fits_the_smallest_stack() {
    const TEST: &str = "a_contained_panic_with_a_backtrace_fits_the_smallest_stack";
    if child::role().is_some() {
        return guard(|| {
            workers(2).run(|| {
                let panics = |n: usize| sized(1).spawn(move || panic!("the {n}th"));
                // Few: what they print has to fit a pipe.
                let threads: Vec<_> = (0..3).map(|n| panics(n).unwrap()).collect();
                for (n, thread) in threads.into_iter().enumerate() {
                    let payload = thread.join().unwrap_err();
                    assert_eq!(*payload.downcast::<String>().unwrap(), format!("the {n}th"));
                }
            });
        });
    }
    for how in ["1", "full"] {
        let output = child::run(TEST, "panics", &[("RUST_BACKTRACE", how)]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: {said}", output.status);
        assert_eq!(said.matches("stack backtrace:").count(), 3, "{said}");
    }
}

/// Takes 16 KiB of stack as a function of C does, whose compiler touches no page on
/// the way down, and uses the lowest of them only.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
#[inline(never)]
fn c_frame() {
    // SAFETY: the stack pointer is put back, and what is below it is nobody's.
    #[cfg(target_arch = "x86_64")]
    unsafe {
        std::arch::asm!(
            "sub rsp, 16384",
            "mov rdi, rsp",
            "mov ecx, 1024",
            "rep stosb",
            "add rsp, 16384",
            out("rdi") _,
            out("rcx") _,
            in("al") 1_u8,
        );
    }
    // SAFETY: the same.
    #[cfg(target_arch = "aarch64")]
    unsafe {
        std::arch::asm!(
            "sub sp, sp, #4, lsl #12",
            "mov x9, sp",
            "mov x10, #1024",
            "2:",
            "strb wzr, [x9], #1",
            "subs x10, x10, #1",
            "b.ne 2b",
            "add sp, sp, #4, lsl #12",
            out("x9") _,
            out("x10") _,
        );
    }
}

/// Calls C where 3 KiB are left of a stack of so many bytes.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
fn end_in_c(bytes: usize) {
    let first = [0_u8; 1];
    let top = black_box(&first).as_ptr().addr().next_multiple_of(4 * KIB);
    go_down(top - bytes + 3 * KIB);
}

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
#[inline(never)]
fn go_down(to: usize) {
    let frame = [1_u8; 64];
    match black_box(&frame).as_ptr().addr() > to {
        true => go_down(to),
        false => c_frame(),
    }
    black_box(&frame);
}

/// What a child does to use up a stack of so many KiB.
const OVERFLOWS: &[(&str, usize, fn())] = &[
    ("a recursion", 256, || take(usize::MAX)),
    ("a recursion that fits four times the stack", 256, || {
        take(600 * KIB);
    }),
    ("a recursion on the smallest stack", 32, || take(usize::MAX)),
    ("one large frame", 256, || {
        _ = in_one_frame::<{ KIB * KIB }>();
    }),
    ("one large frame on the smallest stack", 32, || {
        _ = in_one_frame::<{ KIB * KIB }>();
    }),
    ("a recursion inside a poll", 256, || {
        virid::block_on(async { take(usize::MAX) });
    }),
    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    ("a frame of C", 256, || end_in_c(256 * KIB)),
    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    ("a frame of C on the smallest stack", 32, || {
        end_in_c(32 * KIB)
    }),
];

/// Runs `f` among others that wait on such stacks.
fn overflow(bytes: usize, f: fn()) {
    guard(move || {
        let runtime = workers(2);
        let spawn = move |name: &str, f: fn()| sized(bytes).name(name.into()).spawn(f).unwrap();
        runtime.run(move || {
            let others = [(); 100].map(|()| spawn("another", thread::park));
            thread::yield_now();
            spawn("deep", f).join().unwrap();
            println!("no overflow");
            others.iter().for_each(|thread| thread.thread().unpark());
        });
    });
}

/// That the child has aborted, and what it said.
fn aborted(test: &str, case: &str, variables: &[(&str, &str)]) -> String {
    let output = child::run(test, case, variables);
    let said = String::from_utf8_lossy(&output.stderr);
    let signal = output.status.signal();
    assert_eq!(signal, Some(libc::SIGABRT), "{case}: {said}");
    assert!(!said.contains("hangs"), "{case}: {said}");
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(!printed.contains("no overflow"), "{case}: {printed}");
    said.into_owned()
}

fn each_overflow_aborts_with_a_message(test: &str, variables: &[(&str, &str)]) {
    if let Some(role) = child::role() {
        let (_, kib, f) = *OVERFLOWS.iter().find(|case| case.0 == role).unwrap();
        return overflow(kib * KIB, f);
    }
    for (case, kib, _) in OVERFLOWS {
        let said = aborted(test, case, variables);
        let size = format!("overflowed its stack of {kib} KiB");
        let (who, place) = ("green thread 'deep'", "spawned at tests/green_stacks.rs:");
        for part in [who, place, &size, "thread::Builder::stack_size"] {
            assert!(said.contains(part), "{case}: no {part} in {said}");
        }
        assert_eq!(said.matches("overflowed").count(), 1, "{case}: {said}");
    }
}

#[test]
fn an_overflow_aborts_with_a_message_that_names_thread_place_size_and_cure() {
    each_overflow_aborts_with_a_message(
        "an_overflow_aborts_with_a_message_that_names_thread_place_size_and_cure",
        &[],
    );
}

#[test]
fn an_overflow_into_a_protected_guard_aborts_with_the_message() {
    let test = "an_overflow_into_a_protected_guard_aborts_with_the_message";
    each_overflow_aborts_with_a_message(test, &BY_PROTECTION);
}

#[test]
fn an_overflow_of_another_stack_has_the_message_of_std() {
    let test = "an_overflow_of_another_stack_has_the_message_of_std";
    match child::role().as_deref() {
        Some("plain") => guard(|| {
            // The handler of green threads is there.
            workers(2).run(thread::yield_now);
            let native = std::thread::Builder::new().name("plain".into());
            _ = native.spawn(|| take(usize::MAX)).unwrap().join();
        }),
        Some(_) => guard(|| {
            let named = Builder::new().worker_threads(1).thread_name("of-worker");
            let runtime = named.build().unwrap();
            runtime.run(thread::yield_now);
            _ = runtime.spawn(async { take(usize::MAX) }).join();
        }),
        None => {
            for case in ["plain", "of-worker"] {
                let said = aborted(test, case, &[]);
                assert!(said.contains(&format!("thread '{case}")), "{said}");
                assert!(said.contains("has overflowed its stack"), "{said}");
                assert!(!said.contains("green thread"), "{said}");
            }
        }
    }
}

const BY_PROTECTION: [(&str, &str); 1] = [("VIRID_STACK_GUARD", "mprotect")];

#[test]
fn guards_by_protection_carry_ten_thousand_threads() {
    if child::role().is_some() {
        return on_each_size(|runtime| {
            runtime.run(|| {
                let wait = |n: usize| {
                    thread::spawn(move || {
                        thread::park();
                        take(10 * KIB);
                        n
                    })
                };
                let threads: Vec<_> = (0..10_000).map(wait).collect();
                threads.iter().for_each(|thread| thread.thread().unpark());
                for (n, thread) in threads.into_iter().enumerate() {
                    assert_eq!(thread.join().unwrap(), n);
                }
            });
        });
    }
    let test = "guards_by_protection_carry_ten_thousand_threads";
    let output = child::run(test, "mprotect", &BY_PROTECTION);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {said}", output.status);
}

/// Where a guard is a mapping of its own there is room for some 32,000.
#[test]
fn a_thread_without_a_stack_panics_in_its_join_and_the_others_go_on() {
    if child::role().is_some() {
        return guard(|| {
            std::panic::set_hook(Box::new(|_| ()));
            let runtime = workers(2);
            runtime.run(|| {
                let threads: Vec<_> = (0..40_000).map(|_| thread::spawn(thread::park)).collect();
                threads.iter().for_each(|thread| thread.thread().unpark());
                let failed = threads.into_iter().filter_map(|thread| thread.join().err());
                for error in failed {
                    let text = error.downcast::<String>().unwrap();
                    assert!(text.contains("no stack for a green thread"), "{text}");
                }
            });
        });
    }
    let test = "a_thread_without_a_stack_panics_in_its_join_and_the_others_go_on";
    let output = child::run(test, "mprotect", &BY_PROTECTION);
    let said = String::from_utf8_lossy(&output.stderr);
    let end = &said[said.len().saturating_sub(2_000)..];
    assert!(output.status.success(), "{}: {end}", output.status);
}
