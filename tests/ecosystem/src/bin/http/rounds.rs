//! The parent: starts a server and a load for it, in turns.

use std::env;
use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use super::cli::{Cli, Kind, Plan};
use super::load::allow_connections;
use super::report::{Measured, print};

/// Requests on the way at a time where many connections are open.
const BUSY_OF_MANY: usize = 256;

pub(crate) fn run(cli: &Cli) -> io::Result<()> {
    let few = cli.connections;
    let rounds = turns(cli, few, few)?;
    if !cli.check {
        let requests = cli.requests;
        let title = format!("{few} connections, all busy, {requests} requests a turn");
        print(&title, &cli.servers, &rounds);
    }
    if cli.open > 0 {
        // The children inherit it.
        if let Err(reason) = allow_connections(cli.open) {
            println!("SKIP: {} open connections: {reason}", cli.open);
            return Ok(());
        }
        let busy = BUSY_OF_MANY.min(cli.open);
        let rounds = turns(cli, cli.open, busy)?;
        if !cli.check {
            let title = format!("{} connections, {busy} busy at a time, in turn", cli.open);
            print(&title, &cli.servers, &rounds);
        }
    }
    println!("\nall answers were right");
    Ok(())
}

/// All rounds; each begins with another server.
fn turns(cli: &Cli, connections: usize, busy: usize) -> io::Result<Vec<Vec<Measured>>> {
    let servers = &cli.servers;
    let mut rounds = Vec::new();
    for round in 0..cli.rounds {
        let mut measured = vec![None; servers.len()];
        for turn in 0..servers.len() {
            let index = (turn + round) % servers.len();
            let one = one_turn(servers[index], connections, busy, cli.requests)?;
            measured[index] = Some(one);
        }
        rounds.push(measured.into_iter().flatten().collect());
    }
    Ok(rounds)
}

fn one_turn(kind: Kind, connections: usize, busy: usize, requests: usize) -> io::Result<Measured> {
    let mut server = Part::start(&["server", kind.name()])?;
    let address = server.line()?;
    let empty = resident(server.child.id())?;
    let address = address.parse().map_err(|_| failed("server", &address))?;
    let plan = Plan {
        address,
        connections,
        busy,
        requests,
    };
    let mut load = Part::start(&[
        "load",
        &plan.address.to_string(),
        &plan.connections.to_string(),
        &plan.busy.to_string(),
        &plan.requests.to_string(),
    ])?;
    let open = load.line()?;
    if open != "open" {
        return Err(failed("load", &open));
    }
    let full = resident(server.child.id())?;
    load.go_on()?;
    let line = load.line()?;
    let mut measured = Measured::from_line(&line).ok_or_else(|| failed("load", &line))?;
    load.end()?;
    let processor = server.end()?;
    let processor: f64 = processor
        .parse()
        .map_err(|_| failed("server", &processor))?;
    let all = connections + requests / 10 + requests;
    measured.processor_us = processor / 1e3 / all as f64;
    measured.bytes = full.saturating_sub(empty) as f64 / connections as f64;
    Ok(measured)
}

fn failed(part: &str, said: &str) -> io::Error {
    io::Error::other(format!("the {part} failed; it said {said:?}"))
}

/// The resident memory of a process in bytes.
fn resident(process: u32) -> io::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    kib.map(|kib| kib * 1_024)
        .ok_or_else(|| failed("system", "no VmRSS"))
}

/// This program again, as a server or a load. Ended with this value at the latest.
struct Part {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Part {
    fn start(arguments: &[&str]) -> io::Result<Self> {
        let mut child = Command::new(env::current_exe()?)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let output = child.stdout.take().expect("asked for");
        Ok(Self {
            input: child.stdin.take(),
            output: BufReader::new(output),
            child,
        })
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        Ok(line.trim_end().to_owned())
    }

    fn go_on(&mut self) -> io::Result<()> {
        self.input.as_mut().expect("not ended").write_all(b"\n")
    }

    /// Ends its input; what it says to that.
    fn end(&mut self) -> io::Result<String> {
        self.input = None;
        let line = self.line()?;
        let status = self.child.wait()?;
        if !status.success() {
            return Err(failed("child", &status.to_string()));
        }
        Ok(line)
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // Does nothing where it has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
