//! What the control groups of this process allow. A limit of any group above it
//! counts as much as one of its own, in version 2 and in version 1.

use std::path::Path;

use super::system::System;

/// The groups of one resource, from this process's own upwards.
#[derive(Debug)]
pub(crate) struct Groups {
    version: Version,
    /// Where the hierarchy is mounted.
    mount: String,
    /// Paths below it, the process's own first, the root last.
    paths: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    One,
    Two,
}

/// Processor time that a group may have.
#[derive(Debug, PartialEq)]
pub(crate) struct Quota {
    /// Microseconds of each period.
    pub(crate) quota_us: u64,
    /// The period, in microseconds.
    pub(crate) period_us: u64,
    /// The file that says so.
    pub(crate) file: String,
}

impl Quota {
    /// How many cores that is.
    pub(crate) fn cores(&self) -> f64 {
        self.quota_us as f64 / self.period_us as f64
    }
}

/// A number that a group may not pass.
#[derive(Debug, PartialEq)]
pub(crate) struct Limit {
    /// The number.
    pub(crate) most: u64,
    /// How much of it is used.
    pub(crate) used: u64,
    /// The file that says so.
    pub(crate) file: String,
}

impl Groups {
    /// The groups that have a say in `controller`: `cpu`, `memory` or `pids`.
    pub(crate) fn of(system: &System, controller: &str) -> Option<Self> {
        let memberships = system.read("/proc/self/cgroup")?;
        let mounts = system.read("/proc/self/mountinfo").unwrap_or_default();
        // Where a controller has a hierarchy of version 1, it is in no other.
        let of_version_1 = memberships.lines().find_map(|line| {
            let (controllers, path) = line.split_once(':')?.1.split_once(':')?;
            let is_it = controllers.split(',').any(|name| name == controller);
            is_it.then_some(path)
        });
        let (version, path) = match of_version_1 {
            Some(path) => (Version::One, path),
            None => {
                let path = memberships
                    .lines()
                    .find_map(|line| line.strip_prefix("0::"))?;
                (Version::Two, path)
            }
        };
        let (mount, from) = mounts
            .lines()
            .find_map(|line| mounted(line, version, controller))?;
        // What is mounted may be a group below the root: a container's own.
        let below = Path::new(path).strip_prefix(&from).unwrap_or(Path::new(""));
        let below = below.to_str()?.trim_matches('/');
        let paths = Path::new(below)
            .ancestors()
            .filter_map(Path::to_str)
            .map(str::to_owned)
            .collect();
        Some(Self {
            version,
            mount,
            paths,
        })
    }

    /// The tightest limit of processor time.
    pub(crate) fn quota(&self, system: &System) -> Option<Quota> {
        let quotas = self.directories().filter_map(|directory| {
            let (quota, period, file) = match self.version {
                Version::Two => {
                    let file = format!("{directory}/cpu.max");
                    let text = system.read(&file)?;
                    let (quota, period) = text.split_once(' ')?;
                    (quota.to_owned(), period.parse().ok()?, file)
                }
                Version::One => {
                    let file = format!("{directory}/cpu.cfs_quota_us");
                    let period = system.number(&format!("{directory}/cpu.cfs_period_us"))?;
                    (system.read(&file)?, period, file)
                }
            };
            // `max` in version 2 and -1 in version 1 are no limit.
            let quota_us = quota.parse().ok()?;
            (period > 0).then_some(Quota {
                quota_us,
                period_us: period,
                file,
            })
        });
        quotas.min_by(|one, other| one.cores().total_cmp(&other.cores()))
    }

    /// How often a group had used up its time before the period was over, of how
    /// many periods; of the group where it came about most often.
    pub(crate) fn throttled(&self, system: &System) -> Option<(u64, u64)> {
        let counts = self.directories().filter_map(|directory| {
            let file = format!("{directory}/cpu.stat");
            let throttled = system.count(&file, "nr_throttled")?;
            Some((throttled, system.count(&file, "nr_periods")?))
        });
        counts.max().filter(|&(throttled, _)| throttled > 0)
    }

    /// The limit of memory that leaves least.
    pub(crate) fn memory(&self, system: &System) -> Option<Limit> {
        let (most, used, reclaimable) = match self.version {
            Version::Two => ("memory.max", "memory.current", "inactive_file"),
            Version::One => (
                "memory.limit_in_bytes",
                "memory.usage_in_bytes",
                "total_inactive_file",
            ),
        };
        let limits = self.directories().filter_map(|directory| {
            let file = format!("{directory}/{most}");
            let most = system.number(&file)?;
            let used = system.number(&format!("{directory}/{used}"))?;
            // Pages of files that are given back before anything is refused.
            let statistics = format!("{directory}/memory.stat");
            let spare = system.count(&statistics, reclaimable).unwrap_or(0);
            // Version 1 writes "no limit" as all the pages that there can be.
            (most < NO_LIMIT).then(|| Limit {
                most,
                used: used.saturating_sub(spare),
                file,
            })
        });
        limits.min_by_key(|limit| limit.most.saturating_sub(limit.used))
    }

    /// The limit of threads that leaves least.
    pub(crate) fn threads(&self, system: &System) -> Option<Limit> {
        let limits = self.directories().filter_map(|directory| {
            let file = format!("{directory}/pids.max");
            Some(Limit {
                most: system.number(&file)?,
                used: system.number(&format!("{directory}/pids.current"))?,
                file,
            })
        });
        limits.min_by_key(|limit| limit.most.saturating_sub(limit.used))
    }

    fn directories(&self) -> impl Iterator<Item = String> {
        self.paths.iter().map(|path| match &**path {
            "" => self.mount.clone(),
            path => format!("{}/{path}", self.mount),
        })
    }
}

/// More bytes than any machine has.
const NO_LIMIT: u64 = 1 << 60;

/// Where a line of `mountinfo` mounts the hierarchy, and which group of it.
fn mounted(line: &str, version: Version, controller: &str) -> Option<(String, String)> {
    let (head, tail) = line.split_once(" - ")?;
    let mut tail = tail.split(' ');
    let is_it = match (version, tail.next()?) {
        (Version::Two, kind) => kind == "cgroup2",
        (Version::One, kind) => {
            let options = tail.nth(1)?;
            kind == "cgroup" && options.split(',').any(|option| option == controller)
        }
    };
    let mut head = head.split(' ').skip(3);
    let (from, mount) = (head.next()?, head.next()?);
    is_it.then(|| (mount.trim_end_matches('/').to_owned(), from.to_owned()))
}
