//! How much of the processors this process may use.

use crate::monitor::cgroup::{Groups, Quota};
use crate::monitor::finding::Finding;
use crate::monitor::system::{System, listed};

/// Cores, quota, and how often the quota was used up.
pub(super) fn findings(system: &System) -> Vec<Finding> {
    let online = system.read("/sys/devices/system/cpu/online");
    let allowed = system.field("/proc/self/status", "Cpus_allowed_list");
    let online = online.as_deref().and_then(listed);
    let allowed = allowed.as_deref().and_then(listed);
    let Some(allowed) = allowed.or(online) else {
        return vec![Finding::warn(
            "cores",
            "not known",
            "run on Linux, with /proc mounted",
        )];
    };
    let groups = Groups::of(system, "cpu");
    let quota = groups.as_ref().and_then(|groups| groups.quota(system));
    let mut findings = vec![
        cores(allowed, online.unwrap_or(allowed).max(allowed)),
        quota_finding(allowed, quota.as_ref()),
    ];
    findings.extend(groups.and_then(|groups| throttled(groups.throttled(system)?)));
    findings.extend(workers(allowed, quota.as_ref()));
    findings
}

fn cores(allowed: usize, online: usize) -> Finding {
    let cure = "start it without taskset, or widen the set of its group or container \
                (cpuset.cpus, docker --cpuset-cpus)";
    match (allowed, online) {
        (1, 1) => Finding::warn(
            "cores",
            "1, and no more on this machine: no task runs beside another, and no worker \
             steals from another",
            "measure on a machine with two cores or more",
        ),
        (1, online) => Finding::warn(
            "cores",
            format!(
                "1 of {online}, by affinity: no task runs beside another, and no worker \
                 steals from another"
            ),
            cure,
        ),
        (allowed, online) if allowed < online => Finding::warn(
            "cores",
            format!("{allowed} of {online}, by affinity; virid starts {allowed} workers"),
            format!("nothing, if that is what you want; else {cure}"),
        ),
        _ => Finding::ok("cores", format!("all {allowed}")),
    }
}

fn quota_finding(allowed: usize, quota: Option<&Quota>) -> Finding {
    let Some(quota) = quota else {
        return Finding::ok("quota", "none, in this control group and those above");
    };
    let cores = quota.cores();
    let ms = |us: u64| us as f64 / 1000.0;
    // `allowed` workers use it up that fast, and then all of them stand still.
    let runs_ms = ms(quota.quota_us) / allowed as f64;
    let stops_ms = ms(quota.period_us) - runs_ms;
    let seen = format!(
        "{cores:.2} cores ({:.0} ms of every {:.0} ms, by {})",
        ms(quota.quota_us),
        ms(quota.period_us),
        quota.file
    );
    let cure = format!(
        "raise {} to at least {} for {allowed} cores (docker --cpus {allowed}, Kubernetes \
         resources.limits.cpu: {allowed})",
        quota.file,
        quota.period_us * allowed as u64,
    );
    if cores >= allowed as f64 {
        Finding::ok("quota", seen)
    } else if cores < 1.0 {
        let seen = format!(
            "{seen}: less than one core, so that every task stands still for up to \
             {stops_ms:.0} ms"
        );
        Finding::fail("quota", seen, cure)
    } else {
        let seen = format!(
            "{seen}: fewer than the {allowed} of the affinity; if all work, all stand still \
             for {stops_ms:.0} ms of each period; virid starts {} workers",
            cores as usize
        );
        Finding::warn("quota", seen, cure)
    }
}

fn throttled((throttled, periods): (u64, u64)) -> Option<Finding> {
    let part = throttled as f64 / periods.max(1) as f64;
    Some(Finding::warn(
        "throttling",
        format!(
            "the quota was used up in {throttled} of {periods} periods ({:.1}%) since the group \
             began: each time all its tasks stood still",
            part * 100.0
        ),
        "raise the quota as said above, or start fewer workers than the quota has cores",
    ))
}

/// What `VIRID_WORKERS` asks for, where it asks.
fn workers(allowed: usize, quota: Option<&Quota>) -> Option<Finding> {
    let asked = std::env::var("VIRID_WORKERS")
        .ok()
        .filter(|asked| !asked.is_empty())?;
    let cores = quota.map_or(allowed, |quota| {
        allowed.min((quota.cores() as usize).max(1))
    });
    Some(match asked.parse::<usize>() {
        Ok(workers) if (1..=cores).contains(&workers) => {
            Finding::ok("workers", format!("{workers}, by VIRID_WORKERS"))
        }
        Ok(workers) if workers > cores => Finding::warn(
            "workers",
            format!(
                "{workers} by VIRID_WORKERS on {cores} cores: a worker that is not running \
                 holds up what only it may run"
            ),
            "unset VIRID_WORKERS: the default is the cores that may be used",
        ),
        _ => Finding::fail(
            "workers",
            format!("VIRID_WORKERS is {asked:?}, with which no default runtime starts"),
            "unset VIRID_WORKERS, or set it to a number from 1",
        ),
    })
}
