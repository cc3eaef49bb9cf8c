//! Proves that what cannot be built is an error that says why, that nothing of
//! it is left behind, and that what can be built is as it was asked for.

#![cfg(all(not(virid_loom), target_os = "linux"))]

#[path = "support/child.rs"]
mod child;
#[path = "support/refused.rs"]
mod refused;
mod support;
#[path = "support/threads_named.rs"]
mod threads_named;
#[path = "support/until.rs"]
mod until;

use refused::LEFT;
use std::future::pending;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::thread::{self, ThreadId};
use support::guard;
use threads_named::threads_named;
use until::until;
use virid::{Builder, Runtime};

/// Builds while all threads after the first `k` are refused.
fn build_with(k: usize, builder: Builder) -> io::Result<Runtime> {
    LEFT.set(Some(k));
    let built = builder.build();
    LEFT.set(None);
    built
}

#[test]
fn a_refused_thread_is_the_systems_error_and_the_started_ones_end() {
    guard(|| {
        for k in (0..=3).chain(0..=3) {
            let name = format!("refused{k}");
            let (starts, stops) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
            let (start, stop) = (starts.clone(), stops.clone());
            let held = Arc::new(());
            let kept = held.clone();
            let builder = Builder::new()
                .worker_threads(4)
                .thread_name(name.clone())
                .on_thread_start(move || {
                    let _kept = &kept;
                    start.fetch_add(1, Ordering::SeqCst);
                })
                .on_thread_stop(move || _ = stop.fetch_add(1, Ordering::SeqCst));
            let error = build_with(k, builder).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::WouldBlock, "{error}");
            assert_eq!(error.raw_os_error(), Some(libc::EAGAIN));
            let counts = (starts.load(Ordering::SeqCst), stops.load(Ordering::SeqCst));
            assert_eq!(counts, (k, k));
            until(|| threads_named(&name) == 0);
            until(|| Arc::strong_count(&held) == 1);
        }
    });
}

#[test]
fn as_many_threads_as_are_needed_are_enough() {
    guard(|| {
        let runtime = build_with(4, Builder::new().worker_threads(4)).unwrap();
        assert_eq!(runtime.metrics().workers().len(), 4);
        assert_eq!(runtime.spawn(async { 1 }).join().unwrap(), 1);
    });
}

#[test]
fn a_builder_can_build_after_it_was_refused() {
    guard(|| {
        let builder = Builder::new().worker_threads(2);
        assert!(build_with(1, builder.clone()).is_err());
        let runtime = builder.build().unwrap();
        assert_eq!(runtime.spawn(async { 2 }).join().unwrap(), 2);
    });
}

fn invalid(builder: Builder) -> String {
    let error = builder.build().unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{error}");
    error.to_string()
}

#[test]
fn absurd_numbers_of_workers_are_invalid_and_named() {
    guard(|| {
        for workers in [0, 4_097, usize::MAX] {
            let said = invalid(Builder::new().worker_threads(workers));
            assert!(said.contains("worker_threads"), "{said}");
            assert!(said.contains(&workers.to_string()), "{said}");
            assert!(said.contains("4096"), "{said}");
        }
    });
}

#[test]
fn absurd_stacks_are_invalid_and_small_ones_are_rounded_up() {
    guard(|| {
        for bytes in [(1 << 40) + 1, 1 << 41, usize::MAX] {
            let said = invalid(Builder::new().worker_threads(1).thread_stack_size(bytes));
            assert!(said.contains("thread_stack_size"), "{said}");
            assert!(said.contains(&bytes.to_string()), "{said}");
        }
        for bytes in [0, 1, 4_097, 1 << 20] {
            let builder = Builder::new().worker_threads(1).thread_stack_size(bytes);
            let runtime = builder.build().unwrap();
            assert_eq!(runtime.spawn(async { 3 }).join().unwrap(), 3);
        }
        // The most that is allowed is the system's to refuse.
        let builder = Builder::new().worker_threads(1);
        if let Ok(runtime) = builder.thread_stack_size(1 << 40).build() {
            assert_eq!(runtime.spawn(async { 3 }).join().unwrap(), 3);
        }
    });
}

#[test]
fn a_stack_is_as_large_as_it_was_asked_for() {
    fn descend(left: usize) -> usize {
        let frame = std::hint::black_box([left; 1_024]);
        match left {
            0 => 0,
            _ => descend(left - 1) + frame[left % 1_024] - left + 1,
        }
    }
    guard(|| {
        let builder = Builder::new().worker_threads(1);
        let runtime = builder.thread_stack_size(64 << 20).build().unwrap();
        // Half of it: sixteen times what a thread has by default.
        let deep = runtime.spawn(async { descend(4_000) });
        assert_eq!(deep.join().unwrap(), 4_000);
    });
}

#[test]
fn a_name_with_a_nul_byte_is_invalid_and_named() {
    guard(|| {
        for name in ["\0", "a\0b", "end\0"] {
            let said = invalid(Builder::new().worker_threads(1).thread_name(name));
            assert!(said.contains("thread_name"), "{said}");
        }
    });
}

#[test]
fn very_long_and_odd_names_are_names() {
    guard(|| {
        for name in ["", "ü".repeat(5_000).as_str(), "\u{1F333} tree"] {
            let builder = Builder::new().worker_threads(1).thread_name(name);
            let runtime = builder.build().unwrap();
            let task = runtime.spawn(async { thread::current().name().map(str::to_owned) });
            assert_eq!(task.join().unwrap(), Some(format!("{name}-0")));
        }
    });
}

/// In the child: what `VIRID_WORKERS` makes of a runtime without a number.
fn print_workers() {
    match Runtime::new() {
        Ok(runtime) => println!("<{} workers>", runtime.metrics().workers().len()),
        Err(error) => println!("<{:?}: {error}>", error.kind()),
    }
    let set = Builder::new().worker_threads(3).build().unwrap();
    println!("<set: {} workers>", set.metrics().workers().len());
    let default = catch_unwind(AssertUnwindSafe(|| {
        virid::spawn(async { 7 }).join().unwrap()
    }));
    println!(
        "<default: {:?}>",
        default.map_err(|panic| panic.downcast::<String>())
    );
}

#[test]
fn the_environment_sets_the_number_of_workers_or_says_what_is_wrong() {
    let test = "the_environment_sets_the_number_of_workers_or_says_what_is_wrong";
    if child::role().is_some() {
        return guard(print_workers);
    }
    let run = |value: &str| {
        let output = child::run(test, "print", &[("VIRID_WORKERS", value)]);
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{value:?}: {said}");
        assert!(said.contains("<set: 3 workers>"), "{value:?}: {said}");
        said
    };
    for (value, workers) in [("1", 1), ("5", 5), (" 2 ", 2), ("64", 64)] {
        let said = run(value);
        assert!(
            said.contains(&format!("<{workers} workers>")),
            "{value:?}: {said}"
        );
        assert!(said.contains("<default: Ok(7)>"), "{value:?}: {said}");
    }
    // Empty is as good as unset.
    let said = run("");
    assert!(!said.contains("InvalidInput"), "{said}");
    assert!(said.contains("<default: Ok(7)>"), "{said}");
    for value in ["0", "4097", "many", "-1", "1.5", "99999999999999999999999"] {
        let said = run(value);
        assert!(
            said.contains("<InvalidInput: VIRID_WORKERS"),
            "{value:?}: {said}"
        );
        assert!(said.contains("<default: Err("), "{value:?}: {said}");
        let (_, panic) = said.split_once("<default: ").unwrap();
        assert!(panic.contains("default runtime"), "{value:?}: {said}");
        assert!(panic.contains("VIRID_WORKERS"), "{value:?}: {said}");
        assert!(!panic.contains("limit on threads"), "{value:?}: {said}");
    }
}

#[test]
fn a_thread_that_may_use_one_core_gets_one_worker() {
    guard(|| {
        // SAFETY: a set of cores is plain data, and all zeros is the empty one.
        let mut cores: libc::cpu_set_t = unsafe { std::mem::zeroed() };
        let size = size_of_val(&cores);
        // SAFETY: `cores` has the size that is stated; 0 is this thread.
        let got = unsafe { libc::sched_getaffinity(0, size, &mut cores) };
        assert_eq!(got, 0);
        let one = (0..libc::CPU_SETSIZE as usize)
            // SAFETY: the index is below the size of the set.
            .find(|&core| unsafe { libc::CPU_ISSET(core, &cores) })
            .unwrap();
        // SAFETY: as above.
        unsafe { libc::CPU_ZERO(&mut cores) };
        // SAFETY: as above.
        unsafe { libc::CPU_SET(one, &mut cores) };
        // SAFETY: as above; the thread is this test's own.
        let set = unsafe { libc::sched_setaffinity(0, size, &cores) };
        assert_eq!(set, 0);
        if std::env::var_os("VIRID_WORKERS").is_none() {
            let runtime = Runtime::new().unwrap();
            assert_eq!(runtime.metrics().workers().len(), 1);
            assert_eq!(runtime.spawn(async { 1 }).join().unwrap(), 1);
        }
    });
}

#[test]
fn hooks_run_once_on_each_worker_around_all_of_its_tasks() {
    /// What a worker does, in order; a task's part is noted by its destructor.
    #[derive(Clone, Copy, Debug, PartialEq)]
    enum Step {
        Start,
        Task,
        Stop,
    }
    type Log = Arc<Mutex<Vec<(ThreadId, Step)>>>;
    fn note(log: &Log, step: Step) {
        log.lock().unwrap().push((thread::current().id(), step));
    }
    struct Notes(Log);
    impl Drop for Notes {
        fn drop(&mut self) {
            note(&self.0, Step::Task);
        }
    }
    guard(|| {
        for count in [1, 2, 4] {
            let log = Log::default();
            let (start, stop) = (log.clone(), log.clone());
            let runtime = Builder::new()
                .worker_threads(count)
                .on_thread_start(move || note(&start, Step::Start))
                .on_thread_stop(move || note(&stop, Step::Stop))
                .build()
                .unwrap();
            let together = Arc::new(Barrier::new(count));
            let met: Vec<_> = (0..count)
                .map(|_| {
                    let (together, notes) = (together.clone(), Notes(log.clone()));
                    runtime.spawn(async move {
                        let _notes = notes;
                        together.wait();
                    })
                })
                .collect();
            met.into_iter().for_each(|task| task.join().unwrap());
            for _ in 0..100 {
                let notes = Notes(log.clone());
                drop(runtime.spawn(async move {
                    let _notes = notes;
                    pending::<()>().await;
                }));
            }
            drop(runtime);
            let log = log.lock().unwrap();
            let starts = log.iter().filter(|(_, step)| *step == Step::Start);
            let workers: Vec<_> = starts.map(|(thread, _)| *thread).collect();
            assert_eq!(workers.len(), count);
            for worker in workers {
                let own = log.iter().filter(|(thread, _)| *thread == worker);
                let steps: Vec<_> = own.map(|(_, step)| *step).collect();
                assert_eq!(steps.first(), Some(&Step::Start));
                assert_eq!(steps.last(), Some(&Step::Stop));
                let tasks = &steps[1..steps.len() - 1];
                assert!(!tasks.is_empty());
                assert!(tasks.iter().all(|step| *step == Step::Task), "{steps:?}");
            }
            let tasks = log.iter().filter(|(_, step)| *step == Step::Task).count();
            assert_eq!(tasks, 100 + count);
            assert_eq!(log.len(), 100 + 3 * count);
        }
    });
}
