//! What the numbers were measured on.

use std::fs;
use std::thread;

use serde::{Deserialize, Serialize};

/// The machine, as far as it matters for a time.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Machine {
    /// CPU model as the kernel names it.
    pub(crate) cpu: String,
    /// Cores this process may use.
    pub(crate) cores: usize,
    /// Whether the CPU says that it is a virtual one.
    pub(crate) virtual_machine: bool,
    /// Memory installed.
    pub(crate) memory_kib: u64,
    /// Operating system and kernel release.
    pub(crate) kernel: String,
    /// Who else used the cores while measuring.
    pub(crate) disturbance: Option<Disturbance>,
}

/// Parts of the CPU time of all cores that did not go to the measurement.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Disturbance {
    /// Used by other processes of this machine.
    pub(crate) others: f64,
    /// Given to other machines by the hypervisor.
    pub(crate) stolen: f64,
}

impl Machine {
    /// Describes this machine, or says what it lacks for a measurement.
    pub(crate) fn inspect() -> Result<Self, String> {
        if peak_kib().is_none() {
            return Err(
                "peak memory is read from VmHWM in /proc/self/status, which this system does not have: run on Linux"
                    .to_owned(),
            );
        }
        let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let field = |name: &str| {
            cpuinfo.lines().find_map(|line| {
                let (key, value) = line.split_once(':')?;
                (key.trim() == name).then(|| value.trim().to_owned())
            })
        };
        let system = rustix::system::uname();
        Ok(Self {
            cpu: field("model name").unwrap_or_else(|| std::env::consts::ARCH.to_owned()),
            cores: thread::available_parallelism().map_or(1, usize::from),
            virtual_machine: field("flags")
                .is_some_and(|flags| flags.split(' ').any(|flag| flag == "hypervisor")),
            memory_kib: proc_kib("/proc/meminfo", "MemTotal").unwrap_or(0),
            kernel: format!(
                "{} {}",
                system.sysname().to_string_lossy(),
                system.release().to_string_lossy()
            ),
            disturbance: None,
        })
    }
}

/// Peak resident memory of this process.
pub(crate) fn peak_kib() -> Option<u64> {
    proc_kib("/proc/self/status", "VmHWM")
}

/// Resident memory of this process now, and the page tables that map it: a stack
/// of its own for each thread is a hole in the address space for each.
pub(crate) fn resident_kib() -> Option<u64> {
    let of = |key| proc_kib("/proc/self/status", key);
    Some(of("VmRSS")? + of("VmPTE")?)
}

/// Memory that a new process could use: what the kernel has, or what is left of
/// the limit of this process's control group, whichever is less.
pub(crate) fn available_kib() -> Option<u64> {
    let system = proc_kib("/proc/meminfo", "MemAvailable")?;
    Some(group_left_kib().map_or(system, |group| group.min(system)))
}

fn group_left_kib() -> Option<u64> {
    let membership = fs::read_to_string("/proc/self/cgroup").ok()?;
    let path = membership
        .lines()
        .find_map(|line| line.strip_prefix("0::"))?;
    let read = |file: &str| -> Option<u64> {
        let text = fs::read_to_string(format!("/sys/fs/cgroup{path}/{file}")).ok()?;
        text.trim().parse().ok()
    };
    Some(read("memory.max")?.saturating_sub(read("memory.current")?) / 1024)
}

/// How many processes the kernel has killed since it started because memory had run
/// out, of this machine or of a control group.
pub(crate) fn oom_kills() -> Option<u64> {
    let counters = fs::read_to_string("/proc/vmstat").ok()?;
    let line = counters
        .lines()
        .find_map(|line| line.strip_prefix("oom_kill "))?;
    line.trim().parse().ok()
}

fn proc_kib(file: &str, key: &str) -> Option<u64> {
    let text = fs::read_to_string(file).ok()?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?;
    line.split_whitespace().next()?.parse().ok()
}

/// CPU time so far, to tell later who used it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CpuTicks {
    total: u64,
    busy: u64,
    stolen: u64,
    /// This process and its children that have been waited for.
    own: u64,
}

impl CpuTicks {
    /// Reads the counters.
    pub(crate) fn now() -> Option<Self> {
        let machine = fs::read_to_string("/proc/stat").ok()?;
        let own = fs::read_to_string("/proc/self/stat").ok()?;
        // user, nice, system, idle, iowait, irq, softirq, steal; the guest times
        // behind them are part of user and nice.
        let fields = numbers(machine.lines().next()?.strip_prefix("cpu")?);
        let total: u64 = fields.iter().take(8).sum();
        let stolen = *fields.get(7)?;
        // The name in parentheses may hold spaces. Behind it, user and system
        // time of the process and of its children are fields 12 to 15.
        let behind_name = own.rsplit_once(") ")?.1;
        let own = behind_name.split(' ').skip(11).take(4);
        Some(Self {
            total,
            busy: total - fields[3] - fields[4] - stolen,
            stolen,
            own: own.filter_map(|field| field.parse::<u64>().ok()).sum(),
        })
    }

    /// Who used the time since `self`.
    pub(crate) fn disturbance_since(self) -> Option<Disturbance> {
        let now = Self::now()?;
        let total = now.total.checked_sub(self.total).filter(|&all| all > 0)?;
        let busy = now.busy.saturating_sub(self.busy);
        let own = now.own.saturating_sub(self.own);
        let stolen = now.stolen.saturating_sub(self.stolen);
        Some(Disturbance {
            others: busy.saturating_sub(own) as f64 / total as f64,
            stolen: stolen as f64 / total as f64,
        })
    }
}

fn numbers(text: &str) -> Vec<u64> {
    let fields = text.split_whitespace();
    fields.filter_map(|field| field.parse().ok()).collect()
}
