//! Proves that a program which forks while a runtime runs hears in the child what is
//! wrong, whatever it calls there, and that the parent goes on.

#![cfg(all(not(virid_loom), target_os = "linux"))]

#[path = "support/alone.rs"]
mod alone;
#[path = "support/child.rs"]
mod child;
#[path = "support/said.rs"]
mod said;

use alone::alone;
use said::said;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};
use virid::{Builder, Runtime};

/// How the forked process ended; its body says by its answer whether all was well.
fn fork(body: impl FnOnce() -> bool) -> libc::c_int {
    // SAFETY: the child allocates, which the C library allows, and ends by `_exit`.
    let child = unsafe { libc::fork() };
    assert!(child >= 0, "{}", io::Error::last_os_error());
    if child == 0 {
        let is_well = catch_unwind(AssertUnwindSafe(body)).unwrap_or(false);
        // SAFETY: nothing has to be done first.
        unsafe { libc::_exit(if is_well { 0 } else { 1 }) };
    }
    wait_for(child)
}

fn wait_for(child: libc::pid_t) -> libc::c_int {
    let (mut status, start) = (0, Instant::now());
    loop {
        // SAFETY: the status is ours to write.
        let ended = unsafe { libc::waitpid(child, &raw mut status, libc::WNOHANG) };
        if ended == child {
            return status;
        }
        if start.elapsed() > Duration::from_secs(60) {
            // SAFETY: both are numbers; nobody has waited for the child.
            unsafe { libc::kill(child, libc::SIGKILL) };
            panic!("the forked process hangs");
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Whether `call` panics, and says what to do instead.
fn is_refused<T>(call: impl FnOnce() -> T) -> bool {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(_) => false,
        Err(payload) => said(payload).contains("fork before the first runtime"),
    }
}

fn runtime() -> Runtime {
    Builder::new().worker_threads(2).build().unwrap()
}

/// A closure for the child is run beside a runtime that is at rest, or not.
fn in_a_child(body: impl FnOnce(Runtime) -> bool) {
    let runtime = runtime();
    let mut body = Some(body);
    // Busy when the fork comes.
    let tasks: Vec<_> = (0..1_000)
        .map(|number| runtime.spawn(async move { number }))
        .collect();
    let mut runtime = Some(runtime);
    let status = fork(|| body.take().unwrap()(runtime.take().unwrap()));
    assert_eq!(status, 0);
    let sum: u32 = tasks.into_iter().map(|task| task.join().unwrap()).sum();
    assert_eq!(sum, 499_500);
    let runtime = runtime.take().unwrap();
    assert_eq!(runtime.spawn(async { 1 }).join().unwrap(), 1);
}

#[test]
fn a_child_that_spawns_is_told() {
    alone("a_child_that_spawns_is_told", || {
        in_a_child(|runtime| {
            let held = std::sync::Arc::new(());
            let kept = held.clone();
            is_refused(|| runtime.spawn(async move { drop(kept) }))
                && std::sync::Arc::strong_count(&held) == 1
                && is_refused(|| runtime.go(|| ()))
                && is_refused(|| runtime.spawn_blocking(|| ()))
        });
    });
}

#[test]
fn a_child_that_waits_is_told() {
    alone("a_child_that_waits_is_told", || {
        let (release, released) = channel::<()>();
        let other = runtime();
        let task = other.spawn_blocking(move || _ = released.recv());
        in_a_child(|_runtime| {
            is_refused(|| task.join())
                && is_refused(|| virid::block_on(std::future::pending::<()>()))
        });
        drop(release);
    });
}

#[test]
fn a_child_that_leaves_a_scope_is_told() {
    alone("a_child_that_leaves_a_scope_is_told", || {
        let runtime = runtime();
        let entered = runtime.enter();
        let mut child = -1;
        let is_told = is_refused(|| {
            virid::thread::scope(|scope| {
                let thread = scope.spawn(virid::thread::park);
                // SAFETY: the child allocates, which the C library allows, and ends by
                // `_exit`.
                child = unsafe { libc::fork() };
                if child != 0 {
                    thread.thread().unpark();
                }
            });
        });
        if child == 0 {
            // SAFETY: nothing has to be done first.
            unsafe { libc::_exit(if is_told { 0 } else { 1 }) };
        }
        assert!(!is_told);
        assert_eq!(wait_for(child), 0);
        drop(entered);
    });
}

#[cfg(feature = "time")]
#[test]
fn a_child_takes_no_events_of_its_parent() {
    alone("a_child_takes_no_events_of_its_parent", || {
        let runtime = Builder::new().worker_threads(1).build().unwrap();
        let forks = async {
            // From here on the worker waits in the reactor.
            virid::time::sleep(Duration::from_millis(1)).await;
            virid::time::sleep(Duration::from_millis(1)).await;
            // SAFETY: what the child does is what is tested.
            let child = unsafe { libc::fork() };
            let start = Instant::now();
            while child == 0 && start.elapsed() < Duration::from_secs(10) {
                // Busy: its worker has always something to run.
                virid::yield_now().await;
            }
            if child == 0 {
                // SAFETY: nothing has to be done first.
                unsafe { libc::_exit(0) };
            }
            child
        };
        let status = wait_for(runtime.spawn(forks).join().unwrap());
        assert!(libc::WIFSIGNALED(status), "{status}");
        assert_eq!(libc::WTERMSIG(status), libc::SIGABRT);
    });
}

#[test]
fn a_child_cannot_build_another() {
    alone("a_child_cannot_build_another", || {
        in_a_child(|_runtime| {
            let error = Builder::new().worker_threads(1).build().unwrap_err();
            error.kind() == io::ErrorKind::Unsupported && error.to_string().contains("forked")
        });
    });
}

#[test]
fn a_child_may_drop_what_it_has() {
    alone("a_child_may_drop_what_it_has", || {
        for end in [
            drop::<Runtime> as fn(Runtime),
            Runtime::shutdown_background,
            |runtime| assert!(!runtime.shutdown_timeout(Duration::MAX).is_complete()),
        ] {
            in_a_child(|runtime| {
                end(runtime);
                true
            });
        }
    });
}

#[test]
fn what_a_child_wakes_is_not_run() {
    alone("what_a_child_wakes_is_not_run", || {
        let runtime = runtime();
        let (sender, receiver) = channel();
        let task = runtime.spawn(async move {
            let mut is_first = true;
            std::future::poll_fn(|context| {
                if std::mem::take(&mut is_first) {
                    sender.send(context.waker().clone()).unwrap();
                    return std::task::Poll::Pending;
                }
                std::task::Poll::Ready(())
            })
            .await;
        });
        let waker = receiver.recv().unwrap();
        let status = fork(|| {
            waker.wake_by_ref();
            let clone = waker.clone();
            clone.wake();
            !task.is_finished()
        });
        assert_eq!(status, 0);
        waker.wake();
        task.join().unwrap();
    });
}

#[test]
fn a_task_that_forks_and_returns_aborts_the_child() {
    alone("a_task_that_forks_and_returns_aborts_the_child", || {
        let runtime = runtime();
        // SAFETY: what the child does is what is tested.
        let forks = || unsafe { libc::fork() };
        let forked = [
            runtime.spawn(async move { forks() }).join().unwrap(),
            runtime.go(forks).join().unwrap(),
            runtime.spawn_blocking(forks).join().unwrap(),
        ];
        for child in forked {
            assert!(child > 0);
            let status = wait_for(child);
            assert!(libc::WIFSIGNALED(status), "{status}");
            assert_eq!(libc::WTERMSIG(status), libc::SIGABRT);
        }
        assert_eq!(runtime.spawn(async { 1 }).join().unwrap(), 1);
    });
}

#[test]
fn a_child_of_a_task_may_start_a_program() {
    alone("a_child_of_a_task_may_start_a_program", || {
        use std::os::unix::process::CommandExt;
        let runtime = runtime();
        let status = runtime.run(|| {
            let mut command = std::process::Command::new("true");
            // SAFETY: the closure does nothing; with one, std forks.
            unsafe { command.pre_exec(|| Ok(())) };
            command.status().unwrap()
        });
        assert!(status.success());
    });
}

#[test]
fn a_program_that_forks_first_uses_virid_in_both() {
    alone("a_program_that_forks_first_uses_virid_in_both", || {
        let sum = || {
            runtime().run(|| {
                (0..10)
                    .map(|n| virid::thread::spawn(move || n).join().unwrap())
                    .sum::<i32>()
            })
        };
        assert_eq!(fork(|| sum() == 45), 0);
        assert_eq!(sum(), 45);
    });
}
