//! The machine: what it is, and what is asked of it.

use std::process::Command;
use std::{env, fs, thread};

/// What was measured on, in a line.
pub(crate) fn describe() -> String {
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |name: &str| {
        cpuinfo.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            (key.trim() == name).then(|| value.trim().to_owned())
        })
    };
    let is_virtual =
        field("flags").is_some_and(|flags| flags.split(' ').any(|flag| flag == "hypervisor"));
    let cpu = field("model name").unwrap_or_else(|| env::consts::ARCH.to_owned());
    let cores = thread::available_parallelism().map_or(1, usize::from);
    format!(
        "{cpu}{}, {cores} cores, {} {}, transparent huge pages: {}, {}, virid {}",
        if is_virtual { " (virtual machine)" } else { "" },
        first_line("/proc/sys/kernel/ostype"),
        first_line("/proc/sys/kernel/osrelease"),
        huge_pages(),
        rustc(),
        env!("CARGO_PKG_VERSION"),
    )
}

/// CPU time so far, to tell later how much of it others used.
pub(crate) struct CpuTime {
    /// Of all cores, idle or not, and without the idle part.
    all: u64,
    busy: u64,
    /// Of this process and the children that it has waited for.
    own: u64,
}

impl CpuTime {
    /// Reads the counters, where there are any.
    pub(crate) fn now() -> Option<Self> {
        let cores = fs::read_to_string("/proc/stat").ok()?;
        // cpu, user, nice, system, idle, iowait, irq, softirq, steal; the guest
        // times behind them are part of user and nice.
        let cores = numbers(cores.lines().next()?, 9);
        let process = fs::read_to_string("/proc/self/stat").ok()?;
        // The name in parentheses may hold spaces. Behind it, user and system
        // time of the process and of its children are fields 12 to 15.
        let fields = numbers(process.rsplit_once(") ")?.1, 15);
        let all: u64 = cores.iter().sum();
        Some(Self {
            all,
            busy: all - cores.get(4)? - cores.get(5)?,
            own: fields.get(11..15)?.iter().sum(),
        })
    }

    /// The part of all cores' time since then that others used, in percent.
    pub(crate) fn percent_of_others(&self) -> Option<f64> {
        let now = Self::now()?;
        let others = (now.busy - self.busy).saturating_sub(now.own - self.own);
        let all = now.all - self.all;
        (all > 0).then(|| others as f64 * 100.0 / all as f64)
    }
}

/// The first `count` fields of a line, 0 for what is no number.
fn numbers(line: &str, count: usize) -> Vec<u64> {
    let fields = line.split_whitespace().take(count);
    fields.map(|field| field.parse().unwrap_or(0)).collect()
}

fn first_line(path: &str) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines().next().unwrap_or("unknown").to_owned()
}

/// The setting that the kernel marks in its list.
fn huge_pages() -> String {
    let text = first_line("/sys/kernel/mm/transparent_hugepage/enabled");
    let marked = text
        .split_once('[')
        .and_then(|(_, rest)| rest.split_once(']'));
    marked.map_or("none", |(setting, _)| setting).to_owned()
}

fn rustc() -> String {
    let output = Command::new("rustc").arg("--version").output();
    let text = output.ok().map(|output| output.stdout).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    match text.trim() {
        "" => "rustc unknown".to_owned(),
        version => version.to_owned(),
    }
}

/// Page faults of this process that needed no disk, so far. Asked for without an
/// allocation, which would leave malloc's lists in another state.
#[cfg(target_os = "linux")]
pub(crate) fn page_faults() -> u64 {
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: there is room for the answer.
    let failed = unsafe { libc::getrusage(libc::RUSAGE_SELF, usage.as_mut_ptr()) };
    assert_eq!(failed, 0, "the kernel counts page faults");
    // SAFETY: zeros are an answer too, and the kernel has written another.
    let usage = unsafe { usage.assume_init() };
    usage.ru_minflt.try_into().expect("a count is not negative")
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn page_faults() -> u64 {
    0
}

/// From here on this process gets no huge page, whatever it asks for.
#[cfg(target_os = "linux")]
pub(crate) fn refuse_huge_pages() {
    let on: libc::c_ulong = 1;
    let unused: libc::c_ulong = 0;
    // SAFETY: it changes which pages later mappings get, and no memory.
    let failed = unsafe { libc::prctl(libc::PR_SET_THP_DISABLE, on, unused, unused, unused) };
    assert_eq!(failed, 0, "the kernel cannot keep huge pages away");
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn refuse_huge_pages() {}
