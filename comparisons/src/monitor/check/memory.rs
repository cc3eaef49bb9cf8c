//! Whether there is memory, and leave to use it.

use super::kernel::Guards;
use crate::format;
use crate::monitor::cgroup::Groups;
use crate::monitor::finding::Finding;
use crate::monitor::system::System;

/// Mappings, memory, swap and limits.
pub(super) fn findings(system: &System, guards: &Guards) -> Vec<Finding> {
    let mut findings = vec![mappings(system, guards), memory(system), swap(system)];
    findings.extend(limits(system));
    findings
}

fn mappings(system: &System, guards: &Guards) -> Finding {
    /// The kernel's default.
    const USUAL: u64 = 65_530;
    let Some(most) = system.number("/proc/sys/vm/max_map_count") else {
        return Finding::ok("max_map_count", "not known");
    };
    let are_guards = *guards == Guards::Protected;
    let seen = format!("{most} mappings for each process");
    let cure = "sysctl -w vm.max_map_count=1048576";
    if most < USUAL {
        let seen =
            format!("{seen}, fewer than the usual {USUAL}: stacks and threads may be refused");
        Finding::warn("max_map_count", seen, cure)
    } else if are_guards && most < 1_000_000 {
        let seen = format!("{seen}, and stacks of green threads take two each");
        Finding::warn("max_map_count", seen, cure)
    } else {
        Finding::ok("max_map_count", seen)
    }
}

/// Less than this is not enough to run a program beside a burst of a million tasks.
const LITTLE_KIB: u64 = 512 * 1024;

/// Less than this ends the process sooner or later.
const NOTHING_KIB: u64 = 64 * 1024;

fn memory(system: &System) -> Finding {
    let Some(machine) = system.count("/proc/meminfo", "MemAvailable") else {
        return Finding::ok("memory", "not known");
    };
    let group = Groups::of(system, "memory").and_then(|groups| groups.memory(system));
    let left = |limit: &crate::monitor::cgroup::Limit| limit.most.saturating_sub(limit.used) / 1024;
    let (free, of, cure) = match &group {
        Some(limit) if left(limit) < machine => (
            left(limit),
            format!(
                "of the {} of the control group ({})",
                format::kib(limit.most as f64 / 1024.0),
                limit.file
            ),
            format!(
                "raise {} (docker --memory, resources.limits.memory)",
                limit.file
            ),
        ),
        _ => (
            machine,
            "on this machine".to_owned(),
            "end what uses it, or take a larger machine".to_owned(),
        ),
    };
    let seen = format!("{} free {of}", format::kib(free as f64));
    match free {
        0..NOTHING_KIB => Finding::fail("memory", seen, cure),
        NOTHING_KIB..LITTLE_KIB => Finding::warn(
            "memory",
            format!("{seen}: a million tasks in the queue take some 64 MiB and what they capture"),
            cure,
        ),
        _ => Finding::ok("memory", seen),
    }
}

fn swap(system: &System) -> Finding {
    let kib = |key| system.count("/proc/meminfo", key).unwrap_or(0);
    let (total, free) = (kib("SwapTotal"), kib("SwapFree"));
    let used = total.saturating_sub(free);
    let waiting = pressure(system, "memory");
    let seen = match (total, used) {
        (0, _) => "none on this machine".to_owned(),
        (_, 0) => format!("{}, unused", format::kib(total as f64)),
        _ => format!(
            "{} of {} used",
            format::kib(used as f64),
            format::kib(total as f64)
        ),
    };
    let cure = "end what uses the memory, or swapoff -a where there is enough of it";
    if waiting > 1.0 {
        let seen = format!("{seen}; tasks waited for memory {waiting:.0}% of the last ten seconds");
        Finding::warn("swap", seen, cure)
    } else if used > total / 4 {
        let seen = format!("{seen}: a page that has to come back takes as long as 10,000 spawns");
        Finding::warn("swap", seen, cure)
    } else {
        Finding::ok("swap", seen)
    }
}

/// How much of the last ten seconds something waited for a resource, in percent.
pub(super) fn pressure(system: &System, resource: &str) -> f64 {
    let field = system.field(&format!("/proc/pressure/{resource}"), "some");
    let average = field.and_then(|field| {
        let first = field.split(' ').next()?.strip_prefix("avg10=")?;
        first.parse().ok()
    });
    average.unwrap_or(0.0)
}

/// Limits of threads and of address space, of the process and of its group.
fn limits(system: &System) -> Vec<Finding> {
    /// Threads that workers, the blocking pool and the program may need.
    const FEW_THREADS: u64 = 1_024;
    const LITTLE_SPACE: u64 = 16 << 30;
    let soft = |name: &str| -> Option<u64> {
        let line = system.field("/proc/self/limits", name)?;
        line.split_whitespace().next()?.parse().ok()
    };
    let mut findings = Vec::new();
    if let Some(space) = soft("Max address space").filter(|&space| space < LITTLE_SPACE) {
        findings.push(Finding::warn(
            "address space",
            format!(
                "limited to {}: a green thread reserves 192 KiB of it, used or not",
                format::kib(space as f64 / 1024.0)
            ),
            "ulimit -v unlimited",
        ));
    }
    let of_user = soft("Max processes").filter(|&most| most < FEW_THREADS);
    let of_group = Groups::of(system, "pids").and_then(|groups| groups.threads(system));
    let of_group = of_group.filter(|limit| limit.most.saturating_sub(limit.used) < FEW_THREADS);
    findings.push(match (of_user, of_group) {
        (_, Some(limit)) => Finding::warn(
            "threads",
            format!(
                "{} left of {} ({})",
                limit.most.saturating_sub(limit.used),
                limit.most,
                limit.file
            ),
            format!("raise {} (docker --pids-limit)", limit.file),
        ),
        (Some(most), None) => Finding::warn(
            "threads",
            format!("at most {most} of this user, other processes included"),
            "ulimit -u 4096",
        ),
        (None, None) => Finding::ok("threads", "no limit that the blocking pool would come to"),
    });
    findings
}
