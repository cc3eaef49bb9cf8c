//! The load: connections that stay open, and requests whose answers are checked.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write, stdin};
use std::net::TcpStream;
use std::time::Instant;

use rustix::event::epoll;
use rustix::fd::OwnedFd;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::cli::Plan;
use super::report::Measured;

/// How many connections are begun before the first of them is answered: less than the
/// system lets wait for `accept`.
const OPENED_TOGETHER: usize = 32;

/// Files that a process has beside its connections.
const OTHER_FILES: u64 = 64;

/// Raises the limit on open files for this many connections. Says what is missing.
pub(crate) fn allow_connections(connections: usize) -> Result<(), String> {
    let needed = connections as u64 + OTHER_FILES;
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current.is_none_or(|current| current >= needed) {
        return Ok(());
    }
    let raised = Rlimit {
        current: Some(needed),
        maximum,
    };
    setrlimit(Resource::Nofile, raised).map_err(|_| {
        let maximum = maximum.map_or("none".to_owned(), |maximum| maximum.to_string());
        format!("{connections} connections need {needed} files, the limit is {maximum}")
    })
}

/// Opens the connections and says so; asks when told to; prints what it measured.
pub(crate) fn run(plan: &Plan) -> io::Result<()> {
    let mut load = Load::open(plan)?;
    println!("open");
    stdin().read_line(&mut String::new())?;
    // A tenth for the caches.
    load.ask(plan.busy, plan.requests / 10)?;
    let measured = load.ask(plan.busy, plan.requests)?;
    println!("{}", measured.to_line());
    Ok(())
}

struct Load {
    epoll: OwnedFd,
    connections: Vec<Connection>,
    idle: VecDeque<usize>,
    /// Makes every request another one.
    asked: u64,
}

impl Load {
    fn open(plan: &Plan) -> io::Result<Self> {
        let mut load = Self {
            epoll: epoll::create(epoll::CreateFlags::CLOEXEC)?,
            connections: Vec::with_capacity(plan.connections),
            idle: (0..plan.connections).collect(),
            asked: 0,
        };
        while load.connections.len() < plan.connections {
            let begin = load.connections.len();
            for index in begin..plan.connections.min(begin + OPENED_TOGETHER) {
                let mut connection = Connection::new(TcpStream::connect(plan.address)?)?;
                let data = epoll::EventData::new_u64(index as u64);
                epoll::add(&load.epoll, &connection.stream, data, epoll::EventFlags::IN)?;
                load.asked += 1;
                connection.ask(load.asked)?;
                load.connections.push(connection);
            }
            for connection in &mut load.connections[begin..] {
                connection.stream.set_nonblocking(false)?;
                while !connection.read()? {}
                connection.stream.set_nonblocking(true)?;
            }
        }
        Ok(load)
    }

    fn ask_next(&mut self) -> io::Result<()> {
        let index = self
            .idle
            .pop_front()
            .expect("more connections than busy ones");
        self.asked += 1;
        self.connections[index].ask(self.asked)
    }

    /// Has so many requests answered, `busy` of them at a time, on the connections in turn.
    fn ask(&mut self, busy: usize, requests: usize) -> io::Result<Measured> {
        let mut latencies = Vec::with_capacity(requests);
        let mut events = Vec::with_capacity(busy);
        let start = Instant::now();
        let mut left = requests;
        for _ in 0..busy.min(left) {
            left -= 1;
            self.ask_next()?;
        }
        while latencies.len() < requests {
            events.clear();
            epoll::wait(
                &self.epoll,
                rustix::buffer::spare_capacity(&mut events),
                None,
            )?;
            for event in &events {
                let index = event.data.u64() as usize;
                let connection = &mut self.connections[index];
                if !connection.read()? {
                    continue;
                }
                latencies.push(connection.asked_at.elapsed().as_nanos() as u64);
                self.idle.push_back(index);
                if left > 0 {
                    left -= 1;
                    self.ask_next()?;
                }
            }
        }
        Ok(Measured::new(start.elapsed(), latencies))
    }
}

struct Connection {
    stream: TcpStream,
    /// The number whose square was asked for.
    number: u64,
    asked_at: Instant,
    answer: Vec<u8>,
}

impl Connection {
    fn new(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        Ok(Self {
            stream,
            number: 0,
            asked_at: Instant::now(),
            answer: Vec::new(),
        })
    }

    fn ask(&mut self, number: u64) -> io::Result<()> {
        self.number = number;
        self.asked_at = Instant::now();
        self.answer.clear();
        let request = format!("GET /square/{number} HTTP/1.1\r\nhost: localhost\r\n\r\n");
        // So short that it always fits.
        self.stream.write_all(request.as_bytes())
    }

    /// Reads what there is. Whether that was the rest of the answer.
    fn read(&mut self) -> io::Result<bool> {
        let mut buffer = [0; 1_024];
        match self.stream.read(&mut buffer) {
            Ok(0) => return Err(wrong("the server closed a connection", &self.answer)),
            Ok(len) => self.answer.extend_from_slice(&buffer[..len]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(error),
        }
        let expected = (self.number * self.number).to_string();
        check(&self.answer, expected.as_bytes())
    }
}

/// Whether the answer is complete.
fn check(answer: &[u8], expected: &[u8]) -> io::Result<bool> {
    const END: &[u8] = b"\r\n\r\n";
    let Some(end) = answer.windows(END.len()).position(|window| window == END) else {
        return Ok(false);
    };
    let (head, body) = (&answer[..end], &answer[end + END.len()..]);
    let length = format!("\r\ncontent-length: {}", expected.len());
    let is_right = head.starts_with(b"HTTP/1.1 200 OK\r\n")
        && head
            .windows(length.len())
            .any(|line| line == length.as_bytes())
        && expected.starts_with(body);
    if !is_right {
        return Err(wrong("a wrong answer", answer));
    }
    Ok(body.len() == expected.len())
}

fn wrong(what: &str, answer: &[u8]) -> io::Error {
    let answer = String::from_utf8_lossy(answer);
    io::Error::new(ErrorKind::InvalidData, format!("{what}: {answer:?}"))
}
