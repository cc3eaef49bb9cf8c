//! `monitor check` on machines that are laid out in files, and on this one with parts
//! of it taken away.

#[expect(dead_code, reason = "the tests of measurements use the rest")]
#[path = "support/run.rs"]
mod run;

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use run::{comparisons, finish, scratch, stderr, stdout};

/// A machine with eight cores and nothing wrong.
const MACHINE: [(&str, &str); 11] = [
    ("sys/devices/system/cpu/online", "0-7\n"),
    (
        "proc/self/status",
        "Name:\tx\nCpus_allowed_list:\t0-7\nTHP_enabled:\t1\n",
    ),
    ("proc/self/cgroup", "0::/pod/app\n"),
    (
        "proc/self/mountinfo",
        "30 20 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw\n",
    ),
    ("proc/sys/kernel/osrelease", "6.18.1\n"),
    (
        "sys/kernel/mm/transparent_hugepage/enabled",
        "always [madvise] never\n",
    ),
    ("proc/sys/vm/max_map_count", "65530\n"),
    (
        "proc/meminfo",
        "MemTotal: 16000000 kB\nMemAvailable: 12000000 kB\nSwapTotal: 0 kB\nSwapFree: 0 kB\n",
    ),
    (
        "proc/stat",
        "cpu  100 0 50 9000 10 0 0 0 0 0\ncpu0 1 0 1 1 0 0 0 0\n",
    ),
    ("proc/loadavg", "0.10 0.10 0.10 1/100 200\n"),
    (
        "sys/devices/system/clocksource/clocksource0/current_clocksource",
        "tsc\n",
    ),
];

/// A directory with the files of [`MACHINE`] and others, or others in their place.
fn machine(name: &str, others: &[(&str, &str)]) -> PathBuf {
    let root = scratch(name);
    let _ = fs::remove_dir_all(&root);
    for (path, text) in MACHINE.iter().chain(others) {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    root
}

/// The findings on such a machine, and the exit code.
fn check(name: &str, others: &[(&str, &str)]) -> (Value, i32) {
    let mut command = comparisons(&["monitor", "check", "--json", "--root"]);
    command.arg(machine(name, others));
    findings(command)
}

fn findings(command: Command) -> (Value, i32) {
    let output = finish(command);
    let found = serde_json::from_slice(&output.stdout);
    let found = found.unwrap_or_else(|error| panic!("{error}: {}", stderr(&output)));
    (found, output.status.code().unwrap())
}

/// The finding about `topic`: its status, and what it says and advises.
fn about(found: &Value, topic: &str) -> (String, String) {
    let mut all = found.as_array().unwrap().iter();
    let it = all.find(|one| one["topic"] == topic);
    let it = it.unwrap_or_else(|| panic!("nothing about {topic}: {found}"));
    let text = |key: &str| it[key].as_str().unwrap_or_default().to_owned();
    (
        text("status"),
        format!("{} / {}", text("seen"), text("cure")),
    )
}

fn says(found: &Value, topic: &str, status: &str, words: &[&str]) {
    let (is, text) = about(found, topic);
    assert_eq!(is, status, "{topic}: {text}");
    for word in words {
        assert!(text.contains(word), "{topic}: {word} is missing in: {text}");
    }
}

#[test]
fn nothing_is_wrong_with_a_good_machine() {
    let (found, code) = check("good", &[]);
    assert_eq!(code, 0);
    for topic in [
        "cores",
        "quota",
        "kernel",
        "huge pages",
        "memory",
        "swap",
        "steal",
        "load",
    ] {
        says(&found, topic, "OK", &[]);
    }
    says(&found, "cores", "OK", &["all 8"]);
}

#[test]
fn one_core_by_affinity_is_said_with_its_cure() {
    let status = ("proc/self/status", "Cpus_allowed_list:\t3\n");
    let (found, code) = check("one-core", &[status]);
    assert_eq!(code, 0);
    says(
        &found,
        "cores",
        "WARN",
        &["1 of 8", "affinity", "taskset", "cpuset"],
    );
}

#[test]
fn the_affinity_of_the_process_itself_is_seen() {
    let mask = rustix::thread::sched_getaffinity(None).unwrap();
    let first = (0..1024).find(|&core| mask.is_set(core)).unwrap();
    let mut command = Command::new("taskset");
    command
        .args(["-c", &first.to_string(), env!("CARGO_BIN_EXE_comparisons")])
        .args(["monitor", "check", "--json"])
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::piped());
    let Ok(output) = command.output() else {
        eprintln!("SKIP: taskset is not installed");
        return;
    };
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    says(&found, "cores", "WARN", &["no task runs beside another"]);
}

#[test]
fn half_a_core_by_a_group_above_is_unfit() {
    let limits = [
        ("sys/fs/cgroup/cpu.max", "max 100000\n"),
        ("sys/fs/cgroup/pod/cpu.max", "50000 100000\n"),
        ("sys/fs/cgroup/pod/app/cpu.max", "400000 100000\n"),
        (
            "sys/fs/cgroup/pod/cpu.stat",
            "nr_periods 40\nnr_throttled 10\n",
        ),
    ];
    let (found, code) = check("half-a-core", &limits);
    assert_eq!(code, 3);
    let file = "/sys/fs/cgroup/pod/cpu.max";
    let words = [
        "0.50 cores",
        "50 ms of every 100 ms",
        file,
        "800000",
        "stands still",
    ];
    says(&found, "quota", "FAIL", &words);
    says(&found, "throttling", "WARN", &["10 of 40 periods", "25.0%"]);
}

#[test]
fn a_quota_of_version_1_and_of_a_container_is_found() {
    let group = "sys/fs/cgroup/cpu,cpuacct";
    let quota = format!("{group}/cpu.cfs_quota_us");
    let period = format!("{group}/cpu.cfs_period_us");
    let version_1 = [
        (
            "proc/self/cgroup",
            "4:cpu,cpuacct:/docker/abc\n1:name=systemd:/x\n0::/\n",
        ),
        (
            "proc/self/mountinfo",
            "31 20 0:27 /docker/abc /sys/fs/cgroup/cpu,cpuacct ro - cgroup cgroup rw,cpu,cpuacct\n",
        ),
        (&quota, "150000\n"),
        (&period, "100000\n"),
    ];
    let (found, code) = check("version-1", &version_1);
    assert_eq!(code, 0);
    says(
        &found,
        "quota",
        "WARN",
        &["1.50 cores", &quota, "virid starts 1 workers"],
    );
}

#[test]
fn a_kernel_that_lacks_everything_has_a_cure_for_each() {
    let poor = [
        ("proc/sys/kernel/osrelease", "4.4.0-generic\n"),
        (
            "sys/kernel/mm/transparent_hugepage/enabled",
            "always madvise [never]\n",
        ),
        ("proc/sys/vm/max_map_count", "1000\n"),
        (
            "proc/meminfo",
            "MemAvailable: 40000 kB\nSwapTotal: 1000000 kB\nSwapFree: 100 kB\n",
        ),
        ("proc/stat", "cpu  100 0 50 700 10 0 0 140 0 0\n"),
        ("proc/loadavg", "31.00 9.00 5.00 1/100 200\n"),
    ];
    let (found, code) = check("poor", &poor);
    assert_eq!(code, 3);
    says(&found, "kernel", "WARN", &["4.4.0", "newer kernel"]);
    says(&found, "huge pages", "WARN", &["never", "prewarm"]);
    says(&found, "max_map_count", "WARN", &["1000", "sysctl -w"]);
    says(&found, "memory", "FAIL", &["39.1 MiB"]);
    says(&found, "swap", "WARN", &["976 MiB of 977 MiB", "swapoff"]);
    says(&found, "load", "WARN", &["31.00", "8 cores"]);
    says(&found, "steal", "FAIL", &["14.0%", "burstable"]);
}

#[test]
fn memory_is_what_the_group_leaves() {
    let limits = [
        ("sys/fs/cgroup/pod/app/memory.max", "209715200\n"),
        ("sys/fs/cgroup/pod/app/memory.current", "157286400\n"),
        (
            "sys/fs/cgroup/pod/app/memory.stat",
            "anon 1\ninactive_file 52428800\n",
        ),
    ];
    let (found, _) = check("group-memory", &limits);
    let words = [
        "100 MiB free of the 200 MiB",
        "/sys/fs/cgroup/pod/app/memory.max",
    ];
    says(&found, "memory", "WARN", &words);
}

#[test]
fn without_membarrier_and_guards_it_says_what_they_cost() {
    let mut command = comparisons(&["monitor", "check", "--json", "--root"]);
    command
        .arg(machine("refused", &[]))
        .env("VIRID_MEMBARRIER", "off")
        .env("VIRID_STACK_GUARD", "mprotect");
    let (found, code) = findings(command);
    assert_eq!(code, 0);
    let words = ["VIRID_MEMBARRIER", "full fence", "unset"];
    says(&found, "membarrier", "WARN", &words);
    says(&found, "guard pages", "WARN", &["mprotect", "32765"]);
    says(&found, "max_map_count", "WARN", &["two each", "1048576"]);
}

#[test]
fn text_has_a_word_for_each_line_and_no_colour_in_a_pipe() {
    let mut command = comparisons(&["monitor", "check", "--root"]);
    command.arg(machine(
        "text",
        &[("proc/self/status", "Cpus_allowed_list:\t3\n")],
    ));
    let output = finish(command);
    let text = stdout(&output);
    assert!(!text.contains('\x1b'));
    assert!(
        text.lines().all(|line| line.chars().count() <= 80),
        "{text}"
    );
    let words = ["OK ", "WARN ", "FAIL ", "   "];
    let (findings, summary) = text.rsplit_once("\n\n").unwrap();
    assert!(
        findings
            .lines()
            .all(|line| words.iter().any(|word| line.starts_with(word)))
    );
    assert!(
        findings.contains("WARN  cores           1 of 8, by affinity"),
        "{text}"
    );
    assert!(
        findings.contains("\n                      cure: "),
        "{text}"
    );
    assert!(summary.starts_with("0 FAIL, "), "{summary}");
}

#[test]
fn debug_build_is_unfit() {
    if !cfg!(debug_assertions) {
        return;
    }
    let mut command = comparisons(&["monitor", "check", "--json"]);
    command.env_remove("VIRID_COMPARE_ALLOW_DEBUG");
    let (found, code) = findings(command);
    assert_eq!(code, 3);
    says(
        &found,
        "build",
        "FAIL",
        &["debug build", "cargo run --release"],
    );
}
