//! What the kernel offers to a runtime, and what its clock is good for.

use std::fs;
use std::io;

use rustix::thread::{MembarrierCommand, membarrier};

use crate::monitor::clock::Clock;
use crate::monitor::finding::Finding;
use crate::monitor::system::System;

/// How guards of green threads' stacks are made.
#[derive(Debug, PartialEq)]
pub(super) enum Guards {
    /// By `MADV_GUARD_INSTALL`: a guard is no mapping of its own.
    Installed,
    /// By `mprotect`: each guard splits a mapping.
    Protected,
    /// There are no stacks.
    Refused(String),
}

/// Has virid make stacks, and looks at what became of them.
pub(super) fn guards() -> Guards {
    const STACKS: usize = 24;
    let forbidden = || {
        let maps = fs::read_to_string("/proc/self/maps").unwrap_or_default();
        maps.lines().filter(|line| line.contains(" ---p ")).count()
    };
    let before = forbidden();
    let started = || -> io::Result<_> {
        let builder = virid::Runtime::builder().worker_threads(1);
        let runtime = builder.prewarm(0, STACKS).build()?;
        // When the worker runs, it has its stacks.
        let ran = runtime.go(|| ()).join();
        ran.map_err(|_| io::Error::other("a green thread panicked"))?;
        Ok(runtime)
    };
    match started() {
        // A thread of the operating system and its heap have guards too: a few.
        Ok(_runtime) if forbidden() < before + STACKS => Guards::Installed,
        Ok(_runtime) => Guards::Protected,
        Err(error) => Guards::Refused(error.to_string()),
    }
}

/// Kernel, clock, huge pages, membarrier and guards.
pub(super) fn findings(system: &System, guards: &Guards) -> Vec<Finding> {
    vec![
        kernel(system),
        clock(system),
        huge_pages(system),
        membarrier_finding(),
        guards_finding(guards, system),
    ]
}

fn kernel(system: &System) -> Finding {
    let release = system.read("/proc/sys/kernel/osrelease");
    let release = release.unwrap_or_else(|| {
        rustix::system::uname()
            .release()
            .to_string_lossy()
            .into_owned()
    });
    let mut numbers = release
        .split(['.', '-'])
        .map_while(|part| part.parse::<u32>().ok());
    let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    let seen = format!("Linux {release} on {}", std::env::consts::ARCH);
    if version >= (4, 14) {
        Finding::ok("kernel", seen)
    } else {
        Finding::warn(
            "kernel",
            format!("{seen}: older than 4.14, which has membarrier's fast command"),
            "a newer kernel; from 6.13 guards of stacks are free as well",
        )
    }
}

fn clock(system: &System) -> Finding {
    const FOLDER: &str = "/sys/devices/system/clocksource/clocksource0";
    /// Without a system call a reading takes some 20 to 50 ns.
    const FAST_NS: f64 = 150.0;
    let source = system.read(&format!("{FOLDER}/current_clocksource"));
    let source = source.unwrap_or_else(|| "source not known".to_owned());
    let clock = Clock::measure();
    let seen = format!(
        "{source}, in steps of {} ns; a reading takes {:.0} ns",
        clock.step_ns, clock.cost_ns
    );
    if clock.cost_ns <= FAST_NS {
        return Finding::ok(
            "clock",
            format!("{seen}. One spawn takes less than both, so only batches of them are timed"),
        );
    }
    let available = system.read(&format!("{FOLDER}/available_clocksource"));
    let cure = match available.as_deref() {
        Some(all) if source != "tsc" && all.split(' ').any(|one| one == "tsc") => {
            format!("echo tsc > {FOLDER}/current_clocksource")
        }
        _ => "a machine whose clock can be read without a system call (source tsc; on a virtual \
              one kvm-clock or hyperv_clocksource_tsc_page)"
            .to_owned(),
    };
    Finding::warn(
        "clock",
        format!("{seen}: too slow for single samples and for timers"),
        cure,
    )
}

fn huge_pages(system: &System) -> Finding {
    const FILE: &str = "/sys/kernel/mm/transparent_hugepage/enabled";
    let disabled = system.field("/proc/self/status", "THP_enabled").as_deref() == Some("0");
    let setting = system.read(FILE).unwrap_or_default();
    let chosen = setting.split(['[', ']']).nth(1).unwrap_or("not known");
    let price = "the first burst pays 512 page faults for each 2 MiB of tasks";
    match chosen {
        _ if disabled => Finding::warn(
            "huge pages",
            format!("switched off for this process: {price}"),
            "start it without PR_SET_THP_DISABLE (some container managers set it)",
        ),
        "always" | "madvise" => Finding::ok(
            "huge pages",
            format!("{chosen}; memory of tasks asks for them, stacks of green threads for none"),
        ),
        "never" => Finding::warn(
            "huge pages",
            format!("never: {price}"),
            format!("echo madvise > {FILE}, or Builder::prewarm"),
        ),
        _ => Finding::ok("huge pages", "not known: the kernel has no such setting"),
    }
}

fn membarrier_finding() -> Finding {
    let price = "each spawn and each wake pays a full fence of its own";
    if std::env::var_os("VIRID_MEMBARRIER").is_some_and(|is| is == "off") {
        return Finding::warn(
            "membarrier",
            format!("switched off by VIRID_MEMBARRIER: {price}"),
            "unset VIRID_MEMBARRIER",
        );
    }
    match membarrier(MembarrierCommand::RegisterPrivateExpedited) {
        Ok(()) => Finding::ok("membarrier", "private expedited: a spawn needs no fence"),
        Err(error) => Finding::warn(
            "membarrier",
            format!("refused ({error}): {price}"),
            "Linux 4.14 or later with CONFIG_MEMBARRIER, and a seccomp profile that allows the \
             call membarrier",
        ),
    }
}

fn guards_finding(guards: &Guards, system: &System) -> Finding {
    let is_forced = || std::env::var_os("VIRID_STACK_GUARD").is_some_and(|how| how == "mprotect");
    match guards {
        Guards::Installed => Finding::ok(
            "guard pages",
            "MADV_GUARD_INSTALL: the guard of a green thread's stack is no mapping",
        ),
        Guards::Protected => {
            let mappings = system
                .number("/proc/sys/vm/max_map_count")
                .unwrap_or(65_530);
            let by_whom = if is_forced() {
                " (forced by VIRID_STACK_GUARD)"
            } else {
                ""
            };
            Finding::warn(
                "guard pages",
                format!(
                    "mprotect{by_whom}: each green thread that waits takes two mappings, so \
                     that there is room for about {} of them",
                    mappings / 2
                ),
                if is_forced() {
                    "unset VIRID_STACK_GUARD"
                } else {
                    "Linux 6.13 or later; before that, raise vm.max_map_count"
                },
            )
        }
        Guards::Refused(error) => Finding::fail(
            "guard pages",
            format!("no green thread can start: {error}"),
            "raise vm.max_map_count and the limits of memory",
        ),
    }
}
