//! The measuring side: one request in, two bursts, one line out, exit.

use std::fs;
use std::io::{self, BufRead, Write};
use std::process::Command;

use rustix::process::{Resource, Rlimit, Signal, getpid, getppid, kill_process, setrlimit};

use crate::contender::{Engine, Job};
use crate::protocol::{Burst, Fault, PROTOCOL, Request, Response, checksum_text};
use crate::{machine, runtimes, versions};

/// First argument of a child process.
pub(crate) const CHILD_ARGUMENT: &str = "__measure";

/// Serves one request from standard input.
pub(crate) fn serve() -> io::Result<()> {
    die_with_the_launcher();
    be_the_first_to_go();
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    let request: Request = serde_json::from_str(&line)?;
    if request.protocol != PROTOCOL {
        return Err(invalid("the launcher speaks another protocol"));
    }
    let parent = getppid().map_or(0, |pid| pid.as_raw_nonzero().get());
    if parent.unsigned_abs() != request.launcher {
        return Err(invalid("the launcher is gone"));
    }
    let mut response = measure(&request)?;
    match request.fault {
        Some(Fault::Hang) => hang()?,
        Some(Fault::Crash) => kill_process(getpid(), Signal::KILL)?,
        Some(Fault::Memory) => use_up_memory(),
        Some(Fault::Wrong) => response.bursts.warm.checksum = checksum_text(0),
        None => {}
    }
    let mut line = serde_json::to_string(&response)?;
    line.push('\n');
    io::stdout().lock().write_all(line.as_bytes())
}

fn measure(request: &Request) -> io::Result<Response> {
    let contender = runtimes::find(&request.runtime).ok_or_else(|| invalid("unknown runtime"))?;
    let unheard = || invalid("no VmRSS, VmPTE or VmHWM in /proc");
    let at_first_kib = machine::resident_kib().ok_or_else(unheard)?;
    let Engine::Rust { package, measure } = contender.engine else {
        return Err(invalid("this runtime has a program of its own"));
    };
    let measured = measure(Job {
        workload: request.workload,
        size: request.size,
        workers: request.workers,
    })?;
    Ok(Response {
        protocol: PROTOCOL,
        version: package
            .map_or_else(versions::standard_library, versions::locked)
            .to_owned(),
        bursts: measured.map(|burst| Burst {
            ns: u64::try_from(burst.elapsed.wall.as_nanos()).unwrap_or(u64::MAX),
            cpu_ns: burst.elapsed.cpu_ns,
            involuntary: burst.elapsed.involuntary,
            checksum: checksum_text(burst.checksum),
            held_kib: burst.held_kib.map(|kib| kib.saturating_sub(at_first_kib)),
        }),
        peak_kib: machine::peak_kib().ok_or_else(unheard)?,
    })
}

/// The launcher puts its children into groups of their own, where the terminal's
/// Ctrl-C does not reach them; this covers a launcher that is killed.
pub(crate) fn die_with_the_launcher() {
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_parent_process_death_signal(Some(Signal::KILL));
}

/// When memory runs out the kernel shall choose this process, not the launcher
/// with the results of the rounds before.
fn be_the_first_to_go() {
    let _ = fs::write("/proc/self/oom_score_adj", "1000");
}

/// Never returns, and has started a process that would not end either.
fn hang() -> io::Result<()> {
    let descendant = Command::new("sleep").arg("infinity").spawn()?;
    eprintln!("hangs, and so does its child {}", descendant.id());
    loop {
        std::thread::park();
    }
}

/// Allocates until there is no more, which is after 256 MiB: the machine is to
/// have some left.
fn use_up_memory() {
    let most = Rlimit {
        current: Some(256 << 20),
        maximum: Some(256 << 20),
    };
    let _ = setrlimit(Resource::Data, most);
    let mut taken = Vec::new();
    loop {
        taken.push(vec![1_u8; 16 << 20]);
    }
}

fn invalid(message: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message)
}
